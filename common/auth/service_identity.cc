#include <mutex>
#include <utility>

#include "common/auth/token.h"

namespace invigil::auth {
namespace {

// Long enough that verifiers find the token in their caches, short enough that a stolen one ages
// fast. The last third is for calls under way and clocks that differ.
constexpr Duration kLifetime = Minutes(15);
constexpr Duration kRenewAfter = Minutes(10);

}  // namespace

struct ServiceIdentity::State {
  std::shared_ptr<const TokenMinter> minter;
  std::string service;
  const Clock& clock;
  std::mutex mutex;  // guards the rest
  std::string token;
  Time minted;
};

ServiceIdentity::ServiceIdentity(std::shared_ptr<const TokenMinter> minter, std::string service,
                                 const Clock& clock)
    : state_(new State{std::move(minter), std::move(service), clock, {}, {}, {}}) {}

ServiceIdentity::~ServiceIdentity() = default;

std::string ServiceIdentity::Token() {
  const std::lock_guard lock(state_->mutex);
  const Time now = state_->clock.Now();
  // A clock set back also renews: the token would seem good for longer than it was meant to be.
  if (state_->token.empty() || now >= state_->minted + kRenewAfter || now < state_->minted) {
    state_->token = state_->minter->Mint({state_->service, {"service"}, "", kLifetime});
    state_->minted = now;
  }
  return state_->token;
}

}  // namespace invigil::auth
