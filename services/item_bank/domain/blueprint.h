// Whole counts from percentages.
#pragma once

#include <cstdint>
#include <vector>

namespace invigil::item_bank {

// Shares `total` over `weights` (any positive scale) by largest remainder: everyone gets the whole
// part of its exact share; what is left goes to the largest remainders. Equal remainders (within
// 1e-9) are ranked by the larger weight, then by the earlier place. Example: 10 over 24/30/34/12 is
// 2.4/3.0/3.4/1.2, so 2/3/4/1. Empty or all-zero weights give zeros.
std::vector<uint32_t> Apportion(const std::vector<double>& weights, uint32_t total);

// The exact shares, before rounding.
std::vector<double> ExactShares(const std::vector<double>& weights, uint32_t total);

}  // namespace invigil::item_bank
