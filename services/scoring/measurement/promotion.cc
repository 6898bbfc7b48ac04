#include "services/scoring/measurement/promotion.h"

#include <cmath>

#include "absl/strings/str_format.h"

namespace invigil::scoring {
namespace {

template <typename T>
T Or(T value, T otherwise) {
  return value == T{} ? otherwise : value;
}

}  // namespace

v1::PromotionThresholds WithDefaults(v1::PromotionThresholds t) {
  t.set_least_answers(Or(t.least_answers(), 200u));
  t.set_least_answers_two_parameter(Or(t.least_answers_two_parameter(), 500u));
  t.set_least_answers_with_sign_off(Or(t.least_answers_with_sign_off(), 100u));
  t.set_least_p_value(Or(t.least_p_value(), 0.30));
  t.set_greatest_p_value(Or(t.greatest_p_value(), 0.89));
  t.set_least_correlation(Or(t.least_correlation(), 0.15));
  t.set_greatest_difficulty_error(Or(t.greatest_difficulty_error(), 0.50));
  t.set_greatest_misfit(Or(t.greatest_misfit(), 0.40));
  return t;
}

v1::ItemVerdict Judge(const v1::CalibratedItem& item, v1::CalibrationModel model,
                      const v1::PromotionThresholds& t, bool sign_off) {
  v1::ItemVerdict verdict;
  verdict.set_item_id(item.item_id());
  if (!item.pretest()) verdict.add_problems("ITEM_NOT_PRETEST: it was operational already");
  if (!item.accepted()) {
    verdict.add_problems("STATISTICS_NOT_ACCEPTED: the calibration's acceptance left it out");
  }
  const bool one_slope =
      model == v1::CALIBRATION_MODEL_RASCH || model == v1::CALIBRATION_MODEL_ONE_PARAMETER;
  const uint32_t wanted = one_slope ? t.least_answers() : t.least_answers_two_parameter();
  const uint32_t least = sign_off ? t.least_answers_with_sign_off() : wanted;
  if (item.answers() < least) {
    verdict.add_problems(
        absl::StrFormat("TOO_FEW_ANSWERS: %d of %d answers", item.answers(), least));
  }
  if (item.p_value() < t.least_p_value() || item.p_value() > t.greatest_p_value()) {
    verdict.add_problems(absl::StrFormat("P_VALUE: %.2f is outside %.2f to %.2f", item.p_value(),
                                         t.least_p_value(), t.greatest_p_value()));
  }
  if (!item.has_corrected_point_biserial() ||
      item.corrected_point_biserial() < t.least_correlation()) {
    verdict.add_problems(absl::StrFormat("CORRELATION: %.2f is below %.2f",
                                         item.corrected_point_biserial(), t.least_correlation()));
  }
  if (!item.has_difficulty_error() || item.difficulty_error() > t.greatest_difficulty_error()) {
    verdict.add_problems(absl::StrFormat("DIFFICULTY_ERROR: %.2f is above %.2f logits",
                                         item.difficulty_error(), t.greatest_difficulty_error()));
  }
  if (std::abs(item.infit() - 1) > t.greatest_misfit() ||
      std::abs(item.outfit() - 1) > t.greatest_misfit()) {
    verdict.add_problems(absl::StrFormat("MISFIT: infit %.2f and outfit %.2f leave 1 by over %.2f",
                                         item.infit(), item.outfit(), t.greatest_misfit()));
  }
  verdict.set_good(verdict.problems_size() == 0);
  return verdict;
}

}  // namespace invigil::scoring
