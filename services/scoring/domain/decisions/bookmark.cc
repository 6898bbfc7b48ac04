#include "services/scoring/domain/decisions/bookmark.h"

#include <algorithm>
#include <cmath>

#include "common/error/error.h"

namespace invigil::scoring {

absl::StatusOr<BookmarkResult> Bookmark(std::span<const ItemParameters> items,
                                        std::span<const int> pages,
                                        const BookmarkOptions& options) {
  const double rp = options.response_probability;
  if (!(rp > 0 && rp < 1) || !(options.d > 0) || !std::isfinite(options.d)) {
    return InvalidArgument("BOOKMARK_OPTIONS",
                           "the response probability must lie between 0 and 1 and D be above 0");
  }
  if (items.empty()) return InvalidArgument("ITEMS_EMPTY", "give at least one item");
  if (pages.size() < 2) {
    return InvalidArgument("BOOKMARKS_EMPTY", "give the bookmarks of two judges or more");
  }
  BookmarkResult result;
  std::vector<ItemParameters> logistic(items.begin(), items.end());
  for (size_t i = 0; i < items.size(); ++i) {
    const ItemParameters& item = items[i];
    if (!IsValid(item)) {
      return InvalidArgument("ITEM_PARAMETERS_INVALID",
                             "item " + std::to_string(i + 1) +
                                 " needs a finite a above 0, a finite b and g in [0, 1)");
    }
    if (!(rp > item.lower_asymptote)) {
      return InvalidArgument("BOOKMARK_UNREACHABLE",
                             "guessing alone gives item " + std::to_string(i + 1) +
                                 " the response probability; leave it out or ask for a higher one");
    }
    logistic[i].slope *= options.d;
    const double odds = (rp - item.lower_asymptote) / (1 - rp);
    result.booklet.push_back({i, item.difficulty + std::log(odds) / logistic[i].slope});
  }
  std::stable_sort(
      result.booklet.begin(), result.booklet.end(),
      [](const OrderedItem& a, const OrderedItem& b) { return a.location < b.location; });

  const int last = static_cast<int>(items.size()) + (options.place == BookmarkPlace::kPrevious);
  const int first = options.place == BookmarkPlace::kMarked ? 1 : 2;
  for (size_t judge = 0; judge < pages.size(); ++judge) {
    if (pages[judge] < first || pages[judge] > last) {
      return InvalidArgument("BOOKMARK_PAGE", "judge " + std::to_string(judge + 1) +
                                                  " needs a page from " + std::to_string(first) +
                                                  " to " + std::to_string(last));
    }
    const auto page = static_cast<size_t>(pages[judge]);
    const auto location = [&](size_t p) { return result.booklet[p - 1].location; };
    result.judge_theta.push_back(options.place == BookmarkPlace::kMarked ? location(page)
                                 : options.place == BookmarkPlace::kPrevious
                                     ? location(page - 1)
                                     : 0.5 * (location(page - 1) + location(page)));
  }
  const auto judges = static_cast<double>(pages.size());
  double mean = 0;
  for (double theta : result.judge_theta) mean += theta / judges;
  for (double theta : result.judge_theta) {
    result.sd += (theta - mean) * (theta - mean) / (judges - 1);
  }
  result.sd = std::sqrt(result.sd);
  result.se = result.sd / std::sqrt(judges);
  std::vector<double> sorted = result.judge_theta;
  std::sort(sorted.begin(), sorted.end());
  const size_t half = sorted.size() / 2;
  const double median =
      sorted.size() % 2 == 1 ? sorted[half] : 0.5 * (sorted[half - 1] + sorted[half]);
  result.theta_cut = options.median ? median : mean;
  result.raw_cut = ExpectedNumberCorrect(logistic, result.theta_cut);
  return result;
}

}  // namespace invigil::scoring
