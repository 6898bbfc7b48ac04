// The event loops of the HTTP door and what all its connections share.
#pragma once

#include <atomic>
#include <boost/asio.hpp>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_set>

#include "common/telemetry/metrics.h"
#include "services/gateway/http/server.h"

namespace invigil::gateway {

// One connection, as the server sees it. Called on its loop's thread only.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  virtual ~HttpConnection() = default;
  // The loop drains: an idle connection goes now, a stream ends now, a call finishes first.
  virtual void Drain() = 0;
  virtual void CancelCall() = 0;
};

// One event loop on one thread. Its connections are touched on that thread only.
struct Loop {
  Loop() : work(context.get_executor()) {}
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
  std::unordered_set<HttpConnection*> connections;
  bool draining = false;
  std::thread thread;
};

// What all connections share.
struct HttpShared {
  HttpOptions options;
  const Front& front;
  const Caller& caller;
  const JsonCodec& codec;
  boost::asio::thread_pool beside{1};
  std::atomic<int64_t> connections{0};
  std::atomic<int64_t> calls{0};  // running upstream
  std::mutex mutex;
  std::condition_variable quiet;  // with mutex: a connection left, or the last call ended
  std::map<boost::asio::ip::address, int64_t> per_ip;  // under mutex
  telemetry::Gauge& open =
      telemetry::GetGauge("invigil_gateway_http_connections", "Open HTTP connections.");
  telemetry::Counter& refused = telemetry::GetCounter(
      "invigil_gateway_http_connections_refused_total", "Connections over a cap, closed at once.");

  // Counts a new connection; false: one of the caps is reached.
  bool Admit(const boost::asio::ip::address& ip) {
    std::lock_guard lock(mutex);
    if (connections >= options.connections ||
        (options.connections_per_ip > 0 && per_ip[ip] >= options.connections_per_ip)) {
      refused.Add();
      return false;
    }
    ++per_ip[ip];
    ++connections;
    open.Set(static_cast<double>(connections));
    return true;
  }
  void Leave(const boost::asio::ip::address& ip) {
    std::lock_guard lock(mutex);
    if (const auto it = per_ip.find(ip); it != per_ip.end() && --it->second == 0) per_ip.erase(it);
    --connections;
    open.Set(static_cast<double>(connections));
    quiet.notify_all();
  }
  void EndCall() {
    if (--calls > 0) return;
    std::lock_guard lock(mutex);
    quiet.notify_all();
  }
  // Whether calls and connections, on which answers may still be on their way, ended in time.
  bool WaitUntilQuiet(Duration timeout) {
    std::unique_lock lock(mutex);
    return quiet.wait_for(lock, timeout, [this] { return calls == 0 && connections == 0; });
  }
};

// Serves `socket` until either side ends it. On the loop's thread; `ip` was admitted by `shared`,
// and leaves it with the connection.
void ServeConnection(boost::asio::ip::tcp::socket socket, boost::asio::ip::address ip, Loop& loop,
                     HttpShared& shared);

}  // namespace invigil::gateway
