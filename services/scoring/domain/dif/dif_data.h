// Differential item functioning: does an item behave alike for candidates of the same ability in a
// reference and a focal group? The data, and the matching score with its purification.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace invigil::scoring {

struct DifData {
  size_t persons = 0, items = 0;
  std::vector<int8_t> cells;   // persons x items, row by row: 1 right, 0 wrong
  std::vector<uint8_t> focal;  // one a person: 0 reference, 1 focal

  int8_t at(size_t person, size_t item) const { return cells[person * items + item]; }
};

// Errors, all INVALID_ARGUMENT: DIF_SIZES (vectors of the wrong length), DIF_EMPTY (no person, or
// fewer than two items: an item alone has nothing to be matched by), DIF_RESPONSE_MISSING (a cell
// that is neither 0 nor 1: persons who saw different items can't be matched by number correct),
// DIF_GROUP_INVALID (a group that is neither 0 nor 1), DIF_GROUP_EMPTY (nobody in one of the
// groups).
absl::Status Validate(const DifData& data);

struct DifOptions {
  double significance = 0.05;  // of a flag; in (0, 1)
  // Purification (Holland & Thayer 1988): flagged items leave the matching score, the studied item
  // always counts in its own, and the tests are run again.
  bool purify = false;
  // 1 is the two-step procedure; more go on until the flagged items stay the same.
  int most_rounds = 50;
};

// DIF_OPTIONS: a significance outside (0, 1), fewer than one round.
absl::Status Validate(const DifOptions& options);

// How the purification ended.
struct Purification {
  int rounds = 0;         // tests run after the first
  bool converged = true;  // false: the flagged items still changed after the last round
  std::vector<bool> flagged;
};

// Runs `test` for every item with its matching score (one a person), again with purified scores as
// the options say. `test` keeps its own result and says whether the item is flagged.
// DIF_ANCHORS_EXHAUSTED (FAILED_PRECONDITION): every item was flagged, nothing is left to match by.
absl::StatusOr<Purification> RunDif(
    const DifData& data, const DifOptions& options,
    const std::function<bool(size_t item, std::span<const int> score)>& test);

}  // namespace invigil::scoring
