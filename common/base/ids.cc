#include "common/base/ids.h"

#include <openssl/rand.h>

#include <cstdlib>

#include "absl/strings/escaping.h"

namespace invigil {
namespace {

std::string RandomBytes(size_t n) {
  std::string bytes(n, '\0');
  // Without randomness no id is safe to give out: stop rather than go on.
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(n)) != 1)
    std::abort();
  return bytes;
}

}  // namespace

std::string NewId(Time now) {
  std::string bytes = RandomBytes(16);
  const auto ms = static_cast<uint64_t>(ToUnixMillis(now));
  for (int i = 0; i < 6; ++i) bytes[i] = static_cast<char>(ms >> (8 * (5 - i)));
  return absl::BytesToHexString(bytes);
}

std::string RandomHex(size_t bytes) { return absl::BytesToHexString(RandomBytes(bytes)); }

bool IsId(const std::string& id) {
  if (id.size() != 32) return false;
  for (char c : id) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

std::string IdToBytes(const std::string& id) { return absl::HexStringToBytes(id); }
std::string IdFromBytes(const std::string& bytes) { return absl::BytesToHexString(bytes); }

}  // namespace invigil
