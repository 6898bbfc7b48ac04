// Adapters of FormService and KeyService.
#pragma once

#include <memory>

#include "services/item_bank/rpc/context.h"

namespace grpc {
class Service;
}

namespace invigil::item_bank {

std::unique_ptr<grpc::Service> MakeFormService(const Context& context);
std::unique_ptr<grpc::Service> MakeKeyService(const Context& context);

}  // namespace invigil::item_bank
