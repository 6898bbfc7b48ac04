// The Bookmark standard: items in order of difficulty, each judge marks the first one that a
// candidate who just passes would not have right with the response probability (Mitzel, Lewis, Patz
// & Green 2001; Cizek & Bunch 2007, ch. 10).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/irt.h"

namespace invigil::scoring {

// Which ability a marked page stands for.
enum class BookmarkPlace {
  kMarked,    // where the marked item is answered with the response probability
  kPrevious,  // that of the item before: the last one mastered
  kMidpoint,  // halfway
};

struct BookmarkOptions {
  double response_probability = 0.67;  // .50 is usual with the Rasch model
  double d = 1;                        // constant of the logistic: 1, or 1.7
  BookmarkPlace place = BookmarkPlace::kMarked;
  bool median = true;  // of the judges' abilities; else the mean
};

struct OrderedItem {
  size_t item = 0;      // its place among the items given
  double location = 0;  // ability at which P = response probability
};

struct BookmarkResult {
  std::vector<OrderedItem> booklet;  // easiest first; equal locations in the order given
  std::vector<double> judge_theta;   // one a judge
  double theta_cut = 0;
  double sd = 0, se = 0;  // of the judges' abilities; se = sd / sqrt(judges)
  double raw_cut = 0;     // number correct expected at theta_cut, unrounded
};

// `pages` are the judges' marks: 1 is the first page of the booklet; items.size() + 1 (no item is
// too hard) is allowed with kPrevious, and page 1 is not, there being no item before. Errors,
// INVALID_ARGUMENT: ITEMS_EMPTY, ITEM_PARAMETERS_INVALID, BOOKMARK_OPTIONS (a probability outside
// (0, 1), d not above 0), BOOKMARK_UNREACHABLE (an item's guessing alone gives the response
// probability: it has no location), BOOKMARKS_EMPTY (fewer than two judges), BOOKMARK_PAGE.
absl::StatusOr<BookmarkResult> Bookmark(std::span<const ItemParameters> items,
                                        std::span<const int> pages,
                                        const BookmarkOptions& options = {});

}  // namespace invigil::scoring
