// How a command ends when something is wrong.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace invigil::cli {

// Exit codes of every command.
constexpr int kOk = 0;
constexpr int kFailed = 1;  // refused, or could not be done
constexpr int kUsage = 2;   // the words typed make no sense

// "what happened; what to do (REASON)", then one indented line per wrong field. Ends in a line
// break. Safe for a terminal.
std::string FailureText(const absl::Status& status);

// Prints it to stderr behind "invigil: ". Returns kFailed, or kUsage for USAGE errors.
int Fail(const absl::Status& status);

// A mistake in the words typed.
absl::Status UsageError(std::string message);

}  // namespace invigil::cli
