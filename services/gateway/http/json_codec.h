// Protobuf JSON to bytes and back, by type name, from the catalogue's descriptors.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace google::protobuf {
class DescriptorPool;
namespace util {
class TypeResolver;
}
}  // namespace google::protobuf

namespace invigil::gateway {

// Thread-safe. Types are full names such as "invigil.session.v1.GetSessionRequest".
class JsonCodec {
 public:
  // `pool` outlives this.
  explicit JsonCodec(const google::protobuf::DescriptorPool& pool);
  ~JsonCodec();

  // An empty text is an empty message. Errors: INVALID_ARGUMENT (REQUEST_MALFORMED): not JSON, an
  // unknown field, a value of the wrong type; names the field, or the line and column.
  absl::StatusOr<std::string> ToBytes(const std::string& type, std::string_view json) const;
  // Fields with zero values are written too. Errors: INTERNAL when json_util
  // refuses `bytes`; of damaged ones it may also print what it could read.
  absl::StatusOr<std::string> ToJson(const std::string& type, std::string_view bytes) const;

 private:
  std::unique_ptr<google::protobuf::util::TypeResolver> resolver_;
};

}  // namespace invigil::gateway
