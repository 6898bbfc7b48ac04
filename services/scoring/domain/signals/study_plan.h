// Where study time pays: weight x gap x evidence, down to task statements, in whole minutes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "services/scoring/domain/signals/evidence.h"

namespace invigil::scoring {

// A task statement, or a whole domain.
struct StudyTopic {
  std::string id;
  double weight = 0;  // of a domain: its share of the exam; of a task: within its domain
  // How far the learner is below the target, as a share of the questions, in [0, 1].
  double gap = 0;
  size_t items = 0;  // first-seen answers behind the gap
};

struct StudyDomain {
  StudyTopic topic;
  std::vector<StudyTopic> tasks;  // may be empty
};

// A blueprint: ids and weights of domains and of their tasks (`gap` and `items` are ignored).
// Fills gap and items from first-seen operational answers of any practice: the share right that
// somebody of ability `target` is expected to have on the same items, less the learner's own, 0
// when the learner has more. Without answers the gap is 0 and so is `items`. Errors,
// INVALID_ARGUMENT: DOMAIN_UNKNOWN, TASK_UNKNOWN (of a domain that has tasks),
// ITEM_PARAMETERS_INVALID, TARGET_INVALID (not a number).
absl::StatusOr<std::vector<StudyDomain>> GapsOf(std::span<const PracticeResponse> responses,
                                                std::vector<StudyDomain> blueprint, double target);

struct PlanOptions {
  int64_t minutes = 600;
  // A topic without evidence counts as if it had this gap: with no evidence at all, time goes by
  // weight alone.
  double prior_gap = 0.15;
  // So many answers count as much as the prior (regression to the prior: Kelley 1947).
  double prior_items = 10;
};

struct PlannedTask {
  std::string id;
  int64_t minutes = 0;
};

struct PlannedDomain {
  std::string id;
  double evidence = 0;      // items / (items + prior_items), in [0, 1)
  double believed_gap = 0;  // evidence x gap + (1 - evidence) x prior_gap
  double share = 0;         // of the time, before whole minutes
  int64_t minutes = 0;
  std::vector<PlannedTask> tasks;  // in the order given; their minutes sum to the domain's
};

// Minutes sum to the budget exactly. They are handed out by the divisor method of Sainte-Lague,
// which unlike largest remainders is monotone: a larger gap of one topic, all else equal, never
// gives that topic less (Balinski & Young 1982). Equal claims go to the larger weight, then to the
// first. Errors, INVALID_ARGUMENT: PLAN_OPTIONS (minutes below 1, a prior gap outside (0, 1],
// negative prior items), PLAN_TOPIC (no domain, an id twice, a negative or infinite weight, all
// weights 0, a gap outside [0, 1]).
absl::StatusOr<std::vector<PlannedDomain>> PlanStudy(std::span<const StudyDomain> domains,
                                                     const PlanOptions& options = {});

// A missed item and how often its task was answered right on other items since.
struct MissedItem {
  std::string item_id, task_id;
  Time missed_at;
  size_t right_since = 0;
  Time last_at;  // of the last answer to the task; the miss itself when there was none
};

struct DueRetest {
  std::string task_id;      // retest on a sibling: another item of this task
  std::string not_item_id;  // never this one: repeating it would test memory of it
  Time due_at;
};

// Intervals widen with success: 1, 3, 7, 16, 35 days; after five right answers in a row a miss is
// settled (spacing: Cepeda et al. 2008). What is due at `now`, the longest overdue first.
std::vector<DueRetest> RetestsDue(std::span<const MissedItem> misses, Time now);

}  // namespace invigil::scoring
