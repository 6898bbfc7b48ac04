// JSON Web Tokens (RFC 7519), signed (RFC 7515). The key decides the algorithm, never the header:
// each key of the set has one (ES256, EdDSA or RS256), so that `none`, HMAC and confusion of
// algorithms can't work. Each key also says which roles it may vouch for (JWK member
// "invigil_roles"), so that the session service's key can't make an operator.
#pragma once

#include <functional>
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
    // Called when a changed file was read: OK when its keys are now in use, else why the keys of
    // before stay. On the thread of some Verify, so it must not block (a log line is right).
    std::function<void(const absl::Status&)> on_reload;
  };
  // `clock` outlives this. Errors: FAILED_PRECONDITION (KEYS_UNUSABLE) naming the file and what is
  // wrong.
  static absl::StatusOr<std::unique_ptr<TokenVerifier>> Create(Options options, const Clock& clock);
  virtual ~TokenVerifier() = default;

  // `token` without "Bearer ". Errors, all UNAUTHENTICATED: TOKEN_MALFORMED, TOKEN_KEY_UNKNOWN,
  // TOKEN_SIGNATURE, TOKEN_EXPIRED, TOKEN_NOT_YET_VALID, TOKEN_ISSUER, TOKEN_AUDIENCE, TOKEN_ROLE
  // (a role its key may not vouch for, or a session token that is not a candidate's).
  virtual absl::StatusOr<std::shared_ptr<const Principal>> Verify(std::string_view token) = 0;

  // Why the key file of now can't be used although Verify works on with the keys of before; OK when
  // all is well. For readiness pages and alarms.
  virtual absl::Status KeyFileStatus() const { return absl::OkStatus(); }
};

// Makes tokens with one private key. Thread-safe.
class TokenMinter {
 public:
  // Reads a private key file made by GenerateKey; `clock` outlives this. Errors:
  // FAILED_PRECONDITION (KEYS_UNUSABLE): absent, readable by everyone, not an Ed25519 key, no key
  // id.
  static absl::StatusOr<std::unique_ptr<TokenMinter>> FromFile(const std::string& path,
                                                               const Clock& clock,
                                                               std::string issuer = "invigil",
                                                               std::string audience = "invigil");
  virtual ~TokenMinter() = default;
  struct Claims {
    std::string subject;
    std::vector<std::string> roles;
    std::string session_id;  // empty: none
    Duration lifetime = Minutes(60);
  };
  // Empty when a claim is not UTF-8: such text can't be in JSON.
  virtual std::string Mint(const Claims& claims) const = 0;
};

// A service's own identity toward other services: a token of role "service" with the service's name
// as subject, minted anew before it runs out. Thread-safe.
class ServiceIdentity {
 public:
  // `clock` outlives this.
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
// atomically). `roles` are those the key may vouch for. Two processes may do this at once. Errors:
// INVALID_ARGUMENT (KEY_ID_INVALID, KEY_ROLE_INVALID), ALREADY_EXISTS (KEY_EXISTS: the file or the
// key id), FAILED_PRECONDITION (KEYS_UNUSABLE: the JWKS file, or a folder that can't be written).
absl::Status GenerateKey(const std::string& private_path, const std::string& jwks_path,
                         const std::string& key_id, const std::vector<std::string>& roles);

}  // namespace invigil::auth
