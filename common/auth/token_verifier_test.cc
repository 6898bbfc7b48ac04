#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "common/auth/base64url.h"
#include "common/auth/forge.h"
#include "common/auth/token.h"
#include "common/base/hash.h"
#include "common/base/random.h"
#include "common/error/error.h"
#include "common/testing/temp_dir.h"

namespace invigil::auth {
namespace {

using ::testing::HasSubstr;

// ManualClock starts at 1800000000.
constexpr char kGood[] =
    R"({"iss":"invigil","aud":"invigil","sub":"ann","roles":["candidate"],"exp":1800000600})";

class Verifier : public ::testing::Test {
 protected:
  Verifier() {
    std::ofstream(dir_.Path("jwks.json"))
        << Jwks({ec_.Jwk({"candidate"}), ed_.Jwk({"candidate", "author"}), rsa_.Jwk({"candidate"}),
                 mute_.Jwk(nullptr)});
    auto made = TokenVerifier::Create({.jwks_path = dir_.Path("jwks.json")}, clock_);
    EXPECT_TRUE(made.ok()) << made.status();
    verifier_ = *std::move(made);
  }
  // Empty: verified.
  std::string Refusal(const std::string& token) {
    const auto principal = verifier_->Verify(token);
    if (principal.ok()) return "";
    EXPECT_EQ(principal.status().code(), absl::StatusCode::kUnauthenticated);
    // No message may repeat the token or a part of it.
    if (token.size() > 20) {
      EXPECT_EQ(std::string(principal.status().message()).find(token.substr(0, 20)),
                std::string::npos);
    }
    return ReasonOf(principal.status());
  }
  // kGood with a text replaced.
  static std::string With(const std::string& from, const std::string& to) {
    std::string payload = kGood;
    const size_t at = payload.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return payload.replace(at, from.size(), to);
  }

