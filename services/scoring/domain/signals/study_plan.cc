#include "services/scoring/domain/signals/study_plan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "common/error/error.h"

namespace invigil::scoring {
namespace {

absl::Status Check(std::span<const StudyTopic* const> topics, const std::string& where) {
  std::set<std::string> ids;
  double weight = 0;
  for (const StudyTopic* topic : topics) {
    const bool good =
        std::isfinite(topic->weight) && topic->weight >= 0 && topic->gap >= 0 && topic->gap <= 1;
    if (!good || !ids.insert(topic->id).second) {
      return InvalidArgument("PLAN_TOPIC", "topic " + topic->id + where +
                                               " needs an id of its own, a weight of 0 or more and "
                                               "a gap from 0 to 1");
    }
    weight += topic->weight;
  }
  if (weight > 0) return absl::OkStatus();
  return InvalidArgument("PLAN_TOPIC", "no topic" + where + " has any weight");
}

double Evidence(const StudyTopic& topic, const PlanOptions& options) {
  const auto n = static_cast<double>(topic.items);
  return n > 0 ? n / (n + options.prior_items) : 0;
}

double Believed(const StudyTopic& topic, const PlanOptions& options) {
  const double evidence = Evidence(topic, options);
  return evidence * topic.gap + (1 - evidence) * options.prior_gap;
}

// Sainte-Lague: each unit goes to the largest claim / (2 units held + 1).
std::vector<int64_t> HandOut(int64_t units, std::span<const double> claims,
                             std::span<const double> weights) {
  std::vector<int64_t> held(claims.size(), 0);
  double total = 0;
  for (double claim : claims) total += claim;
  if (!(total > 0)) return HandOut(units, weights, weights);
  const auto next = [&](size_t i) { return claims[i] / static_cast<double>(2 * held[i] + 1); };
  const auto last = [&](size_t i) { return claims[i] / static_cast<double>(2 * held[i] - 1); };
  // Starting near the quotas keeps the work small whatever the budget; where that gave somebody too
  // much, the last loop takes it back.
  int64_t out = 0;
  for (size_t i = 0; i < claims.size(); ++i) {
    held[i] = std::max<int64_t>(
        0, static_cast<int64_t>(std::floor(static_cast<double>(units) * claims[i] / total)) - 1);
    out += held[i];
  }
  const auto before = [&](size_t a, size_t b) {  // whether a's claim to a unit beats b's
    if (next(a) != next(b)) return next(a) > next(b);
    return weights[a] != weights[b] ? weights[a] > weights[b] : a < b;
  };
  for (; out < units; ++out) {
    size_t best = 0;
    for (size_t i = 1; i < claims.size(); ++i) {
      if (before(i, best)) best = i;
    }
    ++held[best];
  }
  // Move units until no claim to one beats the claim by which another holds its last.
  for (;;) {
    size_t best = 0, worst = claims.size();
    for (size_t i = 0; i < claims.size(); ++i) {
      if (before(i, best)) best = i;
      if (held[i] > 0 && (worst == claims.size() || last(i) < last(worst))) worst = i;
    }
    if (worst == claims.size() || !(next(best) > last(worst))) break;
    ++held[best];
    --held[worst];
  }
  return held;
}

std::vector<int64_t> HandOut(int64_t units, std::span<const StudyTopic* const> topics,
                             const PlanOptions& options) {
  std::vector<double> claims, weights;
  for (const StudyTopic* topic : topics) {
    claims.push_back(topic->weight * Believed(*topic, options));
    weights.push_back(topic->weight);
  }
  return HandOut(units, claims, weights);
}

}  // namespace

absl::StatusOr<std::vector<StudyDomain>> GapsOf(std::span<const PracticeResponse> responses,
                                                std::vector<StudyDomain> blueprint, double target) {
  if (!std::isfinite(target)) {
    return InvalidArgument("TARGET_INVALID", "the target is an ability in logits");
  }
  for (StudyDomain& domain : blueprint) {
    domain.topic.gap = 0;
    domain.topic.items = 0;
    for (StudyTopic& task : domain.tasks) {
      task.gap = 0;
      task.items = 0;
    }
  }
  // Sums of expected minus own first, shares at the end.
  const auto count = [](StudyTopic& topic, double behind) {
    topic.gap += behind;
    ++topic.items;
  };
  for (const PracticeResponse& response : responses) {
    if (!response.operational || !response.first_seen) continue;
    if (!IsValid(response.irt)) {
      return InvalidArgument("ITEM_PARAMETERS_INVALID",
                             "an item needs a above 0, a finite b and g in [0, 1)");
    }
    if (response.domain >= blueprint.size()) {
      return InvalidArgument("DOMAIN_UNKNOWN", "a response names domain " +
                                                   std::to_string(response.domain + 1) + " of " +
                                                   std::to_string(blueprint.size()));
    }
    StudyDomain& domain = blueprint[response.domain];
    if (!domain.tasks.empty() && response.task >= domain.tasks.size()) {
      return InvalidArgument("TASK_UNKNOWN", "a response names task " +
                                                 std::to_string(response.task + 1) + " of domain " +
                                                 domain.topic.id);
    }
    const double behind = Probability(response.irt, target) - (response.right ? 1 : 0);
    count(domain.topic, behind);
    if (!domain.tasks.empty()) count(domain.tasks[response.task], behind);
  }
  const auto finish = [](StudyTopic& topic) {
    if (topic.items > 0) topic.gap /= static_cast<double>(topic.items);
    topic.gap = std::clamp(topic.gap, 0.0, 1.0);
  };
  for (StudyDomain& domain : blueprint) {
    finish(domain.topic);
    for (StudyTopic& task : domain.tasks) finish(task);
  }
  return blueprint;
}

absl::StatusOr<std::vector<PlannedDomain>> PlanStudy(std::span<const StudyDomain> domains,
                                                     const PlanOptions& options) {
  if (options.minutes < 1 || options.minutes > 10'000'000 ||
      !(options.prior_gap > 0 && options.prior_gap <= 1) || !(options.prior_items >= 0) ||
      !std::isfinite(options.prior_items)) {
    return InvalidArgument("PLAN_OPTIONS",
                           "a plan needs a minute or more, a prior gap above 0 and at most 1, and "
                           "0 or more prior items");
  }
  std::vector<const StudyTopic*> topics;
  for (const StudyDomain& domain : domains) topics.push_back(&domain.topic);
  INVIGIL_RETURN_IF_ERROR(Check(topics, ""));
  const std::vector<int64_t> minutes = HandOut(options.minutes, topics, options);
  double total = 0;
  for (const StudyTopic* topic : topics) total += topic->weight * Believed(*topic, options);

  std::vector<PlannedDomain> plan;
  for (size_t d = 0; d < domains.size(); ++d) {
    const StudyTopic& topic = domains[d].topic;
    PlannedDomain planned{.id = topic.id,
                          .evidence = Evidence(topic, options),
                          .believed_gap = Believed(topic, options),
                          .minutes = minutes[d]};
    planned.share = total > 0 ? topic.weight * planned.believed_gap / total : 0;
    std::vector<const StudyTopic*> tasks;
    for (const StudyTopic& task : domains[d].tasks) tasks.push_back(&task);
    if (!tasks.empty()) {
      INVIGIL_RETURN_IF_ERROR(Check(tasks, " of domain " + topic.id));
      const std::vector<int64_t> parts = HandOut(planned.minutes, tasks, options);
      for (size_t t = 0; t < tasks.size(); ++t) planned.tasks.push_back({tasks[t]->id, parts[t]});
    }
    plan.push_back(std::move(planned));
  }
  return plan;
}

std::vector<DueRetest> RetestsDue(std::span<const MissedItem> misses, Time now) {
  constexpr std::array<int64_t, 5> kDays = {1, 3, 7, 16, 35};
  std::vector<DueRetest> due;
  for (const MissedItem& miss : misses) {
    if (miss.right_since >= kDays.size()) continue;
    const Time at =
        std::max(miss.missed_at, miss.last_at) + std::chrono::hours(24 * kDays[miss.right_since]);
    if (at <= now) due.push_back({miss.task_id, miss.item_id, at});
  }
  std::stable_sort(due.begin(), due.end(),
                   [](const DueRetest& a, const DueRetest& b) { return a.due_at < b.due_at; });
  return due;
}

}  // namespace invigil::scoring
