#include <cstdio>

#include "common/auth/token.h"
#include "services/cli/commands/commands.h"
#include "services/cli/core/failure.h"
#include "services/cli/core/settings.h"

namespace invigil::cli {

int TokenCommand(const Words& words) {
  std::string role, subject;
  Duration lifetime = Minutes(8 * 60);
  Settings given;
  config::Flags flags("invigil token",
                      "Prints a token, and nothing else, for calling the API yourself: send it as "
                      "\"authorization: Bearer TOKEN\".");
  flags.Text("role", &role, "ROLE", "candidate, author, operator or proctor.").Required();
  flags.Text("subject", &subject, "NAME", "Whom the token speaks for.").Required();
  flags.Span("lifetime", &lifetime, Minutes(1), Minutes(60 * 24 * 30), "How long it is valid.");
  DeclareSettings(flags, &given);
  flags.ParseOrExit(words);
  if (role != "candidate" && role != "author" && role != "operator" && role != "proctor") {
    return Fail(UsageError("there is no role \"" + role +
                           "\" for tokens; there are candidate, author, operator and proctor"));
  }
  // A key is all this needs: no suite has to run.
  if (given.key.empty()) {
    const auto settings = FindSettings(given, ThisProcess());
    if (!settings.ok()) return Fail(settings.status());
    given.key = settings->key;
  }
  const SystemClock clock;
  const auto minter = auth::TokenMinter::FromFile(given.key, clock);
  if (!minter.ok()) return Fail(minter.status());
  const std::string token =
      (*minter)->Mint({.subject = subject, .roles = {role}, .lifetime = lifetime});
  if (token.empty()) return Fail(UsageError("--subject must be UTF-8 text"));
  std::printf("%s\n", token.c_str());
  return kOk;
}

}  // namespace invigil::cli
