// "Did you mean ...?"
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace invigil::config {

// The one of `names` that was probably meant by `typed`: few letters wrong, missing or swapped, or
// `typed` begins it. Empty: none is near.
std::string NearestName(std::string_view typed, const std::vector<std::string>& names);

}  // namespace invigil::config
