// Reading and writing of single values, strictly: the whole text must be the value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"

namespace invigil::config {

std::optional<int64_t> ParseNumber(std::string_view text);
// Finite only.
std::optional<double> ParseReal(std::string_view text);
// true, yes, on, 1; false, no, off, 0.
std::optional<bool> ParseBool(std::string_view text);
// Whole numbers with units us, ms, s, m, h, d, largest first or not, added up: "1h30m". "0" needs
// no unit.
std::optional<Duration> ParseDuration(std::string_view text);
// Comma-separated, trimmed; empty parts are left out.
std::vector<std::string> SplitList(std::string_view text);

// The shortest text that reads back the same.
std::string FormatReal(double value);
std::string FormatDuration(Duration value);

std::string_view Trim(std::string_view text);

}  // namespace invigil::config
