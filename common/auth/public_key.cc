#include "common/auth/public_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace invigil::auth {
namespace {

constexpr size_t kCoordinateBytes = 32;

template <typename T, void (*Free)(T*)>
struct FreeWith {
  void operator()(T* p) const { Free(p); }
};
template <typename T, void (*Free)(T*)>
using Owned = std::unique_ptr<T, FreeWith<T, Free>>;
using Number = Owned<BIGNUM, BN_free>;
using DigestContext = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;

const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}
Number NumberFrom(std::string_view big_endian) {
  return Number(BN_bin2bn(Bytes(big_endian), static_cast<int>(big_endian.size()), nullptr));
}

// nullptr when OpenSSL refuses the numbers.
EVP_PKEY* KeyFromParams(const char* type, OSSL_PARAM* params) {
  EVP_PKEY* key = nullptr;
  Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
      EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  if (context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
    key = nullptr;
  }
  ERR_clear_error();  // the queue is the thread's; TLS code on it must not find our leavings
  return key;
}

// JOSE writes r and s side by side, OpenSSL reads them as DER. Empty when `raw` can't be that.
std::string EcdsaToDer(std::string_view raw) {
  if (raw.size() != 2 * kCoordinateBytes) return "";
  Number r = NumberFrom(raw.substr(0, kCoordinateBytes));
  Number s = NumberFrom(raw.substr(kCoordinateBytes));
  Owned<ECDSA_SIG, ECDSA_SIG_free> signature(ECDSA_SIG_new());
  if (r == nullptr || s == nullptr || signature == nullptr ||
      ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) {
    return "";
  }
  // They belong to the signature now.
  static_cast<void>(r.release());
  static_cast<void>(s.release());
  const int size = i2d_ECDSA_SIG(signature.get(), nullptr);
  if (size <= 0) return "";
  std::string der(static_cast<size_t>(size), '\0');
  uint8_t* end = reinterpret_cast<uint8_t*>(der.data());
  return i2d_ECDSA_SIG(signature.get(), &end) == size ? der : "";
}

}  // namespace

std::string_view AlgorithmName(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kEs256:
      return "ES256";
    case Algorithm::kEdDsa:
      return "EdDSA";
    case Algorithm::kRs256:
      return "RS256";
  }
  return "";
}

void PublicKey::FreeKey::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

PublicKey::PublicKey(Description description, Algorithm algorithm, std::string numbers,
                     evp_pkey_st* key)
    : description_(std::move(description)),
      algorithm_(algorithm),
      numbers_(std::move(numbers)),
      key_(key) {}

absl::StatusOr<std::shared_ptr<const PublicKey>> PublicKey::Es256(Description description,
                                                                  std::string_view x,
                                                                  std::string_view y) {
  if (x.size() != kCoordinateBytes || y.size() != kCoordinateBytes) {
    return absl::InvalidArgumentError("x and y of a P-256 key must be 32 bytes each");
  }
  std::string point = "\x04";  // uncompressed
  point.append(x).append(y);
  char group[] = "P-256";
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end()};
  EVP_PKEY* key = KeyFromParams("EC", params);
  if (key == nullptr) return absl::InvalidArgumentError("x and y are not a point of P-256");
  return std::shared_ptr<const PublicKey>(
      new PublicKey(std::move(description), Algorithm::kEs256, std::move(point), key));
}

absl::StatusOr<std::shared_ptr<const PublicKey>> PublicKey::EdDsa(Description description,
                                                                  std::string_view x) {
  EVP_PKEY* key = x.size() == 32
                      ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Bytes(x), x.size())
                      : nullptr;
  if (key == nullptr) return absl::InvalidArgumentError("x of an Ed25519 key must be 32 bytes");
  return std::shared_ptr<const PublicKey>(
      new PublicKey(std::move(description), Algorithm::kEdDsa, std::string(x), key));
}

absl::StatusOr<std::shared_ptr<const PublicKey>> PublicKey::Rs256(Description description,
                                                                  std::string_view modulus,
                                                                  std::string_view exponent) {
  // Below 2048 bits forgery is in reach; above 8192 one signature costs too much to check.
  constexpr size_t kMinBits = 2048, kMaxBits = 8192;
  Number n, e;
  if (modulus.size() <= kMaxBits / 8 && exponent.size() <= 8) {
    n = NumberFrom(modulus);
    e = NumberFrom(exponent);
  }
  if (n == nullptr || static_cast<size_t>(BN_num_bits(n.get())) < kMinBits) {
    return absl::InvalidArgumentError("n of an RSA key must have 2048 to 8192 bits");
  }
  if (BN_is_odd(e.get()) == 0 || BN_is_one(e.get()) != 0) {
    return absl::InvalidArgumentError("e of an RSA key must be odd and more than 1");
  }
  Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  Owned<OSSL_PARAM, OSSL_PARAM_free> params;
  if (builder != nullptr &&
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1 &&
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1) {
    params.reset(OSSL_PARAM_BLD_to_param(builder.get()));
  }
  EVP_PKEY* key = params == nullptr ? nullptr : KeyFromParams("RSA", params.get());
  if (key == nullptr) return absl::InvalidArgumentError("n and e are not an RSA key");
  std::string numbers(modulus);
  numbers.append("/").append(exponent);
  return std::shared_ptr<const PublicKey>(
      new PublicKey(std::move(description), Algorithm::kRs256, std::move(numbers), key));
}

bool PublicKey::Verify(std::string_view message, std::string_view signature) const {
  std::string der;
  if (algorithm_ == Algorithm::kEs256) {
    der = EcdsaToDer(signature);
    signature = der;
  }
  if (signature.empty()) return false;
  // Ed25519 hashes by itself. RSA pads by PKCS #1 v1.5 unless told otherwise, which is RS256.
  const EVP_MD* digest = algorithm_ == Algorithm::kEdDsa ? nullptr : EVP_sha256();
  DigestContext context(EVP_MD_CTX_new());
  const bool good =
      context != nullptr &&
      EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key_.get()) == 1 &&
      EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(message),
                       message.size()) == 1;
  if (!good) ERR_clear_error();
  return good;
}

bool PublicKey::MayVouchFor(const std::string& role) const {
  return std::find(description_.roles.begin(), description_.roles.end(), role) !=
         description_.roles.end();
}

bool PublicKey::SameAs(const PublicKey& other) const {
  return id() == other.id() && algorithm_ == other.algorithm_ && numbers_ == other.numbers_ &&
         description_.roles == other.description_.roles;
}

}  // namespace invigil::auth
