#include "services/cli/api/suite.h"

#include <utility>

namespace invigil::cli {

absl::StatusOr<Suite> Suite::Open(const Settings& given) {
  auto settings = FindSettings(given, ThisProcess());
  if (!settings.ok()) return settings.status();
  Suite suite;
  suite.settings_ = *std::move(settings);
  suite.clock_ = std::make_unique<SystemClock>();
  auto minter = auth::TokenMinter::FromFile(suite.settings_.key, *suite.clock_);
  if (!minter.ok()) return minter.status();
  suite.minter_ = *std::move(minter);
  auto api = ConnectApi(suite.settings_.gateway);
  if (!api.ok()) return api.status();
  suite.api_ = *std::move(api);
  return suite;
}

std::string Suite::OperatorToken(const std::string& subject) const {
  return minter_->Mint({.subject = subject, .roles = {"operator"}});
}

std::string Suite::CandidateToken(const std::string& subject) const {
  return minter_->Mint({.subject = subject, .roles = {"candidate"}, .lifetime = Minutes(12 * 60)});
}

}  // namespace invigil::cli
