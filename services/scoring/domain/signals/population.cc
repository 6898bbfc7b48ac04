#include "services/scoring/domain/signals/population.h"

#include <algorithm>
#include <cmath>

#include "common/error/error.h"
#include "services/scoring/domain/signals/ability_grid.h"

namespace invigil::scoring {
namespace {

constexpr size_t kFewest = 30;

absl::Status TooSmall() {
  return InvalidArgument("POPULATION_TOO_SMALL",
                         "a population takes " + std::to_string(kFewest) + " learners or more");
}

}  // namespace

absl::StatusOr<Population> FitPopulation(std::span<const std::vector<double>> posteriors,
                                         double prior_mean, double prior_sd) {
  if (posteriors.size() < kFewest) return TooSmall();
  if (!(prior_sd > 0) || !std::isfinite(prior_sd) || !std::isfinite(prior_mean)) {
    return InvalidArgument("POPULATION_PRIOR", "the prior needs a mean and a deviation above 0");
  }
  for (size_t i = 0; i < posteriors.size(); ++i) {
    double sum = 0;
    bool good = posteriors[i].size() == kAbilityNodes;
    for (double w : posteriors[i]) {
      good = good && w >= 0;
      sum += w;
    }
    if (!good || !(std::abs(sum - 1) < 1e-6)) {
      return InvalidArgument("POSTERIOR_INVALID",
                             "learner " + std::to_string(i + 1) + " has no posterior on the grid");
    }
  }
  const std::vector<double> old = NormalWeights(prior_mean, prior_sd);
  Population population{.mean = prior_mean, .sd = prior_sd};
  const auto n = static_cast<double>(posteriors.size());
  std::vector<double> updated(kAbilityNodes);
  for (; population.iterations < 500 && !population.converged; ++population.iterations) {
    const std::vector<double> now = NormalWeights(population.mean, population.sd);
    double mean = 0, square = 0;
    for (const std::vector<double>& posterior : posteriors) {
      for (size_t j = 0; j < kAbilityNodes; ++j) {
        updated[j] = old[j] > 0 ? posterior[j] / old[j] * now[j] : 0;
      }
      if (!Normalize(updated)) updated = posterior;
      for (size_t j = 0; j < kAbilityNodes; ++j) {
        mean += updated[j] * AbilityNode(j) / n;
        square += updated[j] * AbilityNode(j) * AbilityNode(j) / n;
      }
    }
    // Below two cells of the grid a normal can't be told from a point.
    const double sd = std::max(2 * kAbilityStep, std::sqrt(std::max(0.0, square - mean * mean)));
    population.converged =
        std::abs(mean - population.mean) < 1e-5 && std::abs(sd - population.sd) < 1e-5;
    population.mean = mean;
    population.sd = sd;
  }
  return population;
}

absl::StatusOr<DomainSpread> FitDomainSd(std::span<const std::vector<PracticeResponse>> diagnostics,
                                         std::span<const ItemParameters> exam,
                                         std::span<const std::string> domain_names,
                                         DiagnosticOptions options) {
  if (diagnostics.size() < kFewest) return TooSmall();
  constexpr double kLow = 0.05, kHigh = 2.5;
  // Who is left out is settled once, at both ends, so that every likelihood is of the same
  // learners.
  std::vector<bool> explained(diagnostics.size(), true);
  for (const double domain_sd : {kLow, kHigh}) {
    options.domain_sd = domain_sd;
    for (size_t i = 0; i < diagnostics.size(); ++i) {
      const auto result = Diagnose(diagnostics[i], exam, domain_names, options);
      if (result.ok()) continue;
      if (ReasonOf(result.status()) != "ANSWERS_UNEXPLAINED") return result.status();
      explained[i] = false;
    }
  }
  const auto left_out = std::count(explained.begin(), explained.end(), false);
  if (diagnostics.size() - static_cast<size_t>(left_out) < kFewest) return TooSmall();
  const auto likelihood = [&](double log_sd) -> absl::StatusOr<double> {
    options.domain_sd = std::exp(log_sd);
    double sum = 0;
    for (size_t i = 0; i < diagnostics.size(); ++i) {
      if (!explained[i]) continue;
      const auto result = Diagnose(diagnostics[i], exam, domain_names, options);
      if (!result.ok()) return result.status();
      sum += result->log_likelihood;
    }
    return sum;
  };
  // Golden section on the logarithm; the likelihood has one peak.
  constexpr double kGolden = 0.6180339887498949;
  double low = std::log(kLow), high = std::log(kHigh);
  double left = high - kGolden * (high - low), right = low + kGolden * (high - low);
  auto at_left = likelihood(left), at_right = likelihood(right);
  while (at_left.ok() && at_right.ok() && high - low > 0.01) {
    if (*at_left >= *at_right) {
      high = right;
      right = left;
      at_right = at_left;
      left = high - kGolden * (high - low);
      at_left = likelihood(left);
    } else {
      low = left;
      left = right;
      at_left = at_right;
      right = low + kGolden * (high - low);
      at_right = likelihood(right);
    }
  }
  if (!at_left.ok()) return at_left.status();
  if (!at_right.ok()) return at_right.status();
  const bool first = *at_left >= *at_right;
  return DomainSpread{.domain_sd = std::exp(first ? left : right),
                      .log_likelihood = first ? *at_left : *at_right,
                      .unexplained = static_cast<int>(left_out)};
}

}  // namespace invigil::scoring
