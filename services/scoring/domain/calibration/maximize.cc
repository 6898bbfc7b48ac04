#include "services/scoring/domain/calibration/maximize.h"

#include <algorithm>
#include <cmath>
#include <deque>

namespace invigil::scoring {
namespace {

using Vector = std::vector<double>;

constexpr size_t kMemory = 12;
constexpr double kLongestStep = 1.0;  // of any parameter, in logits or slopes

double Dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

Vector Plus(const Vector& a, double factor, const Vector& b) {
  Vector sum = a;
  for (size_t i = 0; i < a.size(); ++i) sum[i] += factor * b[i];
  return sum;
}

struct Update {
  Vector step, change;  // of the parameters, and minus that of the gradient
  double rho;
};

Vector Direction(const MarginalLikelihood& likelihood, const Evaluation& at,
                 const std::deque<Update>& memory) {
  Vector q = at.gradient;
  Vector alpha(memory.size());
  for (size_t i = memory.size(); i-- > 0;) {
    alpha[i] = memory[i].rho * Dot(memory[i].step, q);
    q = Plus(q, -alpha[i], memory[i].change);
  }
  Vector direction = likelihood.Precondition(at, q);
  for (size_t i = 0; i < memory.size(); ++i) {
    const double beta = memory[i].rho * Dot(memory[i].change, direction);
    direction = Plus(direction, alpha[i] - beta, memory[i].step);
  }
  return direction;
}

void Shorten(Vector& direction) {
  double longest = 0;
  for (const double part : direction) longest = std::max(longest, std::abs(part));
  if (longest <= kLongestStep) return;
  for (double& part : direction) part *= kLongestStep / longest;
}

}  // namespace

ClimbResult Climb(MarginalLikelihood& likelihood, Vector start, double tolerance,
                  int max_iterations, const std::function<bool(int, double, double)>& go_on) {
  ClimbResult result;
  result.parameters = std::move(start);
  likelihood.Evaluate(result.parameters, result.at);
  result.evaluations = 1;
  std::deque<Update> memory;
  Evaluation trial;
  while (true) {
    Vector direction = Direction(likelihood, result.at, memory);
    double slope = Dot(direction, result.at.gradient);
    if (!(slope > 0) && !memory.empty()) {
      memory.clear();
      direction = Direction(likelihood, result.at, memory);
      slope = Dot(direction, result.at.gradient);
    }
    const double promised = 0.5 * slope;
    if (!go_on(result.iterations, result.at.objective, promised)) {
      result.cancelled = true;
      return result;
    }
    // A direction without memory is one of EM, which promises less than there is.
    const bool informed = !memory.empty();
    if (promised < (informed ? tolerance : 1e-3 * tolerance)) {
      result.converged = true;
      return result;
    }
    if (result.iterations >= max_iterations) return result;
    Shorten(direction);
    slope = Dot(direction, result.at.gradient);
    // What rounding of a sum of that size can hide.
    const double noise = 1e-13 * std::abs(result.at.objective);
    bool better = false;
    double length = 1;
    Vector parameters;
    for (int halvings = 0; halvings < 30 && !better; ++halvings) {
      parameters = Plus(result.parameters, length, direction);
      likelihood.Evaluate(parameters, trial);
      ++result.evaluations;
      const double gain = trial.objective - result.at.objective;
      better = std::isfinite(trial.objective) && gain >= 1e-4 * length * slope - noise;
      if (better) break;
      // The maximum of the parabola through what is known, kept sensible.
      const double curve = 2 * (length * slope - gain);
      const double best = curve > 0 ? length * length * slope / curve : 0.5 * length;
      length = std::clamp(std::isfinite(best) ? best : 0, 0.1 * length, 0.5 * length);
    }
    if (!better) {
      if (memory.empty()) {
        result.converged = promised < std::max(1e-6, 10 * noise);
        return result;
      }
      memory.clear();
      continue;
    }
    Update update;
    update.step = Plus(parameters, -1, result.parameters);
    update.change = Plus(result.at.gradient, -1, trial.gradient);
    const double curvature = Dot(update.step, update.change);
    if (curvature >
        1e-10 * std::sqrt(Dot(update.step, update.step) * Dot(update.change, update.change))) {
      update.rho = 1 / curvature;
      memory.push_back(std::move(update));
      if (memory.size() > kMemory) memory.pop_front();
    }
    result.parameters = std::move(parameters);
    std::swap(result.at, trial);
    ++result.iterations;
  }
}

}  // namespace invigil::scoring
