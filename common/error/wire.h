// The protobuf wire format by hand, for the few places that must write or read a field without
// paying for generated code: error details here, routing fields in the gateway.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace invigil {

// Appends one field. Values of length zero are written too: the caller decides what to leave out.
void AppendVarint(std::string& out, uint64_t value);
void AppendVarintField(std::string& out, uint32_t number, uint64_t value);
void AppendBytesField(std::string& out, uint32_t number, std::string_view value);

// Walks the top-level fields of a serialised message. Never reads out of bounds.
class WireReader {
 public:
  struct Field {
    uint32_t number = 0;
    uint32_t wire_type = 0;  // 0 varint, 1 fixed64, 2 bytes, 5 fixed32
    uint64_t varint = 0;     // wire types 0, 1 and 5
    std::string_view bytes;  // wire type 2
  };
  explicit WireReader(std::string_view data) : rest_(data) {}
  // The next field; nullopt at the end or at malformed bytes (then ok() is false).
  std::optional<Field> Next();
  bool ok() const { return ok_; }

 private:
  std::optional<uint64_t> Varint();
  std::optional<uint64_t> Fixed(size_t size);
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace invigil
