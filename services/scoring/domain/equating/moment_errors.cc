#include "services/scoring/domain/equating/moment_errors.h"

#include <array>
#include <cmath>

#include "common/error/error.h"

namespace invigil::scoring::equating {
namespace {

constexpr size_t kMoments = 5;  // mean and variance of total and of anchor, covariance
using Values = std::array<double, kMoments>;
using Matrix = std::array<Values, kMoments>;

constexpr std::array<double JointMoments::*, kMoments> kFields = {
    &JointMoments::mean_total, &JointMoments::mean_anchor, &JointMoments::var_total,
    &JointMoments::var_anchor, &JointMoments::covariance};

// The covariance of a group's moments over samples of its size, from the group itself.
Matrix SamplingCovariance(const ScoreTable& table, const JointMoments& m) {
  // The moments with n in the denominator are means of these, whose covariance is that over n.
  const double shrink = (m.n - 1) / m.n;
  Matrix sum{};
  for (size_t cell = 0; cell < table.cells.size(); ++cell) {
    const double count = table.cells[cell];
    if (count == 0) continue;
    const size_t total = cell / table.Width();
    const double t = static_cast<double>(total) - m.mean_total;
    const double v = static_cast<double>(cell % table.Width()) - m.mean_anchor;
    const Values influence = {t, v, t * t - shrink * m.var_total, v * v - shrink * m.var_anchor,
                              t * v - shrink * m.covariance};
    for (size_t i = 0; i < kMoments; ++i) {
      for (size_t j = 0; j < kMoments; ++j) sum[i][j] += count * influence[i] * influence[j];
    }
  }
  for (Values& row : sum) {
    for (double& entry : row) entry /= m.n * m.n;
  }
  return sum;
}

// What each moment can be moved by without leaving its neighbourhood.
Values Reach(const JointMoments& m) {
  const double total = std::sqrt(m.var_total), anchor = std::sqrt(m.var_anchor);
  return {total, anchor, m.var_total, m.var_anchor, total * anchor};
}

// [moment][score]: derivative of the table by a moment of X (or of Y).
absl::StatusOr<std::vector<std::vector<double>>> Gradients(const MomentSetting& setting,
                                                           const JointMoments& x,
                                                           const JointMoments& y, bool of_x) {
  constexpr double kStep = 1e-5;
  const Values reach = Reach(of_x ? x : y);
  std::vector<std::vector<double>> gradients(kMoments);
  for (size_t k = 0; k < kMoments; ++k) {
    const double step = kStep * reach[k];
    gradients[k].assign(static_cast<size_t>(setting.items_x) + 1, 0.0);
    if (!(step > 0)) continue;  // no anchor, or no spread: nothing depends on it
    for (double sign : {1.0, -1.0}) {
      JointMoments moved_x = x, moved_y = y;
      // Named first: GCC 12 applies .* to a copy where its left side is a conditional.
      JointMoments& moved = of_x ? moved_x : moved_y;
      moved.*kFields[k] += sign * step;
      const auto table = MomentTable(setting, moved_x, moved_y);
      if (!table.ok()) return table.status();
      for (size_t s = 0; s < table->size(); ++s) {
        gradients[k][s] += sign * (*table)[s] / (2 * step);
      }
    }
  }
  return gradients;
}

double Form(const std::vector<std::vector<double>>& gradients, const Matrix& covariance,
            size_t score) {
  double sum = 0;
  for (size_t i = 0; i < kMoments; ++i) {
    for (size_t j = 0; j < kMoments; ++j) {
      sum += gradients[i][score] * covariance[i][j] * gradients[j][score];
    }
  }
  return sum;
}

StandardErrors RandomGroupsErrors(Method method, const Moments& x, const Moments& y,
                                  size_t scores) {
  StandardErrors result{.kind = ErrorKind::kMoments};
  for (size_t s = 0; s < scores; ++s) {
    double variance = x.variance / x.n + y.variance / y.n;
    if (method == Method::kLinear) {
      const double z = (static_cast<double>(s) - x.mean) / std::sqrt(x.variance);
      variance =
          y.variance * (1 / x.n + 1 / y.n + (x.skewness / x.n + y.skewness / y.n) * z +
                        ((x.kurtosis - 1) / (4 * x.n) + (y.kurtosis - 1) / (4 * y.n)) * z * z);
    }
    result.values.emplace_back(std::sqrt(std::max(variance, 0.0)));
  }
  return result;
}

}  // namespace

absl::StatusOr<StandardErrors> MomentErrors(const Engine& engine, const Groups& observed,
                                            size_t scores) {
  const Request& request = engine.request();
  if (!IsNeat(request.design) && request.method != Method::kCircleArc) {
    return RandomGroupsErrors(request.method, MomentsOf(observed.x.cells),
                              MomentsOf(observed.y.cells), scores);
  }
  const JointMoments x = JointMomentsOf(observed.x), y = JointMomentsOf(observed.y);
  const auto by_x = Gradients(engine.setting(), x, y, true);
  if (!by_x.ok()) return by_x.status();
  const auto by_y = Gradients(engine.setting(), x, y, false);
  if (!by_y.ok()) return by_y.status();
  const Matrix of_x = SamplingCovariance(observed.x, x), of_y = SamplingCovariance(observed.y, y);
  StandardErrors result{.kind = ErrorKind::kDelta};
  for (size_t s = 0; s < scores; ++s) {
    result.values.emplace_back(
        std::sqrt(std::max(Form(*by_x, of_x, s) + Form(*by_y, of_y, s), 0.0)));
  }
  return result;
}

}  // namespace invigil::scoring::equating
