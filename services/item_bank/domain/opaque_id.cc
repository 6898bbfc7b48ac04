#include "services/item_bank/domain/opaque_id.h"

#include <algorithm>

#include "common/base/hash.h"

namespace invigil::item_bank {
namespace {

// 5 bytes give 8 characters.
std::string Base32(std::string_view bytes) {
  constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";
  std::string text;
  text.reserve(bytes.size() / 5 * 8);
  for (size_t i = 0; i + 5 <= bytes.size(); i += 5) {
    uint64_t block = 0;
    for (size_t k = 0; k < 5; ++k) block = block << 8 | static_cast<unsigned char>(bytes[i + k]);
    for (int shift = 35; shift >= 0; shift -= 5) text += kAlphabet[block >> shift & 31];
  }
  return text;
}

}  // namespace

std::vector<std::string> PlaceIds(std::string_view secret, uint64_t seed, size_t count) {
  std::vector<std::string> ids;
  ids.reserve(count);
  // One hash gives three ids: a form costs 22 hashes instead of 65.
  for (uint32_t block = 0; ids.size() < count; ++block) {
    std::string message = "place";
    for (int shift = 0; shift < 64; shift += 8) message += static_cast<char>(seed >> shift & 255);
    for (int shift = 0; shift < 32; shift += 8) message += static_cast<char>(block >> shift & 255);
    const std::string bytes = HmacSha256(secret, message);
    for (size_t at = 0; at < 30 && ids.size() < count; at += 10) {
      std::string id = Base32(std::string_view(bytes).substr(at, 10));
      if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(std::move(id));
    }
  }
  return ids;
}

std::string ContentId(std::string_view secret, std::string_view item_id, uint32_t version) {
  std::string message = "content";
  message += '\0';
  message += item_id;
  message += '\0';
  message += std::to_string(version);
  return Base32(HmacSha256(secret, message).substr(0, 15));
}

std::string PartContentId(std::string_view secret, std::string_view text) {
  std::string message = "part";
  message += '\0';
  message += text;
  return Base32(HmacSha256(secret, message).substr(0, 15));
}

}  // namespace invigil::item_bank
