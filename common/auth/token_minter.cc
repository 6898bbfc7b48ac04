#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <cstdint>
#include <utility>

#include "common/auth/base64url.h"
#include "common/auth/claims.h"
#include "common/auth/file_io.h"
#include "common/auth/private_key_text.h"
#include "common/auth/token.h"
#include "common/error/error.h"

namespace invigil::auth {
namespace {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using PrivateKey = std::unique_ptr<EVP_PKEY, FreeKey>;

// Instead of OpenSSL's own, which would ask for a passphrase on the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

PrivateKey ParsePem(const std::string& text) {
  BIO* bio = BIO_new_mem_buf(text.data(), static_cast<int>(text.size()));
  if (bio == nullptr) return nullptr;
  PrivateKey key(PEM_read_bio_PrivateKey(bio, nullptr, NoPassphrase, nullptr));
  BIO_free(bio);
  ERR_clear_error();
  if (key != nullptr && EVP_PKEY_id(key.get()) != EVP_PKEY_ED25519) return nullptr;
  return key;
}

class FileTokenMinter final : public TokenMinter {
 public:
  FileTokenMinter(PrivateKey key, const std::string& key_id, std::string issuer,
                  std::string audience, const Clock& clock)
      : key_(std::move(key)),
        header_(Base64UrlEncode(FormatTokenHeader({"EdDSA", key_id})) + "."),
        issuer_(std::move(issuer)),
        audience_(std::move(audience)),
        clock_(clock) {}

  std::string Mint(const Claims& claims) const override {
    const Time now = clock_.Now();
    TokenClaims content;
    content.issuer = issuer_;
    content.audience = {audience_};
    content.principal = {claims.subject, claims.roles, claims.session_id, now + claims.lifetime};
    const auto payload = FormatTokenClaims(content, now);
    if (!payload) return "";
    const std::string text = header_ + Base64UrlEncode(*payload);
    const std::string signature = Sign(text);
    return signature.empty() ? "" : text + "." + Base64UrlEncode(signature);
  }

 private:
  std::string Sign(const std::string& text) const {
    std::string signature(64, '\0');
    size_t size = signature.size();
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    const bool good =
        context != nullptr &&
        EVP_DigestSignInit(context, nullptr, nullptr, nullptr, key_.get()) == 1 &&
        EVP_DigestSign(context, reinterpret_cast<uint8_t*>(signature.data()), &size,
                       reinterpret_cast<const uint8_t*>(text.data()), text.size()) == 1;
    EVP_MD_CTX_free(context);
    if (!good) ERR_clear_error();
    return good ? signature : "";
  }

  const PrivateKey key_;
  const std::string header_;
  const std::string issuer_, audience_;
  const Clock& clock_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<TokenMinter>> TokenMinter::FromFile(const std::string& path,
                                                                   const Clock& clock,
                                                                   std::string issuer,
                                                                   std::string audience) {
  const auto unusable = [&path](const std::string& what) {
    return FailedPrecondition("KEYS_UNUSABLE",
                              "the private key file " + path + " can't be used: " + what)
        .With("path", path);
  };
  const auto file = ReadSmallFile(path);
  if (!file.ok()) return unusable(std::string(file.status().message()));
  if ((file->mode & 07) != 0) return unusable("everyone may read it; chmod 0400 it");
  const std::string key_id = KeyIdOf(file->text);
  if (key_id.empty()) return unusable("its first line must be \"Key-Id: NAME\"");
  PrivateKey key = ParsePem(file->text);
  if (key == nullptr) return unusable("it must hold an Ed25519 key in PEM without a passphrase");
  return std::make_unique<FileTokenMinter>(std::move(key), key_id, std::move(issuer),
                                           std::move(audience), clock);
}

}  // namespace invigil::auth
