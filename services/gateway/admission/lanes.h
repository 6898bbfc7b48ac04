// How many calls may run at once, lane by lane. Lanes share nothing, so an import or an export
// can't keep a save waiting.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "common/telemetry/metrics.h"
#include "services/gateway/forward/catalogue.h"

namespace invigil::gateway {

// By Lane. Streams are counted apart from unary calls, because they live for hours.
struct LaneLimits {
  std::array<int64_t, kLanes> calls = {4096, 1024, 256, 16};
  std::array<int64_t, kLanes> streams = {50'000, 50'000, 256, 16};
};

// Thread-safe.
class Lanes {
 public:
  explicit Lanes(const LaneLimits& limits);

  // A place in a lane; leaves it when destroyed. Its Lanes must outlive it.
  class Ticket {
   public:
    Ticket() = default;
    explicit Ticket(std::atomic<int64_t>* in_flight) : in_flight_(in_flight) {}
    Ticket(Ticket&& other) noexcept : in_flight_(std::exchange(other.in_flight_, nullptr)) {}
    Ticket& operator=(Ticket&& other) noexcept {
      std::swap(in_flight_, other.in_flight_);
      return *this;
    }
    ~Ticket() {
      if (in_flight_) in_flight_->fetch_sub(1, std::memory_order_relaxed);
    }

   private:
    std::atomic<int64_t>* in_flight_ = nullptr;
  };

  // Never waits. Errors: RESOURCE_EXHAUSTED (LANE_FULL) naming the lane and its limit, with how
  // long to wait.
  absl::StatusOr<Ticket> Enter(const Method& method);

  // Calls and streams inside now.
  int64_t InFlight(Lane lane) const;

 private:
  struct Queue {
    Lane lane = Lane::kRead;
    bool streams = false;
    int64_t limit = 0;
    std::atomic<int64_t> in_flight{0};
    telemetry::Counter* refused = nullptr;
  };
  std::array<Queue, 2 * kLanes> queues_;  // calls, then streams
};

}  // namespace invigil::gateway
