// Standard errors of the methods that need moments only.
#pragma once

#include "absl/status/statusor.h"
#include "services/scoring/domain/equating/standard_errors.h"

namespace invigil::scoring::equating {

// Random groups mean and linear: Kolen & Brennan eq. 7.10, with the observed skewness and kurtosis
// in place of the normal ones. Others: gradients of the table by the ten moments of both groups
// (central differences) and the moments' sampling covariance, which holds for any distribution:
// Kolen's (1985) result for Tucker without his assumption of normality.
absl::StatusOr<StandardErrors> MomentErrors(const Engine& engine, const Groups& observed,
                                            size_t scores);

}  // namespace invigil::scoring::equating
