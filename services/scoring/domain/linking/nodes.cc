// Nodes of abilities.
#include <cmath>

#include "services/scoring/domain/linking/link.h"

namespace invigil::scoring::linking {

// Newton on the orthonormal Hermite functions, from the outermost root inwards (the recurrence of
// the orthonormal polynomials does not overflow).
AbilityNodes GaussHermite(int count) {
  const auto n = static_cast<size_t>(count);
  AbilityNodes nodes{std::vector<double>(n), std::vector<double>(n)};
  // Value and derivative at x of the orthonormal polynomial of degree n under the density
  // exp(-x^2 / 2) / sqrt(2 pi): h_{k+1} sqrt(k+1) = x h_k - sqrt(k) h_{k-1}, h_n' = sqrt(n)
  // h_{n-1}.
  const auto evaluate = [count](double x) {
    double before = 0, value = 1;
    for (int k = 0; k < count; ++k) {
      const double next = (x * value - std::sqrt(static_cast<double>(k)) * before) /
                          std::sqrt(static_cast<double>(k) + 1);
      before = value;
      value = next;
    }
    return std::pair(value, std::sqrt(static_cast<double>(count)) * before);
  };
  // Roots alternate in sign of the polynomial: scan inwards from a bound of the largest root, halve
  // the bracket found, then polish.
  const double bound = std::sqrt(4.0 * count + 2);
  const double step = 0.2 / std::sqrt(static_cast<double>(count));
  size_t found = 0;
  double right = bound;
  double at_right = evaluate(right).first;
  while (found < n && right > -bound) {
    const double left = right - step;
    const double at_left = evaluate(left).first;
    if ((at_left < 0) != (at_right < 0)) {
      double low = left, high = right;
      for (int i = 0; i < 30; ++i) {
        const double middle = 0.5 * (low + high);
        ((evaluate(middle).first < 0) == (at_left < 0) ? low : high) = middle;
      }
      double root = 0.5 * (low + high);
      for (int i = 0; i < 3; ++i) {
        const auto [value, derivative] = evaluate(root);
        root -= value / derivative;
      }
      const double derivative = evaluate(root).second;
      nodes.points[n - 1 - found] = root;
      // w = 1 / (n h_{n-1}(x)^2) for orthonormal h under a density of mass 1.
      nodes.weights[n - 1 - found] = 1 / (derivative * derivative);
      ++found;
    }
    right = left;
    at_right = at_left;
  }
  for (size_t i = 0; i < n / 2; ++i) {  // exactly symmetric
    const double point = 0.5 * (nodes.points[n - 1 - i] - nodes.points[i]);
    const double weight = 0.5 * (nodes.weights[n - 1 - i] + nodes.weights[i]);
    nodes.points[i] = -point;
    nodes.points[n - 1 - i] = point;
    nodes.weights[i] = nodes.weights[n - 1 - i] = weight;
  }
  if (n % 2 == 1) nodes.points[n / 2] = 0;
  return nodes;
}

AbilityNodes Uniform(int count, double low, double high) {
  AbilityNodes nodes;
  for (int i = 0; i < count; ++i) {
    nodes.points.push_back(low + (high - low) * i / (count - 1));
    nodes.weights.push_back(1.0 / count);
  }
  return nodes;
}

AbilityNodes NormalGrid(int count, double low, double high) {
  AbilityNodes nodes = Uniform(count, low, high);
  double sum = 0;
  for (size_t i = 0; i < nodes.points.size(); ++i) {
    nodes.weights[i] = std::exp(-0.5 * nodes.points[i] * nodes.points[i]);
    sum += nodes.weights[i];
  }
  for (double& weight : nodes.weights) weight /= sum;
  return nodes;
}

}  // namespace invigil::scoring::linking
