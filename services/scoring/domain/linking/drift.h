// Anchor items that changed between two calibrations: found after linking, taken out one at a time,
// the worst first, with a new link each time. Pure; any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/linking/link.h"

namespace invigil::scoring::linking {

// An item drifts when its difficulty moved by more than `displacement` logits, or by more than
// `notable` and stands out among the anchors: by robust z, or by its distance from the principal
// axis of the difficulties. A robust z alone would drop items of large samples for nothing.
struct DriftRule {
  double displacement = 0.5;
  double notable = 0.3;
  double robust_z = 2.7;
  double distance = 3;        // standard deviations of the distances from the axis
  double keep_share = 0.8;    // of the anchors are kept, whatever they do
  size_t keep_at_least = 15;  // alike; all, where there are no more
};

struct AnchorDrift {
  // Linked difficulty of the calibration linked from, less that of the one linked to: logits.
  double displacement = 0;
  // (d - median d) / (0.74 IQR) over the anchors kept; unset where their middle half is alike.
  std::optional<double> robust_z;
  // From the axis, in standard deviations; unset where there is no axis.
  std::optional<double> distance;
  bool drifts = false;
  bool removed = false;
  int round = 0;  // in which it was removed, from 1
};

struct DriftScreening {
  LinkResult link;                   // through the anchors kept
  std::vector<AnchorDrift> anchors;  // as they stand after the last link, in the order given
  size_t kept = 0;
  // Items still drift, but no more may be taken out: a person must look.
  bool stopped_at_bound = false;
};

// Errors: those of Link().
absl::StatusOr<DriftScreening> ScreenAnchors(LinkMethod method, std::span<const CommonItem> items,
                                             const AbilityNodes& nodes, const DriftRule& rule = {});

}  // namespace invigil::scoring::linking
