#include <algorithm>
#include <cstdio>

#include "common/auth/token.h"
#include "common/config/flags.h"
#include "services/cli/commands/commands.h"
#include "services/cli/core/failure.h"

namespace invigil::cli {
namespace {

constexpr const char* kRoles[] = {"candidate", "author", "operator", "service", "proctor"};

}  // namespace

int KeysCreate(const Words& words) {
  std::string name, private_path, jwks_path;
  std::vector<std::string> roles;
  config::Flags flags(
      "invigil keys create",
      "Makes an Ed25519 key that may vouch for the roles named. The private part "
      "is written to a new file that only you can read, the public part is added to "
      "the key set that the services watch.");
  flags.Text("name", &name, "NAME", "Id of the key, such as platform.").Required();
  flags.List("roles", &roles, "ROLE", "candidate, author, operator, proctor, service.").Required();
  flags.Text("private", &private_path, "FILE", "New file for the private key (PEM).").Required();
  flags.Text("jwks", &jwks_path, "FILE", "The key set (JWKS); made when absent.").Required();
  flags.ParseOrExit(words);
  for (const std::string& role : roles) {
    if (std::find(std::begin(kRoles), std::end(kRoles), role) == std::end(kRoles)) {
      return Fail(UsageError("there is no role \"" + role +
                             "\"; there are candidate, author, operator, proctor, "
                             "service"));
    }
  }
  const absl::Status status = auth::GenerateKey(private_path, jwks_path, name, roles);
  if (!status.ok()) return Fail(status);
  std::printf("made the key %s: private part in %s, public part in %s\n", name.c_str(),
              private_path.c_str(), jwks_path.c_str());
  return kOk;
}

}  // namespace invigil::cli
