// The adapter of RegistrationService: admits, converts, hands to a desk, answers.
#pragma once

#include <memory>

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

// Both outlive the service.
std::shared_ptr<grpc::Service> MakeRegistrationService(const rpc::Guard& guard,
                                                       registration::Registrar& registrar);

}  // namespace invigil::session
