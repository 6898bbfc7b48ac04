// invigil.scoring.v1.LearnerService on gRPC.
#pragma once

#include <memory>

#include "common/rpc/executor.h"
#include "common/rpc/guard.h"
#include "services/scoring/learner/learner_desk.h"

namespace grpc {
class Service;
}

namespace invigil::scoring {

// What it is given outlives it. Nothing blocks in its reactions.
std::shared_ptr<grpc::Service> MakeLearnerService(const rpc::Guard& guard, LearnerDesk& desk,
                                                  rpc::Executor& executor);

}  // namespace invigil::scoring
