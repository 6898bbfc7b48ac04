#include "common/config/flag.h"

#include "common/config/value.h"

namespace invigil::config {
namespace {

template <typename T>
struct Read;
template <>
struct Read<int64_t> {
  static constexpr char kExpected[] = "must be a whole number";
  static std::optional<int64_t> From(const std::string& text) { return ParseNumber(text); }
};
template <>
struct Read<double> {
  static constexpr char kExpected[] = "must be a number";
  static std::optional<double> From(const std::string& text) { return ParseReal(text); }
};
template <>
struct Read<Duration> {
  static constexpr char kExpected[] = "must be a duration such as 250ms, 5s, 2m or 1h30m";
  static std::optional<Duration> From(const std::string& text) { return ParseDuration(text); }
};

struct Checker {
  const std::string& range_text;
  const std::string& text;

  std::string operator()(std::string*) const { return ""; }
  std::string operator()(std::vector<std::string>*) const { return ""; }
  std::string operator()(bool*) const {
    return ParseBool(text) ? "" : "must be true or false, not \"" + text + "\"";
  }
  template <typename T>
  std::string operator()(const Ranged<T>& ranged) const {
    const std::optional<T> value = Read<T>::From(text);
    if (!value) return std::string(Read<T>::kExpected) + ", not \"" + text + "\"";
    if (*value < ranged.min || *value > ranged.max) {
      return "must be " + range_text + ", not " + text;
    }
    return "";
  }
};

struct Assigner {
  const std::string& text;

  void operator()(std::string* variable) const { *variable = text; }
  void operator()(bool* variable) const { *variable = *ParseBool(text); }
  void operator()(std::vector<std::string>* variable) const {
    for (std::string& part : SplitList(text)) variable->push_back(std::move(part));
  }
  template <typename T>
  void operator()(const Ranged<T>& ranged) const {
    *ranged.variable = *Read<T>::From(text);
  }
};

}  // namespace

std::string Flags::Flag::Check(const std::string& text) const {
  return std::visit(Checker{range_text, text}, target);
}

void Flags::Flag::Assign(const std::string& text) const { std::visit(Assigner{text}, target); }

}  // namespace invigil::config
