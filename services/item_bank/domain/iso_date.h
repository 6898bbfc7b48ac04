// Calendar days written YYYY-MM-DD (ISO 8601), in UTC. Compare as text: the order is the
// calendar's.
#pragma once

#include <string>
#include <string_view>

#include "common/base/time.h"

namespace invigil::item_bank {

// Whether `text` is a real day so written.
bool IsIsoDate(std::string_view text);

// The day of an instant.
std::string IsoDateOf(Time time);

}  // namespace invigil::item_bank
