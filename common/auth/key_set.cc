#include "common/auth/key_set.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "common/auth/base64url.h"

namespace invigil::auth {
namespace {

using Json = nlohmann::ordered_json;
using Key = absl::StatusOr<std::shared_ptr<const PublicKey>>;

constexpr size_t kMaxKeyIdBytes = 128;

absl::Status Wrong(const std::string& what) { return absl::InvalidArgumentError(what); }

// Empty when absent or not a string; the members asked for here may not be empty.
std::string Text(const Json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}
// Bytes of a base64url member; empty when absent or malformed, which no key accepts.
std::string Binary(const Json& object, const char* name) {
  return Base64UrlDecode(Text(object, name)).value_or("");
}

std::optional<std::vector<std::string>> Strings(const Json& value) {
  if (!value.is_array()) return std::nullopt;
  std::vector<std::string> strings;
  for (const Json& element : value) {
    if (!element.is_string() || element.get_ref<const std::string&>().empty()) return std::nullopt;
    strings.push_back(element.get<std::string>());
  }
  return strings;
}

bool ForVerifying(const Json& key) {
  if (key.contains("use") && Text(key, "use") != "sig") return false;
  if (!key.contains("key_ops")) return true;
  const auto operations = Strings(key["key_ops"]);
  if (!operations) return false;
  for (const std::string& operation : *operations) {
    if (operation == "verify") return true;
  }
  return false;
}

// The one algorithm of a key by its kind; nullopt when we do not know the kind. A member alg may
// only confirm it.
std::optional<Algorithm> AlgorithmOf(const Json& key) {
  const std::string kind = Text(key, "kty"), curve = Text(key, "crv");
  std::optional<Algorithm> algorithm;
  if (kind == "EC" && curve == "P-256") algorithm = Algorithm::kEs256;
  if (kind == "OKP" && curve == "Ed25519") algorithm = Algorithm::kEdDsa;
  if (kind == "RSA") algorithm = Algorithm::kRs256;
  if (algorithm && key.contains("alg") && Text(key, "alg") != AlgorithmName(*algorithm)) {
    return std::nullopt;
  }
  return algorithm;
}

// nullptr: not for us.
Key ParseKey(const Json& key) {
  if (!key.is_object()) return Wrong("it is not an object");
  if (Text(key, "kty") == "oct" || key.contains("d") || key.contains("k")) {
    return Wrong("it holds a secret; only public keys belong in this file");
  }
  const std::optional<Algorithm> algorithm = AlgorithmOf(key);
  if (!algorithm || !ForVerifying(key)) return std::shared_ptr<const PublicKey>();
  PublicKey::Description description;
  description.id = Text(key, "kid");
  if (description.id.empty() || description.id.size() > kMaxKeyIdBytes) {
    return Wrong("kid must be a string of 1 to 128 bytes");
  }
  if (key.contains("invigil_roles")) {
    auto roles = Strings(key["invigil_roles"]);
    if (!roles) return Wrong("invigil_roles must be an array of strings");
    description.roles = *std::move(roles);
  }
  switch (*algorithm) {
    case Algorithm::kEs256:
      return PublicKey::Es256(std::move(description), Binary(key, "x"), Binary(key, "y"));
    case Algorithm::kEdDsa:
      return PublicKey::EdDsa(std::move(description), Binary(key, "x"));
    case Algorithm::kRs256:
      return PublicKey::Rs256(std::move(description), Binary(key, "n"), Binary(key, "e"));
  }
  return std::shared_ptr<const PublicKey>();
}

absl::StatusOr<Json> ParseShape(std::string_view text) {
  Json set = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (set.is_discarded()) return Wrong("it is not JSON");
  if (!set.is_object() || !set.contains("keys") || !set["keys"].is_array()) {
    return Wrong("it must be an object with an array \"keys\"");
  }
  return set;
}

}  // namespace

absl::StatusOr<KeySet> ParseKeySet(std::string_view text) {
  const absl::StatusOr<Json> set = ParseShape(text);
  if (!set.ok()) return set.status();
  KeySet keys;
  size_t position = 0;
  for (const Json& element : (*set)["keys"]) {
    const std::string which = "keys[" + std::to_string(position++) + "]: ";
    Key key = ParseKey(element);
    if (!key.ok()) return Wrong(which + std::string(key.status().message()));
    if (*key == nullptr) continue;
    if (!keys.emplace((*key)->id(), *key).second) return Wrong(which + "its kid is used twice");
  }
  if (keys.empty()) return Wrong("it has no ES256, EdDSA or RS256 key");
  return keys;
}

absl::StatusOr<std::string> AddEd25519Key(std::string_view text, const std::string& key_id,
                                          std::string_view x,
                                          const std::vector<std::string>& roles) {
  absl::StatusOr<Json> set = ParseShape(text.empty() ? "{\"keys\":[]}" : text);
  if (!set.ok()) return set.status();
  for (const Json& key : (*set)["keys"]) {
    if (key.is_object() && Text(key, "kid") == key_id) {
      return absl::AlreadyExistsError("it has a key with this id already");
    }
  }
  (*set)["keys"].push_back(Json{{"kty", "OKP"},
                                {"crv", "Ed25519"},
                                {"alg", AlgorithmName(Algorithm::kEdDsa)},
                                {"use", "sig"},
                                {"kid", key_id},
                                {"x", Base64UrlEncode(x)},
                                {"invigil_roles", roles}});
  std::string out = set->dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  // What verifiers would refuse is never written.
  if (const auto parsed = ParseKeySet(out); !parsed.ok()) return parsed.status();
  return out;
}

}  // namespace invigil::auth
