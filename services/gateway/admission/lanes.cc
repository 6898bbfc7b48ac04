#include "services/gateway/admission/lanes.h"

#include <string>

#include "common/error/error.h"

namespace invigil::gateway {
namespace {

// A save is small and soon over; a start may come a little later, because no clock runs yet.
Duration ComeBackAfter(Lane lane) {
  switch (lane) {
    case Lane::kSave:
    case Lane::kRead:
      return Millis(200);
    case Lane::kStart:
      return Seconds(1);
    case Lane::kBulk:
      return Seconds(5);
  }
  return Seconds(1);
}

}  // namespace

Lanes::Lanes(const LaneLimits& limits) {
  for (size_t i = 0; i < queues_.size(); ++i) {
    Queue& queue = queues_[i];
    queue.lane = static_cast<Lane>(i % kLanes);
    queue.streams = i >= kLanes;
    queue.limit = queue.streams ? limits.streams[i - kLanes] : limits.calls[i];
    queue.refused = &telemetry::GetCounter(
        "invigil_gateway_lane_refused_total", "Calls refused because their lane was full.",
        {{"lane", std::string(LaneName(queue.lane)) + (queue.streams ? "-streams" : "")}});
  }
}

absl::StatusOr<Lanes::Ticket> Lanes::Enter(const Method& method) {
  Queue& queue =
      queues_[static_cast<size_t>(method.lane) + (method.shape == Shape::kUnary ? 0 : kLanes)];
  Ticket ticket(&queue.in_flight);
  if (queue.in_flight.fetch_add(1, std::memory_order_relaxed) < queue.limit) return ticket;
  queue.refused->Add();
  const std::string lane(LaneName(queue.lane));
  const std::string limit = std::to_string(queue.limit);
  return ResourceExhausted("LANE_FULL",
                           "the gateway's " + lane + " lane is full (" + limit +
                               (queue.streams ? " streams" : " calls") + " at once); try again",
                           ComeBackAfter(queue.lane))
      .With("limiter", "gateway/" + lane + (queue.streams ? "-streams" : ""))
      .With("limit", limit);
}

int64_t Lanes::InFlight(Lane lane) const {
  const size_t i = static_cast<size_t>(lane);
  return queues_[i].in_flight.load() + queues_[i + kLanes].in_flight.load();
}

}  // namespace invigil::gateway
