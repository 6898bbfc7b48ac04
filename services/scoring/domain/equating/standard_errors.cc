#include "services/scoring/domain/equating/standard_errors.h"

#include <cmath>

#include "services/scoring/domain/equating/moment_errors.h"

namespace invigil::scoring::equating {
namespace {

std::optional<double> Root(double variance) {
  if (!std::isfinite(variance)) return std::nullopt;
  return std::sqrt(std::max(variance, 0.0));  // a variance of 0 may come out as -1e-30
}

// The effect of a person at total t on the rank of z: what d(rank of z) is made of.
std::vector<double> RankEffect(const Distribution& d, double z) {
  std::vector<double> effect(static_cast<size_t>(d.max_score()) + 1, 0.0);
  const int s = d.Nearest(z);
  for (int t = 0; t < s; ++t) effect[static_cast<size_t>(t)] = 1;
  effect[static_cast<size_t>(s)] = z - s + 0.5;
  return effect;
}

std::vector<double> Scaled(std::vector<double> values, double factor) {
  for (double& value : values) value *= factor;
  return values;
}

// Variance of sum_j c_j p_j over samples of one group.
class Sampling {
 public:
  Sampling(const ScoreTable& table, const ScoreTable& observed,
           const std::optional<LoglinearModel>& model)
      : table_(table) {
    if (model) smooth_.emplace(*model, table.cells, observed.cells);
  }
  double Variance(const std::vector<double>& c) const {
    if (smooth_) return smooth_->Of(c);
    double mean = 0, square = 0;
    for (size_t cell = 0; cell < c.size(); ++cell) mean += table_.cells[cell] * c[cell];
    mean /= table_.n;
    for (size_t cell = 0; cell < c.size(); ++cell) {
      square += table_.cells[cell] * (c[cell] - mean) * (c[cell] - mean);
    }
    return square / table_.n / table_.n;
  }

 private:
  const ScoreTable& table_;
  std::optional<LoglinearModel::Covariance> smooth_;
};

class DistributionErrors {
 public:
  DistributionErrors(const Engine& engine, const Groups& observed, const Groups& groups)
      : engine_(engine),
        groups_(groups),
        sampling_x_(groups.x, observed.x, engine.model_x()),
        sampling_y_(groups.y, observed.y, engine.model_y()) {}

  // Random groups: d e = (d F(x) - d G(e)) / g(e).
  double RandomGroups(const Distribution& x, const Distribution& y, double score,
                      double equated) const {
    const double density = y.DensityAt(equated);
    if (!(density > 0)) return std::nan("");
    return (sampling_x_.Variance(RankEffect(x, score)) +
            sampling_y_.Variance(RankEffect(y, equated))) /
           (density * density);
  }

  // A person of X moves the synthetic mean of psi_x, and through the anchor that of psi_y.
  double Synthetic(const std::vector<double>& psi_x, const std::vector<double>& psi_y) const {
    const double w = engine_.weight_x();
    const SyntheticMean x = MeanOf(psi_x, groups_.x, AnchorMargin(groups_.y), w);
    const SyntheticMean y = MeanOf(psi_y, groups_.y, AnchorMargin(groups_.x), 1 - w);
    return sampling_x_.Variance(Sum(x.taken, y.other)) +
           sampling_y_.Variance(Sum(y.taken, x.other));
  }

  // X to v to Y: d v = (d F(x) - d H1(v)) / h1(v); d e = (d H2(v) + h2(v) d v - d G(e)) / g(e).
  double Chained(const Chain& chain, double score, double equated) const {
    const double v = chain.ToAnchor(score);
    const double to_anchor = chain.anchor_x.DensityAt(v), density = chain.y.DensityAt(equated);
    if (!(to_anchor > 0) || !(density > 0)) return std::nan("");
    const double slope = chain.anchor_y.DensityAt(v) / to_anchor;
    const auto x = Sum(Spread(Scaled(RankEffect(chain.x, score), slope / density), groups_.x),
                       Scaled(RankEffect(chain.anchor_x, v), -slope / density));
    const auto y = Sum(Spread(Scaled(RankEffect(chain.y, equated), -1 / density), groups_.y),
                       Scaled(RankEffect(chain.anchor_y, v), 1 / density));
    return sampling_x_.Variance(x) + sampling_y_.Variance(y);
  }

 private:
  // A value per total becomes one per cell.
  static std::vector<double> Spread(const std::vector<double>& by_total, const ScoreTable& table) {
    std::vector<double> cells(table.cells.size());
    for (size_t cell = 0; cell < cells.size(); ++cell) cells[cell] = by_total[cell / table.Width()];
    return cells;
  }
  // Values per cell and per anchor score, added up.
  static std::vector<double> Sum(std::vector<double> cells, const std::vector<double>& by_anchor) {
    for (size_t cell = 0; cell < cells.size(); ++cell) {
      cells[cell] += by_anchor[cell % by_anchor.size()];
    }
    return cells;
  }

