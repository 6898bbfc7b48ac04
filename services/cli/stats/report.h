// What a subcommand of `invigil stats` found: one JSON value, also shown as tables.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace invigil::cli::stats {

using Json = nlohmann::ordered_json;

class Report {
 public:
  // An object, filled by the subcommand; the issue fixes its field names.
  Json& json() { return json_; }
  const Json& json() const { return json_; }

  // One line. Doubles are the shortest text that reads back the same; what is not finite is null
  // (a subcommand adds a field that says why).
  std::string JsonText() const;
  // Single values as a list, arrays of objects as tables (a nested object as columns "se.a", a
  // nested array of objects as a table of its own with the row's first cell in front).
  std::string TableText() const;

 private:
  Json json_ = Json::object();
};

}  // namespace invigil::cli::stats
