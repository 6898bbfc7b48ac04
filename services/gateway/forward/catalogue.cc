#include "services/gateway/forward/catalogue.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>

#include <algorithm>
#include <optional>

#include "common/error/error.h"
#include "common/rpc/guard.h"
#include "invigil/common/v1/policy.pb.h"

namespace invigil::gateway {
namespace {

namespace pb = google::protobuf;

constexpr size_t kDefaultMaxRequestBytes = 65'536;

std::optional<Area> AreaOf(const std::string& package) {
  if (package == "invigil.itembank.v1") return Area::kItemBank;
  if (package == "invigil.session.v1") return Area::kSession;
  if (package == "invigil.scoring.v1") return Area::kScoring;
  return std::nullopt;
}

Lane LaneOf(common::v1::Lane lane) {
  switch (lane) {
    case common::v1::LANE_SAVE:
      return Lane::kSave;
    case common::v1::LANE_START:
      return Lane::kStart;
    case common::v1::LANE_BULK:
      return Lane::kBulk;
    default:
      return Lane::kRead;
  }
}

Shape ShapeOf(const pb::MethodDescriptor& method) {
  if (method.client_streaming()) return Shape::kBidi;
  return method.server_streaming() ? Shape::kServerStream : Shape::kUnary;
}

// Reads one public method; on trouble returns what is wrong with it.
absl::StatusOr<std::unique_ptr<Method>> Read(const pb::MethodDescriptor& descriptor,
                                             const common::v1::MethodPolicy& policy) {
  const auto area = AreaOf(descriptor.file()->package());
  if (!area) {
    return absl::FailedPreconditionError("is public, but no backend serves the package " +
                                         descriptor.file()->package());
  }
  auto method = std::make_unique<Method>();
  method->path = "/" + descriptor.service()->full_name() + "/" + descriptor.name();
  method->name = descriptor.name();
  method->shape = ShapeOf(descriptor);
  method->area = *area;
  method->lane = LaneOf(policy.lane());
  method->retryable = policy.idempotency() == common::v1::IDEMPOTENCY_READ ||
                      policy.idempotency() == common::v1::IDEMPOTENCY_IDEMPOTENT;
  method->roles = rpc::RoleNames(policy);
  method->services.assign(policy.services().begin(), policy.services().end());
  method->max_request_bytes =
      policy.max_request_bytes() == 0 ? kDefaultMaxRequestBytes : policy.max_request_bytes();
  method->request = descriptor.input_type();
  method->request_type = descriptor.input_type()->full_name();
  method->response_type = descriptor.output_type()->full_name();
  if (!policy.routing_field().empty()) {
    const auto* field = descriptor.input_type()->FindFieldByName(policy.routing_field());
    if (!field || field->type() != pb::FieldDescriptor::TYPE_STRING || field->is_repeated()) {
      return absl::FailedPreconditionError("routes by " + policy.routing_field() + ", which " +
                                           method->request_type + " has not as a single string");
    }
    method->routing_field = static_cast<uint32_t>(field->number());
    method->routes_by_session = field->name() == "session_id";
  }
  return method;
}

absl::Status Invalid(const std::string& why) {
  return FailedPrecondition("CATALOGUE_INVALID", "the protos can't be served: " + why);
}

}  // namespace

std::string_view AreaName(Area area) {
  switch (area) {
    case Area::kItemBank:
      return "item-bank";
    case Area::kSession:
      return "session";
    case Area::kScoring:
      return "scoring";
  }
  return "";
}

std::string_view LaneName(Lane lane) {
  switch (lane) {
    case Lane::kSave:
      return "save";
    case Lane::kRead:
      return "read";
    case Lane::kStart:
      return "start";
    case Lane::kBulk:
      return "bulk";
  }
  return "";
}

bool IsRequest(const Method& method, std::string_view bytes) {
  pb::DynamicMessageFactory factory;
  const std::unique_ptr<pb::Message> message(factory.GetPrototype(method.request)->New());
  return message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

Catalogue::Catalogue() : pool_(std::make_unique<pb::DescriptorPool>()) {}
Catalogue::~Catalogue() = default;

absl::StatusOr<std::unique_ptr<Catalogue>> Catalogue::Load(std::string_view descriptor_set) {
  pb::FileDescriptorSet files;
  if (!files.ParseFromArray(descriptor_set.data(), static_cast<int>(descriptor_set.size())) ||
      files.file().empty()) {
    return Invalid("the descriptor set is empty or damaged");
  }
  std::unique_ptr<Catalogue> catalogue(new Catalogue);
  Error error = FailedPrecondition("CATALOGUE_INVALID",
                                   "refusing to serve methods whose policy is missing or wrong; "
                                   "correct invigil.common.v1.policy in their protos");
  bool valid = true;
  const auto reject = [&](const std::string& method, const std::string& why) {
    error.Field(method, why);
    valid = false;
  };
  for (const auto& proto : files.file()) {
    const auto* file = catalogue->pool_->BuildFile(proto);
    if (!file) return Invalid("the file " + proto.name() + " does not fit the others");
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        const auto& descriptor = *file->service(s)->method(m);
        const auto policy = rpc::PolicyOf(descriptor);
        if (!policy.ok()) {
          reject(descriptor.full_name(), std::string(policy.status().message()));
          continue;
        }
        if ((*policy)->exposure() != common::v1::EXPOSURE_PUBLIC) continue;
        auto method = Read(descriptor, **policy);
        if (!method.ok()) {
          reject(descriptor.full_name(), std::string(method.status().message()));
          continue;
        }
        (*method)->index = catalogue->methods_.size();
        catalogue->by_path_.emplace((*method)->path, method->get());
        catalogue->methods_.push_back(*std::move(method));
      }
    }
  }
  if (!valid) return error.Build();
  if (catalogue->methods_.empty()) return Invalid("no method is public");
  return catalogue;
}

const Method* Catalogue::FindPublic(std::string_view path) const {
  const auto it = by_path_.find(path);
  return it == by_path_.end() ? nullptr : it->second;
}

size_t Catalogue::LargestRequest() const {
  size_t largest = 0;
  for (const auto& method : methods_) largest = std::max(largest, method->max_request_bytes);
  return largest;
}

}  // namespace invigil::gateway
