// Which items of a form stand in which section.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/random.h"
#include "services/item_bank/domain/pool.h"

namespace invigil::item_bank {

// Deals `items` (pool indices, already in random order) out to the sections of the pool's exam:
// each gets its scored and unscored items, by domain where it names domains, and shows them in
// random order. The result has the first section's items first. An exam of one section or none
// keeps the given order. Fewer items come back when the sections' counts do not fit the items,
// which CheckExam does not let happen.
std::vector<uint16_t> DealToSections(const Pool& pool, std::vector<uint16_t> items, Random& random);

}  // namespace invigil::item_bank
