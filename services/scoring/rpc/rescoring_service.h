// invigil.scoring.v1.RescoringService on gRPC.
#pragma once

#include <memory>

#include "common/base/clock.h"
#include "common/rpc/executor.h"
#include "common/rpc/guard.h"
#include "services/scoring/rpc/key_ring.h"
#include "services/scoring/rpc/rescorer.h"
#include "services/scoring/store/sql_score_store.h"

namespace grpc {
class Service;
}

namespace invigil::scoring {

// What it is given outlives it. Nothing blocks in its reactions; one thread of its own looks now
// and then at the rescorings that somebody watches, whichever replica works on them.
struct RescoringParts {
  const rpc::Guard& guard;
  ScoringStore& store;
  KeyRing& ring;
  Rescorer& rescorer;
  rpc::Executor& executor;
  const Clock& clock;
  Duration watch_every = Millis(200);
};
std::shared_ptr<grpc::Service> MakeRescoringService(const RescoringParts& parts);

}  // namespace invigil::scoring
