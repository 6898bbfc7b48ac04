// Adapters of ItemService and ExamService.
#pragma once

#include <memory>

#include "services/item_bank/rpc/context.h"

namespace grpc {
class Service;
}

namespace invigil::item_bank {

std::unique_ptr<grpc::Service> MakeItemService(const Context& context);
std::unique_ptr<grpc::Service> MakeExamService(const Context& context);

}  // namespace invigil::item_bank
