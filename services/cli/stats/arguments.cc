#include "services/cli/stats/arguments.h"

#include <cstdio>
#include <cstdlib>

#include "common/config/nearest.h"
#include "common/config/value.h"
#include "services/cli/core/failure.h"

namespace invigil::cli::stats {
namespace {

template <typename Map>
const auto& At(const Map& map, const std::string& name) {
  const auto found = map.find(name);
  if (found == map.end()) {
    std::fprintf(stderr, "invigil stats: flag --%s was never declared\n", name.c_str());
    std::abort();
  }
  return found->second;
}

std::string Between(const std::string& min, const std::string& max) {
  return " from " + min + " to " + max;
}

}  // namespace

const std::string& Arguments::Text(const std::string& name) const { return At(texts_, name); }

bool Arguments::On(const std::string& name) const { return At(toggles_, name); }

absl::StatusOr<double> Arguments::Real(const std::string& name, double min, double max) const {
  const std::string& text = Text(name);
  const auto value = config::ParseReal(text);
  if (value && *value >= min && *value <= max) return *value;
  return UsageError("--" + name + " wants a number" +
                    Between(config::FormatReal(min), config::FormatReal(max)) + ", not \"" + text +
                    "\"");
}

absl::StatusOr<int64_t> Arguments::Number(const std::string& name, int64_t min, int64_t max) const {
  const std::string& text = Text(name);
  const auto value = config::ParseNumber(text);
  if (value && *value >= min && *value <= max) return *value;
  return UsageError("--" + name + " wants a whole number" +
                    Between(std::to_string(min), std::to_string(max)) + ", not \"" + text + "\"");
}

absl::StatusOr<std::vector<double>> Arguments::Reals(const std::string& name, size_t count) const {
  const std::string& text = Text(name);
  std::vector<double> values;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    const auto value =
        config::ParseReal(config::Trim(std::string_view(text).substr(begin, comma - begin)));
    if (!value) break;
    values.push_back(*value);
    begin = comma + 1;
  }
  const bool whole = begin > text.size();
  if (whole && !values.empty() && (count == 0 || values.size() == count)) return values;
  return UsageError("--" + name + " wants " + (count == 0 ? "" : std::to_string(count) + " ") +
                    "numbers separated by commas, not \"" + text + "\"");
}

absl::StatusOr<size_t> Arguments::Choice(const std::string& name,
                                         const std::vector<std::string>& choices) const {
  const std::string& text = Text(name);
  std::string all;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (choices[i] == text) return i;
    all += (i == 0 ? "" : ", ") + choices[i];
  }
  const std::string near = config::NearestName(text, choices);
  return UsageError("--" + name + " \"" + text + "\" is not known; " +
                    (near.empty() ? "there are: " + all : "did you mean \"" + near + "\"?"));
}

}  // namespace invigil::cli::stats
