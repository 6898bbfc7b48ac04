#include "services/scoring/domain/signals/diagnostic.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/error/error.h"
#include "services/scoring/domain/numerics/distributions.h"

namespace invigil::scoring {
namespace {

// Nodes of theta and of delta in units of their deviations.
constexpr int kThetaNodes = 41, kDeltaNodes = 41;
constexpr double kReach = 4;

double Standard(int node, int nodes) { return -kReach + 2 * kReach * node / (nodes - 1); }

absl::Status Check(std::span<const PracticeResponse> responses,
                   std::span<const ItemParameters> exam, std::span<const std::string> domain_names,
                   const DiagnosticOptions& options) {
  const bool good = std::isfinite(options.prior_mean) && options.prior_sd > 0 &&
                    options.prior_sd <= 10 && options.domain_sd > 0 && options.domain_sd <= 10 &&
                    options.name_at > 0 && options.name_at <= 1 && options.interval > 0 &&
                    options.interval < 1;
  if (!good) {
    return InvalidArgument(
        "DIAGNOSTIC_OPTIONS",
        "deviations lie above 0 and at most at 10, probabilities between 0 and 1");
  }
  if (domain_names.size() < 2) {
    return InvalidArgument("DOMAINS_TOO_FEW", "with fewer than two domains there is no weakest");
  }
  if (exam.empty() || !std::all_of(exam.begin(), exam.end(), IsValid)) {
    return InvalidArgument("EXAM_INVALID", "the exam needs valid items");
  }
  size_t operational = 0;
  for (const PracticeResponse& response : responses) {
    if (!response.operational) continue;
    ++operational;
    if (response.domain >= domain_names.size()) {
      return InvalidArgument("DOMAIN_UNKNOWN", "a response names domain " +
                                                   std::to_string(response.domain + 1) + " of " +
                                                   std::to_string(domain_names.size()));
    }
    if (!IsValid(response.irt)) {
      return InvalidArgument("ITEM_PARAMETERS_INVALID",
                             "an item needs a above 0, a finite b and g in [0, 1)");
    }
  }
  if (operational == 0) {
    return InvalidArgument("DIAGNOSTIC_EMPTY", "give the answers to scored items");
  }
  return absl::OkStatus();
}

// Held so that a product of two is neither 0 times infinity nor infinite.
double Exponential(double x) { return std::exp(std::clamp(x, -300.0, 300.0)); }

// Joint weight of theta node and what each domain says there.
class Posterior {
 public:
  Posterior(std::span<const PracticeResponse> responses, size_t domains,
            const DiagnosticOptions& options)
      : weakest_(domains, 0) {
    std::vector<double> prior(kDeltaNodes);
    double all = 0;
    for (int k = 0; k < kDeltaNodes; ++k) {
      prior[k] = NormalDensity(Standard(k, kDeltaNodes));
      all += prior[k];
    }
    for (double& p : prior) p /= all;
    // exp(-a (theta + delta - b)) is one factor of theta times one of delta.
    std::vector<std::vector<double>> delta_factor;
    for (const PracticeResponse& response : responses) {
      delta_factor.emplace_back(kDeltaNodes);
      for (int k = 0; k < kDeltaNodes; ++k) {
        delta_factor.back()[k] =
            Exponential(-response.irt.slope * options.domain_sd * Standard(k, kDeltaNodes));
      }
    }
    double theta_prior = 0;
    for (int q = 0; q < kThetaNodes; ++q) {
      const double z = Standard(q, kThetaNodes);
      theta_.push_back(options.prior_mean + options.prior_sd * z);
      // likelihood[d][k]: prior of delta times the answers in domain d.
      std::vector<std::vector<double>> likelihood(domains, prior);
      for (size_t i = 0; i < responses.size(); ++i) {
        const PracticeResponse& response = responses[i];
        if (!response.operational) continue;
        const ItemParameters& item = response.irt;
        const double theta_factor = Exponential(-item.slope * (theta_.back() - item.difficulty));
        for (int k = 0; k < kDeltaNodes; ++k) {
          const double p = item.lower_asymptote +
                           (1 - item.lower_asymptote) / (1 + theta_factor * delta_factor[i][k]);
          likelihood[response.domain][k] *= response.right ? p : 1 - p;
        }
      }
      double weight = NormalDensity(z);
      theta_prior += weight;
      for (auto& l : likelihood) {
        const double sum = std::accumulate(l.begin(), l.end(), 0.0);
        weight *= sum;
        for (double& p : l) p /= sum > 0 ? sum : 1;
      }
      weight_.push_back(weight);
      AddWeakest(likelihood, weight);
    }
    double total = std::accumulate(weight_.begin(), weight_.end(), 0.0);
    explained_ = total > 0;
    if (!explained_) return;
    log_likelihood_ = std::log(total / theta_prior);
    for (double& w : weight_) w /= total;
    total = std::accumulate(weakest_.begin(), weakest_.end(), 0.0);
    for (double& p : weakest_) p /= total;
  }

