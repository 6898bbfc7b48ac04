#include "services/scoring/domain/decisions/classification.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "common/error/error.h"
#include "services/scoring/domain/lord_wingersky.h"
#include "services/scoring/domain/numerics/distributions.h"

namespace invigil::scoring {
namespace {

absl::Status CheckItems(std::span<const ItemParameters> items) {
  if (items.empty()) return InvalidArgument("ITEMS_EMPTY", "give at least one item");
  for (size_t i = 0; i < items.size(); ++i) {
    if (!IsValid(items[i])) {
      return InvalidArgument("ITEM_PARAMETERS_INVALID",
                             "item " + std::to_string(i + 1) +
                                 " needs a finite a above 0, a finite b and g in [0, 1)");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckNodes(const AbilityNodes& nodes) {
  double total = 0;
  bool good = !nodes.theta.empty() && nodes.theta.size() == nodes.weight.size();
  for (size_t q = 0; good && q < nodes.theta.size(); ++q) {
    good = std::isfinite(nodes.theta[q]) && std::isfinite(nodes.weight[q]) && nodes.weight[q] >= 0;
    total += nodes.weight[q];
  }
  if (good && total > 0) return absl::OkStatus();
  return InvalidArgument("ABILITY_INVALID",
                         "give finite abilities, each with a weight of 0 or more, not all 0");
}

absl::Status CheckCuts(std::span<const double> cuts) {
  bool good = !cuts.empty();
  for (size_t k = 0; good && k < cuts.size(); ++k) {
    good = std::isfinite(cuts[k]) && (k == 0 || cuts[k] > cuts[k - 1]);
  }
  if (good) return absl::OkStatus();
  return InvalidArgument("CUT_INVALID", "give one cut or more, finite and rising");
}

size_t CategoryOf(double value, std::span<const double> cuts) {
  return static_cast<size_t>(std::upper_bound(cuts.begin(), cuts.end(), value) - cuts.begin());
}

// Adds up the nodes. `categories` fills the probability of each category at node q and returns the
// true one.
Classification Summarize(
    const AbilityNodes& nodes, size_t count,
    const std::function<size_t(size_t q, std::vector<double>& shares)>& categories) {
  Classification result;
  result.observed.assign(count, 0);
  result.true_share.assign(count, 0);
  double total = 0;
  for (double weight : nodes.weight) total += weight;
  std::vector<double> shares(count);
  for (size_t q = 0; q < nodes.theta.size(); ++q) {
    const double weight = nodes.weight[q] / total;
    const size_t truth = categories(q, shares);
    result.true_share[truth] += weight;
    result.accuracy += weight * shares[truth];
    for (size_t k = 0; k < count; ++k) {
      result.observed[k] += weight * shares[k];
      result.consistency += weight * shares[k] * shares[k];
      if (k > truth) result.false_positive += weight * shares[k];
      if (k < truth) result.false_negative += weight * shares[k];
    }
  }
  for (double share : result.observed) result.chance_consistency += share * share;
  const double room = 1 - result.chance_consistency;
  if (room > 1e-12) result.kappa = (result.consistency - result.chance_consistency) / room;
  return result;
}

}  // namespace

AbilityNodes NormalNodes(int count, double low, double high, double mean, double sd) {
  AbilityNodes nodes;
  double total = 0;
  for (int q = 0; q < count; ++q) {
    const double theta = count == 1 ? (low + high) / 2 : low + (high - low) * q / (count - 1);
    nodes.theta.push_back(theta);
    nodes.weight.push_back(NormalDensity((theta - mean) / sd));
    total += nodes.weight.back();
  }
  for (double& weight : nodes.weight) weight /= total;
  return nodes;
}

absl::StatusOr<Classification> LeeClassification(std::span<const ItemParameters> items,
                                                 std::span<const double> cuts,
                                                 const AbilityNodes& nodes) {
  INVIGIL_RETURN_IF_ERROR(CheckItems(items));
  INVIGIL_RETURN_IF_ERROR(CheckCuts(cuts));
  INVIGIL_RETURN_IF_ERROR(CheckNodes(nodes));
  if (!(cuts.front() > 0) || cuts.back() > static_cast<double>(items.size())) {
    return InvalidArgument(
        "CUT_OUTSIDE_SCALE",
        "cuts on number correct lie above 0 and at most at " + std::to_string(items.size()));
  }
  return Summarize(nodes, cuts.size() + 1, [&](size_t q, std::vector<double>& shares) {
    const std::vector<double> f = NumberCorrectDistribution(items, nodes.theta[q]);
    std::fill(shares.begin(), shares.end(), 0);
    for (size_t x = 0; x < f.size(); ++x) shares[CategoryOf(static_cast<double>(x), cuts)] += f[x];
    return CategoryOf(ExpectedNumberCorrect(items, nodes.theta[q]), cuts);
  });
}

absl::StatusOr<Classification> RudnerClassification(std::span<const double> cuts,
                                                    const AbilityNodes& nodes,
                                                    std::span<const double> standard_errors) {
  INVIGIL_RETURN_IF_ERROR(CheckCuts(cuts));
  INVIGIL_RETURN_IF_ERROR(CheckNodes(nodes));
  const bool good = standard_errors.size() == nodes.theta.size() &&
                    std::all_of(standard_errors.begin(), standard_errors.end(),
                                [](double error) { return std::isfinite(error) && error > 0; });
  if (!good) {
    return InvalidArgument("ABILITY_INVALID", "give each ability a finite standard error above 0");
  }
  return Summarize(nodes, cuts.size() + 1, [&](size_t q, std::vector<double>& shares) {
    double below = 0;
    for (size_t k = 0; k < shares.size(); ++k) {
      const double upto =
          k < cuts.size() ? NormalCumulative((cuts[k] - nodes.theta[q]) / standard_errors[q]) : 1;
      shares[k] = upto - below;
      below = upto;
    }
    return CategoryOf(nodes.theta[q], cuts);
  });
}

absl::StatusOr<std::vector<double>> InformationErrors(std::span<const ItemParameters> items,
                                                      const AbilityNodes& nodes) {
  INVIGIL_RETURN_IF_ERROR(CheckItems(items));
  INVIGIL_RETURN_IF_ERROR(CheckNodes(nodes));
  std::vector<double> errors;
  for (double theta : nodes.theta) {
    const double information = TestInformation(items, theta);
    if (!(information > 1e-300)) {
      return FailedPrecondition("INFORMATION_ZERO", "the items say nothing at ability " +
                                                        std::to_string(theta) +
                                                        "; give nodes nearer to them");
    }
    errors.push_back(1 / std::sqrt(information));
  }
  return errors;
}

}  // namespace invigil::scoring
