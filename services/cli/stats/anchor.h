// What link and irt-equate share: the common items of two item files, and nodes of abilities.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/cli/stats/arguments.h"
#include "services/cli/stats/responses.h"
#include "services/scoring/domain/linking/link.h"

namespace invigil::cli::stats {

struct Anchor {
  std::vector<std::string> names;  // in the order of the file linked from, or of the anchor file
  std::vector<scoring::linking::CommonItem> items;
};

// The items of both files by name, or those that the file (column item) lists when `anchor_file` is
// not empty. Errors: those of ReadCsv; ANCHOR_ITEM_MISSING (listed, but not in both files),
// ITEM_REPEATED (listed twice), ANCHOR_TOO_FEW (no item in both).
absl::StatusOr<Anchor> FindAnchor(const ItemFile& from, const ItemFile& to,
                                  const std::string& anchor_file);

FlagRow AnchorFlag();
FlagRow NodesFlag();
// gauss-hermite:COUNT, normal:COUNT,LOW,HIGH or uniform:COUNT,LOW,HIGH; a usage error otherwise.
absl::StatusOr<scoring::linking::AbilityNodes> ReadNodes(const Arguments& arguments);

// The choices of --method, in the order of kLinkMethods.
std::vector<std::string> LinkMethodNames();

}  // namespace invigil::cli::stats
