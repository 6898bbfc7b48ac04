// A suite that was found: the connection and the key to make tokens with.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/auth/token.h"
#include "common/base/clock.h"
#include "services/cli/api/api.h"
#include "services/cli/core/settings.h"

namespace invigil::cli {

// Thread-safe once opened.
class Suite {
 public:
  // Finds the settings, reads the key and makes the channel. Errors: those of FindSettings,
  // TokenMinter::FromFile and ConnectApi.
  static absl::StatusOr<Suite> Open(const Settings& given);

  Api& api() { return *api_; }
  std::string OperatorToken(const std::string& subject = "invigil-cli") const;
  // Long enough for any sitting.
  std::string CandidateToken(const std::string& subject) const;
  const Clock& clock() const { return *clock_; }
  const Settings& settings() const { return settings_; }

 private:
  Settings settings_;
  std::unique_ptr<Clock> clock_;
  std::unique_ptr<auth::TokenMinter> minter_;
  std::unique_ptr<Api> api_;
};

}  // namespace invigil::cli
