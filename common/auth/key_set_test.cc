#include "common/auth/key_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/auth/base64url.h"
#include "common/auth/forge.h"

namespace invigil::auth {
namespace {

using ::testing::HasSubstr;

std::string ProblemOf(const std::string& text) {
  const auto keys = ParseKeySet(text);
  return keys.ok() ? "" : std::string(keys.status().message());
}

// The examples printed in the standards, made by tools of other people.
struct Example {
  const char *jwk, *text, *signature;
};
const Example kExamples[] = {
    // RFC 7515 A.3 (ES256)
    {R"({"kid":"k","kty":"EC","crv":"P-256",
         "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
         "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})",
     "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNv"
     "bS9pc19yb290Ijp0cnVlfQ",
     "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"},
    // RFC 8037 A.4 (EdDSA)
    {R"({"kid":"k","kty":"OKP","crv":"Ed25519",
         "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})",
     "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
     "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"},
    // RFC 7515 A.2 (RS256)
    {R"({"kid":"k","kty":"RSA","e":"AQAB",
         "n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"})",
     "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNv"
     "bS9pc19yb290Ijp0cnVlfQ",
     "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5"
     "jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb"
     "1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QO"
     "YEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"}};

TEST(KeySet, VerifiesTheExamplesOfTheStandards) {
  for (const Example& example : kExamples) {
    const auto keys = ParseKeySet(Jwks({example.jwk}));
    ASSERT_TRUE(keys.ok()) << keys.status();
    const std::string signature = Base64UrlDecode(example.signature).value();
    EXPECT_TRUE(keys->at("k")->Verify(example.text, signature)) << example.jwk;
    EXPECT_FALSE(keys->at("k")->Verify(std::string(example.text) + "x", signature));
    EXPECT_FALSE(keys->at("k")->Verify(example.text, ""));
    EXPECT_FALSE(keys->at("k")->Verify(example.text, signature.substr(1)));
    EXPECT_FALSE(keys->at("k")->Verify(example.text, std::string(signature.size(), '\0')));
    EXPECT_FALSE(keys->at("k")->Verify(example.text, signature + signature));
  }
}

TEST(KeySet, RolesComeFromTheKey) {
  const ForgeKey some("EdDSA", "some"), none("ES256", "none");
  const auto keys = ParseKeySet(Jwks({some.Jwk({"candidate", "author"}), none.Jwk(nullptr)}));
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_TRUE(keys->at("some")->MayVouchFor("author"));
  EXPECT_FALSE(keys->at("some")->MayVouchFor("operator"));
  EXPECT_FALSE(keys->at("none")->MayVouchFor("candidate"));
}

TEST(KeySet, LeavesOutWhatIsNotForUs) {
  const ForgeKey good("EdDSA", "good");
  const auto keys = ParseKeySet(Jwks(
      {good.Jwk({"candidate"}), R"({"kty":"EC","crv":"P-521","kid":"a","x":"AA","y":"AA"})",
       R"({"kty":"AKP","kid":"b"})", R"({"kty":"RSA","alg":"PS256","kid":"c","n":"AA","e":"AQAB"})",
       R"({"kty":"RSA","use":"enc","kid":"d","n":"AA","e":"AQAB"})",
       R"({"kty":"RSA","key_ops":["wrapKey"],"kid":"e"})"}));
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ(keys->size(), 1u);
}

TEST(KeySet, RefusalsSayWhatIsWrong) {
  const std::string good = ForgeKey("EdDSA", "a").Jwk({"candidate"});
  EXPECT_THAT(ProblemOf("{"), HasSubstr("not JSON"));
  EXPECT_THAT(ProblemOf("[]"), HasSubstr("\"keys\""));
  EXPECT_THAT(ProblemOf("{\"keys\":[]}"), HasSubstr("no ES256, EdDSA or RS256 key"));
  EXPECT_THAT(ProblemOf(Jwks({good, "7"})), HasSubstr("keys[1]: it is not an object"));
  EXPECT_THAT(ProblemOf(Jwks({good, good})), HasSubstr("keys[1]: its kid is used twice"));
  EXPECT_THAT(ProblemOf(Jwks({R"({"kty":"OKP","crv":"Ed25519","x":"AA"})"})), HasSubstr("kid"));
  EXPECT_THAT(ProblemOf(Jwks({R"({"kty":"OKP","crv":"Ed25519","kid":"a","x":"AA"})"})),
              HasSubstr("32 bytes"));
  EXPECT_THAT(ProblemOf(Jwks({R"({"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"})"})),
              HasSubstr("2048"));
  const std::string x(43, 'A');  // 32 zero bytes twice: not a point
  EXPECT_THAT(ProblemOf(Jwks(
                  {R"({"kty":"EC","crv":"P-256","kid":"a","x":")" + x + R"(","y":")" + x + "\"}"})),
              HasSubstr("not a point"));
  EXPECT_THAT(ProblemOf(Jwks({R"({"kty":"OKP","crv":"Ed25519","kid":"a","x":")" + x +
                              R"(","invigil_roles":"candidate"})"})),
              HasSubstr("invigil_roles"));
}

TEST(KeySet, SecretsInThePublicFileAreRefused) {
  const std::string symmetric = Jwks({R"({"kty":"oct","kid":"a","k":"c2VjcmV0"})"});
  const std::string priv = Jwks({R"({"kty":"OKP","crv":"Ed25519","kid":"a","d":"c2VjcmV0"})"});
  for (const std::string& text : {symmetric, priv}) {
    EXPECT_THAT(ProblemOf(text), HasSubstr("secret"));
    EXPECT_EQ(ProblemOf(text).find("c2VjcmV0"), std::string::npos);
  }
}

TEST(KeySet, AddingKeepsWhatWasThere) {
  const std::string x(32, '\x05');
  const std::string before =
      "{\"note\":1,\"keys\":[" + ForgeKey("ES256", "old").Jwk({"author"}) + "]}";
  const auto after = AddEd25519Key(before, "new", x, {"candidate"});
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_THAT(*after, HasSubstr("\"note\": 1"));
  const auto keys = ParseKeySet(*after);
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_TRUE(keys->at("old")->MayVouchFor("author"));
  EXPECT_TRUE(keys->at("new")->MayVouchFor("candidate"));
  EXPECT_TRUE(absl::IsAlreadyExists(AddEd25519Key(*after, "new", x, {}).status()));
}

}  // namespace
}  // namespace invigil::auth
