// Page tokens: opaque to callers, tied to the list they came from.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace invigil::item_bank {

// The token of the page after `last`. `scope` names the list and its filter.
std::string MakePageToken(std::string_view secret, std::string_view scope, std::string_view last);

// What the page begins after; empty for an empty token. Errors: INVALID_ARGUMENT (PAGE_INVALID) for
// a token that was not made for this scope.
absl::StatusOr<std::string> ReadPageToken(std::string_view secret, std::string_view scope,
                                          std::string_view token);

// The page size to use: 0 is `normal`, more than `most` is `most`. Errors: INVALID_ARGUMENT
// (PAGE_INVALID) when negative.
absl::StatusOr<int> PageSize(int wanted, int normal, int most);

}  // namespace invigil::item_bank
