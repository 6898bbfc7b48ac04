// Run by hand: what Verify costs. Prints nanoseconds per call, remembered and anew, for one thread
// and for two on the same token.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "common/auth/token.h"
#include "common/testing/temp_dir.h"

namespace {

using invigil::auth::TokenVerifier;

double NanosPerCall(TokenVerifier& verifier, const std::vector<std::string>& tokens, int calls,
                    int threads) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> running;
  for (int t = 0; t < threads; ++t) {
    running.emplace_back([&] {
      for (int i = 0; i < calls; ++i) {
        if (!verifier.Verify(tokens[static_cast<size_t>(i) % tokens.size()]).ok()) std::abort();
      }
    });
  }
  for (std::thread& thread : running) thread.join();
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
  return took.count() / calls;
}

}  // namespace

int main() {
  const invigil::testing::TempDir dir;
  const invigil::SystemClock clock;
  const std::string key = dir.Path("key"), jwks = dir.Path("jwks.json");
  if (!invigil::auth::GenerateKey(key, jwks, "bench", {"candidate"}).ok()) return 1;
  const auto minter = invigil::auth::TokenMinter::FromFile(key, clock);
  const auto remembering = TokenVerifier::Create({.jwks_path = jwks}, clock);
  const auto forgetting = TokenVerifier::Create({.jwks_path = jwks, .cache_entries = 0}, clock);
  if (!minter.ok() || !remembering.ok() || !forgetting.ok()) return 1;
  std::vector<std::string> tokens;
  for (int i = 0; i < 10'000; ++i) {
    tokens.push_back((*minter)->Mint({"candidate-" + std::to_string(i),
                                      {"candidate"},
                                      "0190a1b2c3d4e5f60718293a4b5c6d7e",
                                      std::chrono::hours(3)}));
  }
  const std::vector<std::string> one(1, tokens[0]);
  std::printf("token bytes                      %zu\n", one[0].size());
  std::printf("anew                             %.0f ns\n",
              NanosPerCall(**forgetting, one, 10'000, 1));
  NanosPerCall(**remembering, tokens, 10'000, 1);
  std::printf("remembered, one token            %.0f ns\n",
              NanosPerCall(**remembering, one, 1'000'000, 1));
  std::printf("remembered, 10,000 tokens        %.0f ns\n",
              NanosPerCall(**remembering, tokens, 1'000'000, 1));
  std::printf("remembered, 10,000, two threads  %.0f ns\n",
              NanosPerCall(**remembering, tokens, 1'000'000, 2));
  return 0;
}
