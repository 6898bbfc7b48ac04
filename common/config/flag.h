// One declared flag. Private to this room.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/base/time.h"
#include "common/config/flags.h"

namespace invigil::config {

template <typename T>
struct Ranged {
  T* variable;
  T min, max;
};

struct Flags::Flag {
  using Target = std::variant<std::string*, Ranged<int64_t>, Ranged<double>, bool*,
                              Ranged<Duration>, std::vector<std::string>*>;

  std::string name;
  std::string value_name;  // empty for a toggle
  std::string help;
  std::string section;
  std::string default_text;  // as --help shows it; empty: nothing to show
  std::string range_text;    // "1 to 64"; empty: any value
  Target target = static_cast<std::string*>(nullptr);
  bool required = false;

  bool is_toggle() const { return std::holds_alternative<bool*>(target); }
  bool is_list() const { return std::holds_alternative<std::vector<std::string>*>(target); }
  // What is wrong with `text` as a value, such as "must be 1 to 64, not 70"; empty: nothing.
  std::string Check(const std::string& text) const;
  // Sets the variable, or adds to a list. `text` passed Check.
  void Assign(const std::string& text) const;
};

}  // namespace invigil::config
