#include "services/scoring/domain/linking/irt_equating.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "services/scoring/domain/equating/percentile.h"
#include "services/scoring/domain/lord_wingersky.h"

namespace invigil::scoring::linking {
namespace {

absl::Status CheckItems(std::span<const ItemParameters> items) {
  if (items.empty()) {
    return InvalidArgument("ITEMS_EMPTY", "a form without items has no scores; give its items");
  }
  for (size_t i = 0; i < items.size(); ++i) {
    if (IsValid(items[i])) continue;
    return InvalidArgument("ITEM_PARAMETERS_INVALID",
                           absl::StrCat("item ", i + 1,
                                        " has parameters outside the model; slopes are above 0 and "
                                        "lower asymptotes from 0 to below 1"));
  }
  return absl::OkStatus();
}

absl::StatusOr<double> TotalWeight(const AbilityNodes& nodes) {
  double sum = 0;
  bool good = nodes.points.size() == nodes.weights.size();
  for (size_t q = 0; good && q < nodes.points.size(); ++q) {
    good =
        std::isfinite(nodes.points[q]) && std::isfinite(nodes.weights[q]) && nodes.weights[q] >= 0;
    sum += nodes.weights[q];
  }
  if (good && sum > 0) return sum;
  return InvalidArgument("NODES_INVALID",
                         "a population is abilities with weights; give one or more, none of them "
                         "negative");
}

absl::Status AddScores(std::span<const ItemParameters> items, const AbilityNodes& nodes,
                       double share, std::vector<double>& scores) {
  const auto sum = TotalWeight(nodes);
  if (!sum.ok()) return sum.status();
  scores.resize(items.size() + 1, 0.0);
  for (size_t q = 0; q < nodes.points.size(); ++q) {
    const std::vector<double> given = NumberCorrectDistribution(items, nodes.points[q]);
    const double weight = share * nodes.weights[q] / *sum;
    for (size_t x = 0; x < scores.size(); ++x) scores[x] += weight * given[x];
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<IrtEquivalent>> TrueScoreEquating(std::span<const ItemParameters> from,
                                                             std::span<const ItemParameters> to) {
  INVIGIL_RETURN_IF_ERROR(CheckItems(from));
  INVIGIL_RETURN_IF_ERROR(CheckItems(to));
  const double floor_from = LowerAsymptoteSum(from), floor_to = LowerAsymptoteSum(to);
  std::vector<IrtEquivalent> table(from.size() + 1);
  for (size_t x = 0; x < table.size(); ++x) {
    const auto raw = static_cast<double>(x);
    table[x].raw = static_cast<int>(x);
    table[x].theta = AbilityAt(from, raw);
    if (table[x].theta) {
      table[x].equated = ExpectedNumberCorrect(to, *table[x].theta);
    } else if (raw <= floor_from) {
      table[x].equated = floor_from > 0 ? raw * floor_to / floor_from : 0;
    } else {
      table[x].equated = static_cast<double>(to.size());
    }
  }
  return table;
}

absl::StatusOr<std::vector<IrtEquivalent>> ObservedScoreEquating(
    std::span<const ItemParameters> from, std::span<const ItemParameters> to,
    const Populations& populations) {
  INVIGIL_RETURN_IF_ERROR(CheckItems(from));
  INVIGIL_RETURN_IF_ERROR(CheckItems(to));
  const double w = populations.weight_from;
  if (!(w >= 0 && w <= 1)) {
    return InvalidArgument("WEIGHT_INVALID", absl::StrCat("the weight of the first population is ",
                                                          w, "; give a share from 0 to 1"));
  }
  std::vector<double> scores_from, scores_to;
  INVIGIL_RETURN_IF_ERROR(AddScores(from, populations.from, w, scores_from));
  INVIGIL_RETURN_IF_ERROR(AddScores(from, populations.to, 1 - w, scores_from));
  INVIGIL_RETURN_IF_ERROR(AddScores(to, populations.from, w, scores_to));
  INVIGIL_RETURN_IF_ERROR(AddScores(to, populations.to, 1 - w, scores_to));
  const std::vector<double> equated = equating::Equipercentile(equating::Distribution(scores_from),
                                                               equating::Distribution(scores_to));
  std::vector<IrtEquivalent> table(equated.size());
  for (size_t x = 0; x < equated.size(); ++x) {
    table[x] = {.raw = static_cast<int>(x), .equated = equated[x]};
  }
  return table;
}

}  // namespace invigil::scoring::linking
