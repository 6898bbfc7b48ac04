#include "services/scoring/domain/classical/analysis.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "services/scoring/domain/classical/flags.h"
#include "services/scoring/domain/numerics/distributions.h"

namespace invigil::scoring::classical {
namespace {

absl::Status Check(const Choices& choices, const FlagRules& rules) {
  const size_t items = choices.items.size();
  const auto options = static_cast<int>(choices.options.size());
  const bool keyed = std::all_of(choices.key.begin(), choices.key.end(),
                                 [&](int16_t o) { return o >= 0 && o < options; });
  const bool chosen = std::all_of(choices.cells.begin(), choices.cells.end(),
                                  [&](int16_t o) { return o >= kOmitted && o < options; });
  if (choices.cells.size() != choices.persons * items || choices.key.size() != items || !keyed ||
      !chosen) {
    return InvalidArgument("CHOICES_INVALID",
                           "choices and key do not fit the persons, items and options; give one "
                           "choice per person and item, and one option as the key of each item");
  }
  if (items < 2) {
    return InvalidArgument("ITEMS_TOO_FEW",
                           absl::StrCat(items, " items have no reliability; give two at least"));
  }
  if (choices.persons < 2) {
    return InvalidArgument("PERSONS_TOO_FEW", absl::StrCat(choices.persons,
                                                           " persons have no variance; give two "
                                                           "at least"));
  }
  const bool ordered =
      rules.p_hold_low <= rules.p_review_low && rules.p_review_low <= rules.p_review_high &&
      rules.p_review_high <= rules.p_hold_high && rules.correlation_hold <= rules.correlation_low &&
      rules.group_share > 0 && rules.group_share <= 0.5 && rules.distractor_share >= 0;
  if (ordered) return absl::OkStatus();
  return InvalidArgument("FLAG_RULES_INVALID",
                         "the bounds of the flags are not in order; hold low, review low, review "
                         "high, hold high rise, and groups are at most half");
}

// Correlation of a 0/1 variable, given as its count and the sums over its persons, with `rest`.
struct Sums {
  double n = 0, sum = 0, squares = 0;  // of the other variable over all persons
};
std::optional<double> PointBiserial(double count, double sum_of_chosen, const Sums& other) {
  const double var_other = other.squares - other.sum * other.sum / other.n;
  const double var_choice = count - count * count / other.n;
  // A variance that rounding left is none: the sums are whole numbers.
  if (!(var_choice > 1e-9) || !(var_other > 1e-9)) return std::nullopt;
  return (sum_of_chosen - count * other.sum / other.n) / std::sqrt(var_choice * var_other);
}

// The totals above (or below) which a share of the persons lies, ties taken in.
struct Groups {
  uint32_t upper_from = 0, lower_to = 0;
  size_t upper = 0, lower = 0;
};
Groups Split(const std::vector<uint32_t>& totals, double share) {
  std::vector<uint32_t> sorted = totals;
  std::sort(sorted.begin(), sorted.end());
  const auto size =
      static_cast<size_t>(std::ceil(share * static_cast<double>(totals.size()) - 1e-9));
  const size_t edge = std::max<size_t>(size, 1) - 1;
  Groups groups{.upper_from = sorted[sorted.size() - 1 - edge], .lower_to = sorted[edge]};
  for (uint32_t total : totals) {
    groups.upper += total >= groups.upper_from ? 1 : 0;
    groups.lower += total <= groups.lower_to ? 1 : 0;
  }
  return groups;
}

struct Tally {
  double count = 0, totals = 0, rests = 0;
  size_t upper = 0, lower = 0;
};

struct Scores {
  std::vector<uint32_t> totals;
  Sums sums;  // of the totals
  Groups groups;
};

Scores Score(const Choices& choices, double group_share) {
  Scores scores{.totals = std::vector<uint32_t>(choices.persons, 0)};
  const size_t items = choices.items.size();
  for (size_t person = 0; person < choices.persons; ++person) {
    const int16_t* row = &choices.cells[person * items];
    for (size_t item = 0; item < items; ++item) {
      scores.totals[person] += row[item] == choices.key[item] ? 1 : 0;
    }
    const double total = scores.totals[person];
    scores.sums.sum += total;
    scores.sums.squares += total * total;
  }
  scores.sums.n = static_cast<double>(choices.persons);
  scores.groups = Split(scores.totals, group_share);
  return scores;
}

ItemStatistics AnalyzeItem(const Choices& choices, const Scores& scores, size_t item) {
  const int16_t key = choices.key[item];
  std::vector<Tally> tallies(choices.options.size());
  ItemStatistics result{.item = choices.items[item]};
  Sums rest{.n = scores.sums.n};
  for (size_t person = 0; person < choices.persons; ++person) {
    const int16_t option = choices.at(person, item);
    const uint32_t total = scores.totals[person];
    const uint32_t others = total - (option == key ? 1 : 0);
    rest.sum += others;
    rest.squares += static_cast<double>(others) * others;
    if (option == kOmitted) {
      ++result.omitted;
      continue;
    }
    Tally& tally = tallies[static_cast<size_t>(option)];
    tally.count += 1;
    tally.totals += total;
    tally.rests += others;
    tally.upper += total >= scores.groups.upper_from ? 1 : 0;
    tally.lower += total <= scores.groups.lower_to ? 1 : 0;
  }
  for (size_t o = 0; o < tallies.size(); ++o) {
    const Tally& tally = tallies[o];
    const bool is_key = static_cast<int16_t>(o) == key;
    if (tally.count == 0 && !is_key) continue;
    OptionStatistics option{.option = choices.options[o],
                            .is_key = is_key,
                            .count = static_cast<size_t>(tally.count),
                            .share = tally.count / scores.sums.n,
                            .point_biserial_rest = PointBiserial(tally.count, tally.rests, rest)};
    if (tally.count > 0) option.mean_total = tally.totals / tally.count;
    option.upper_share =
        static_cast<double>(tally.upper) / static_cast<double>(scores.groups.upper);
    option.lower_share =
        static_cast<double>(tally.lower) / static_cast<double>(scores.groups.lower);
    if (is_key) {
      result.p = option.share;
      result.point_biserial = PointBiserial(tally.count, tally.totals, scores.sums);
      result.corrected_point_biserial = option.point_biserial_rest;
      result.p_upper = option.upper_share;
      result.p_lower = option.lower_share;
      result.discrimination = result.p_upper - result.p_lower;
    }
    result.options.push_back(std::move(option));
  }
  if (result.corrected_point_biserial) {
    result.biserial = *result.corrected_point_biserial * std::sqrt(result.p * (1 - result.p)) /
                      NormalDensity(NormalQuantile(result.p));
  }
  return result;
}

double Alpha(double items, double item_variances, double variance) {
  return items / (items - 1) * (1 - item_variances / variance);
}

}  // namespace

absl::StatusOr<Analysis> Analyze(const Choices& choices, const FlagRules& rules) {
  INVIGIL_RETURN_IF_ERROR(Check(choices, rules));
  const Scores scores = Score(choices, rules.group_share);
  const double n = scores.sums.n;
  const auto items = static_cast<double>(choices.items.size());
  const double variance = (scores.sums.squares - scores.sums.sum * scores.sums.sum / n) / n;
  if (!(variance > 1e-12)) {
    return FailedPrecondition("ZERO_VARIANCE",
                              "every person has the same total, so that there is neither "
                              "reliability nor correlation; check the key, or use more persons");
  }
  Analysis analysis;
  double item_variances = 0;
  for (size_t item = 0; item < choices.items.size(); ++item) {
    analysis.items.push_back(AnalyzeItem(choices, scores, item));
    const double p = analysis.items.back().p;
    item_variances += p * (1 - p);
  }
  TestStatistics& test = analysis.test;
  test.persons = choices.persons;
  test.items = choices.items.size();
  test.mean = scores.sums.sum / n;
  test.deviation = std::sqrt(variance * n / (n - 1));
  test.alpha = test.kr20 = Alpha(items, item_variances, variance);
  test.kr21 = items / (items - 1) * (1 - test.mean * (items - test.mean) / (items * variance));
  test.sem = test.deviation * std::sqrt(1 - test.alpha);
  test.upper_count = scores.groups.upper;
  test.lower_count = scores.groups.lower;
  test.frequencies.assign(choices.items.size() + 1, 0);
  for (uint32_t total : scores.totals) ++test.frequencies[total];

  for (ItemStatistics& item : analysis.items) {
    if (items > 2) {
      // var(rest) = var(total) + var(item) - 2 cov(item, total).
      const double own = item.p * (1 - item.p);
      const double covariance =
          item.point_biserial ? *item.point_biserial * std::sqrt(own * variance) : 0;
      const double rest = variance + own - 2 * covariance;
      if (rest > 1e-12) item.alpha_if_deleted = Alpha(items - 1, item_variances - own, rest);
    }
    item.flags = FlagsOf(item, rules);
  }
  return analysis;
}

ConditionalErrors ConditionalErrorsOf(const TestStatistics& test) {
  ConditionalErrors errors;
  const auto items = static_cast<double>(test.items);
  const double ratio = (1 - test.kr20) / (1 - test.kr21);
  for (size_t x = 0; x <= test.items; ++x) {
    const auto raw = static_cast<double>(x);
    const double lord = std::sqrt(raw * (items - raw) / (items - 1));
    errors.lord.push_back(lord);
    if (std::isfinite(ratio) && ratio >= 0) errors.keats.push_back(lord * std::sqrt(ratio));
  }
  return errors;
}

}  // namespace invigil::scoring::classical
