// invigil.scoring.v1.ScoringService on gRPC.
#pragma once

#include <memory>

#include "common/rpc/executor.h"
#include "common/rpc/guard.h"
#include "services/scoring/rpc/scorer.h"

namespace grpc {
class Service;
}

namespace invigil::scoring {

// What it is given outlives it. Nothing blocks in its reactions.
std::shared_ptr<grpc::Service> MakeScoringService(const rpc::Guard& guard, Scorer& scorer,
                                                  rpc::Executor& executor);

}  // namespace invigil::scoring
