// A form's places as the bytes of one column: compact, and readable by every later release.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/item_bank/domain/assembly.h"

namespace invigil::item_bank {

std::string EncodeLayout(const std::vector<Place>& places);
// Errors: INTERNAL for bytes that EncodeLayout did not make.
absl::StatusOr<std::vector<Place>> DecodeLayout(std::string_view bytes);

}  // namespace invigil::item_bank
