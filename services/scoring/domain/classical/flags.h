// What is odd about an item.
#pragma once

#include <string_view>
#include <vector>

#include "services/scoring/domain/classical/analysis.h"

namespace invigil::scoring::classical {

// In a fixed order; empty: nothing. A hold replaces the review (or the low flag) of the same kind.
std::vector<std::string_view> FlagsOf(const ItemStatistics& item, const FlagRules& rules);

}  // namespace invigil::scoring::classical
