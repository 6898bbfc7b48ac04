#include "services/session/replicas/pulse_text.h"

#include <algorithm>
#include <cstdint>

namespace invigil::session {
namespace {

constexpr size_t kHead = 8, kEntry = 22;

void Put(uint64_t value, size_t bytes, std::string& out) {
  for (size_t k = 0; k < bytes; ++k) out.push_back(static_cast<char>(value >> (8 * k)));
}
uint64_t Take(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t k = bytes.size(); k-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[k]);
  return value;
}

}  // namespace

std::string EncodePulse(const std::vector<std::pair<SessionId, Pulse::Sign>>& signs, Time now,
                        Duration local) {
  std::string out;
  out.reserve(kHead + kEntry * signs.size());
  Put(static_cast<uint64_t>(ToUnixMicros(now)), kHead, out);
  for (const auto& [session, sign] : signs) {
    out += session.bytes();
    const int64_t age_ms = std::clamp<int64_t>((local - sign.at) / Millis(1), 0, UINT32_MAX);
    Put(static_cast<uint64_t>(age_ms), 4, out);
    Put(sign.unsaved, 2, out);
  }
  return out;
}

std::vector<std::pair<SessionId, Pulse::Sign>> DecodePulse(std::string_view bytes, Time now,
                                                           Duration local) {
  std::vector<std::pair<SessionId, Pulse::Sign>> signs;
  if (bytes.size() < kHead || (bytes.size() - kHead) % kEntry != 0) return signs;
  const Time written = FromUnixMicros(static_cast<int64_t>(Take(bytes.substr(0, kHead))));
  const Duration since = std::max(Duration(0), now - written);
  for (size_t at = kHead; at < bytes.size(); at += kEntry) {
    const auto session = SessionId::FromBytes(bytes.substr(at, 16));
    if (!session) continue;
    const Duration age = Millis(static_cast<int64_t>(Take(bytes.substr(at + 16, 4))));
    signs.emplace_back(
        *session,
        Pulse::Sign{local - since - age, static_cast<uint16_t>(Take(bytes.substr(at + 20, 2)))});
  }
  return signs;
}

}  // namespace invigil::session
