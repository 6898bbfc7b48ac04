// A suite, a token for it, and a way to repeat what fails for a moment: what a command of the staff
// works with.
#pragma once

#include <string>
#include <utility>

#include "services/cli/api/retry.h"
#include "services/cli/api/suite.h"

namespace invigil::cli {

struct Connection {
  Suite suite;
  std::string token;

  // `call` gets the Api; see Retrier::Run.
  template <typename Call>
  auto Run(Call call) {
    Retrier retrier(suite.clock(), SleepFor, 1, Seconds(10));
    return retrier.Run([&] { return call(suite.api()); });
  }
};

// As an operator; `who` is the name that is recorded, empty: the command's own. Errors: those of
// Suite::Open.
inline absl::StatusOr<Connection> Connect(const Settings& given, const std::string& who = "") {
  auto suite = Suite::Open(given);
  if (!suite.ok()) return suite.status();
  std::string token = who.empty() ? suite->OperatorToken() : suite->OperatorToken(who);
  return Connection{*std::move(suite), std::move(token)};
}

}  // namespace invigil::cli
