#include "common/config/flags.h"

#include <cstdio>
#include <cstdlib>
#include <limits>
#include <utility>

#include "common/config/flag.h"
#include "common/config/value.h"
#include "common/error/error.h"

namespace invigil::config {
namespace {

std::string FormatValue(int64_t value) { return std::to_string(value); }
std::string FormatValue(double value) { return FormatReal(value); }
std::string FormatValue(Duration value) { return FormatDuration(value); }

// "1 to 64", "at least 1", "at most 64", or nothing when every value is allowed.
template <typename T>
std::string RangeText(T min, T max, T lowest, T highest) {
  if (min <= lowest && max >= highest) return "";
  if (max >= highest) return "at least " + FormatValue(min);
  if (min <= lowest) return "at most " + FormatValue(max);
  return FormatValue(min) + " to " + FormatValue(max);
}

std::string JoinList(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ",") + part;
  return text;
}

}  // namespace

Flags::Flags(std::string program, std::string summary)
    : program_(std::move(program)), summary_(std::move(summary)) {}

Flags::~Flags() = default;

Flags& Flags::Section(std::string title) {
  section_ = std::move(title);
  return *this;
}

Flags::Flag& Flags::Declare(std::string name, std::string value_name, std::string help) {
  bool taken = name == "help" || name == "config";
  for (const Flag& flag : flags_) taken = taken || flag.name == name;
  if (taken) {
    std::fprintf(stderr, "%s: flag --%s is declared twice\n", program_.c_str(), name.c_str());
    std::abort();
  }
  Flag flag;
  flag.name = std::move(name);
  flag.value_name = std::move(value_name);
  flag.help = std::move(help);
  flag.section = section_;
  return flags_.emplace_back(std::move(flag));
}

Flags& Flags::Text(std::string name, std::string* value, std::string value_name, std::string help) {
  Flag& flag = Declare(std::move(name), std::move(value_name), std::move(help));
  flag.target = value;
  flag.default_text = *value;
  return *this;
}

Flags& Flags::Number(std::string name, int64_t* value, int64_t min, int64_t max, std::string help) {
  Flag& flag = Declare(std::move(name), "N", std::move(help));
  flag.target = Ranged<int64_t>{value, min, max};
  flag.default_text = FormatValue(*value);
  using Limits = std::numeric_limits<int64_t>;
  flag.range_text = RangeText(min, max, Limits::min(), Limits::max());
  return *this;
}

Flags& Flags::Real(std::string name, double* value, double min, double max, std::string help) {
  Flag& flag = Declare(std::move(name), "X", std::move(help));
  flag.target = Ranged<double>{value, min, max};
  flag.default_text = FormatValue(*value);
  using Limits = std::numeric_limits<double>;
  flag.range_text = RangeText(min, max, Limits::lowest(), Limits::max());
  return *this;
}

Flags& Flags::Toggle(std::string name, bool* value, std::string help) {
  Flag& flag = Declare(std::move(name), "", std::move(help));
  flag.target = value;
  flag.default_text = *value ? "on" : "off";
  return *this;
}

Flags& Flags::Span(std::string name, Duration* value, Duration min, Duration max,
                   std::string help) {
  Flag& flag = Declare(std::move(name), "TIME", std::move(help));
  flag.target = Ranged<Duration>{value, min, max};
  flag.default_text = FormatValue(*value);
  flag.range_text = RangeText(min, max, Duration::min(), Duration::max());
  return *this;
}

Flags& Flags::List(std::string name, std::vector<std::string>* value, std::string value_name,
                   std::string help) {
  Flag& flag = Declare(std::move(name), std::move(value_name) + ",...", std::move(help));
  flag.target = value;
  flag.default_text = JoinList(*value);
  return *this;
}

Flags& Flags::Required() {
  if (!flags_.empty()) flags_.back().required = true;
  return *this;
}

Flags& Flags::Positional(std::string usage) {
  positional_ = std::move(usage);
  return *this;
}

std::vector<std::string> Flags::ParseOrExit(int argc, char** argv) {
  return ParseOrExit(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
}

std::vector<std::string> Flags::ParseOrExit(const std::vector<std::string>& words) {
  absl::StatusOr<std::vector<std::string>> rest = Parse(words);
  if (rest.ok()) return *std::move(rest);
  const std::string message(rest.status().message());
  if (ReasonOf(rest.status()) == "HELP_REQUESTED") {
    std::fputs(message.c_str(), stdout);
    std::exit(std::fflush(stdout) == 0 ? 0 : 1);
  }
  std::fprintf(stderr, "%s: %s\nTry \"%s --help\".\n", program_.c_str(), message.c_str(),
               program_.c_str());
  std::exit(2);
}

}  // namespace invigil::config
