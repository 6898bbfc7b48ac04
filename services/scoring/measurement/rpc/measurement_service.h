// invigil.scoring.v1.MeasurementService on gRPC.
#pragma once

#include <memory>

#include "common/base/clock.h"
#include "common/rpc/executor.h"
#include "common/rpc/guard.h"
#include "services/scoring/measurement/desk.h"
#include "services/scoring/measurement/store.h"

namespace grpc {
class Service;
}

namespace invigil::scoring {

// What it is given outlives it. Nothing blocks in its reactions; one thread of its own looks now
// and then at the calibrations that somebody watches, whichever replica computes them.
struct MeasurementParts {
  const rpc::Guard& guard;
  MeasurementDesk& desk;
  MeasurementStore& store;
  rpc::Executor& executor;
  const Clock& clock;
  Duration watch_every = Millis(200);
};
std::shared_ptr<grpc::Service> MakeMeasurementService(const MeasurementParts& parts);

}  // namespace invigil::scoring
