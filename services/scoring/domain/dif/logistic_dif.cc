#include "services/scoring/domain/dif/logistic_dif.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "common/error/error.h"
#include "services/scoring/domain/numerics/distributions.h"

namespace invigil::scoring {
namespace {

constexpr int kMost = 4;  // coefficients of the largest model
using Vector = std::array<double, kMost>;
using Matrix = std::array<Vector, kMost>;

// Persons of one group with one score. Fitting cells, not persons, makes the time independent of
// their number.
struct Cell {
  double z = 0;  // the score, centred and scaled so that the normal equations keep their digits
  double group = 0;
  double persons = 0, right = 0;
};

struct Design {
  std::vector<Cell> cells;
  double mean = 0, deviation = 1;  // score = mean + deviation z
  double persons = 0, right = 0;
};

Design DesignOf(const DifData& data, size_t item, std::span<const int> score) {
  std::vector<std::array<Cell, 2>> table(data.items + 1);
  double sum = 0, squares = 0;
  for (size_t person = 0; person < data.persons; ++person) {
    Cell& cell = table[static_cast<size_t>(score[person])][data.focal[person]];
    ++cell.persons;
    cell.right += data.at(person, item);
    sum += score[person];
    squares += static_cast<double>(score[person]) * score[person];
  }
  Design design;
  const auto n = static_cast<double>(data.persons);
  design.persons = n;
  design.mean = sum / n;
  const double variance = squares / n - design.mean * design.mean;
  design.deviation = variance > 1e-12 ? std::sqrt(variance) : 0;
  for (size_t s = 0; s < table.size(); ++s) {
    for (int group = 0; group < 2; ++group) {
      Cell cell = table[s][group];
      if (cell.persons == 0) continue;
      design.right += cell.right;
      cell.z = design.deviation > 0 ? (static_cast<double>(s) - design.mean) / design.deviation : 0;
      cell.group = group;
      design.cells.push_back(cell);
    }
  }
  return design;
}

// Columns of the design in the order intercept, score, group, product.
Vector RowOf(const Cell& cell) { return {1, cell.z, cell.group, cell.z * cell.group}; }

double Times(const Vector& a, const Vector& b, int size) {
  double sum = 0;
  for (int i = 0; i < size; ++i) sum += a[i] * b[i];
  return sum;
}

// -2 ln likelihood; ln(1 + e^eta) without overflow.
double Deviance(const Design& design, const Vector& beta, int size) {
  double sum = 0;
  for (const Cell& cell : design.cells) {
    const double eta = Times(RowOf(cell), beta, size);
    const double soft = eta > 0 ? eta + std::log1p(std::exp(-eta)) : std::log1p(std::exp(eta));
    sum += cell.persons * soft - cell.right * eta;
  }
  return 2 * sum;
}

// The inverse of a symmetric positive definite matrix by Cholesky; false when it is not.
bool Invert(const Matrix& matrix, int size, Matrix& inverse) {
  Matrix root{};
  for (int i = 0; i < size; ++i) {
    for (int j = 0; j <= i; ++j) {
      double sum = matrix[i][j];
      for (int k = 0; k < j; ++k) sum -= root[i][k] * root[j][k];
      if (i == j) {
        if (!(sum > 1e-13 * matrix[i][i])) return false;
        root[i][i] = std::sqrt(sum);
      } else {
        root[i][j] = sum / root[j][j];
      }
    }
  }
  for (int column = 0; column < size; ++column) {
    Vector y{};
    for (int i = 0; i < size; ++i) {
      double sum = i == column ? 1 : 0;
      for (int k = 0; k < i; ++k) sum -= root[i][k] * y[k];
      y[i] = sum / root[i][i];
    }
    for (int i = size - 1; i >= 0; --i) {
      double sum = y[i];
      for (int k = i + 1; k < size; ++k) sum -= root[k][i] * inverse[k][column];
      inverse[i][column] = sum / root[i][i];
    }
  }
  return true;
}

// Newton's method with halved steps. Where coefficients run to infinity the deviance reaches its
// limit all the same; such a model is known by fitted log odds beyond kFarthest.
constexpr double kFarthest = 20;

std::optional<LogisticModel> Fit(const Design& design, int size) {
  Vector beta{};
  Matrix covariance{};
  double deviance = Deviance(design, beta, size);
  double farthest = 0;
  for (int iteration = 0; iteration < 100; ++iteration) {
    Vector gradient{};
    Matrix information{};
    farthest = 0;
    for (const Cell& cell : design.cells) {
      const Vector row = RowOf(cell);
      const double eta = Times(row, beta, size);
      farthest = std::max(farthest, std::abs(eta));
      const double p = 1 / (1 + std::exp(-eta));
      const double weight = cell.persons * p * (1 - p);
      for (int i = 0; i < size; ++i) {
        gradient[i] += row[i] * (cell.right - cell.persons * p);
        for (int j = 0; j < size; ++j) information[i][j] += weight * row[i] * row[j];
      }
    }
    if (!Invert(information, size, covariance)) {
      if (iteration == 0) return std::nullopt;  // the columns themselves depend on each other
      break;
    }
    Vector step{};
    for (int i = 0; i < size; ++i) step[i] = Times(covariance[i], gradient, size);
    double length = 1, next_deviance = deviance;
    Vector next = beta;
    for (int halving = 0; halving < 30; ++halving, length /= 2) {
      for (int i = 0; i < size; ++i) next[i] = beta[i] + length * step[i];
      next_deviance = Deviance(design, next, size);
      if (next_deviance <= deviance * (1 + 1e-15) + 1e-300) break;
    }
    const double gain = deviance - next_deviance;
    if (next_deviance <= deviance) {
      beta = next;
      deviance = next_deviance;
    }
    // Twice the predicted gain of the next step falls with the square of this one.
    if (std::abs(gain) < 1e-13 * (1 + deviance) && Times(step, gradient, size) < 1e-12) break;
  }
  LogisticModel model{.deviance = deviance, .separated = farthest > kFarthest};
  const double m = design.mean, d = design.deviation;
  model.score = beta[1] / d;
  model.product = beta[3] / d;
  model.intercept = beta[0] - beta[1] * m / d;
  model.group = beta[2] - beta[3] * m / d;
  if (size > 2) {
    double variance = covariance[2][2];
    if (size > 3) {
      variance += (m / d) * (m / d) * covariance[3][3] - 2 * (m / d) * covariance[2][3];
      model.product_se = std::sqrt(covariance[3][3]) / d;
    }
    model.group_se = std::sqrt(variance);
  }
  return model;
}

DifClass ClassOf(double r2, bool significant, double moderate, double large) {
  if (!significant || r2 < moderate) return DifClass::kA;
  return r2 < large ? DifClass::kB : DifClass::kC;
}

LogisticDifItem Test(const Design& design, LogisticKind kind, double significance) {
  LogisticDifItem item;
  if (design.right == 0 || design.right == design.persons) {
    item.reason = "NO_VARIANCE";
    return item;
  }
  if (design.deviation > 0) {
    item.score_model = Fit(design, 2);
    item.group_model = Fit(design, 3);
    item.product_model = Fit(design, 4);
  }
  if (!item.score_model || !item.group_model || !item.product_model) {
    item.reason = "SCORE_WITHOUT_VARIANCE";
    return item;
  }
  const double d0 = item.score_model->deviance, d1 = item.group_model->deviance,
               d2 = item.product_model->deviance;
  // Nested models: what is below 0 is the last digit of a sum.
  item.chi_uniform = std::max(0.0, d0 - d1);
  item.chi_nonuniform = std::max(0.0, d1 - d2);
  item.chi_both = std::max(0.0, d0 - d2);
  item.p_uniform = ChiSquareSurvival(*item.chi_uniform, 1);
  item.p_nonuniform = ChiSquareSurvival(*item.chi_nonuniform, 1);
  item.p_both = ChiSquareSurvival(*item.chi_both, 2);
  const bool uniform = kind == LogisticKind::kUniform, both = kind == LogisticKind::kBoth;
  item.chi_square = both ? item.chi_both : uniform ? item.chi_uniform : item.chi_nonuniform;
  item.p_value = both ? item.p_both : uniform ? item.p_uniform : item.p_nonuniform;
  item.flagged = *item.p_value < significance;

  const double n = design.persons, share = design.right / n;
  const double null = -2 * n * (share * std::log(share) + (1 - share) * std::log1p(-share));
  const auto nagelkerke = [&](double deviance) {
    return -std::expm1((deviance - null) / n) / -std::expm1(-null / n);
  };
  item.delta_r2 = std::max(
      0.0, nagelkerke(uniform ? d1 : d2) - nagelkerke(kind == LogisticKind::kNonuniform ? d1 : d0));
  item.jodoin_gierl = ClassOf(*item.delta_r2, item.flagged, 0.035, 0.07);
  item.zumbo_thomas = ClassOf(*item.delta_r2, item.flagged, 0.13, 0.26);
  if (item.group_model->separated) {
    item.reason = "SEPARATED";
    return item;
  }
  item.odds_ratio = std::exp(-item.group_model->group);
  item.delta = 2.35 * item.group_model->group;
  if (item.product_model->separated || item.score_model->separated) item.reason = "SEPARATED";
  return item;
}

}  // namespace

absl::StatusOr<LogisticDifResult> LogisticDif(const DifData& data, const DifOptions& options,
                                              LogisticKind kind) {
  LogisticDifResult result;
  result.items.resize(data.items);
  auto purification = RunDif(data, options, [&](size_t item, std::span<const int> score) {
    result.items[item] = Test(DesignOf(data, item, score), kind, options.significance);
    return result.items[item].flagged;
  });
  if (!purification.ok()) return purification.status();
  result.purification = *std::move(purification);
  return result;
}

}  // namespace invigil::scoring
