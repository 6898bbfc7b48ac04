#include "services/scoring/domain/signals/what_if.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/error/error.h"
#include "services/scoring/domain/numerics/distributions.h"
#include "services/scoring/domain/signals/ability_grid.h"

namespace invigil::scoring {
namespace {

struct Outlook {
  double probability = 0, raw = 0;
};

// With `more` questions right than ability alone would give.
Outlook At(const ReadinessModel& model, const Readiness& readiness, double more) {
  const ExamTarget& exam = model.target();
  const ReadinessOptions& options = model.options();
  const auto max = static_cast<double>(exam.base_form.size());
  const double least = std::ceil(exam.base_cut_raw - kScaleGuard) - 0.5;
  const double logit_error = std::hypot(options.exam_form_error, options.occasion_sd);
  const double day = options.exam_day_adjustment / 100 * max;
  Outlook outlook;
  for (size_t j = 0; j < kAbilityNodes; ++j) {
    const double theta = AbilityNode(j), here = model.expected()[j];
    const double deviation = NumberCorrectDeviation(exam.base_form, theta);
    // The form's and the day's error, in questions, by the slope of the characteristic curve.
    const double slope = (AtAbility(model.expected(), theta + kAbilityStep) -
                          AtAbility(model.expected(), theta - kAbilityStep)) /
                         (2 * kAbilityStep);
    const double error = std::max(1e-6, std::hypot(deviation, slope * logit_error));
    const double expected = std::clamp(here + more, 0.0, max);
    outlook.raw += readiness.posterior[j] * expected;
    outlook.probability +=
        readiness.posterior[j] * NormalCumulative((expected + day - least) / error);
  }
  return outlook;
}

}  // namespace

absl::StatusOr<std::vector<WhatIf>> WhatIfRaised(const ReadinessModel& model,
                                                 const Readiness& readiness,
                                                 std::span<const size_t> items, double points) {
  const size_t all = std::accumulate(items.begin(), items.end(), size_t{0});
  if (items.empty() || all != model.target().base_form.size() || !(std::abs(points) <= 100) ||
      readiness.posterior.size() != kAbilityNodes) {
    return InvalidArgument("WHAT_IF_INVALID",
                           "give the exam's scored questions by domain, points from -100 to 100, "
                           "and an estimate of readiness");
  }
  const Outlook now = At(model, readiness, 0);
  std::vector<WhatIf> changes;
  for (size_t d = 0; d < items.size(); ++d) {
    const Outlook then = At(model, readiness, points / 100 * static_cast<double>(items[d]));
    const ScaleMap& map = model.scale_map();
    changes.push_back({d, then.raw - now.raw, map.At(then.raw) - map.At(now.raw),
                       then.probability - now.probability});
  }
  return changes;
}

}  // namespace invigil::scoring
