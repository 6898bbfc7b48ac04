// The HTTP door: HTTP/1.1 for browsers, curl and generated Connect clients.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "services/gateway/forward/caller.h"
#include "services/gateway/http/json_codec.h"

namespace invigil::gateway {

struct HttpOptions {
  std::string listen = "127.0.0.1:0";
  int64_t threads = 1;                    // event loops; a connection stays on its own
  int64_t header_bytes = 8192;            // of a whole request head
  int64_t connections = 20'000;           // at once; further ones are closed at once
  int64_t connections_per_ip = 1024;      // 0: no cap
  Duration header_timeout = Seconds(10);  // from the first byte of a head to its last
  Duration body_timeout = Seconds(30);
  Duration idle_timeout = Seconds(60);  // between requests
  Duration write_timeout = Seconds(30);
  std::vector<std::string> cors_origins;  // "*": any; empty: same origin only
};

// Serves from Start until destroyed.
class HttpServer {
 public:
  // `front`, `caller` and `codec` outlive it. Errors: INVALID_ARGUMENT (ADDRESS_INVALID),
  // UNAVAILABLE (PORT_BUSY).
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const HttpOptions& options,
                                                           const Front& front, const Caller& caller,
                                                           const JsonCodec& codec);
  virtual ~HttpServer() = default;
  virtual int port() const = 0;
  virtual int64_t connections() const = 0;
  // Takes no new connection, ends idle ones and streams, and finishes running calls; those that
  // last longer than `timeout` are cancelled. Safe to call twice.
  virtual void Drain(Duration timeout) = 0;
};

}  // namespace invigil::gateway
