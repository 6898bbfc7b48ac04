// Errors a caller can act on: a canonical code, a stable reason for programs, fields, and how long
// to wait. Carried inside absl::Status as the wire form of google.rpc details, so that domain code
// can make them without protobuf or gRPC headers, and the edge only copies bytes.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/time.h"

namespace invigil {

// Builds one error. Example:
//   return Error(absl::StatusCode::kNotFound, "EXAM_NOT_FOUND", "no exam \"X\"; see
//   ListExams").With("exam_id", "X");
class Error {
 public:
  // `reason` is UPPER_SNAKE_CASE and stable for ever; `message` says what to do.
  Error(absl::StatusCode code, std::string reason, std::string message);
  // A value behind the reason, such as an id. Never a key, a token or an answer.
  Error& With(std::string name, std::string value);
  // A wrong field: `path` as the proto names it.
  Error& Field(std::string path, std::string description);
  // The same request may succeed after `delay`.
  Error& RetryAfter(Duration delay);

  absl::Status Build() const;
  operator absl::Status() const { return Build(); }  // NOLINT: meant to read like a status
  template <typename T>
  operator absl::StatusOr<T>() const {
    return Build();
  }  // NOLINT

 private:
  absl::StatusCode code_;
  std::string reason_, message_;
  std::vector<std::pair<std::string, std::string>> metadata_, fields_;
  std::optional<Duration> retry_after_;
};

// Factories for the codes services use most.
Error InvalidArgument(std::string reason, std::string message);
Error NotFound(std::string reason, std::string message);
Error FailedPrecondition(std::string reason, std::string message);
Error PermissionDenied(std::string reason, std::string message);
Error Unauthenticated(std::string reason, std::string message);
Error Unavailable(std::string reason, std::string message, Duration retry_after = Seconds(1));
Error ResourceExhausted(std::string reason, std::string message,
                        Duration retry_after = Millis(200));
Error AlreadyExists(std::string reason, std::string message);
Error Aborted(std::string reason, std::string message);
Error Internal(std::string message);  // reason INTERNAL

// What an error carries, read back. Empty reason: not one of ours.
struct ErrorView {
  std::string reason;
  std::vector<std::pair<std::string, std::string>> metadata, fields;
  std::optional<Duration> retry_after;
};
ErrorView ViewError(const absl::Status& status);
std::string ReasonOf(const absl::Status& status);

// The wire form of google.rpc.Status for the metadata grpc-status-details-bin; empty when the
// status carries no details.
std::string EncodeStatusDetails(const absl::Status& status);
// A status from its code, message and such bytes. Malformed bytes are ignored.
absl::Status DecodeStatus(absl::StatusCode code, std::string message, const std::string& details);

// Returns early with the error of `expr`, an absl::Status.
#define INVIGIL_RETURN_IF_ERROR(expr)                  \
  do {                                                 \
    if (absl::Status s_ = (expr); !s_.ok()) return s_; \
  } while (false)

}  // namespace invigil
