// Response data as calibration wants it: equal rows counted once, sorted by what was presented, so
// that rows of one design lie together. The order of persons leaves no trace. Inside this room.
#pragma once

#include <cstdint>
#include <vector>

#include "services/scoring/domain/ability/item_tables.h"

namespace invigil::scoring {

struct PackedPatterns {
  size_t items = 0, groups = 0;
  size_t persons = 0;             // with at least one item presented
  std::vector<uint8_t> right;     // [pattern][group], see kernels.h
  std::vector<double> frequency;  // [pattern]
  struct Run {
    size_t begin, end;  // patterns that were presented the same items
  };
  std::vector<Run> runs;
  std::vector<uint8_t> presented;  // [run][group]

  size_t size() const { return frequency.size(); }
};

// `responses` hold nothing above 1. Persons without any item presented are left out.
PackedPatterns PackPatterns(const ResponseView& responses);

}  // namespace invigil::scoring
