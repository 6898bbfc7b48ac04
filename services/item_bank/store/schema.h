// The database's tables, step by step; a released step never changes.
#pragma once

#include <string>
#include <vector>

namespace invigil::item_bank {

const std::vector<std::string>& SchemaSteps();

}  // namespace invigil::item_bank
