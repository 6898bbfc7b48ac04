// What the session service sealed: the answers of one sitting.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/scoring/domain/key.h"

namespace invigil::scoring {

struct SealedResponse {
  std::string item_id;
  std::vector<std::string> option_ids;  // as displayed; empty: omitted or cleared
  bool operator==(const SealedResponse&) const = default;
};

// The same responses in canonical order (items by id, options sorted), so that order on the wire
// never matters. Errors: INVALID_ARGUMENT (RESPONSE_INVALID, each as a field): an item without id
// or named twice, an option that is none or selected twice.
absl::StatusOr<std::vector<SealedResponse>> Canonical(std::vector<SealedResponse> responses);

// Whether every response can be one to the form of `key`. Errors: INVALID_ARGUMENT
// (RESPONSE_INVALID, each as a field): items not on the form, options the item does not have.
absl::Status CheckAgainst(const std::vector<SealedResponse>& responses, const ScoringKey& key);

// One line an item: its id, then its options. Of canonical responses; what is stored and hashed.
std::string Serialize(const std::vector<SealedResponse>& responses);
// Errors: INTERNAL when the text is not what Serialize writes.
absl::StatusOr<std::vector<SealedResponse>> ParseResponses(std::string_view text);

}  // namespace invigil::scoring
