// The short diagnostic: an instant score, and a weakest domain only when the answers support one.
//
// The model. A learner's ability in domain d is theta + delta_d, theta ~ N(prior), delta_d ~
// N(0, domain_sd) independent; items by the logistic model. P(d is the weakest) is the posterior
// probability that delta_d is the least, by sums over a grid: exact up to the grid, no simulation.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/signals/evidence.h"

namespace invigil::scoring {

struct DiagnosticOptions {
  double prior_mean = 0, prior_sd = 1.2;  // of theta, logits
  double domain_sd = 0.6;                 // how far domains differ inside a learner, logits
  double name_at = 0.75;                  // the least probability at which a domain is named
  double interval = 0.90;                 // of the score
};

struct WeakestDomain {
  std::vector<double> probability;  // of each domain to be the weakest; sums to 1
  std::optional<size_t> named;      // only with probability[named] >= name_at
  // Without a name: the one or two likeliest domains when together they reach name_at; else empty.
  std::vector<size_t> likely;
};

struct DiagnosticResult {
  size_t right = 0, items = 0;
  double percent = 0;  // of these items
  // Of the exam (its base form), from ability: what the ten answers say, with its interval.
  double exam_percent = 0, exam_percent_low = 0, exam_percent_high = 0;
  WeakestDomain weakest;
  double log_likelihood = 0;  // of the answers under the model, ability and domains integrated out
  std::string weakest_text;   // "not enough evidence ..." unless named; domains by name
};

// Pretest items do not count. `exam` is the base form the percentage refers to; `domain_names` one
// a domain. Repeated items count like any others: the diagnostic has no history. Errors,
// INVALID_ARGUMENT: DIAGNOSTIC_EMPTY (no operational response), DIAGNOSTIC_OPTIONS, DOMAIN_UNKNOWN,
// DOMAINS_TOO_FEW (below two there is no weakest), ITEM_PARAMETERS_INVALID, EXAM_INVALID (no valid
// items); FAILED_PRECONDITION: ANSWERS_UNEXPLAINED (no ability gives such answers to such items:
// parameters must be wrong).
absl::StatusOr<DiagnosticResult> Diagnose(std::span<const PracticeResponse> responses,
                                          std::span<const ItemParameters> exam,
                                          std::span<const std::string> domain_names,
                                          const DiagnosticOptions& options = {});

}  // namespace invigil::scoring
