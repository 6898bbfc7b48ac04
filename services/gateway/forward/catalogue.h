// What the gateway knows of every method: its policy, shape, types and backend, read once from the
// descriptors that are built into the program. It knows methods, never messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"

namespace google::protobuf {
class Descriptor;
class DescriptorPool;
}  // namespace google::protobuf

namespace invigil::gateway {

enum class Shape { kUnary, kServerStream, kBidi };

// The services behind the gateway, by the package of their protos.
enum class Area { kItemBank, kSession, kScoring };
inline constexpr size_t kAreas = 3;
// "item-bank", "session", "scoring": also the names of their flags.
std::string_view AreaName(Area area);

enum class Lane { kSave, kRead, kStart, kBulk };
inline constexpr size_t kLanes = 4;
std::string_view LaneName(Lane lane);

// One public method. Lives as long as its catalogue; immutable.
struct Method {
  size_t index = 0;  // its place among the public methods, for tables beside this
  std::string path;  // /invigil.session.v1.DeliveryService/SaveResponses
  std::string name;  // SaveResponses
  Shape shape = Shape::kUnary;
  Area area = Area::kSession;
  Lane lane = Lane::kRead;
  bool retryable = false;             // may be sent again on UNAVAILABLE
  std::vector<std::string> roles;     // "candidate"; one of them suffices
  std::vector<std::string> services;  // for the role "service"; empty: any
  uint32_t routing_field = 0;         // number of the string field that picks the replica; 0: none
  bool routes_by_session = false;     // that field is the session's id
  size_t max_request_bytes = 0;
  std::string request_type, response_type;  // full names of the messages
  const google::protobuf::Descriptor* request = nullptr;
};

// Whether `bytes` are a request of `method`. Slow; to explain an error, not for every call.
bool IsRequest(const Method& method, std::string_view bytes);

// Thread-safe after construction.
class Catalogue {
 public:
  // `descriptor_set`: a serialised google.protobuf.FileDescriptorSet with imports. Errors:
  // FAILED_PRECONDITION (CATALOGUE_INVALID) with every method whose policy is missing or wrong.
  static absl::StatusOr<std::unique_ptr<Catalogue>> Load(std::string_view descriptor_set);
  ~Catalogue();

  // Null for an unknown method and for an internal one alike: from outside they are the same.
  const Method* FindPublic(std::string_view path) const;
  const std::vector<std::unique_ptr<Method>>& methods() const { return methods_; }
  // The largest request any public method takes.
  size_t LargestRequest() const;
  const google::protobuf::DescriptorPool& pool() const { return *pool_; }

 private:
  Catalogue();
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::unique_ptr<google::protobuf::DescriptorPool> pool_;
  std::vector<std::unique_ptr<Method>> methods_;
  std::unordered_map<std::string, const Method*, Hash, std::equal_to<>> by_path_;
};

// The protos of this build, as Load takes them.
std::string_view BuiltInDescriptors();

}  // namespace invigil::gateway
