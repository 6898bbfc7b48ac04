// The item bank's StatisticsService as measurement calls it.
#pragma once

#include <memory>

#include "common/auth/token.h"
#include "services/scoring/measurement/bank.h"

namespace grpc {
class Channel;
}

namespace invigil::scoring {

// `identity` outlives it.
std::unique_ptr<StatisticsBank> MakeItemBankStatistics(std::shared_ptr<grpc::Channel> channel,
                                                       auth::ServiceIdentity& identity);

}  // namespace invigil::scoring