  const Engine& engine_;
  const Groups& groups_;
  Sampling sampling_x_, sampling_y_;
};

// Lord (1982); Kolen & Brennan eq. 7.12.
double LordVariance(const Distribution& x, const Distribution& y, double n_x, double n_y,
                    double score, double equated) {
  const double p = x.Rank(score);
  if (p <= 0 || p >= 1) return 0;
  const double density = y.DensityAt(equated);
  if (!(density > 0)) return std::nan("");
  const double below = y.Rank(y.Nearest(equated) - 0.5), reached = below + density;
  return (p * (1 - p) * (1 / n_x + 1 / n_y) - (reached - p) * (p - below) / (n_y * density)) /
         (density * density);
}

// The effect on Braun-Holland's e(x) of the synthetic mean and variance of X and of Y.
struct Effects {
  std::vector<double> x, y;
};
Effects BraunHollandEffects(const SyntheticDistributions& synthetic, double score) {
  const auto moments = [](const std::vector<double>& f) {
    double mean = 0, square = 0;
    for (size_t s = 0; s < f.size(); ++s) mean += f[s] * static_cast<double>(s);
    for (size_t s = 0; s < f.size(); ++s) {
      square += f[s] * (static_cast<double>(s) - mean) * (static_cast<double>(s) - mean);
    }
    return std::pair(mean, square);
  };
  const auto [mean_x, var_x] = moments(synthetic.x);
  const auto [mean_y, var_y] = moments(synthetic.y);
  const double slope = std::sqrt(var_y / var_x);
  const double reach = 0.5 * slope * (score - mean_x);
  Effects effects{std::vector<double>(synthetic.x.size()), std::vector<double>(synthetic.y.size())};
  for (size_t t = 0; t < effects.x.size(); ++t) {
    const auto s = static_cast<double>(t);
    effects.x[t] = -slope * s - reach / var_x * (s * s - 2 * mean_x * s);
  }
  for (size_t t = 0; t < effects.y.size(); ++t) {
    const auto s = static_cast<double>(t);
    effects.y[t] = s + reach / var_y * (s * s - 2 * mean_y * s);
  }
  return effects;
}

absl::StatusOr<StandardErrors> SyntheticErrors(const Engine& engine, const Groups& groups,
                                               const DistributionErrors& errors,
                                               const std::vector<double>& table) {
  const auto synthetic = FrequencyEstimation(groups.x, groups.y, engine.weight_x());
  if (!synthetic.ok()) return synthetic.status();
  const Distribution x(synthetic->x), y(synthetic->y);
  StandardErrors result{.kind = ErrorKind::kDelta};
  for (size_t s = 0; s < table.size(); ++s) {
    const auto score = static_cast<double>(s);
    if (engine.request().method == Method::kBraunHolland) {
      const Effects effects = BraunHollandEffects(*synthetic, score);
      result.values.push_back(Root(errors.Synthetic(effects.x, effects.y)));
      continue;
    }
    const double density = y.DensityAt(table[s]);
    if (!(density > 0)) {
      result.values.push_back(std::nullopt);
      continue;
    }
    result.values.push_back(Root(errors.Synthetic(Scaled(RankEffect(x, score), 1 / density),
                                                  Scaled(RankEffect(y, table[s]), -1 / density))));
  }
  return result;
}

}  // namespace

absl::StatusOr<StandardErrors> AnalyticErrors(const Engine& engine, const Groups& observed,
                                              const Groups& groups,
                                              const std::vector<double>& table) {
  const Method method = engine.request().method;
  if (method == Method::kIdentity) {
    return StandardErrors{ErrorKind::kNone,
                          std::vector<std::optional<double>>(table.size(), std::optional(0.0))};
  }
  if (engine.needs_moments_only()) return MomentErrors(engine, observed, table.size());
  const DistributionErrors errors(engine, observed, groups);
  if (method == Method::kFrequencyEstimation || method == Method::kBraunHolland) {
    return SyntheticErrors(engine, groups, errors, table);
  }
  StandardErrors result{.kind = ErrorKind::kDelta};
  if (method == Method::kChainedEquipercentile) {
    const Chain chain(groups);
    for (size_t s = 0; s < table.size(); ++s) {
      result.values.push_back(Root(errors.Chained(chain, static_cast<double>(s), table[s])));
    }
    return result;
  }
  const Distribution x(groups.x.cells), y(groups.y.cells);
  const bool smoothed = engine.request().smoothing.On();
  if (!smoothed) result.kind = ErrorKind::kLord;
  for (size_t s = 0; s < table.size(); ++s) {
    const auto score = static_cast<double>(s);
    result.values.push_back(
        Root(smoothed ? errors.RandomGroups(x, y, score, table[s])
                      : LordVariance(x, y, observed.x.n, observed.y.n, score, table[s])));
  }
  return result;
}

}  // namespace invigil::scoring::equating
