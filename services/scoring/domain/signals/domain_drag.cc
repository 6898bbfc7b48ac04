#include "services/scoring/domain/signals/domain_drag.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/error/error.h"
#include "services/scoring/domain/lord_wingersky.h"

namespace invigil::scoring {
namespace {

using Distribution = std::vector<double>;  // of a count, from 0

Distribution Convolve(const Distribution& a, const Distribution& b) {
  Distribution sum(a.size() + b.size() - 1, 0);
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t j = 0; j < b.size(); ++j) sum[i + j] += a[i] * b[j];
  }
  return sum;
}

// Number right among `inside` given `total` right among both, at `theta`; empty when such a total
// is impossible to the last digit.
Distribution Given(size_t total, const std::vector<ItemParameters>& inside,
                   const std::vector<ItemParameters>& outside, double theta) {
  const Distribution in = NumberCorrectDistribution(inside, theta);
  const Distribution out = NumberCorrectDistribution(outside, theta);
  Distribution given(in.size(), 0);
  double all = 0;
  for (size_t k = 0; k < in.size() && k <= total; ++k) {
    if (total - k < out.size()) given[k] = in[k] * out[total - k];
    all += given[k];
  }
  if (!(all > 0)) return {};
  for (double& p : given) p /= all;
  return given;
}

// Where the number correct is expected; at and beyond the ends half a question inside.
double ThetaOf(const std::vector<ItemParameters>& items, size_t total) {
  const double floor = LowerAsymptoteSum(items), most = static_cast<double>(items.size());
  const double inside = std::min(0.5, 0.5 * (most - floor));
  const double held = std::clamp(static_cast<double>(total), floor + inside, most - inside);
  return AbilityAt(items, held).value_or(0);
}

void Holm(std::vector<DomainDrag>& domains, double significance) {
  std::vector<size_t> order;
  for (size_t d = 0; d < domains.size(); ++d) {
    if (domains[d].judged) order.push_back(d);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return domains[a].p_value < domains[b].p_value; });
  double highest = 0;
  for (size_t rank = 0; rank < order.size(); ++rank) {
    DomainDrag& domain = domains[order[rank]];
    const auto left = static_cast<double>(order.size() - rank);
    highest = std::max(highest, std::min(1.0, left * domain.p_value));
    domain.p_adjusted = highest;
    domain.drags = highest < significance;
  }
}

}  // namespace

absl::StatusOr<std::vector<DomainDrag>> FindDrag(std::span<const PracticeSession> sessions,
                                                 std::span<const double> weights,
                                                 const DragOptions& options,
                                                 const EvidenceRules& rules) {
  INVIGIL_RETURN_IF_ERROR(Validate(sessions));
  if (!(options.significance > 0 && options.significance < 1)) {
    return InvalidArgument("DRAG_OPTIONS", "the significance must lie between 0 and 1");
  }
  const double total_weight = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (!std::all_of(weights.begin(), weights.end(),
                   [](double w) { return std::isfinite(w) && w >= 0; }) ||
      !(total_weight > 0)) {
    return InvalidArgument("WEIGHT_INVALID", "weights must be 0 or more, and not all 0");
  }
  std::vector<DomainDrag> domains(weights.size());
  std::vector<Distribution> sums(weights.size(), Distribution{1});
  for (const PracticeSession& session : sessions) {
    if (ExclusionOf(session, rules) != Exclusion::kNone) continue;
    const std::vector<PracticeResponse> evidence = EvidenceOf(session);
    std::vector<ItemParameters> items;
    size_t total = 0;
    for (const PracticeResponse& response : evidence) {
      if (response.domain >= weights.size()) {
        return InvalidArgument("DOMAIN_UNKNOWN", "a response names domain " +
                                                     std::to_string(response.domain + 1) +
                                                     ", which has no weight");
      }
      items.push_back(response.irt);
      total += response.right;
    }
    const double theta = ThetaOf(items, total);
    for (size_t d = 0; d < weights.size(); ++d) {
      std::vector<ItemParameters> inside, outside;
      for (const PracticeResponse& response : evidence) {
        (response.domain == d ? inside : outside).push_back(response.irt);
        domains[d].right += response.domain == d && response.right;
      }
      domains[d].items += inside.size();
      if (inside.empty()) continue;
      const Distribution given = Given(total, inside, outside, theta);
      if (given.empty()) {
        return FailedPrecondition("ANSWERS_UNEXPLAINED",
                                  "no ability gives such a total on such items; check the "
                                  "parameters of their form");
      }
      sums[d] = Convolve(sums[d], given);
    }
  }
  for (size_t d = 0; d < domains.size(); ++d) {
    DomainDrag& domain = domains[d];
    domain.domain = d;
    if (domain.items == 0) continue;
    double square = 0, tail = 0;
    for (size_t k = 0; k < sums[d].size(); ++k) {
      const auto count = static_cast<double>(k);
      domain.expected += sums[d][k] * count;
      square += sums[d][k] * count * count;
      if (k <= domain.right) tail += sums[d][k];
    }
    const auto n = static_cast<double>(domain.items);
    domain.gap = 100 * (static_cast<double>(domain.right) - domain.expected) / n;
    domain.gap_error =
        100 * std::sqrt(std::max(0.0, square - domain.expected * domain.expected)) / n;
    domain.p_value = std::min(1.0, tail);
    domain.judged = domain.items >= options.least_items;
  }
  Holm(domains, options.significance);
  for (DomainDrag& domain : domains) {
    if (domain.drags) domain.severity = weights[domain.domain] / total_weight * -domain.gap;
  }
  return domains;
}

}  // namespace invigil::scoring
