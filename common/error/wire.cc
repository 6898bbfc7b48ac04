#include "common/error/wire.h"

namespace invigil {

void AppendVarint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void AppendVarintField(std::string& out, uint32_t number, uint64_t value) {
  AppendVarint(out, uint64_t{number} << 3);
  AppendVarint(out, value);
}

void AppendBytesField(std::string& out, uint32_t number, std::string_view value) {
  AppendVarint(out, (uint64_t{number} << 3) | 2);
  AppendVarint(out, value.size());
  out.append(value);
}

std::optional<uint64_t> WireReader::Varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) return std::nullopt;
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    value |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

std::optional<uint64_t> WireReader::Fixed(size_t size) {
  if (rest_.size() < size) return std::nullopt;
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i)
    value |= uint64_t{static_cast<unsigned char>(rest_[i])} << (8 * i);
  rest_.remove_prefix(size);
  return value;
}

std::optional<WireReader::Field> WireReader::Next() {
  if (!ok_ || rest_.empty()) return std::nullopt;
  Field field;
  const auto tag = Varint();
  ok_ = tag.has_value() && (*tag >> 3) != 0 && (*tag >> 3) <= 0x1fffffff;
  if (!ok_) return std::nullopt;
  field.number = static_cast<uint32_t>(*tag >> 3);
  field.wire_type = static_cast<uint32_t>(*tag & 7);
  std::optional<uint64_t> value;
  switch (field.wire_type) {
    case 0:
      value = Varint();
      break;
    case 1:
      value = Fixed(8);
      break;
    case 5:
      value = Fixed(4);
      break;
    case 2:
      value = Varint();
      if (value && *value > rest_.size()) value.reset();
      if (value) {
        field.bytes = rest_.substr(0, *value);
        rest_.remove_prefix(*value);
      }
      break;
    default:
      break;  // groups are not ours
  }
  ok_ = value.has_value();
  if (!ok_) return std::nullopt;
  field.varint = *value;
  return field;
}

}  // namespace invigil
