#include "common/auth/claims.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

namespace invigil::auth {
namespace {

using Json = nlohmann::ordered_json;

// Subjects and session ids go into keys, rows and log lines: one line, of a sane length.
constexpr size_t kMaxNameBytes = 256;
constexpr size_t kMaxRoles = 16;
constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr double kLastSecond = 253402300799;  // the end of the year 9999

absl::Status Wrong(const std::string& what) { return absl::InvalidArgumentError(what); }

absl::StatusOr<Json> ParseObject(std::string_view text, const std::string& what) {
  Json object = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (object.is_discarded() || !object.is_object()) return Wrong(what + " is not a JSON object");
  return object;
}

bool IsName(const std::string& text) {
  if (text.empty() || text.size() > kMaxNameBytes) return false;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  }
  return true;
}

// Leaves `out` alone when the member is absent.
absl::Status ReadString(const Json& object, const char* name, std::string* out) {
  const auto it = object.find(name);
  if (it == object.end()) return absl::OkStatus();
  if (!it->is_string()) return Wrong(std::string(name) + " must be a string");
  *out = it->get<std::string>();
  return absl::OkStatus();
}

absl::Status ReadStrings(const Json& object, const char* name, std::vector<std::string>* out) {
  const auto it = object.find(name);
  if (it == object.end()) return absl::OkStatus();
  if (!it->is_array()) return Wrong(std::string(name) + " must be an array of strings");
  for (const Json& element : *it) {
    if (!element.is_string()) return Wrong(std::string(name) + " must be an array of strings");
    out->push_back(element.get<std::string>());
  }
  return absl::OkStatus();
}

// A NumericDate (RFC 7519 section 2): seconds, perhaps with a fraction.
absl::Status ReadTime(const Json& object, const char* name, Time* out) {
  const auto it = object.find(name);
  if (it == object.end()) return absl::OkStatus();
  const double seconds = it->is_number() ? it->get<double>() : -1;
  if (!(seconds >= 0 && seconds <= kLastSecond)) {
    return Wrong(std::string(name) + " must be a number of seconds since 1970");
  }
  *out = FromUnixMicros(std::llround(seconds * kMicrosPerSecond));
  return absl::OkStatus();
}

absl::Status ReadClaims(const Json& object, TokenClaims* claims) {
  Principal& principal = claims->principal;
  absl::Status status = ReadString(object, "iss", &claims->issuer);
  status.Update(ReadString(object, "sub", &principal.subject));
  status.Update(ReadString(object, "sid", &principal.session_id));
  status.Update(ReadStrings(object, "roles", &principal.roles));
  status.Update(ReadTime(object, "exp", &principal.expires));
  status.Update(ReadTime(object, "nbf", &claims->not_before));
  const auto audience = object.find("aud");
  if (audience != object.end() && audience->is_string()) {
    claims->audience.push_back(audience->get<std::string>());
  } else {
    status.Update(ReadStrings(object, "aud", &claims->audience));
  }
  return status;
}

int64_t SecondsUp(Time t) { return (ToUnixMicros(t) + kMicrosPerSecond - 1) / kMicrosPerSecond; }

}  // namespace

absl::StatusOr<TokenHeader> ParseTokenHeader(std::string_view json) {
  const absl::StatusOr<Json> object = ParseObject(json, "the header");
  if (!object.ok()) return object.status();
  // RFC 7515 section 4.1.11: what we do not understand and must, we refuse.
  if (object->contains("crit")) return Wrong("crit names extensions that are not supported");
  TokenHeader header;
  absl::Status status = ReadString(*object, "alg", &header.algorithm);
  status.Update(ReadString(*object, "kid", &header.key_id));
  if (!status.ok()) return status;
  return header;
}

absl::StatusOr<TokenClaims> ParseTokenClaims(std::string_view json) {
  const absl::StatusOr<Json> object = ParseObject(json, "the payload");
  if (!object.ok()) return object.status();
  TokenClaims claims;
  if (absl::Status status = ReadClaims(*object, &claims); !status.ok()) return status;
  if (!object->contains("exp")) return Wrong("exp is missing");
  if (!IsName(claims.principal.subject)) {
    return Wrong("sub must be 1 to 256 bytes without control characters");
  }
  // An empty sid would read as "any session": a token must not say that by accident.
  if (object->contains("sid") && !IsName(claims.principal.session_id)) {
    return Wrong("sid must be 1 to 256 bytes without control characters");
  }
  if (claims.principal.roles.size() > kMaxRoles) return Wrong("roles must be 16 at most");
  return claims;
}

std::string FormatTokenHeader(const TokenHeader& header) {
  const Json object{{"alg", header.algorithm}, {"kid", header.key_id}, {"typ", "JWT"}};
  return object.dump();
}

std::optional<std::string> FormatTokenClaims(const TokenClaims& claims, Time issued) {
  Json object{{"iss", claims.issuer},
              {"aud", claims.audience.at(0)},
              {"sub", claims.principal.subject},
              {"roles", claims.principal.roles},
              {"iat", ToUnixMicros(issued) / kMicrosPerSecond},
              // Rounded up: a token never ends before its session does.
              {"exp", SecondsUp(claims.principal.expires)}};
  if (!claims.principal.session_id.empty()) object["sid"] = claims.principal.session_id;
  try {
    return object.dump();
  } catch (const Json::exception&) {  // the only way dump reports bad UTF-8
    return std::nullopt;
  }
}

}  // namespace invigil::auth
