#include "common/error/error.h"

#include "absl/strings/cord.h"
#include "common/error/wire.h"

namespace invigil {
namespace {

constexpr char kErrorInfo[] = "type.googleapis.com/google.rpc.ErrorInfo";
constexpr char kBadRequest[] = "type.googleapis.com/google.rpc.BadRequest";
constexpr char kRetryInfo[] = "type.googleapis.com/google.rpc.RetryInfo";
constexpr char kDomain[] = "invigil";

std::string Pair(std::string_view first, std::string_view second) {
  std::string out;
  AppendBytesField(out, 1, first);
  AppendBytesField(out, 2, second);
  return out;
}

std::pair<std::string, std::string> ReadPair(std::string_view bytes) {
  std::pair<std::string, std::string> pair;
  WireReader reader(bytes);
  while (auto field = reader.Next()) {
    if (field->number == 1) pair.first = field->bytes;
    if (field->number == 2) pair.second = field->bytes;
  }
  return pair;
}

}  // namespace

Error::Error(absl::StatusCode code, std::string reason, std::string message)
    : code_(code), reason_(std::move(reason)), message_(std::move(message)) {}

Error& Error::With(std::string name, std::string value) {
  metadata_.emplace_back(std::move(name), std::move(value));
  return *this;
}

Error& Error::Field(std::string path, std::string description) {
  fields_.emplace_back(std::move(path), std::move(description));
  return *this;
}

Error& Error::RetryAfter(Duration delay) {
  retry_after_ = delay;
  return *this;
}

absl::Status Error::Build() const {
  absl::Status status(code_, message_);
  std::string info;
  AppendBytesField(info, 1, reason_);
  AppendBytesField(info, 2, kDomain);
  for (const auto& [name, value] : metadata_) AppendBytesField(info, 3, Pair(name, value));
  status.SetPayload(kErrorInfo, absl::Cord(info));
  if (!fields_.empty()) {
    std::string bad_request;
    for (const auto& [path, description] : fields_)
      AppendBytesField(bad_request, 1, Pair(path, description));
    status.SetPayload(kBadRequest, absl::Cord(bad_request));
  }
  if (retry_after_) {
    std::string delay, retry;
    AppendVarintField(delay, 1, static_cast<uint64_t>(retry_after_->count() / 1'000'000));
    AppendVarintField(delay, 2, static_cast<uint64_t>(retry_after_->count() % 1'000'000 * 1000));
    AppendBytesField(retry, 1, delay);
    status.SetPayload(kRetryInfo, absl::Cord(retry));
  }
  return status;
}

Error InvalidArgument(std::string reason, std::string message) {
  return Error(absl::StatusCode::kInvalidArgument, std::move(reason), std::move(message));
}
Error NotFound(std::string reason, std::string message) {
  return Error(absl::StatusCode::kNotFound, std::move(reason), std::move(message));
}
Error FailedPrecondition(std::string reason, std::string message) {
  return Error(absl::StatusCode::kFailedPrecondition, std::move(reason), std::move(message));
}
Error PermissionDenied(std::string reason, std::string message) {
  return Error(absl::StatusCode::kPermissionDenied, std::move(reason), std::move(message));
}
Error Unauthenticated(std::string reason, std::string message) {
  return Error(absl::StatusCode::kUnauthenticated, std::move(reason), std::move(message));
}
Error Unavailable(std::string reason, std::string message, Duration retry_after) {
  return Error(absl::StatusCode::kUnavailable, std::move(reason), std::move(message))
      .RetryAfter(retry_after);
}
Error ResourceExhausted(std::string reason, std::string message, Duration retry_after) {
  return Error(absl::StatusCode::kResourceExhausted, std::move(reason), std::move(message))
      .RetryAfter(retry_after);
}
Error AlreadyExists(std::string reason, std::string message) {
  return Error(absl::StatusCode::kAlreadyExists, std::move(reason), std::move(message));
}
Error Aborted(std::string reason, std::string message) {
  return Error(absl::StatusCode::kAborted, std::move(reason), std::move(message));
}
Error Internal(std::string message) {
  return Error(absl::StatusCode::kInternal, "INTERNAL", std::move(message));
}

ErrorView ViewError(const absl::Status& status) {
  ErrorView view;
  if (auto payload = status.GetPayload(kErrorInfo)) {
    const std::string bytes(*payload);
    WireReader reader(bytes);
    while (auto field = reader.Next()) {
      if (field->number == 1) view.reason = field->bytes;
      if (field->number == 3) view.metadata.push_back(ReadPair(field->bytes));
    }
  }
  if (auto payload = status.GetPayload(kBadRequest)) {
    const std::string bytes(*payload);
    WireReader reader(bytes);
    while (auto field = reader.Next()) view.fields.push_back(ReadPair(field->bytes));
  }
  if (auto payload = status.GetPayload(kRetryInfo)) {
    const std::string bytes(*payload);
    WireReader reader(bytes);
    Duration delay(0);
    while (auto field = reader.Next()) {
      WireReader inner(field->bytes);
      while (auto part = inner.Next()) {
        if (part->number == 1) delay += Seconds(part->varint);
        if (part->number == 2) delay += Micros(part->varint / 1000);
      }
    }
    view.retry_after = delay;
  }
  return view;
}

std::string ReasonOf(const absl::Status& status) { return ViewError(status).reason; }

std::string EncodeStatusDetails(const absl::Status& status) {
  std::string details;
  for (const char* type : {kErrorInfo, kBadRequest, kRetryInfo}) {
    if (auto payload = status.GetPayload(type))
      AppendBytesField(details, 3, Pair(type, std::string(*payload)));
  }
  if (details.empty()) return details;
  std::string out;
  AppendVarintField(out, 1, static_cast<uint64_t>(status.code()));
  AppendBytesField(out, 2, std::string_view(status.message().data(), status.message().size()));
  return out + details;
}

absl::Status DecodeStatus(absl::StatusCode code, std::string message, const std::string& details) {
  absl::Status status(code, message);
  WireReader reader(details);
  while (auto field = reader.Next()) {
    if (field->number != 3) continue;
    const auto [type, value] = ReadPair(field->bytes);
    if (!type.empty()) status.SetPayload(type, absl::Cord(value));
  }
  return status;
}

}  // namespace invigil
