// JSON Web Tokens (RFC 7519), signed (RFC 7515). The key decides the algorithm, never the header:
// each key of the set has one (ES256, EdDSA or RS256), so that `none`, HMAC and confusion of
// algorithms can't work. Each key also says which roles it may vouch for (JWK member
// "invigil_roles"), so that the session service's key can't make an operator.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/auth/principal.h"
#include "common/base/clock.h"

namespace invigil::auth {

// Verifies tokens against a JWKS file (RFC 7517), read again when it changes. Verified tokens are
// remembered by hash until they expire, so a running session costs one signature check per process.
// Thread-safe; Verify never blocks on anything but a short lock (and reads the small file at most
// once a second).
class TokenVerifier {
 public:
  struct Options {
    std::string jwks_path;
    std::string issuer = "invigil";    // claim iss must be this
    std::string audience = "invigil";  // claim aud must hold this
    size_t cache_entries = 100'000;
    Duration leeway = Seconds(5);  // for exp and nbf
  };
  // `clock` outlives this. Errors: FAILED_PRECONDITION (KEYS_UNUSABLE) naming the file and what is
  // wrong.
  static absl::StatusOr<std::unique_ptr<TokenVerifier>> Create(Options options, const Clock& clock);
  virtual ~TokenVerifier() = default;

  // `token` without "Bearer ". Errors, all UNAUTHENTICATED: TOKEN_MALFORMED, TOKEN_KEY_UNKNOWN,
  // TOKEN_SIGNATURE, TOKEN_EXPIRED, TOKEN_NOT_YET_VALID, TOKEN_ISSUER, TOKEN_AUDIENCE, TOKEN_ROLE
  // (a role its key may not vouch for).
  virtual absl::StatusOr<std::shared_ptr<const Principal>> Verify(std::string_view token) = 0;
};

// Makes tokens with one private key. Thread-safe.
class TokenMinter {
 public:
  // Reads a private key file made by GenerateKey. Errors: FAILED_PRECONDITION (KEYS_UNUSABLE).
  static absl::StatusOr<std::unique_ptr<TokenMinter>> FromFile(const std::string& path,
                                                               const Clock& clock);
  virtual ~TokenMinter() = default;
  struct Claims {
    std::string subject;
    std::vector<std::string> roles;
    std::string session_id;  // empty: none
    Duration lifetime = Minutes(60);
  };
  virtual std::string Mint(const Claims& claims) const = 0;
};

// A service's own identity toward other services: a token of role "service" with the service's name
// as subject, minted anew before it runs out. Thread-safe.
class ServiceIdentity {
 public:
  ServiceIdentity(std::shared_ptr<const TokenMinter> minter, std::string service,
                  const Clock& clock);
  ~ServiceIdentity();
  std::string Token();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Makes an EdDSA (Ed25519) key: the private part as PEM with its key id in `private_path` (mode
// 0400; refuses to overwrite), the public part added to the JWKS file (made when absent, replaced
// atomically).
absl::Status GenerateKey(const std::string& private_path, const std::string& jwks_path,
                         const std::string& key_id, const std::vector<std::string>& roles);

}  // namespace invigil::auth