  testing::TempDir dir_;
  ManualClock clock_;
  const ForgeKey ec_{"ES256", "ec"}, ed_{"EdDSA", "ed"};
  static inline const ForgeKey rsa_{"RS256", "rsa"};  // slow to make: one for all tests
  const ForgeKey mute_{"EdDSA", "mute"};
  std::unique_ptr<TokenVerifier> verifier_;
};

TEST_F(Verifier, TakesAllThreeAlgorithms) {
  for (const ForgeKey& key : {ec_, ed_, rsa_}) {
    const std::string token = Forge(kGood, key);
    for (int i = 0; i < 2; ++i) {  // anew, then remembered
      const auto principal = verifier_->Verify(token);
      ASSERT_TRUE(principal.ok()) << key.algorithm() << principal.status();
      EXPECT_EQ((*principal)->subject, "ann");
      EXPECT_TRUE((*principal)->Has("candidate"));
      EXPECT_EQ((*principal)->session_id, "");
      EXPECT_EQ(ToUnixMicros((*principal)->expires), 1'800'000'600'000'000);
    }
  }
}

TEST_F(Verifier, ReadsEveryClaim) {
  const auto principal = verifier_->Verify(Forge(
      R"({"iss":"invigil","aud":["x","invigil"],"sub":"ann","roles":["candidate"],"sid":"s1",
          "exp":1800000600.5,"nbf":1799999999,"iat":1,"other":{"a":[1]}})",
      ec_));
  ASSERT_TRUE(principal.ok()) << principal.status();
  EXPECT_EQ((*principal)->session_id, "s1");
  EXPECT_EQ(ToUnixMicros((*principal)->expires), 1'800'000'600'500'000);
}

TEST_F(Verifier, IssuerAudienceRole) {
  EXPECT_EQ(Refusal(Forge(With(R"("iss":"invigil")", R"("iss":"evil")"), ed_)), "TOKEN_ISSUER");
  EXPECT_EQ(Refusal(Forge(With(R"("iss":"invigil",)", ""), ed_)), "TOKEN_ISSUER");
  EXPECT_EQ(Refusal(Forge(With(R"("aud":"invigil")", R"("aud":"x")"), ed_)), "TOKEN_AUDIENCE");
  EXPECT_EQ(Refusal(Forge(With(R"("aud":"invigil")", R"("aud":["x"])"), ed_)), "TOKEN_AUDIENCE");
  EXPECT_EQ(Refusal(Forge(With(R"("aud":"invigil",)", ""), ed_)), "TOKEN_AUDIENCE");
  EXPECT_EQ(Refusal(Forge(With("candidate", "operator"), ed_)), "TOKEN_ROLE");
  EXPECT_EQ(Refusal(Forge(With(R"("candidate")", R"("candidate","author")"), ed_)), "");
  EXPECT_EQ(Refusal(Forge(With(R"("candidate")", R"("candidate","author")"), ec_)), "TOKEN_ROLE");
  EXPECT_EQ(Refusal(Forge(kGood, mute_)), "TOKEN_ROLE");
  EXPECT_EQ(Refusal(Forge(With(R"("candidate")", ""), mute_)), "");  // no role: none to vouch for
}

TEST_F(Verifier, ASessionTokenIsACandidates) {
  EXPECT_EQ(Refusal(Forge(With(R"("sub")", R"("sid":"s1","sub")"), ed_)), "");
  std::string payload = With("candidate", "author");
  EXPECT_EQ(Refusal(Forge(payload, ed_)), "");
  payload.insert(1, R"("sid":"s1",)");
  EXPECT_EQ(Refusal(Forge(payload, ed_)), "TOKEN_ROLE");
}

TEST_F(Verifier, TimeWithLeeway) {
  const std::string later = Forge(With(R"("sub")", R"("nbf":1800000100,"sub")"), ed_);
  EXPECT_EQ(Refusal(later), "TOKEN_NOT_YET_VALID");
  clock_.Advance(Seconds(94));
  EXPECT_EQ(Refusal(later), "TOKEN_NOT_YET_VALID");
  clock_.Advance(Seconds(1));
  EXPECT_EQ(Refusal(later), "");
  clock_.Advance(Seconds(600 + 4 - 95));
  EXPECT_EQ(Refusal(Forge(kGood, ec_)), "");
  clock_.Advance(Seconds(1));
  EXPECT_EQ(Refusal(Forge(kGood, ec_)), "TOKEN_EXPIRED");
}

TEST_F(Verifier, ARememberedTokenStillRunsOut) {
  const std::string token = Forge(kGood, ed_);
  EXPECT_EQ(Refusal(token), "");
  EXPECT_EQ(Refusal(token), "");
  clock_.Advance(Seconds(605));
  EXPECT_EQ(Refusal(token), "TOKEN_EXPIRED");
  EXPECT_EQ(Refusal(token), "TOKEN_EXPIRED");
}

TEST_F(Verifier, ARememberedTokenWaitsWhenTheClockGoesBack) {
  const std::string token = Forge(With(R"("sub")", R"("nbf":1800000000,"sub")"), ed_);
  EXPECT_EQ(Refusal(token), "");
  clock_.Advance(-Seconds(60));
  EXPECT_EQ(Refusal(token), "TOKEN_NOT_YET_VALID");
}

TEST_F(Verifier, MalformedTokens) {
  const std::string good = Forge(kGood, ed_);
  for (const std::string& token :
       {std::string(), std::string("."), std::string(".."), std::string("a.b"), good + ".",
        "Bearer " + good, good + "=", good + "\n", " " + good, good.substr(0, good.size() - 1),
        good.substr(0, good.rfind('.')), std::string("\0.\0.\0", 5), std::string(8192, '.')}) {
    EXPECT_EQ(Refusal(token), "TOKEN_MALFORMED") << token;
  }
  EXPECT_EQ(Refusal(Forge("[]", kGood, ed_)), "TOKEN_MALFORMED");
  EXPECT_EQ(Refusal(Forge(R"({"alg":"EdDSA","kid":7})", kGood, ed_)), "TOKEN_MALFORMED");
  EXPECT_EQ(Refusal(Forge(R"({"alg":"EdDSA","kid":"ed","crit":["b64"],"b64":false})", kGood, ed_)),
            "TOKEN_MALFORMED");
  EXPECT_EQ(Refusal(Forge(std::string(3000, '['), kGood, ed_)), "TOKEN_MALFORMED");
}

TEST_F(Verifier, MalformedClaims) {
  for (const std::string& payload : {std::string("not json"),
                                     std::string("[1]"),
                                     std::string("{}"),
                                     With(R"(,"exp":1800000600)", ""),
                                     With("1800000600", R"("1800000600")"),
                                     With("1800000600", "1e300"),
                                     With("1800000600", "-1"),
                                     With("1800000600", "null"),
                                     With(R"("sub":"ann",)", ""),
                                     With(R"("ann")", R"("")"),
                                     With(R"("ann")", "7"),
                                     With(R"("ann")", R"("a\nb")"),
                                     With(R"("ann")", R"("a\u0000b")"),
                                     With("ann", std::string(257, 'a')),
                                     With("ann", "\xff"),
                                     With(R"(["candidate"])", R"("x")"),
                                     With(R"("candidate")", "1"),
                                     With(R"("invigil","sub")", R"(5,"sub")"),
                                     With(R"("sub")", R"("sid":"","sub")"),
                                     With(R"("sub")", R"("sid":3,"sub")"),
                                     With(R"("sub")", R"("nbf":"0","sub")"),
                                     With(R"("iss":"invigil")", R"("iss":1)")}) {
    EXPECT_EQ(Refusal(Forge(payload, ed_)), "TOKEN_MALFORMED") << payload;
  }
}

TEST_F(Verifier, OversizedEvenWhenWellSigned) {
  const auto sized = [&](size_t padding) {
    return Forge(With(R"("sub")", R"("pad":")" + std::string(padding, 'a') + R"(","sub")"), ed_);
  };
  EXPECT_EQ(Refusal(sized(5500)), "");
  EXPECT_EQ(Refusal(sized(6500)), "TOKEN_MALFORMED");
  EXPECT_EQ(Refusal(std::string(5'000'000, 'a')), "TOKEN_MALFORMED");
}

TEST_F(Verifier, NoneIsNeverAnAlgorithm) {
  for (const char* algorithm : {"none", "None", "NONE", ""}) {
    const std::string header = R"({"alg":")" + std::string(algorithm) + R"(","kid":"ed"})";
    EXPECT_EQ(Refusal(Unsigned(header, kGood) + "."), "TOKEN_SIGNATURE");
    EXPECT_EQ(Refusal(Forge(header, kGood, ed_)), "TOKEN_SIGNATURE");
  }
  EXPECT_EQ(Refusal(Unsigned(R"({"kid":"ed"})", kGood) + "."), "TOKEN_SIGNATURE");
  EXPECT_EQ(Refusal(Unsigned(R"({"alg":"none"})", kGood) + "."), "TOKEN_KEY_UNKNOWN");
}

TEST_F(Verifier, ThePublicKeyIsNoHmacSecret) {
  for (const ForgeKey& key : {rsa_, ec_, ed_}) {
    for (const std::string& algorithm : {std::string("HS256"), key.algorithm()}) {
      const std::string text =
          Unsigned(R"({"alg":")" + algorithm + R"(","kid":")" + key.id() + "\"}", kGood);
      const std::string mac = Base64UrlEncode(HmacSha256(key.PublicPem(), text));
      EXPECT_EQ(Refusal(text + "." + mac), "TOKEN_SIGNATURE");
    }
  }
}

TEST_F(Verifier, TheHeaderDoesNotChooseTheAlgorithm) {
  // Signed by one known key, naming another.
  EXPECT_EQ(Refusal(Forge(R"({"alg":"ES256","kid":"rsa"})", kGood, ec_)), "TOKEN_SIGNATURE");
  EXPECT_EQ(Refusal(Forge(R"({"alg":"RS256","kid":"rsa"})", kGood, ec_)), "TOKEN_SIGNATURE");
  EXPECT_EQ(Refusal(Forge(R"({"alg":"ES256","kid":"ed"})", kGood, ed_)), "TOKEN_SIGNATURE");
  EXPECT_EQ(Refusal(Forge(R"({"alg":"EdDSA","kid":"mute"})", kGood, ed_)), "TOKEN_SIGNATURE");
  EXPECT_EQ(Refusal(Forge(R"({"alg":"EdDSA","kid":"ed"})", kGood, mute_)), "TOKEN_SIGNATURE");
}

TEST_F(Verifier, KeysOfTheTokenAreNotUsed) {
  const ForgeKey evil("EdDSA", "evil");
  for (const char* kid : {"evil", "../../../../dev/null", "/etc/passwd", "ed' OR '1'='1", "",
                          "ed\\u0000", "ED", "file:///dev/zero"}) {
    const std::string header = R"({"alg":"EdDSA","kid":")" + std::string(kid) + R"(","jwk":)" +
                               evil.Jwk({"candidate"}) + R"(,"jku":"http://127.0.0.1:1/"})";
    EXPECT_EQ(Refusal(Forge(header, kGood, evil)), "TOKEN_KEY_UNKNOWN") << kid;
  }
  const std::string header = R"({"alg":"EdDSA","kid":"ed","jwk":)" + evil.Jwk({"candidate"}) + "}";
  EXPECT_EQ(Refusal(Forge(header, kGood, evil)), "TOKEN_SIGNATURE");
}

TEST_F(Verifier, ATamperedPayloadIsRefusedAlsoAfterTheGoodOneIsRemembered) {
  const std::string good = Forge(kGood, ed_);
  EXPECT_EQ(Refusal(good), "");
  const std::string header = good.substr(0, good.find('.'));
  const std::string signature = good.substr(good.rfind('.'));
  const std::string bob = header + "." + Base64UrlEncode(With("ann", "bob")) + signature;
  EXPECT_EQ(Refusal(bob), "TOKEN_SIGNATURE");
  EXPECT_EQ(Refusal(good), "");
}

TEST_F(Verifier, DerSignaturesAreNotJose) {
  // r and s of one byte each, as DER: 8 bytes, not 64.
  EXPECT_EQ(Refusal(Unsigned(R"({"alg":"ES256","kid":"ec"})", kGood) + "." +
                    Base64UrlEncode("\x30\x06\x02\x01\x01\x02\x01\x01")),
            "TOKEN_SIGNATURE");
  // r = s = 0 (CVE-2022-21449 in another library).
  EXPECT_EQ(Refusal(Unsigned(R"({"alg":"ES256","kid":"ec"})", kGood) + "." +
                    Base64UrlEncode(std::string(64, '\0'))),
            "TOKEN_SIGNATURE");
}

std::string Mutate(std::string token, Random& random) {
  static constexpr char kBytes[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n";
  const auto byte = [&] { return kBytes[random.Below(sizeof(kBytes) - 1)]; };
  for (uint64_t n = random.Below(3) + 1; n > 0 && !token.empty(); --n) {
    const size_t at = random.Below(token.size());
    switch (random.Below(6)) {
      case 0:
        token[at] = byte();
        break;
      case 1:
        token[at] = static_cast<char>(token[at] ^ (1 << random.Below(8)));
        break;
      case 2:
        token.erase(at, random.Below(4) + 1);
        break;
      case 3:
        token.insert(at, 1, byte());
        break;
      case 4:
        std::swap(token[at], token[random.Below(token.size())]);
        break;
      case 5:
        token.insert(at, token.substr(at, random.Below(30) + 1));
        break;
    }
  }
  return token;
}

TEST_F(Verifier, NoMutationOfAGoodTokenVerifies) {
  Random random(20261124);
  for (const ForgeKey& key : {ec_, ed_, rsa_}) {
    const std::string good = Forge(kGood, key);
    ASSERT_EQ(Refusal(good), "");
    for (int round = 0; round < 3000; ++round) {
      const std::string bad = Mutate(good, random);
      if (bad == good) continue;
      ASSERT_FALSE(verifier_->Verify(bad).ok()) << "round " << round << " of " << key.algorithm();
    }
    ASSERT_EQ(Refusal(good), "");
  }
}

TEST(VerifierCreate, RefusesUnusableFilesByName) {
  const testing::TempDir dir;
  const ManualClock clock;
  const auto problem = [&](const std::string& path) {
    const auto made = TokenVerifier::Create({.jwks_path = path}, clock);
    EXPECT_EQ(made.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(ReasonOf(made.status()), "KEYS_UNUSABLE");
    EXPECT_THAT(std::string(made.status().message()), HasSubstr(path));
    return std::string(made.status().message());
  };
  EXPECT_THAT(problem(dir.Path("absent")), HasSubstr("No such file"));
  EXPECT_THAT(problem(dir.path()), HasSubstr("not a regular file"));
  std::ofstream(dir.Path("bad")) << "{";
  EXPECT_THAT(problem(dir.Path("bad")), HasSubstr("not JSON"));
  std::ofstream(dir.Path("big")) << std::string(2 << 20, ' ');
  EXPECT_THAT(problem(dir.Path("big")), HasSubstr("over 1 MB"));
}

}  // namespace
}  // namespace invigil::auth
