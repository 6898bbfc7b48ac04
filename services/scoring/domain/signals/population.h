// The prior from the learners themselves: stated probabilities are true of the population whose
// prior they use.
#pragma once

#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/signals/diagnostic.h"

namespace invigil::scoring {

struct Population {
  double mean = 0, sd = 1;  // of ability, logits
  int iterations = 0;
  bool converged = false;
};

// Normal ability from many learners' posteriors (Readiness::posterior) that were all made with the
// prior N(prior_mean, prior_sd): each divided by it is that learner's likelihood, and the normal
// that fits them best is found by EM (Dempster, Laird & Rubin 1977). Use with
// ReadinessOptions::prior_mean and prior_sd.
// Errors, INVALID_ARGUMENT: POPULATION_TOO_SMALL (fewer than 30 learners), POSTERIOR_INVALID (not
// on the grid, or not a distribution), POPULATION_PRIOR (a deviation not above 0).
absl::StatusOr<Population> FitPopulation(std::span<const std::vector<double>> posteriors,
                                         double prior_mean, double prior_sd);

struct DomainSpread {
  double domain_sd = 0;  // for DiagnosticOptions
  double log_likelihood = 0;
  int unexplained = 0;  // diagnostics that no ability gives, left out
};

// How far domains differ inside learners, by marginal maximum likelihood over their diagnostics
// (Bock & Aitkin 1981), sought between 0.05 and 2.5 logits to within 1 %.
// Errors: those of Diagnose for any of them, but for ANSWERS_UNEXPLAINED: such a one is left out;
// POPULATION_TOO_SMALL, also of those that are left.
absl::StatusOr<DomainSpread> FitDomainSd(std::span<const std::vector<PracticeResponse>> diagnostics,
                                         std::span<const ItemParameters> exam,
                                         std::span<const std::string> domain_names,
                                         DiagnosticOptions options = {});

}  // namespace invigil::scoring
