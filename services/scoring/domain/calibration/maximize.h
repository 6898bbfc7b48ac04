// Climbs the marginal likelihood: the gradient form of EM, accelerated by limited-memory
// quasi-Newton updates of its information (Lange 1995, "A quasi-Newton acceleration of the EM
// algorithm"; Liu & Nocedal 1989 for the two loops), with a line search that never goes down.
// Inside this room.
#pragma once

#include <functional>
#include <vector>

#include "services/scoring/domain/calibration/marginal_likelihood.h"

namespace invigil::scoring {

struct ClimbResult {
  std::vector<double> parameters;
  Evaluation at;  // at them
  int iterations = 0, evaluations = 0;
  bool converged = false, cancelled = false;
};

// Ends when the next step promises less than `tolerance` of log-likelihood, after `max_iterations`,
// or when `go_on(iteration, objective, promised gain)` says false.
ClimbResult Climb(MarginalLikelihood& likelihood, std::vector<double> start, double tolerance,
                  int max_iterations, const std::function<bool(int, double, double)>& go_on);

}  // namespace invigil::scoring
