#include "services/scoring/domain/calibration/item_fit.h"

#include <algorithm>
#include <cmath>

#include "services/scoring/domain/ability/ability.h"
#include "services/scoring/domain/ability/kernels.h"
#include "services/scoring/domain/ability/parallel.h"
#include "services/scoring/domain/calibration/expectation.h"
#include "services/scoring/domain/calibration/score_groups.h"
#include "services/scoring/domain/numerics/distributions.h"

namespace invigil::scoring {
namespace {

constexpr size_t kBlock = 4096;  // persons

// Sums over the persons who were presented an item.
struct Residuals {
  double n = 0, standardised = 0, squared = 0, variance = 0;
  double kurtosis = 0;       // of the plain mean square: fourth moment over variance squared
  double excess_fourth = 0;  // of the weighted one: fourth moment less variance squared

  void Add(double p, bool right) {
    const double q = 1 - p;
    const double variance_here = std::max(p * q, 1e-300);
    const double residual = right ? q : -p;
    const double fourth = p * q * (p * p * p + q * q * q);
    n += 1;
    standardised += residual * residual / variance_here;
    squared += residual * residual;
    variance += variance_here;
    kurtosis += fourth / (variance_here * variance_here);
    excess_fourth += fourth - variance_here * variance_here;
  }
  void Add(const Residuals& other) {
    n += other.n;
    standardised += other.standardised;
    squared += other.squared;
    variance += other.variance;
    kurtosis += other.kurtosis;
    excess_fourth += other.excess_fourth;
  }
  static double WilsonHilferty(double mean_square, double variance) {
    if (!(variance > 0)) return 0;
    const double sd = std::sqrt(variance);
    return (std::cbrt(mean_square) - 1) * 3 / sd + sd / 3;
  }
  MeanSquares Result() const {
    MeanSquares result;
    if (n == 0) return result;
    result.outfit = standardised / n;
    result.infit = squared / variance;
    result.z_outfit = WilsonHilferty(result.outfit, kurtosis / (n * n) - 1 / n);
    result.z_infit = WilsonHilferty(result.infit, excess_fourth / (variance * variance));
    return result;
  }
};

void AtEap(std::span<const ItemParameters> items, const ResponseView& responses,
           const std::vector<Ability>& abilities, int threads, std::vector<ItemFit>& fit) {
  const size_t blocks = (responses.persons + kBlock - 1) / kBlock;
  std::vector<std::vector<Residuals>> sums(blocks, std::vector<Residuals>(items.size()));
  ForEachBlock(blocks, threads, [&](size_t block) {
    const size_t end = std::min((block + 1) * kBlock, responses.persons);
    for (size_t p = block * kBlock; p < end; ++p) {
      for (size_t i = 0; i < items.size(); ++i) {
        const int8_t cell = responses.cells[p * items.size() + i];
        if (cell >= 0) {
          sums[block][i].Add(Probability(items[i], abilities[p].theta), cell == 1);
        }
      }
    }
  });
  for (size_t i = 0; i < items.size(); ++i) {
    Residuals all;
    for (const auto& block : sums) all.Add(block[i]);
    fit[i].at_eap = all.Result();
  }
}

void OverPosterior(std::span<const ItemParameters> items, const ResponseView& responses,
                   const Quadrature& quadrature, int threads, std::vector<ItemFit>& fit) {
  const PackedPatterns patterns = PackPatterns(responses);
  if (patterns.persons == 0) return;
  ItemTables tables(items.size(), quadrature.nodes);
  std::vector<ItemCurve> curves;
  for (const ItemParameters& item : items) curves.push_back(ToCurve(item));
  tables.Build(curves);
  Expectation expected;
  ExpectationStep(patterns, tables.stride(), threads)
      .Run(tables, Padded(quadrature.log_weights, tables.stride(), kernels::kNoWeight), expected);
  for (size_t i = 0; i < items.size(); ++i) {
    double n = 0, standardised = 0, squared = 0, variance = 0;
    for (size_t q = 0; q < quadrature.nodes.size(); ++q) {
      const double p = tables.probability(i)[q], not_p = 1 - p;
      const double right = expected.right[i * tables.stride() + q];
      const double wrong = expected.presented[i * tables.stride() + q] - right;
      n += right + wrong;
      squared += right * not_p * not_p + wrong * p * p;
      variance += (right + wrong) * p * not_p;
      if (p > 0 && not_p > 0) standardised += right * not_p / p + wrong * p / not_p;
    }
    if (n == 0) continue;
    fit[i].posterior_outfit = standardised / n;
    fit[i].posterior_infit = squared / variance;
  }
}

void ByScore(std::span<const ItemParameters> items, const ResponseView& responses,
             const Quadrature& quadrature, const ItemFitOptions& options,
             std::vector<ItemFit>& fit) {
  const size_t count = items.size();
  ScoreGroups groups;
  groups.at_score.resize(count + 1);
  groups.right.assign(count, std::vector<double>(count + 1));
  for (size_t p = 0; p < responses.persons; ++p) {
    const auto row = responses.cells.subspan(p * count, count);
    if (std::any_of(row.begin(), row.end(), [](int8_t cell) { return cell < 0; })) continue;
    const auto score = static_cast<size_t>(std::count(row.begin(), row.end(), int8_t{1}));
    groups.persons += 1;
    groups.at_score[score] += 1;
    for (size_t i = 0; i < count; ++i) groups.right[i][score] += row[i];
  }
  if (groups.persons == 0) {
    for (ItemFit& item : fit) item.s_x2_problem = "INCOMPLETE_RESPONSES";
    return;
  }
  const auto expected = ExpectedByScore(items, quadrature, options.threads);
  for (size_t i = 0; i < count; ++i) {
    const ScoreChiSquare result = CompareByScore(groups, i, expected[i]);
    ItemFit& item = fit[i];
    const bool fixed = i < options.fixed.size() && options.fixed[i];
    item.degrees_of_freedom = result.rows - (fixed ? 0 : options.parameters_per_item);
    if (item.degrees_of_freedom <= 0) {
      item.s_x2_problem = "TOO_FEW_SCORES";
      continue;
    }
    const double df = item.degrees_of_freedom;
    item.s_x2 = result.statistic;
    item.p_value = ChiSquareSurvival(result.statistic, df);
    if (result.statistic > df && groups.persons > 1) {
      item.rmsea = std::sqrt((result.statistic / df - 1) / (groups.persons - 1));
    }
  }
}

}  // namespace

absl::StatusOr<std::vector<ItemFit>> AssessItemFit(std::span<const ItemParameters> items,
                                                   const ResponseView& responses,
                                                   const ItemFitOptions& options) {
  AbilityOptions eap;
  eap.quadrature = options.quadrature;
  eap.prior_mean = options.mean;
  eap.prior_sd = options.sd;
  eap.threads = options.threads;
  const auto abilities = EstimateAbilities(items, responses, eap);
  if (!abilities.ok()) return abilities.status();
  const auto quadrature = NormalQuadrature(options.quadrature, options.mean, options.sd);
  if (!quadrature.ok()) return quadrature.status();
  std::vector<ItemFit> fit(items.size());
  AtEap(items, responses, *abilities, options.threads, fit);
  OverPosterior(items, responses, *quadrature, options.threads, fit);
  ByScore(items, responses, *quadrature, options, fit);
  return fit;
}

}  // namespace invigil::scoring
