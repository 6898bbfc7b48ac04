#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "common/auth/base64url.h"
#include "common/auth/token.h"
#include "common/error/error.h"
#include "common/testing/temp_dir.h"

namespace invigil::auth {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Minter : public ::testing::Test {
 protected:
  std::unique_ptr<TokenMinter> MakeMinter(const std::string& id,
                                          const std::vector<std::string>& roles) {
    EXPECT_TRUE(GenerateKey(dir_.Path(id), jwks_, id, roles).ok());
    auto minter = TokenMinter::FromFile(dir_.Path(id), clock_);
    EXPECT_TRUE(minter.ok()) << minter.status();
    return *std::move(minter);
  }
  std::unique_ptr<TokenVerifier> MakeVerifier() {
    auto verifier = TokenVerifier::Create({.jwks_path = jwks_}, clock_);
    EXPECT_TRUE(verifier.ok()) << verifier.status();
    return *std::move(verifier);
  }
  static std::string Read(const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  static mode_t ModeOf(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(stat(path.c_str(), &info), 0);
    return info.st_mode & 0777;
  }

  const testing::TempDir dir_;
  const std::string jwks_ = dir_.Path("jwks.json");
  ManualClock clock_;
};

TEST_F(Minter, RoundTrip) {
  const auto minter = MakeMinter("session-1", {"candidate"});
  const auto verifier = MakeVerifier();
  const auto principal =
      verifier->Verify(minter->Mint({"ann \xc3\xa9", {"candidate"}, "s1", Minutes(90)}));
  ASSERT_TRUE(principal.ok()) << principal.status();
  EXPECT_EQ((*principal)->subject, "ann \xc3\xa9");
  EXPECT_EQ((*principal)->roles, std::vector<std::string>{"candidate"});
  EXPECT_EQ((*principal)->session_id, "s1");
  EXPECT_EQ((*principal)->expires, clock_.Now() + Minutes(90));
}

TEST_F(Minter, NeverEndsEarly) {
  clock_.Advance(Micros(1));
  const auto minter = MakeMinter("k", {"candidate"});
  const auto principal = MakeVerifier()->Verify(minter->Mint({"ann", {}, "", Seconds(10)}));
  ASSERT_TRUE(principal.ok());
  EXPECT_GE((*principal)->expires, clock_.Now() + Seconds(10));
  EXPECT_LT((*principal)->expires, clock_.Now() + Seconds(11));
}

TEST_F(Minter, AKeyCantVouchForMoreThanItsRoles) {
  const auto minter = MakeMinter("session-1", {"candidate"});
  const auto verifier = MakeVerifier();
  EXPECT_EQ(
      ReasonOf(verifier->Verify(minter->Mint({"eve", {"operator"}, "", Minutes(1)})).status()),
      "TOKEN_ROLE");
}

TEST_F(Minter, OwnIssuerAndAudience) {
  MakeMinter("k", {"candidate"});
  const auto minter = TokenMinter::FromFile(dir_.Path("k"), clock_, "school", "exams");
  const std::string token = (*minter)->Mint({"ann", {"candidate"}, "", Minutes(1)});
  EXPECT_EQ(ReasonOf(MakeVerifier()->Verify(token).status()), "TOKEN_ISSUER");
  const auto other =
      TokenVerifier::Create({.jwks_path = jwks_, .issuer = "school", .audience = "exams"}, clock_);
  EXPECT_TRUE((*other)->Verify(token).ok());
}

TEST_F(Minter, ClaimsThatAreNotTextMintNothing) {
  EXPECT_EQ(MakeMinter("k", {})->Mint({"ann\xff", {}, "", Minutes(1)}), "");
}

TEST_F(Minter, ServiceIdentityRenewsBeforeItRunsOut) {
  std::shared_ptr<const TokenMinter> minter = MakeMinter("gateway-1", {"service"});
  const auto verifier = MakeVerifier();
  ServiceIdentity identity(minter, "gateway", clock_);
  const std::string first = identity.Token();
  const auto principal = verifier->Verify(first);
  ASSERT_TRUE(principal.ok()) << principal.status();
  EXPECT_EQ((*principal)->subject, "gateway");
  EXPECT_TRUE((*principal)->Has("service"));
  int renewals = 0;
  std::string last = first;
  for (int minute = 0; minute < 120; ++minute) {
    clock_.Advance(Minutes(1));
    const std::string token = identity.Token();
    const auto now = verifier->Verify(token);
    ASSERT_TRUE(now.ok()) << now.status();
    EXPECT_GE((*now)->expires - clock_.Now(), Minutes(5));
    renewals += token != last;
    last = token;
  }
  EXPECT_EQ(renewals, 12);
  clock_.Set(FromUnixMicros(1'800'000'000'000'000) - Minutes(1));
  EXPECT_NE(identity.Token(), last);
}

TEST_F(Minter, KeyFilesAreForTheirReadersOnly) {
  MakeMinter("k", {"candidate"});
  EXPECT_EQ(ModeOf(dir_.Path("k")), 0400u);
  EXPECT_EQ(ModeOf(jwks_), 0644u);
  EXPECT_THAT(Read(dir_.Path("k")), HasSubstr("Key-Id: k\n-----BEGIN PRIVATE KEY-----\n"));
  EXPECT_THAT(Read(jwks_), Not(HasSubstr("\"d\"")));
  chmod(dir_.Path("k").c_str(), 0404);
  const auto minter = TokenMinter::FromFile(dir_.Path("k"), clock_);
  EXPECT_EQ(ReasonOf(minter.status()), "KEYS_UNUSABLE");
  EXPECT_THAT(std::string(minter.status().message()), HasSubstr("chmod 0400"));
}

TEST_F(Minter, GenerateKeyRefusesToOverwrite) {
  MakeMinter("k", {"candidate"});
  const std::string private_text = Read(dir_.Path("k")), jwks_text = Read(jwks_);
  EXPECT_EQ(ReasonOf(GenerateKey(dir_.Path("k"), jwks_, "another", {})), "KEY_EXISTS");
  EXPECT_EQ(ReasonOf(GenerateKey(dir_.Path("another"), jwks_, "k", {})), "KEY_EXISTS");
  EXPECT_EQ(Read(dir_.Path("k")), private_text);
  EXPECT_EQ(Read(jwks_), jwks_text);
  EXPECT_EQ(Read(dir_.Path("another")), "");
}

TEST_F(Minter, GenerateKeyRefusesWhatItCantDo) {
  EXPECT_EQ(ReasonOf(GenerateKey(dir_.Path("a"), jwks_, "a b", {})), "KEY_ID_INVALID");
  EXPECT_EQ(ReasonOf(GenerateKey(dir_.Path("a"), jwks_, "", {})), "KEY_ID_INVALID");
  EXPECT_EQ(ReasonOf(GenerateKey(dir_.Path("a"), jwks_, "a", {""})), "KEY_ROLE_INVALID");
  EXPECT_EQ(ReasonOf(GenerateKey(dir_.Path("no/a"), jwks_, "a", {})), "KEYS_UNUSABLE");
  EXPECT_EQ(ReasonOf(GenerateKey(dir_.Path("a"), dir_.Path("no/jwks"), "a", {})), "KEYS_UNUSABLE");
  std::ofstream(jwks_) << "{}";
  EXPECT_EQ(ReasonOf(GenerateKey(dir_.Path("a"), jwks_, "a", {})), "KEYS_UNUSABLE");
  EXPECT_EQ(Read(jwks_), "{}");
  EXPECT_EQ(Read(dir_.Path("a")), "");
}

TEST_F(Minter, KeysMadeAtOnceAreAllKept) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const std::string id = "k" + std::to_string(i);
      EXPECT_TRUE(GenerateKey(dir_.Path(id), jwks_, id, {"service"}).ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto verifier = MakeVerifier();
  for (int i = 0; i < 8; ++i) {
    const auto minter = TokenMinter::FromFile(dir_.Path("k" + std::to_string(i)), clock_);
    ASSERT_TRUE(minter.ok()) << minter.status();
    EXPECT_TRUE(verifier->Verify((*minter)->Mint({"a", {"service"}, "", Minutes(1)})).ok());
  }
}

TEST_F(Minter, FromFileSaysWhatIsWrong) {
  const auto problem = [&](const std::string& text) {
    const std::string path = dir_.Path("bad");
    std::ofstream(path) << text;
    chmod(path.c_str(), 0600);
    const auto minter = TokenMinter::FromFile(path, clock_);
    EXPECT_EQ(minter.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(ReasonOf(minter.status()), "KEYS_UNUSABLE");
    return std::string(minter.status().message());
  };
  EXPECT_THAT(problem(""), HasSubstr("Key-Id"));
  EXPECT_THAT(problem("Key-Id: a/b\n"), HasSubstr("Key-Id"));
  EXPECT_THAT(problem("Key-Id: a\nnonsense"), HasSubstr("Ed25519"));
  // An encrypted key must be refused, not asked for on the terminal.
  EXPECT_THAT(problem("Key-Id: a\n-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
                      "MIGjMF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBBYdGlBGyJBoBkC7xL2\n"
                      "-----END ENCRYPTED PRIVATE KEY-----\n"),
              HasSubstr("Ed25519"));
  EXPECT_EQ(ReasonOf(TokenMinter::FromFile(dir_.Path("absent"), clock_).status()), "KEYS_UNUSABLE");
}

}  // namespace
}  // namespace invigil::auth
