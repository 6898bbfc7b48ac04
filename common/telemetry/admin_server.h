// The admin port: /metrics (Prometheus), /livez (the process runs), /readyz (it can serve: 200 or
// 503 with the reason). Loopback by default; never exposed to candidates.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace invigil::telemetry {

// Own thread. Stops when destroyed.
class AdminServer {
 public:
  // `ready` is asked on every /readyz and must be quick and thread-safe. `address` is HOST:PORT,
  // port 0 picks a free one. Errors: UNAVAILABLE naming the address (PORT_BUSY,
  // ADDRESS_UNUSABLE); INVALID_ARGUMENT (ADDRESS_INVALID).
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(const std::string& address,
                                                            std::function<absl::Status()> ready);
  virtual ~AdminServer() = default;
  virtual int port() const = 0;
};

}  // namespace invigil::telemetry
