// The database's tables, step by step; a released step never changes.
#pragma once

#include <string>
#include <vector>

namespace invigil::item_bank {

// The engines differ in what the first step left behind.
std::vector<std::string> SchemaSteps(bool postgres);

}  // namespace invigil::item_bank
