#include "services/scoring/domain/calibration/patterns.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace invigil::scoring {

PackedPatterns PackPatterns(const ResponseView& responses) {
  PackedPatterns packed;
  packed.items = responses.items;
  packed.groups = GroupCount(responses.items);
  const size_t groups = packed.groups, width = 2 * groups;
  std::vector<uint8_t> keys(responses.persons * width);  // presented, then right
  for (size_t p = 0; p < responses.persons; ++p) {
    PackRow(responses.cells.subspan(p * responses.items, responses.items),
            &keys[p * width + groups], &keys[p * width]);
  }
  std::vector<uint32_t> order(responses.persons);
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return std::memcmp(&keys[a * width], &keys[b * width], width) < 0;
  });
  const std::vector<uint8_t> nothing(groups, 0);
  const uint8_t* last = nullptr;
  for (const uint32_t p : order) {
    const uint8_t* key = &keys[p * width];
    if (std::memcmp(key, nothing.data(), groups) == 0) continue;
    ++packed.persons;
    if (last != nullptr && std::memcmp(last, key, width) == 0) {
      packed.frequency.back() += 1;
      continue;
    }
    if (last == nullptr || std::memcmp(last, key, groups) != 0) {
      packed.runs.push_back({packed.size(), packed.size()});
      packed.presented.insert(packed.presented.end(), key, key + groups);
    }
    packed.right.insert(packed.right.end(), key + groups, key + width);
    packed.frequency.push_back(1);
    packed.runs.back().end = packed.size();
    last = key;
  }
  return packed;
}

}  // namespace invigil::scoring
