// Classical item and test analysis of option choices against a key, before anything is scored for
// good: what key validation and item review look at. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace invigil::scoring::classical {

// What persons chose. An option is a number into `options`; kOmitted is no answer, which counts as
// wrong.
inline constexpr int16_t kOmitted = -1;
struct Choices {
  size_t persons = 0;
  std::vector<std::string> items;    // names
  std::vector<std::string> options;  // names, shared by all items
  std::vector<int16_t> cells;        // persons x items, row by row
  std::vector<int16_t> key;          // one option per item

  int16_t at(size_t person, size_t item) const { return cells[person * items.size() + item]; }
};

// Bounds of the flags; defaults of the programmes' practice. p and correlations are shares.
struct FlagRules {
  double p_hold_low = 0.20, p_review_low = 0.30;    // below: hold, review
  double p_review_high = 0.90, p_hold_high = 0.95;  // from 0.90 on: review; above 0.95: hold
  double correlation_low = 0.15;                    // corrected point-biserial below: flag
  double correlation_hold = 0.0;                    // below: hold
  double distractor_share = 0.02;                   // options chosen by fewer are not judged
  double group_share = 0.27;                        // of the upper and the lower group
};

// Names that do not change. Hold: keep the item out of the score until a person decided.
inline constexpr std::string_view kFlagPReview = "P_REVIEW";
inline constexpr std::string_view kFlagPHold = "P_HOLD";
inline constexpr std::string_view kFlagCorrelationLow = "CORRELATION_LOW";
inline constexpr std::string_view kFlagCorrelationHold = "CORRELATION_HOLD";
// A wrong option whose choosers do well on the rest.
inline constexpr std::string_view kFlagDistractorPositive = "DISTRACTOR_POSITIVE";
// A wrong option that separates better than the key, or that more of the upper group choose.
inline constexpr std::string_view kFlagKeySuspect = "KEY_SUSPECT";
// Everybody right or everybody wrong.
inline constexpr std::string_view kFlagNoVariance = "NO_VARIANCE";

struct OptionStatistics {
  std::string option;
  bool is_key = false;
  size_t count = 0;
  double share = 0;  // of all persons
  // Of choosing it with the score on the other items. Unset where nobody or everybody chose it, or
  // the rest has no variance.
  std::optional<double> point_biserial_rest;
  std::optional<double> mean_total;  // of those who chose it
  double upper_share = 0, lower_share = 0;
};

struct ItemStatistics {
  std::string item;
  double p = 0;  // share of right answers
  size_t omitted = 0;
  std::optional<double> point_biserial;            // with the total, the item included
  std::optional<double> corrected_point_biserial;  // with the score on the other items
  // The corrected one as that of a normal trait behind the answer: r sqrt(p q) / phi(z_p).
  std::optional<double> biserial;
  double discrimination = 0;  // p of the upper group less p of the lower
  double p_upper = 0, p_lower = 0;
  std::optional<double> alpha_if_deleted;
  std::vector<OptionStatistics> options;  // those of the form chosen by somebody, and the key
  std::vector<std::string_view> flags;
};

struct TestStatistics {
  size_t persons = 0, items = 0;
  double mean = 0, deviation = 0;  // n - 1
  double alpha = 0;                // coefficient alpha, for right and wrong the same as KR-20
  double kr20 = 0;
  double kr21 = 0;                          // n in the variance
  double sem = 0;                           // deviation sqrt(1 - alpha)
  size_t upper_count = 0, lower_count = 0;  // of the groups, ties taken in
  std::vector<size_t> frequencies;          // of totals 0..items
};

struct Analysis {
  TestStatistics test;
  std::vector<ItemStatistics> items;
};

// Errors. INVALID_ARGUMENT: CHOICES_INVALID (sizes that do not fit, an option that is none),
// PERSONS_TOO_FEW (fewer than 2), ITEMS_TOO_FEW (fewer than 2), FLAG_RULES_INVALID;
// FAILED_PRECONDITION ZERO_VARIANCE (every total alike: no reliability, no correlations).
absl::StatusOr<Analysis> Analyze(const Choices& choices, const FlagRules& rules = {});

// The conditional standard error of measurement at every raw score 0..items.
struct ConditionalErrors {
  // Lord (1955, 1957): binomial, sqrt(x (J - x) / (J - 1)).
  std::vector<double> lord;
  // Keats (1957): Lord's, scaled so that their mean square agrees with KR-20. Empty where KR-21 is
  // 1 or KR-20 is above 1.
  std::vector<double> keats;
};
ConditionalErrors ConditionalErrorsOf(const TestStatistics& test);

// How long persons took, in seconds.
struct TimeSummary {
  size_t count = 0;  // persons with a time
  double median = 0, mean = 0, lower_quartile = 0, upper_quartile = 0;
  double rapid_share = 0;  // faster than the threshold
};
// `seconds` may hold NaN where there is no time. The threshold of a rapid guess is a tenth of the
// mean time, at most ten seconds (Wise & Ma 2012, NT10). Errors: INVALID_ARGUMENT TIME_INVALID
// (negative or infinite), TIMES_EMPTY.
absl::StatusOr<TimeSummary> SummarizeTimes(std::span<const double> seconds);

}  // namespace invigil::scoring::classical
