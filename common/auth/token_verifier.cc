#include <algorithm>
#include <optional>
#include <utility>

#include "common/auth/base64url.h"
#include "common/auth/claims.h"
#include "common/auth/key_file.h"
#include "common/auth/token.h"
#include "common/auth/token_cache.h"
#include "common/error/error.h"

namespace invigil::auth {
namespace {

constexpr size_t kMaxTokenBytes = 8192;

absl::Status Malformed(const std::string& what) {
  return Unauthenticated("TOKEN_MALFORMED", "the token is malformed: " + what +
                                                "; send a signed JSON Web Token (RFC 7519)");
}

// A token is HEADER.PAYLOAD.SIGNATURE.
struct Parts {
  std::string_view header, payload, signature;
  std::string_view signed_part;  // HEADER.PAYLOAD
};
std::optional<Parts> Split(std::string_view token) {
  const size_t first = token.find('.');
  const size_t second = first == token.npos ? token.npos : token.find('.', first + 1);
  if (second == token.npos || token.find('.', second + 1) != token.npos) return std::nullopt;
  return Parts{token.substr(0, first), token.substr(first + 1, second - first - 1),
               token.substr(second + 1), token.substr(0, second)};
}

class FileTokenVerifier final : public TokenVerifier {
 public:
  FileTokenVerifier(Options options, const Clock& clock, std::unique_ptr<KeyFile> keys)
      : options_(std::move(options)),
        clock_(clock),
        keys_(std::move(keys)),
        cache_(options_.cache_entries) {}

  absl::StatusOr<std::shared_ptr<const Principal>> Verify(std::string_view token) override;
  absl::Status KeyFileStatus() const override { return keys_->status(); }

 private:
  // Everything but the time, which goes on for remembered tokens.
  absl::StatusOr<std::shared_ptr<const VerifiedToken>> VerifyAnew(std::string_view token);
  absl::StatusOr<std::shared_ptr<const PublicKey>> CheckSignature(const Parts& parts);
  absl::Status CheckClaims(const TokenClaims& claims, const PublicKey& key) const;
  absl::Status CheckTime(const VerifiedToken& verified) const;

  const Options options_;
  const Clock& clock_;
  const std::unique_ptr<KeyFile> keys_;
  TokenCache cache_;
};

absl::StatusOr<std::shared_ptr<const Principal>> FileTokenVerifier::Verify(std::string_view token) {
  if (token.size() > kMaxTokenBytes) return Malformed("it is longer than 8192 bytes");
  keys_->Poll();
  std::shared_ptr<const VerifiedToken> verified = cache_.Find(token);
  const bool remembered = verified != nullptr && !verified->key->retired();
  if (!remembered) {
    if (verified != nullptr) cache_.Erase(token);
    auto anew = VerifyAnew(token);
    if (!anew.ok()) return anew.status();
    verified = *std::move(anew);
  }
  if (absl::Status status = CheckTime(*verified); !status.ok()) {
    if (remembered) cache_.Erase(token);
    return status;
  }
  if (!remembered) cache_.Insert(token, verified);
  return std::shared_ptr<const Principal>(verified, &verified->principal);
}

absl::StatusOr<std::shared_ptr<const VerifiedToken>> FileTokenVerifier::VerifyAnew(
    std::string_view token) {
  const std::optional<Parts> parts = Split(token);
  if (!parts) return Malformed("it must have three parts joined by dots");
  auto key = CheckSignature(*parts);
  if (!key.ok()) return key.status();
  // Only what a known key signed is read any further.
  const std::optional<std::string> payload = Base64UrlDecode(parts->payload);
  if (!payload) return Malformed("its payload is not base64url");
  auto claims = ParseTokenClaims(*payload);
  if (!claims.ok()) return Malformed(std::string(claims.status().message()));
  if (absl::Status status = CheckClaims(*claims, **key); !status.ok()) return status;
  return std::make_shared<const VerifiedToken>(
      VerifiedToken{std::move(claims->principal), claims->not_before, *std::move(key)});
}

absl::StatusOr<std::shared_ptr<const PublicKey>> FileTokenVerifier::CheckSignature(
    const Parts& parts) {
  const std::optional<std::string> json = Base64UrlDecode(parts.header);
  if (!json) return Malformed("its header is not base64url");
  const auto header = ParseTokenHeader(*json);
  if (!header.ok()) return Malformed(std::string(header.status().message()));
  const std::optional<std::string> signature = Base64UrlDecode(parts.signature);
  if (!signature) return Malformed("its signature is not base64url");

  std::shared_ptr<const PublicKey> key = keys_->Find(header->key_id);
  if (key == nullptr) {
    return Unauthenticated("TOKEN_KEY_UNKNOWN",
                           "the token's key (header member kid) is not one of ours; get a new "
                           "token from this system");
  }
  // The header has no say: it can only agree with the key.
  if (header->algorithm != AlgorithmName(key->algorithm()) ||
      !key->Verify(parts.signed_part, *signature)) {
    return Unauthenticated(
        "TOKEN_SIGNATURE",
        "the token's signature is not by its key over its text; get a new token");
  }
  return key;
}

absl::Status FileTokenVerifier::CheckClaims(const TokenClaims& claims, const PublicKey& key) const {
  if (claims.issuer != options_.issuer) {
    return Unauthenticated("TOKEN_ISSUER",
                           "the token is from another issuer (claim iss); get one "
                           "from this system");
  }
  const auto& audience = claims.audience;
  if (std::find(audience.begin(), audience.end(), options_.audience) == audience.end()) {
    return Unauthenticated("TOKEN_AUDIENCE",
                           "the token is for another system (claim aud); get one for this one");
  }
  for (const std::string& role : claims.principal.roles) {
    if (!key.MayVouchFor(role)) {
      return Unauthenticated("TOKEN_ROLE",
                             "the token claims a role that its key may not vouch for; get a token "
                             "from the issuer of that role");
    }
  }
  if (!claims.principal.session_id.empty() && !claims.principal.Has("candidate")) {
    return Unauthenticated("TOKEN_ROLE",
                           "the token is for one session (claim sid) but not a candidate's; start "
                           "the session again");
  }
  return absl::OkStatus();
}

absl::Status FileTokenVerifier::CheckTime(const VerifiedToken& verified) const {
  const Time now = clock_.Now();
  if (now - options_.leeway >= verified.principal.expires) {
    return Unauthenticated("TOKEN_EXPIRED", "the token has run out; get a new one");
  }
  if (now + options_.leeway < verified.not_before) {
    return Unauthenticated("TOKEN_NOT_YET_VALID",
                           "the token is not valid yet (claim nbf); wait, or set the clocks right");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<TokenVerifier>> TokenVerifier::Create(Options options,
                                                                     const Clock& clock) {
  auto keys = KeyFile::Open(options.jwks_path, clock, options.on_reload);
  if (!keys.ok()) return keys.status();
  return std::make_unique<FileTokenVerifier>(std::move(options), clock, *std::move(keys));
}

}  // namespace invigil::auth