  const std::vector<double>& theta() const { return theta_; }
  const std::vector<double>& weight() const { return weight_; }
  const std::vector<double>& weakest() const { return weakest_; }
  double log_likelihood() const { return log_likelihood_; }
  bool explained() const { return explained_; }

 private:
  // P(delta_d < every other delta); domains on the same node share it half and half.
  void AddWeakest(const std::vector<std::vector<double>>& density, double weight) {
    std::vector<std::vector<double>> above = density;  // P(delta > node) + half P(delta = node)
    for (auto& tail : above) {
      double sum = 0;
      for (int k = kDeltaNodes - 1; k >= 0; --k) {
        const double here = tail[k];
        tail[k] = sum + 0.5 * here;
        sum += here;
      }
    }
    for (size_t d = 0; d < density.size(); ++d) {
      double least = 0;
      for (int k = 0; k < kDeltaNodes; ++k) {
        double p = density[d][k];
        for (size_t other = 0; other < density.size(); ++other) {
          if (other != d) p *= above[other][k];
        }
        least += p;
      }
      weakest_[d] += weight * least;
    }
  }

  std::vector<double> theta_, weight_, weakest_;
  double log_likelihood_ = 0;
  bool explained_ = false;
};

// Quantile of values that rise with their node.
double Quantile(const std::vector<double>& values, const std::vector<double>& weight, double p) {
  double below = 0;
  for (size_t q = 0; q < values.size(); ++q) {
    const double upto = below + weight[q];
    if (upto >= p) {
      if (q == 0 || weight[q] <= 0) return values[q];
      return values[q - 1] + (values[q] - values[q - 1]) * (p - below) / weight[q];
    }
    below = upto;
  }
  return values.back();
}

WeakestDomain Name(std::vector<double> probability, double name_at) {
  WeakestDomain weakest{.probability = std::move(probability)};
  std::vector<size_t> order(weakest.probability.size());
  std::iota(order.begin(), order.end(), size_t{0});
  // Equal to nine digits is equal: then the blueprint's order decides, on every machine alike.
  const auto rank = [&](size_t d) { return std::round(weakest.probability[d] * 1e9); };
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return rank(a) > rank(b); });
  const double first = weakest.probability[order[0]], second = weakest.probability[order[1]];
  if (first >= name_at) {
    weakest.named = order[0];
  } else if (first + second >= name_at) {
    weakest.likely = {order[0], order[1]};
  }
  return weakest;
}

std::string TextOf(const WeakestDomain& weakest, std::span<const std::string> names) {
  if (weakest.named) return "Weakest so far: " + names[*weakest.named] + ".";
  if (weakest.likely.empty()) return "Not enough evidence to name a weakest domain.";
  return "Not enough evidence to name a weakest domain; likely " + names[weakest.likely[0]] +
         " or " + names[weakest.likely[1]] + ".";
}

}  // namespace

absl::StatusOr<DiagnosticResult> Diagnose(std::span<const PracticeResponse> responses,
                                          std::span<const ItemParameters> exam,
                                          std::span<const std::string> domain_names,
                                          const DiagnosticOptions& options) {
  INVIGIL_RETURN_IF_ERROR(Check(responses, exam, domain_names, options));
  DiagnosticResult result;
  for (const PracticeResponse& response : responses) {
    result.items += response.operational;
    result.right += response.operational && response.right;
  }
  result.percent = 100.0 * static_cast<double>(result.right) / static_cast<double>(result.items);
  const Posterior posterior(responses, domain_names.size(), options);
  if (!posterior.explained()) {
    return FailedPrecondition(
        "ANSWERS_UNEXPLAINED",
        "no ability gives such answers to such items; check their parameters");
  }
  std::vector<double> percent;
  for (double theta : posterior.theta()) {
    percent.push_back(100 * ExpectedNumberCorrect(exam, theta) / static_cast<double>(exam.size()));
  }
  for (size_t q = 0; q < percent.size(); ++q) {
    result.exam_percent += posterior.weight()[q] * percent[q];
  }
  const double tail = (1 - options.interval) / 2;
  result.exam_percent_low = Quantile(percent, posterior.weight(), tail);
  result.exam_percent_high = Quantile(percent, posterior.weight(), 1 - tail);
  result.log_likelihood = posterior.log_likelihood();
  result.weakest = Name(posterior.weakest(), options.name_at);
  result.weakest_text = TextOf(result.weakest, domain_names);
  return result;
}

}  // namespace invigil::scoring
