// A private key file: a line with the key id, then PEM, whose readers skip what stands before it.
#pragma once

#include <string>

namespace invigil::auth {

inline constexpr char kKeyIdLine[] = "Key-Id: ";

// Whether `id` can be a key id of ours: 1 to 64 letters, digits, dots, dashes and underscores.
inline bool IsKeyId(const std::string& id) {
  constexpr char kAllowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  return !id.empty() && id.size() <= 64 && id.find_first_not_of(kAllowed) == std::string::npos;
}

// The key id of such a text; empty when its first line has none.
inline std::string KeyIdOf(const std::string& text) {
  const std::string start = kKeyIdLine;
  if (text.compare(0, start.size(), start) != 0) return "";
  const size_t end = text.find('\n');
  if (end == std::string::npos) return "";
  const std::string id = text.substr(start.size(), end - start.size());
  return IsKeyId(id) ? id : "";
}

}  // namespace invigil::auth
