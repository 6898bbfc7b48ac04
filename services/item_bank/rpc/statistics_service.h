// invigil.itembank.v1.StatisticsService on gRPC: for the scoring service alone.
#pragma once

#include <memory>

#include "services/item_bank/rpc/context.h"

namespace grpc {
class Service;
}

namespace invigil::item_bank {

std::unique_ptr<grpc::Service> MakeStatisticsService(const Context& context);

}  // namespace invigil::item_bank
