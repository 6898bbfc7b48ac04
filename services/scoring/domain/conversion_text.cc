// The canonical text of a conversion: one fact a line, ids last on their line.
#include <charconv>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/error/error.h"
#include "services/scoring/domain/conversion.h"

namespace invigil::scoring {
namespace {

constexpr std::string_view kHeader = "invigil-conversion 1";

void Append(std::string& out, double value) {
  char buffer[32];
  const auto result = std::to_chars(buffer, buffer + sizeof(buffer), value);
  out.append(buffer, result.ptr);
}

// Takes words off a line; remembers whether all were as expected.
class Words {
 public:
  explicit Words(std::string_view line) : rest_(line) {}
  std::string_view Next() {
    const size_t end = rest_.find(' ');
    const std::string_view word = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
    return word;
  }
  template <typename T>
  T Number() {
    const std::string_view word = Next();
    T value{};
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    good_ &= error == std::errc() && end == word.data() + word.size() && !word.empty();
    return value;
  }
  void Expect(std::string_view word) { good_ &= Next() == word; }
  std::string Rest() { return std::string(std::exchange(rest_, {})); }
  bool Done() const { return good_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return lines;
}

bool ParseRow(std::string_view line, Conversion& conversion) {
  Words words(line);
  words.Expect("row");
  ConversionRow row;
  row.raw_score = words.Number<uint32_t>();
  Words peek = words;
  if (peek.Next() == "-") {
    words = peek;
  } else {
    row.theta = words.Number<double>();
  }
  row.base_raw = words.Number<double>();
  row.scaled_unrounded = words.Number<double>();
  row.scaled_score = words.Number<int32_t>();
  row.passed = words.Number<int>() != 0;
  row.standard_error = words.Number<double>();
  const bool next = row.raw_score == conversion.rows.size();
  conversion.rows.push_back(row);
  return words.Done() && next;
}

bool ParseDomain(std::string_view line, Conversion& conversion) {
  Words words(line);
  words.Expect("domain");
  DomainStandard domain;
  domain.raw_max = words.Number<uint32_t>();
  domain.expected_at_cut = words.Number<double>();
  domain.deviation = words.Number<double>();
  domain.domain_id = words.Rest();
  conversion.domains.push_back(domain);
  return words.Done();
}

bool Parse(std::string_view text, Conversion& conversion) {
  const std::vector<std::string_view> lines = Lines(text);
  if (lines.size() < 5 || lines[0] != kHeader) return false;
  Words form(lines[1]);
  form.Expect("form");
  conversion.key_version = form.Number<uint32_t>();
  conversion.form_id = form.Rest();
  Words scale(lines[2]);
  scale.Expect("scale");
  conversion.scale.min = scale.Number<int32_t>();
  conversion.scale.cut = scale.Number<int32_t>();
  conversion.scale.max = scale.Number<int32_t>();
  Words cut(lines[3]);
  cut.Expect("cut");
  conversion.cut_raw = cut.Number<uint32_t>();
  conversion.theta_cut = cut.Number<double>();
  conversion.calibrated = cut.Number<int>() != 0;
  if (!form.Done() || !scale.Done() || !cut.Done()) return false;
  size_t i = 4;
  for (; i < lines.size() && lines[i].starts_with("row "); ++i) {
    if (!ParseRow(lines[i], conversion)) return false;
  }
  for (; i < lines.size() && lines[i].starts_with("domain "); ++i) {
    if (!ParseDomain(lines[i], conversion)) return false;
  }
  return i == lines.size() && conversion.cut_raw < conversion.rows.size();
}

}  // namespace

std::string Serialize(const Conversion& conversion) {
  std::string out;
  absl::StrAppend(&out, "invigil-conversion 1\nform ", conversion.key_version, " ",
                  conversion.form_id, "\nscale ", conversion.scale.min, " ", conversion.scale.cut,
                  " ", conversion.scale.max, "\ncut ", conversion.cut_raw, " ");
  Append(out, conversion.theta_cut);
  absl::StrAppend(&out, " ", conversion.calibrated ? 1 : 0, "\n");
  for (const ConversionRow& row : conversion.rows) {
    absl::StrAppend(&out, "row ", row.raw_score, " ");
    if (row.theta) {
      Append(out, *row.theta);
    } else {
      out += '-';
    }
    out += ' ';
    Append(out, row.base_raw);
    out += ' ';
    Append(out, row.scaled_unrounded);
    absl::StrAppend(&out, " ", row.scaled_score, " ", row.passed ? 1 : 0, " ");
    Append(out, row.standard_error);
    out += '\n';
  }
  for (const DomainStandard& domain : conversion.domains) {
    absl::StrAppend(&out, "domain ", domain.raw_max, " ");
    Append(out, domain.expected_at_cut);
    out += ' ';
    Append(out, domain.deviation);
    absl::StrAppend(&out, " ", domain.domain_id, "\n");
  }
  return out;
}

absl::StatusOr<Conversion> ParseConversion(std::string_view text) {
  Conversion conversion;
  if (!Parse(text, conversion)) {
    return Internal("a stored conversion can't be read: the database is damaged");
  }
  return conversion;
}

std::string HashOf(const Conversion& conversion) { return Sha256Hex(Serialize(conversion)); }

}  // namespace invigil::scoring
