#include "services/scoring/domain/explain.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "absl/strings/str_format.h"

namespace invigil::scoring {
namespace {

std::string Questions(int32_t n) {
  return absl::StrFormat("%d question%s", std::abs(n), std::abs(n) == 1 ? "" : "s");
}

std::string WhatHappened(const Conversion& conversion, const ConversionRow& row) {
  const size_t most = conversion.rows.size() - 1;
  const uint32_t base_most = static_cast<uint32_t>(std::lround(conversion.rows.back().base_raw));
  return absl::StrFormat(
      "%d of %d scored questions were answered right. On this form that is worth as much as %.2f "
      "of "
      "%d on the base form, which is %.1f on the scale from %d to %d and printed as %d. ",
      row.raw_score, most, row.base_raw, base_most, row.scaled_unrounded, conversion.scale.min,
      conversion.scale.max, row.scaled_score);
}

std::string WhatPassingTakes(const Conversion& conversion, const ConversionRow& row,
                             const Explanation& e) {
  const size_t most = conversion.rows.size() - 1;
  std::string text = absl::StrFormat(
      "Passing takes %d, which on this form is %d right (%.0f%% of the scored questions); the "
      "scaled "
      "score itself is not a percentage. ",
      conversion.scale.cut, conversion.cut_raw,
      100.0 * conversion.cut_raw / static_cast<double>(most));
  if (e.questions_from_cut == 0) {
    text +=
        absl::StrFormat("The result passes with no question to spare, %.1f points above the cut. ",
                        e.points_from_cut);
  } else {
    text += absl::StrFormat("The result is %.1f points and %s %s what just passes. ",
                            std::abs(e.points_from_cut), Questions(e.questions_from_cut),
                            row.passed ? "above" : "below");
  }
  return text;
}

std::string WhatOneQuestionIsWorth(const Conversion& conversion, const ConversionRow& row,
                                   const Explanation& e) {
  std::string text;
  if (row.raw_score + 1 < conversion.rows.size()) {
    text +=
        absl::StrFormat("One more right would have added %.1f points. ", e.points_per_question_up);
  }
  if (row.raw_score > 0) {
    text += absl::StrFormat("One fewer would have cost %.1f points. ", e.points_per_question_down);
  }
  return text;
}

std::string WhatChanceDoes(const ConversionRow& row, const Explanation& e) {
  std::string text = absl::StrFormat(
      "The standard error of measurement here is %.0f points: chance alone moves a result by less "
      "than that about two times in three. ",
      row.standard_error);
  text +=
      std::abs(e.points_from_cut) <= 2 * row.standard_error
          ? "The distance to the cut is within two of these, so chance alone could have put the "
            "result on the other side."
          : "The distance to the cut is more than two of these, so chance alone would hardly "
            "have put the result on the other side.";
  return text;
}

}  // namespace

Explanation Explain(const Conversion& conversion, uint32_t raw_score) {
  const auto& rows = conversion.rows;
  const size_t raw = std::min<size_t>(raw_score, rows.size() - 1);
  const ConversionRow& row = rows[raw];
  Explanation e;
  e.points_from_cut = row.scaled_unrounded - conversion.scale.cut;
  e.questions_from_cut = static_cast<int32_t>(raw) - static_cast<int32_t>(conversion.cut_raw);
  if (raw + 1 < rows.size()) {
    e.points_per_question_up = rows[raw + 1].scaled_unrounded - row.scaled_unrounded;
  }
  if (raw > 0) e.points_per_question_down = row.scaled_unrounded - rows[raw - 1].scaled_unrounded;
  e.text = WhatHappened(conversion, row) + WhatPassingTakes(conversion, row, e) +
           WhatOneQuestionIsWorth(conversion, row, e) + WhatChanceDoes(row, e);
  return e;
}

}  // namespace invigil::scoring
