// Standard errors from the observed information. Inside this room.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "services/scoring/domain/calibration/marginal_likelihood.h"

namespace invigil::scoring {

// The covariance matrix of the parameters at a maximum, [count][count]: the inverse of minus the
// second derivatives, which are central differences of the exact gradient over a thousandth of a
// complete-data standard error. That is the observed information of Oakes (1999) without its
// formulas. nullopt: the information is not positive definite, or `go_on` said false
// (`*cancelled`).
std::optional<std::vector<double>> ParameterCovariance(MarginalLikelihood& likelihood,
                                                       const std::vector<double>& parameters,
                                                       const Evaluation& at,
                                                       const std::function<bool()>& go_on,
                                                       bool* cancelled);

}  // namespace invigil::scoring
