// A listening TCP socket. Private to this room.
#pragma once

#include "absl/status/statusor.h"
#include "common/config/address.h"

namespace invigil::telemetry {

struct Listener {
  int fd;
  int port;  // the one bound, when 0 was asked
};

// Non-blocking, closed on exec; the caller owns fd. Errors: UNAVAILABLE, PORT_BUSY when something
// listens there already, ADDRESS_UNUSABLE for an address this machine does not have.
absl::StatusOr<Listener> Listen(const config::Address& address);

}  // namespace invigil::telemetry
