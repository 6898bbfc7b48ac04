// One key that tokens may be signed with: its single algorithm and the roles it may vouch for.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace invigil::auth {

enum class Algorithm { kEs256, kEdDsa, kRs256 };
// "ES256", "EdDSA", "RS256": as the header member alg spells it.
std::string_view AlgorithmName(Algorithm algorithm);

// Immutable but for Retire. Thread-safe.
class PublicKey {
 public:
  struct Description {
    std::string id;                  // JWK member kid
    std::vector<std::string> roles;  // JWK member invigil_roles
  };
  // The numbers as a JWK has them, decoded: big-endian bytes. Errors: INVALID_ARGUMENT saying what
  // is wrong (a length, a point off the curve, an RSA modulus outside 2048 to 8192 bits).
  static absl::StatusOr<std::shared_ptr<const PublicKey>> Es256(Description description,
                                                                std::string_view x,
                                                                std::string_view y);
  static absl::StatusOr<std::shared_ptr<const PublicKey>> EdDsa(Description description,
                                                                std::string_view x);
  static absl::StatusOr<std::shared_ptr<const PublicKey>> Rs256(Description description,
                                                                std::string_view modulus,
                                                                std::string_view exponent);

  // Whether `signature` (as JOSE writes it: ES256 is r then s, 32 bytes each) is over `message`.
  bool Verify(std::string_view message, std::string_view signature) const;

  const std::string& id() const { return description_.id; }
  Algorithm algorithm() const { return algorithm_; }
  bool MayVouchFor(const std::string& role) const;
  // Same id, algorithm, numbers and roles.
  bool SameAs(const PublicKey& other) const;

  // Says that the key has left the key file, so that what it signed is remembered no longer.
  void Retire() const { retired_.store(true, std::memory_order_release); }
  bool retired() const { return retired_.load(std::memory_order_acquire); }

 private:
  struct FreeKey {
    void operator()(evp_pkey_st* key) const;
  };
  PublicKey(Description description, Algorithm algorithm, std::string numbers, evp_pkey_st* key);

  const Description description_;
  const Algorithm algorithm_;
  const std::string numbers_;
  const std::unique_ptr<evp_pkey_st, FreeKey> key_;
  mutable std::atomic<bool> retired_{false};
};

}  // namespace invigil::auth
