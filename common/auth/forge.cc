#include "common/auth/forge.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <cstdint>
#include <cstdlib>
#include <utility>

#include "common/auth/base64url.h"

namespace invigil::auth {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

EVP_PKEY* Raw(const std::shared_ptr<void>& key) { return static_cast<EVP_PKEY*>(key.get()); }

// A number of the key as a JWK member: big-endian, padded to `bytes` when more than 0.
std::string NumberOf(const std::shared_ptr<void>& key, const char* name, int bytes) {
  BIGNUM* number = nullptr;
  Require(EVP_PKEY_get_bn_param(Raw(key), name, &number) == 1);
  std::string out(static_cast<size_t>(bytes > 0 ? bytes : BN_num_bytes(number)), '\0');
  Require(BN_bn2binpad(number, reinterpret_cast<uint8_t*>(out.data()),
                       static_cast<int>(out.size())) >= 0);
  BN_free(number);
  return Base64UrlEncode(out);
}

std::string DerToJose(const std::string& der) {
  const uint8_t* data = reinterpret_cast<const uint8_t*>(der.data());
  ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &data, static_cast<long>(der.size()));
  Require(signature != nullptr);
  std::string out(64, '\0');
  uint8_t* bytes = reinterpret_cast<uint8_t*>(out.data());
  Require(BN_bn2binpad(ECDSA_SIG_get0_r(signature), bytes, 32) == 32);
  Require(BN_bn2binpad(ECDSA_SIG_get0_s(signature), bytes + 32, 32) == 32);
  ECDSA_SIG_free(signature);
  return out;
}

std::string Member(const std::string& name, const std::string& value) {
  return ",\"" + name + "\":\"" + value + "\"";
}

}  // namespace

ForgeKey::ForgeKey(const std::string& algorithm, std::string key_id)
    : algorithm_(algorithm), id_(std::move(key_id)) {
  EVP_PKEY* key = nullptr;
  if (algorithm == "ES256") key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
  if (algorithm == "EdDSA") key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  if (algorithm == "RS256") key = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", size_t{2048});
  Require(key != nullptr);
  key_ = std::shared_ptr<void>(key, [](void* k) { EVP_PKEY_free(static_cast<EVP_PKEY*>(k)); });
}

std::string ForgeKey::Jwk(const std::vector<std::string>* roles) const {
  std::string jwk = "{\"kid\":\"" + id_ + "\"";
  if (algorithm_ == "ES256") {
    jwk += Member("kty", "EC") + Member("crv", "P-256") +
           Member("x", NumberOf(key_, OSSL_PKEY_PARAM_EC_PUB_X, 32)) +
           Member("y", NumberOf(key_, OSSL_PKEY_PARAM_EC_PUB_Y, 32));
  } else if (algorithm_ == "RS256") {
    jwk += Member("kty", "RSA") + Member("n", NumberOf(key_, OSSL_PKEY_PARAM_RSA_N, 0)) +
           Member("e", NumberOf(key_, OSSL_PKEY_PARAM_RSA_E, 0));
  } else {
    std::string x(32, '\0');
    size_t size = x.size();
    Require(EVP_PKEY_get_raw_public_key(Raw(key_), reinterpret_cast<uint8_t*>(x.data()), &size) ==
            1);
    jwk += Member("kty", "OKP") + Member("crv", "Ed25519") + Member("x", Base64UrlEncode(x));
  }
  if (roles != nullptr) {
    jwk += ",\"invigil_roles\":[";
    for (size_t i = 0; i < roles->size(); ++i) {
      jwk += std::string(i == 0 ? "\"" : ",\"") + (*roles)[i] + "\"";
    }
    jwk += "]";
  }
  return jwk + "}";
}

std::string ForgeKey::PublicPem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  Require(bio != nullptr && PEM_write_bio_PUBKEY(bio, Raw(key_)) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<size_t>(size));
  BIO_free(bio);
  return pem;
}

std::string ForgeKey::Sign(const std::string& message) const {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  const EVP_MD* digest = algorithm_ == "EdDSA" ? nullptr : EVP_sha256();
  const uint8_t* text = reinterpret_cast<const uint8_t*>(message.data());
  std::string out(1024, '\0');
  size_t size = out.size();
  Require(EVP_DigestSignInit(context, nullptr, digest, nullptr, Raw(key_)) == 1);
  Require(EVP_DigestSign(context, reinterpret_cast<uint8_t*>(out.data()), &size, text,
                         message.size()) == 1);
  EVP_MD_CTX_free(context);
  out.resize(size);
  return algorithm_ == "ES256" ? DerToJose(out) : out;
}

std::string Jwks(const std::vector<std::string>& jwks) {
  std::string text = "{\"keys\":[";
  for (size_t i = 0; i < jwks.size(); ++i) text += (i == 0 ? "" : ",") + jwks[i];
  return text + "]}";
}

std::string Unsigned(const std::string& header, const std::string& payload) {
  return Base64UrlEncode(header) + "." + Base64UrlEncode(payload);
}

std::string Forge(const std::string& header, const std::string& payload, const ForgeKey& key) {
  const std::string text = Unsigned(header, payload);
  return text + "." + Base64UrlEncode(key.Sign(text));
}

std::string Forge(const std::string& payload, const ForgeKey& key) {
  return Forge("{\"alg\":\"" + key.algorithm() + "\",\"kid\":\"" + key.id() + "\"}", payload, key);
}

}  // namespace invigil::auth
