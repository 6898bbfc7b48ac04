// Analytic standard errors of equating. Pure; any thread.
#pragma once

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/equating/engine.h"

namespace invigil::scoring::equating {

struct StandardErrors {
  ErrorKind kind = ErrorKind::kNone;
  std::vector<std::optional<double>> values;  // one per raw score of X
};

// For any method. Random groups: mean and linear by Kolen & Brennan eq. 7.10 with the observed
// skewness and kurtosis; unsmoothed equipercentile by Lord (1982). Everything else by the delta
// method: on the sampling covariance of the moments (no normality), or on that of the proportions,
// which is the log-linear model's where one was fitted (Holland & Thayer 2000), else multinomial.
// `observed` are the counts, `groups` what the engine made of them, `table` its equivalents.
absl::StatusOr<StandardErrors> AnalyticErrors(const Engine& engine, const Groups& observed,
                                              const Groups& groups,
                                              const std::vector<double>& table);

}  // namespace invigil::scoring::equating
