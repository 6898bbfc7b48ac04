#include "services/cli/core/failure.h"

#include <cstdio>

#include "common/error/error.h"
#include "services/cli/core/text.h"

namespace invigil::cli {

std::string FailureText(const absl::Status& status) {
  const ErrorView view = ViewError(status);
  std::string message = Printable({status.message().data(), status.message().size()});
  if (message.empty()) message = "it failed without a message";
  // A status that came without a reason still names its code, so that it can be looked up.
  const std::string reason =
      view.reason.empty() ? absl::StatusCodeToString(status.code()) : Printable(view.reason);
  if (reason != "USAGE") message += " (" + reason + ")";
  message += '\n';
  for (const auto& [path, description] : view.fields) {
    message += "  " + Printable(path) + ": " + Printable(description) + '\n';
  }
  return message;
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "invigil: %s", FailureText(status).c_str());
  return ReasonOf(status) == "USAGE" ? kUsage : kFailed;
}

absl::Status UsageError(std::string message) {
  return InvalidArgument("USAGE", std::move(message));
}

}  // namespace invigil::cli
