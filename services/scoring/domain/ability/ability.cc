#include "services/scoring/domain/ability/ability.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "common/error/error.h"
#include "services/scoring/domain/ability/kernels.h"
#include "services/scoring/domain/ability/parallel.h"
#include "services/scoring/domain/ability/point_estimate.h"
#include "services/scoring/domain/lord_wingersky.h"

namespace invigil::scoring {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr size_t kBlock = 2048;  // persons; results do not depend on it

absl::Status CheckItems(std::span<const ItemParameters> items) {
  if (items.empty()) return InvalidArgument("ITEMS_EMPTY", "there are no items to score with");
  for (size_t i = 0; i < items.size(); ++i) {
    if (!IsValid(items[i])) {
      return InvalidArgument("ITEM_PARAMETERS_INVALID",
                             "item " + std::to_string(i + 1) +
                                 " wants a finite difficulty, a slope above 0 and a lower "
                                 "asymptote at least 0 and below 1");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckResponses(const ResponseView& responses, size_t items) {
  if (responses.items != items || responses.cells.size() != responses.persons * items) {
    return InvalidArgument(
        "RESPONSES_SHAPE",
        "the responses are not one cell per person and item (" + std::to_string(items) + " items)");
  }
  for (const int8_t cell : responses.cells) {
    if (cell > 1) {
      return InvalidArgument("RESPONSE_NOT_BINARY",
                             "a response is neither 0, 1 nor below 0 (not presented)");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Quadrature> Distribution(const AbilityOptions& options) {
  if (!options.distribution) {
    return NormalQuadrature(options.quadrature, options.prior_mean, options.prior_sd);
  }
  const Quadrature& own = *options.distribution;
  const auto is_nan = [](double value) { return std::isnan(value); };
  if (own.nodes.empty() || own.nodes.size() != own.log_weights.size() ||
      !std::all_of(own.nodes.begin(), own.nodes.end(), [](double x) { return std::isfinite(x); }) ||
      std::any_of(own.log_weights.begin(), own.log_weights.end(), is_nan)) {
    return InvalidArgument("QUADRATURE_INVALID",
                           "an ability distribution wants finite nodes, each with a log weight");
  }
  return own;
}

// EAP of all rows: rows in a row that share what was presented go to the kernel together.
class EapBatch {
 public:
  EapBatch(std::span<const ItemParameters> items, const Quadrature& quadrature)
      : tables_(items.size(), quadrature.nodes),
        nodes_(Padded(quadrature.nodes, tables_.stride(), 0)),
        log_weights_(Padded(quadrature.log_weights, tables_.stride(), kernels::kNoWeight)) {
    std::vector<ItemCurve> curves;
    for (const ItemParameters& item : items) curves.push_back(ToCurve(item));
    tables_.Build(curves);
  }

  void Score(const ResponseView& responses, size_t begin, size_t end, Ability* out) const {
    const size_t groups = tables_.groups(), count = end - begin;
    std::vector<uint8_t> right(count * groups), presented(count * groups);
    for (size_t p = 0; p < count; ++p) {
      PackRow(responses.cells.subspan((begin + p) * responses.items, responses.items),
              &right[p * groups], &presented[p * groups]);
    }
    std::vector<double> base(tables_.stride()), scratch(tables_.stride());
    std::vector<double> mean(count), deviation(count);
    const kernels::InstructionSet set = kernels::BestInstructionSet();
    for (size_t from = 0; from < count;) {
      size_t to = from + 1;
      while (to < count &&
             std::memcmp(&presented[from * groups], &presented[to * groups], groups) == 0) {
        ++to;
      }
      tables_.Base(&presented[from * groups], log_weights_.data(), base.data());
      kernels::PosteriorMoments({base.data(), tables_.right_tables(), groups, tables_.stride(),
                                 &right[from * groups], to - from, scratch.data()},
                                {nodes_.data(), &mean[from], &deviation[from]}, set);
      from = to;
    }
    for (size_t p = 0; p < count; ++p) out[p] = {mean[p], deviation[p], AbilityLimit::kNone};
  }

 private:
  ItemTables tables_;
  std::vector<double> nodes_, log_weights_;
};

}  // namespace

std::string_view LimitName(AbilityLimit limit) {
  switch (limit) {
    case AbilityLimit::kNone:
      return "";
    case AbilityLimit::kAllRight:
      return "ALL_RIGHT";
    case AbilityLimit::kAllWrong:
      return "ALL_WRONG";
    case AbilityLimit::kBelowGuessing:
      return "BELOW_GUESSING";
    case AbilityLimit::kAboveForm:
      return "ABOVE_FORM";
    case AbilityLimit::kNothingPresented:
      return "NOTHING_PRESENTED";
  }
  return "";
}

absl::StatusOr<std::vector<Ability>> EstimateAbilities(std::span<const ItemParameters> items,
                                                       const ResponseView& responses,
                                                       const AbilityOptions& options) {
  INVIGIL_RETURN_IF_ERROR(CheckItems(items));
  INVIGIL_RETURN_IF_ERROR(CheckResponses(responses, items.size()));
  const auto quadrature = Distribution(options);
  if (!quadrature.ok()) return quadrature.status();
  std::vector<Ability> abilities(responses.persons);
  const size_t blocks = (responses.persons + kBlock - 1) / kBlock;
  const auto in_blocks = [&](const auto& score) {
    ForEachBlock(blocks, options.threads, [&](size_t block) {
      const size_t begin = block * kBlock, end = std::min(begin + kBlock, responses.persons);
      score(begin, end);
    });
  };
  if (options.method == AbilityMethod::kEap) {
    const EapBatch batch(items, *quadrature);
    in_blocks(
        [&](size_t begin, size_t end) { batch.Score(responses, begin, end, &abilities[begin]); });
  } else {
    const PointEstimator estimator(items, options);
    in_blocks([&](size_t begin, size_t end) {
      for (size_t p = begin; p < end; ++p) {
        abilities[p] = estimator.Estimate(responses.cells.subspan(p * items.size(), items.size()));
      }
    });
  }
  return abilities;
}

absl::StatusOr<Ability> EstimateAbility(std::span<const ItemParameters> items,
                                        std::span<const int8_t> responses,
                                        const AbilityOptions& options) {
  AbilityOptions one = options;
  one.threads = 1;
  const auto abilities = EstimateAbilities(items, {responses, 1, responses.size()}, one);
  if (!abilities.ok()) return abilities.status();
  return abilities->front();
}

absl::StatusOr<Ability> NumberCorrectAbility(std::span<const ItemParameters> items,
                                             double number_correct) {
  INVIGIL_RETURN_IF_ERROR(CheckItems(items));
  const auto top = static_cast<double>(items.size());
  if (!(number_correct >= 0 && number_correct <= top)) {
    return InvalidArgument("NUMBER_CORRECT_INVALID",
                           "the number correct must lie between 0 and the number of items");
  }
  const auto theta = AbilityAt(items, number_correct);
  if (!theta) {
    const bool above = number_correct >= top;
    return Ability{above ? kInfinity : -kInfinity, kInfinity,
                   above ? AbilityLimit::kAboveForm : AbilityLimit::kBelowGuessing};
  }
  double slope = 0;
  for (const ItemParameters& item : items) {
    const double g = item.lower_asymptote;
    const double l = (Probability(item, *theta) - g) / (1 - g);
    slope += item.slope * (1 - g) * l * (1 - l);
  }
  const double deviation = NumberCorrectDeviation(items, *theta);
  return Ability{*theta, slope > 0 ? deviation / slope : kInfinity, AbilityLimit::kNone};
}

absl::StatusOr<std::vector<SumScoreAbility>> SumScoreAbilities(
    std::span<const ItemParameters> items, const AbilityOptions& options) {
  INVIGIL_RETURN_IF_ERROR(CheckItems(items));
  const auto quadrature = Distribution(options);
  if (!quadrature.ok()) return quadrature.status();
  std::vector<SumScoreAbility> scores(items.size() + 1);
  std::vector<double> second(items.size() + 1);
  for (size_t q = 0; q < quadrature->nodes.size(); ++q) {
    const double theta = quadrature->nodes[q], weight = std::exp(quadrature->log_weights[q]);
    const std::vector<double> distribution = NumberCorrectDistribution(items, theta);
    for (size_t x = 0; x < scores.size(); ++x) {
      const double joint = weight * distribution[x];
      scores[x].probability += joint;
      scores[x].theta += joint * theta;
      second[x] += joint * theta * theta;
    }
  }
  for (size_t x = 0; x < scores.size(); ++x) {
    SumScoreAbility& score = scores[x];
    score.theta /= score.probability;
    score.se = std::sqrt(std::max(0.0, second[x] / score.probability - score.theta * score.theta));
  }
  return scores;
}

}  // namespace invigil::scoring
