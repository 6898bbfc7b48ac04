#include "services/scoring/domain/calibration/information.h"

#include <Eigen/Cholesky>
#include <cmath>

namespace invigil::scoring {

std::optional<std::vector<double>> ParameterCovariance(MarginalLikelihood& likelihood,
                                                       const std::vector<double>& parameters,
                                                       const Evaluation& at,
                                                       const std::function<bool()>& go_on,
                                                       bool* cancelled) {
  const auto count = static_cast<Eigen::Index>(parameters.size());
  const std::vector<double> diagonal = likelihood.Diagonal(at);
  Eigen::MatrixXd information(count, count);
  Evaluation above, below;
  std::vector<double> moved = parameters;
  for (size_t j = 0; j < parameters.size(); ++j) {
    if (!go_on()) {
      *cancelled = true;
      return std::nullopt;
    }
    if (!(diagonal[j] > 0)) return std::nullopt;
    const double step = std::min(1e-3 / std::sqrt(diagonal[j]), 0.1);
    moved[j] = parameters[j] + step;
    likelihood.Evaluate(moved, above);
    moved[j] = parameters[j] - step;
    likelihood.Evaluate(moved, below);
    moved[j] = parameters[j];
    for (size_t i = 0; i < parameters.size(); ++i) {
      information(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) =
          (below.gradient[i] - above.gradient[i]) / (2 * step);
    }
  }
  information = (0.5 * (information + information.transpose())).eval();
  // Scaled to a unit diagonal, so that a weak pivot means a weak direction and not a small unit.
  const Eigen::VectorXd scale = information.diagonal().cwiseMax(1e-300).cwiseSqrt().cwiseInverse();
  const Eigen::MatrixXd scaled = scale.asDiagonal() * information * scale.asDiagonal();
  const Eigen::LLT<Eigen::MatrixXd> factor(scaled);
  if (factor.info() != Eigen::Success ||
      factor.matrixLLT().diagonal().cwiseAbs().minCoeff() < 1e-5) {
    return std::nullopt;
  }
  const Eigen::MatrixXd inverse = factor.solve(Eigen::MatrixXd::Identity(count, count));
  std::vector<double> covariance(parameters.size() * parameters.size());
  for (Eigen::Index i = 0; i < count; ++i) {
    for (Eigen::Index j = 0; j < count; ++j) {
      covariance[static_cast<size_t>(i * count + j)] = scale[i] * inverse(i, j) * scale[j];
    }
  }
  return covariance;
}

}  // namespace invigil::scoring
