// Identifiers made by the application, never by a database.
#pragma once

#include <string>

#include "common/base/time.h"

namespace invigil {

// 32 lower-case hexadecimal digits: 48 bits of milliseconds, then 80 random bits (the layout of
// RFC 9562 version 7 without its version digit), so ids made later sort later and rows stay near
// each other in a B-tree. Random bits come from the operating system.
std::string NewId(Time now);

// `bytes` random bytes from the operating system, as twice as many hexadecimal digits.
std::string RandomHex(size_t bytes);

// Whether `id` has the form NewId gives.
bool IsId(const std::string& id);

// The 16 bytes behind an id (a compact key) and back. Requires IsId(id); 16 bytes.
std::string IdToBytes(const std::string& id);
std::string IdFromBytes(const std::string& bytes);

}  // namespace invigil
