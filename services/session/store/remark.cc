#include "services/session/store/remark.h"

#include "common/base/hash.h"
#include "common/error/error.h"
#include "invigil/session/v1/event_log.pb.h"
#include "services/session/store/redact.h"

namespace invigil::session {

namespace {

bool IsRefusal(const Remark& remark) {
  return remark.kind == kDenied || remark.kind == kDeniedMore;
}

}  // namespace

std::string_view PersonIn(const Remark& remark) {
  if (IsRefusal(remark)) return remark.actor;
  const bool names = remark.kind == kExported || remark.kind == kAct;
  return names ? std::string_view(remark.person) : std::string_view();
}

Remark RedactRemark(Remark remark, std::string_view name) {
  if (PersonIn(remark).empty()) return remark;
  (IsRefusal(remark) ? remark.actor : remark.person) = name;
  // What staff wrote of the candidate, and ids that may hold theirs.
  if (remark.kind == kAct && !remark.reason.empty()) remark.reason = kErased;
  return remark;
}

std::string RestHash(const Remark& remark) {
  return Sha256Hex(EncodeRemark(RedactRemark(remark, "")));
}

std::string EncodeRemark(const Remark& remark) {
  v1::LoggedRemark proto;
  proto.set_actor(remark.actor);
  proto.set_method(remark.method);
  proto.set_reason(remark.reason);
  proto.set_person(remark.person);
  proto.set_count(remark.count);
  return proto.SerializeAsString();
}

absl::StatusOr<Remark> DecodeRemark(std::string_view bytes) {
  v1::LoggedRemark proto;
  if (!proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Error(absl::StatusCode::kDataLoss, "LOG_CORRUPT", "a remark can't be read");
  }
  Remark remark;
  remark.actor = proto.actor();
  remark.method = proto.method();
  remark.reason = proto.reason();
  remark.person = proto.person();
  remark.count = proto.count();
  return remark;
}

}  // namespace invigil::session
