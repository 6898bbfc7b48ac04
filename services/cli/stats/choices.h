// Option letters and a key from files, as analyze reads them.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/classical/analysis.h"

namespace invigil::cli::stats {

struct ChoiceFile {
  scoring::classical::Choices choices;  // items in the order of the response file
  std::vector<std::string> ignored;     // columns that the key does not name
};

// `responses`: a row per person, a column per item with the option chosen; empty (also NA, as R
// writes it) is omitted. `key`: columns item, key. Options are compared without the spaces around
// them. Errors: those of ReadCsv; KEY_EMPTY (no row, or no key for an item), ITEM_REPEATED,
// KEY_ITEM_MISSING (the responses have no such column), RESPONSES_EMPTY, OPTIONS_TOO_MANY.
absl::StatusOr<ChoiceFile> ReadChoices(const std::string& responses, const std::string& key);

}  // namespace invigil::cli::stats
