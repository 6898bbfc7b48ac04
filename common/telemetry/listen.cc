#include "common/telemetry/listen.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "common/error/error.h"

namespace invigil::telemetry {
namespace {

constexpr int kBacklog = 64;

absl::Status Failed(const config::Address& address, int error) {
  const std::string where = "cannot listen on " + address.ToString();
  if (error == EADDRINUSE) {
    return Unavailable("PORT_BUSY",
                       where + ": another process does; stop it or choose another port")
        .With("address", address.ToString());
  }
  return Unavailable("ADDRESS_UNUSABLE", where + ": " + std::strerror(error))
      .With("address", address.ToString());
}

int BoundPort(int fd) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return 0;
  if (bound.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&bound)->sin6_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in*>(&bound)->sin_port);
}

}  // namespace

absl::StatusOr<Listener> Listen(const config::Address& address) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int lookup =
      getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
  if (lookup != 0) {
    return Unavailable("ADDRESS_UNUSABLE", "cannot find the host of " + address.ToString() + ": " +
                                               gai_strerror(lookup))
        .With("address", address.ToString());
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  int error = EADDRNOTAVAIL;
  for (const addrinfo* it = found; it; it = it->ai_next) {
    const int fd = socket(it->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
      error = errno;
      continue;
    }
    // So that a restart need not wait for old connections to time out.
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, it->ai_addr, it->ai_addrlen) == 0 && listen(fd, kBacklog) == 0) {
      return Listener{fd, BoundPort(fd)};
    }
    error = errno;
    close(fd);
  }
  return Failed(address, error);
}

}  // namespace invigil::telemetry
