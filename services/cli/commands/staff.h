// What the commands of `invigil proctor` and `invigil events` share.
#pragma once

#include <functional>
#include <string>

#include "common/base/ids.h"
#include "common/config/flags.h"
#include "common/error/error.h"
#include "services/cli/api/connection.h"
#include "services/cli/commands/arguments.h"
#include "services/cli/core/failure.h"
#include "services/cli/core/json.h"
#include "services/cli/core/text.h"

namespace invigil::cli {

// Who acts and why. Declares --as and --reason, both required.
struct Act {
  std::string who, reason;
  void Declare(config::Flags& flags);
};

// Declares --request-id for what gives something once. `request_id` gets an id of this run as its
// default.
void DeclareRequestId(config::Flags& flags, std::string* request_id);

// Fails and says how a repeat does no harm.
int FailRepeatable(const absl::Status& status, const std::string& request_id);

// Calls `call(request)` page by page, `take(page)` with each. Errors: those of the call.
template <typename Request, typename Call, typename Take>
absl::Status EveryPage(Connection& connection, Request request, Call call, Take take) {
  for (;;) {
    const auto page = connection.Run([&](Api& api) { return call(api, request); });
    if (!page.ok()) return page.status();
    const bool more = take(*page);
    if (!more || page->next_page_token().empty()) return absl::OkStatus();
    request.set_page_token(page->next_page_token());
  }
}

// Keeps a stream open: opens it again when it ends or the suite is away, until it was silent for
// half a minute of failures. `open` runs a stream to its end and says whether anything came.
// Errors: what won't pass by itself.
absl::Status KeepOpen(const Connection& connection,
                      const std::function<absl::Status(bool* came)>& open);

}  // namespace invigil::cli
