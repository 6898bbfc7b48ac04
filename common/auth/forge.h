// For tests: keys of every kind made by OpenSSL, and tokens of any header, payload and signature.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace invigil::auth {

// A private key and what it says about itself. Copies share the key.
class ForgeKey {
 public:
  // `algorithm`: "ES256", "EdDSA" or "RS256".
  ForgeKey(const std::string& algorithm, std::string key_id);

  const std::string& id() const { return id_; }
  const std::string& algorithm() const { return algorithm_; }
  // The public half as a JWK. `roles` null: no member invigil_roles.
  std::string Jwk(const std::vector<std::string>* roles) const;
  std::string Jwk(const std::vector<std::string>& roles) const { return Jwk(&roles); }
  // The public half as PEM: what an attacker knows and may use as an HMAC key.
  std::string PublicPem() const;
  // As JOSE writes it.
  std::string Sign(const std::string& message) const;

 private:
  std::string algorithm_, id_;
  std::shared_ptr<void> key_;
};

// {"keys":[...]}
std::string Jwks(const std::vector<std::string>& jwks);

// HEADER.PAYLOAD of these JSON texts, and the same with a signature.
std::string Unsigned(const std::string& header, const std::string& payload);
std::string Forge(const std::string& header, const std::string& payload, const ForgeKey& key);
// With the header that is right for the key.
std::string Forge(const std::string& payload, const ForgeKey& key);

}  // namespace invigil::auth
