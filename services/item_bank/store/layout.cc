#include "services/item_bank/store/layout.h"

#include "common/error/error.h"

namespace invigil::item_bank {
namespace {

constexpr char kVersion = 1;
constexpr size_t kIdSize = 16;

}  // namespace

// One version byte; then per place: index (2 bytes, low first), number of options, option order,
// opaque id.
std::string EncodeLayout(const std::vector<Place>& places) {
  std::string bytes(1, kVersion);
  for (const Place& place : places) {
    bytes += static_cast<char>(place.pool_index & 255);
    bytes += static_cast<char>(place.pool_index >> 8);
    bytes += static_cast<char>(place.option_order.size());
    bytes.append(place.option_order.begin(), place.option_order.end());
    bytes += place.item_id;
  }
  return bytes;
}

absl::StatusOr<std::vector<Place>> DecodeLayout(std::string_view bytes) {
  const absl::Status bad = Internal("a form in the store can't be read");
  if (bytes.empty() || bytes[0] != kVersion) return bad;
  std::vector<Place> places;
  for (size_t at = 1; at < bytes.size();) {
    if (bytes.size() - at < 3) return bad;
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(bytes[at + i]); };
    Place place;
    place.pool_index = static_cast<uint16_t>(byte(0) | byte(1) << 8);
    const size_t options = byte(2);
    if (bytes.size() - at < 3 + options + kIdSize) return bad;
    for (size_t k = 0; k < options; ++k) {
      if (byte(3 + k) >= options) return bad;
      place.option_order.push_back(byte(3 + k));
    }
    place.item_id = std::string(bytes.substr(at + 3 + options, kIdSize));
    at += 3 + options + kIdSize;
    places.push_back(std::move(place));
  }
  return places;
}

}  // namespace invigil::item_bank
