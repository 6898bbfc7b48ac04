// What both doors do with every call, in the same order: find the method, check the caller, read
// the request, take a place in the lane, choose the replica's key, and count the end.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "services/gateway/admission/lanes.h"
#include "services/gateway/forward/catalogue.h"
#include "services/gateway/identity/gate.h"

namespace invigil::gateway {

enum class Door { kGrpc, kHttp };

// Thread-safe. Everything given to it outlives it.
class Front {
 public:
  Front(const Catalogue& catalogue, const Gate& gate, Lanes& lanes, const Clock& clock);

  const Method* Find(std::string_view path) const { return catalogue_.FindPublic(path); }
  const std::vector<std::unique_ptr<Method>>& methods() const { return catalogue_.methods(); }
  // UNIMPLEMENTED (METHOD_UNKNOWN), the same for unknown and internal methods; counted under one
  // label.
  absl::Status Unknown() const;

  // Before the request's body is read. Errors: those of Gate::Admit.
  absl::StatusOr<std::shared_ptr<const auth::Principal>> Admit(const Method& method,
                                                               std::string_view authorization,
                                                               std::string_view traceparent) const {
    return gate_.Admit(method, authorization, traceparent);
  }
  // Once the request is there, so that a slow sender holds no place. Errors: those of Lanes::Enter.
  absl::StatusOr<Lanes::Ticket> TakePlace(const Method& method) const {
    return lanes_.Enter(method);
  }
  // The key that picks the replica: a view into `message` or `caller`. Errors: INVALID_ARGUMENT
  // (REQUEST_MALFORMED), PERMISSION_DENIED (TOKEN_OTHER_SESSION).
  absl::StatusOr<std::string_view> Route(const Method& method, const auth::Principal& caller,
                                         std::string_view message,
                                         std::string_view traceparent) const;

  Duration Now() const { return clock_.Monotonic(); }
  // Counts a finished call. `code` is canonical; `began` comes from Now().
  void RecordEnd(const Method& method, Door door, int code, Duration began) const;

 private:
  static constexpr int kCodes = 17;
  struct MethodMetrics {
    std::array<std::atomic<telemetry::Counter*>, kCodes> ended = {};
  };
  const Catalogue& catalogue_;
  const Gate& gate_;
  Lanes& lanes_;
  const Clock& clock_;
  mutable std::vector<MethodMetrics> metrics_;  // by Method::index
  std::array<telemetry::Histogram*, 2 * kLanes> seconds_;
  telemetry::Counter& unknown_;
};

// RESOURCE_EXHAUSTED (REQUEST_TOO_LARGE) stating the method's limit.
absl::Status TooLarge(const Method& method);
// UNAVAILABLE (GATEWAY_DRAINING), for streams.
absl::Status Draining();

}  // namespace invigil::gateway
