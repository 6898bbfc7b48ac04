// What may be taken for the name of a time zone, before a time zone database is asked.
#pragma once

#include <string_view>

namespace invigil {

// UTC, or an IANA name such as America/Argentina/Salta; up to 64 characters. Whether there is such
// a zone is for a time zone database to say. What such a database would take besides, and what
// means something else on every machine ("localtime", "file:...", a path), is no name.
bool IsTimeZoneName(std::string_view text);

}  // namespace invigil
