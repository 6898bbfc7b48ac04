// The adapter of RegistrationService: admits, converts, hands to a desk, answers.
#pragma once

#include <functional>
#include <memory>

#include "services/session/store/remark.h"

namespace grpc {
class Service;
}
namespace invigil::rpc {
class Guard;
}

namespace invigil::session {
namespace registration {
class Registrar;
}

// Takes a row for the journal, soon.
using AddRemark = std::function<void(Remark)>;

// Both outlive the service. Every act is told to `remark` once it is stored.
std::shared_ptr<grpc::Service> MakeRegistrationService(const rpc::Guard& guard,
                                                       registration::Registrar& registrar,
                                                       AddRemark remark = nullptr);

}  // namespace invigil::session
