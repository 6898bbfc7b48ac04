#include "services/scoring/domain/calibration/design.h"

#include <algorithm>
#include <numeric>

#include "common/error/error.h"
#include "services/scoring/domain/ability/kernels.h"

namespace invigil::scoring {
namespace {

using kernels::kItemsPerGroup;

bool IsFixed(const CalibrationOptions& options, size_t item) {
  return !options.fixed.empty() && options.fixed[item].has_value();
}

// Sets of items joined by persons who saw both.
class Components {
 public:
  explicit Components(size_t items) : parent_(items) {
    std::iota(parent_.begin(), parent_.end(), size_t{0});
  }
  size_t Root(size_t item) {
    while (parent_[item] != item) item = parent_[item] = parent_[parent_[item]];
    return item;
  }
  void Join(size_t a, size_t b) { parent_[Root(b)] = Root(a); }

 private:
  std::vector<size_t> parent_;
};

absl::Status CheckConnected(const PackedPatterns& patterns, const CalibrationOptions& options) {
  Components components(patterns.items);
  for (size_t run = 0; run < patterns.runs.size(); ++run) {
    const uint8_t* shown = &patterns.presented[run * patterns.groups];
    size_t first = patterns.items;
    for (size_t i = 0; i < patterns.items; ++i) {
      if ((shown[i / kItemsPerGroup] >> (i % kItemsPerGroup) & 1) == 0) continue;
      if (first == patterns.items) first = i;
      components.Join(first, i);
    }
  }
  // Fixed items are a link: they all stand on one scale.
  size_t anchor = patterns.items;
  for (size_t i = 0; i < patterns.items; ++i) {
    if (!IsFixed(options, i)) continue;
    if (anchor == patterns.items) anchor = i;
    components.Join(anchor, i);
  }
  for (size_t i = 0; i < patterns.items; ++i) {
    if (components.Root(i) == components.Root(0)) continue;
    return FailedPrecondition(
        "DESIGN_DISCONNECTED",
        ItemName(options, i) + " shares no persons, directly or through other items, with " +
            ItemName(options, 0) +
            "; calibrate the parts apart, add common items, or fix items in each part");
  }
  return absl::OkStatus();
}

}  // namespace

std::string ItemName(const CalibrationOptions& options, size_t item) {
  return item < options.names.size() ? "item \"" + options.names[item] + "\""
                                     : "item " + std::to_string(item + 1);
}

absl::Status CheckMatrix(const ResponseView& responses) {
  if (responses.cells.size() != responses.persons * responses.items) {
    return InvalidArgument("RESPONSES_SHAPE", "the responses are not one cell per person and item");
  }
  if (std::any_of(responses.cells.begin(), responses.cells.end(),
                  [](int8_t cell) { return cell > 1; })) {
    return InvalidArgument("RESPONSE_NOT_BINARY",
                           "a response is neither 0, 1 nor below 0 (not presented)");
  }
  return absl::OkStatus();
}

ItemCounts CountItems(const ResponseView& responses) {
  ItemCounts counts{std::vector<size_t>(responses.items), std::vector<size_t>(responses.items)};
  for (size_t at = 0; at < responses.cells.size();) {
    for (size_t i = 0; i < responses.items; ++i, ++at) {
      counts.presented[i] += responses.cells[at] >= 0 ? 1 : 0;
      counts.right[i] += responses.cells[at] == 1 ? 1 : 0;
    }
  }
  return counts;
}

absl::Status CheckDesign(const PackedPatterns& patterns, const ItemCounts& counts,
                         const CalibrationOptions& options) {
  if (patterns.persons == 0) {
    return FailedPrecondition("CALIBRATION_EMPTY", "nobody was presented an item; give responses");
  }
  if (patterns.items < 2) {
    return FailedPrecondition("CALIBRATION_ONE_ITEM",
                              "one item says nothing about ability; give at least two");
  }
  if (!options.fixed.empty() && options.fixed.size() != patterns.items) {
    return InvalidArgument("FIXED_INVALID", "fixed parameters want one entry per item");
  }
  bool any_free = false;
  for (size_t i = 0; i < patterns.items; ++i) {
    if (IsFixed(options, i)) {
      if (!IsValid(*options.fixed[i])) {
        return InvalidArgument(
            "FIXED_INVALID", ItemName(options, i) +
                                 " is fixed at parameters that cannot be; the slope must be above "
                                 "0 and the lower asymptote at least 0 and below 1");
      }
      continue;
    }
    any_free = true;
    if (counts.presented[i] == 0) {
      return FailedPrecondition("ITEM_NOT_PRESENTED",
                                ItemName(options, i) + " was presented to nobody; take it out");
    }
    if (counts.right[i] == 0 || counts.right[i] == counts.presented[i]) {
      return FailedPrecondition(
          "ITEM_NO_VARIANCE", ItemName(options, i) + " was answered " +
                                  (counts.right[i] == 0 ? "wrong" : "right") +
                                  " by everybody, so its difficulty has no estimate; take it out");
    }
  }
  if (!any_free) {
    return FailedPrecondition("FIXED_ALL", "every item is fixed; leave some to be estimated");
  }
  return CheckConnected(patterns, options);
}

}  // namespace invigil::scoring
