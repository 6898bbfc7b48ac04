// What happens when the key file changes under a running verifier.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "common/auth/forge.h"
#include "common/auth/token.h"
#include "common/error/error.h"
#include "common/testing/temp_dir.h"

namespace invigil::auth {
namespace {

constexpr char kPayload[] =
    R"({"iss":"invigil","aud":"invigil","sub":"ann","roles":["candidate"],"exp":1800009999})";

class Rotation : public ::testing::Test {
 protected:
  Rotation() {
    Replace(Jwks({old_.Jwk({"candidate"})}));
    auto made = TokenVerifier::Create(
        {.jwks_path = path_, .on_reload = [this](const absl::Status& s) { news_.push_back(s); }},
        clock_);
    EXPECT_TRUE(made.ok()) << made.status();
    verifier_ = *std::move(made);
  }
  void Replace(const std::string& text) const {
    std::ofstream(path_ + ".new") << text;
    std::filesystem::rename(path_ + ".new", path_);
  }
  std::string Refusal(const ForgeKey& key) {
    return ReasonOf(verifier_->Verify(Forge(kPayload, key)).status());
  }
  static void Good(const absl::Status& status) { EXPECT_TRUE(status.ok()) << status; }

  const testing::TempDir dir_;
  const std::string path_ = dir_.Path("jwks.json");
  ManualClock clock_;
  const ForgeKey old_{"EdDSA", "old"}, new_{"EdDSA", "new"}, other_{"EdDSA", "other"};
  std::vector<absl::Status> news_;
  std::unique_ptr<TokenVerifier> verifier_;
};

TEST_F(Rotation, ANewKeyWorksAtOnce) {
  EXPECT_EQ(Refusal(old_), "");
  Replace(Jwks({old_.Jwk({"candidate"}), new_.Jwk({"candidate"})}));
  EXPECT_EQ(Refusal(new_), "");  // the clock has not moved
  EXPECT_EQ(Refusal(old_), "");
  ASSERT_EQ(news_.size(), 1u);
  EXPECT_TRUE(news_[0].ok());
}

TEST_F(Rotation, UnknownKeysMakeOneLookASecond) {
  EXPECT_EQ(Refusal(other_), "TOKEN_KEY_UNKNOWN");  // spends this second's look
  Replace(Jwks({old_.Jwk({"candidate"}), new_.Jwk({"candidate"})}));
  EXPECT_EQ(Refusal(new_), "TOKEN_KEY_UNKNOWN");
  clock_.Advance(Millis(1000));
  EXPECT_EQ(Refusal(new_), "");
}

TEST_F(Rotation, ARemovedKeyIsForgottenWithWhatItSigned) {
  EXPECT_EQ(Refusal(old_), "");  // remembered now: EdDSA gives the same token each time
  Replace(Jwks({new_.Jwk({"candidate"})}));
  clock_.Advance(Millis(999));
  EXPECT_EQ(Refusal(old_), "");
  clock_.Advance(Millis(1));
  EXPECT_EQ(Refusal(old_), "TOKEN_KEY_UNKNOWN");
}

TEST_F(Rotation, TakenAwayRolesAreTakenFromRememberedTokens) {
  EXPECT_EQ(Refusal(old_), "");
  Replace(Jwks({old_.Jwk({"author"})}));
  clock_.Advance(Seconds(1));
  EXPECT_EQ(Refusal(old_), "TOKEN_ROLE");
}

TEST_F(Rotation, AnotherKeyUnderTheSameIdEndsTheOldOne) {
  EXPECT_EQ(Refusal(old_), "");
  const ForgeKey successor("ES256", "old");
  Replace(Jwks({successor.Jwk({"candidate"})}));
  clock_.Advance(Seconds(1));
  EXPECT_EQ(Refusal(old_), "TOKEN_SIGNATURE");
  EXPECT_EQ(Refusal(successor), "");
}

TEST_F(Rotation, ABadFileKeepsTheOldKeysAndIsToldOnce) {
  Replace("{\"keys\":[");
  for (int i = 0; i < 5; ++i) {
    clock_.Advance(Seconds(1));
    EXPECT_EQ(Refusal(old_), "");
  }
  ASSERT_EQ(news_.size(), 1u);
  EXPECT_EQ(ReasonOf(news_[0]), "KEYS_UNUSABLE");
  EXPECT_EQ(ReasonOf(verifier_->KeyFileStatus()), "KEYS_UNUSABLE");

  Replace(Jwks({new_.Jwk({"candidate"})}));
  clock_.Advance(Seconds(1));
  EXPECT_EQ(Refusal(new_), "");
  EXPECT_EQ(Refusal(old_), "TOKEN_KEY_UNKNOWN");
  EXPECT_TRUE(verifier_->KeyFileStatus().ok());
  ASSERT_EQ(news_.size(), 2u);
  EXPECT_TRUE(news_[1].ok());
}

TEST_F(Rotation, AnAbsentFileKeepsTheOldKeys) {
  std::filesystem::rename(path_, path_ + ".away");
  for (int i = 0; i < 3; ++i) {
    clock_.Advance(Seconds(1));
    EXPECT_EQ(Refusal(old_), "");
  }
  EXPECT_EQ(ReasonOf(verifier_->KeyFileStatus()), "KEYS_UNUSABLE");
  std::filesystem::rename(path_ + ".away", path_);
  clock_.Advance(Seconds(1));
  EXPECT_EQ(Refusal(old_), "");
  EXPECT_TRUE(verifier_->KeyFileStatus().ok());
  EXPECT_EQ(news_.size(), 2u);
}

TEST_F(Rotation, ThreadsNeverSeeAGoodTokenRefusedWhileKeysAreAdded) {
  const std::string token = Forge(kPayload, old_);
  std::atomic<bool> done{false};
  std::atomic<int> refused{0}, verified{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      const std::string mine = Forge(kPayload, ForgeKey("EdDSA", "forged" + std::to_string(t)));
      while (!done) {
        verifier_->Verify(token).ok() ? ++verified : ++refused;
        if (verifier_->Verify(mine).ok()) ++refused;
      }
    });
  }
  std::string more = old_.Jwk({"candidate"});
  for (int i = 0; i < 20; ++i) {
    more += "," + ForgeKey("EdDSA", "extra" + std::to_string(i)).Jwk({"author"});
    Replace(Jwks({more}));
    clock_.Advance(Seconds(1));
    const int before = verified;
    while (verified < before + 10) std::this_thread::yield();
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(refused, 0);
}

}  // namespace
}  // namespace invigil::auth
