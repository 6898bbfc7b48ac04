#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <unistd.h>

#include <cstdint>

#include "common/auth/file_io.h"
#include "common/auth/key_set.h"
#include "common/auth/private_key_text.h"
#include "common/auth/token.h"
#include "common/error/error.h"

namespace invigil::auth {
namespace {

struct KeyTexts {
  std::string pem;           // private
  std::string public_bytes;  // 32
};

absl::StatusOr<KeyTexts> MakeEd25519() {
  EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  BIO* bio = BIO_new(BIO_s_mem());
  KeyTexts texts;
  texts.public_bytes.resize(32);
  size_t size = texts.public_bytes.size();
  char* pem = nullptr;
  long pem_size = 0;
  if (key != nullptr && bio != nullptr &&
      EVP_PKEY_get_raw_public_key(key, reinterpret_cast<uint8_t*>(texts.public_bytes.data()),
                                  &size) == 1 &&
      PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr) == 1) {
    pem_size = BIO_get_mem_data(bio, &pem);
    texts.pem.assign(pem, static_cast<size_t>(pem_size));
  }
  BIO_free(bio);
  EVP_PKEY_free(key);
  if (texts.pem.empty()) {
    ERR_clear_error();
    return Internal("OpenSSL could not make an Ed25519 key");
  }
  return texts;
}

Error Exists(const std::string& what) {
  return AlreadyExists("KEY_EXISTS", what + "; choose another, or remove the old key first");
}

Error Unusable(const std::string& path, const absl::Status& why) {
  return FailedPrecondition("KEYS_UNUSABLE",
                            "can't use " + path + ": " + std::string(why.message()))
      .With("path", path);
}

// The JWKS file's text with the key added; an absent file is an empty set.
absl::StatusOr<std::string> AddToFile(const std::string& jwks_path, const std::string& key_id,
                                      const std::string& public_bytes,
                                      const std::vector<std::string>& roles) {
  const auto file = ReadSmallFile(jwks_path);
  if (!file.ok() && !absl::IsNotFound(file.status())) return Unusable(jwks_path, file.status());
  auto text = AddEd25519Key(file.ok() ? file->text : "", key_id, public_bytes, roles);
  if (absl::IsAlreadyExists(text.status())) {
    return Exists(jwks_path + " has a key \"" + key_id + "\" already");
  }
  if (!text.ok()) return Unusable(jwks_path, text.status());
  return text;
}

}  // namespace

absl::Status GenerateKey(const std::string& private_path, const std::string& jwks_path,
                         const std::string& key_id, const std::vector<std::string>& roles) {
  if (!IsKeyId(key_id)) {
    return InvalidArgument("KEY_ID_INVALID",
                           "a key id is 1 to 64 letters, digits, dots, dashes and underscores");
  }
  for (const std::string& role : roles) {
    if (!IsKeyId(role)) {
      return InvalidArgument("KEY_ROLE_INVALID",
                             "a role is 1 to 64 letters, digits, dots, dashes and underscores");
    }
  }
  // Two programs adding keys at once must not lose one of them.
  const FileLock lock(jwks_path + ".lock");
  if (!lock.held()) {
    return Unusable(jwks_path + ".lock", absl::UnavailableError("it can't be made or locked"));
  }
  const auto key = MakeEd25519();
  if (!key.ok()) return key.status();
  const auto jwks = AddToFile(jwks_path, key_id, key->public_bytes, roles);
  if (!jwks.ok()) return jwks.status();

  // Private first: a key that is published can be used.
  const absl::Status created =
      CreateFile(private_path, kKeyIdLine + key_id + "\n" + key->pem, 0400);
  if (absl::IsAlreadyExists(created)) return Exists(private_path + " exists already");
  if (!created.ok()) return Unusable(private_path, created);
  if (absl::Status status = ReplaceFile(jwks_path, *jwks, 0644); !status.ok()) {
    unlink(private_path.c_str());
    return Unusable(jwks_path, status);
  }
  return absl::OkStatus();
}

}  // namespace invigil::auth
