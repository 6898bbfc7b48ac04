// The one way services talk to Redis: commands go in from any thread, answers come back on the
// client's own thread, and nothing here ever blocks a caller.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "common/redis/address.h"
#include "common/redis/reply.h"
#include "common/redis/script.h"

namespace invigil::redis {

enum class ConnectionState { kConnecting, kReady, kDisconnected, kClosed };
const char* ToString(ConnectionState state);

struct ClientOptions {
  Endpoint address;  // an Address will do
  // User and password, see ReadCredentials; read again at every connect. Empty: those of `address`.
  std::string credentials_path;
  // The same for the sentinels themselves. Empty: none.
  std::string sentinel_credentials_path;
  // CLIENT SETNAME, log lines and the metrics label; one of a small fixed set.
  std::string name = "redis";
  // Commands accepted and not yet answered, those given up included. Full: RESOURCE_EXHAUSTED.
  int max_in_flight = 16384;
  // From starting to connect until Redis answers PING.
  Duration connect_timeout = Seconds(1);
  // How long one sentinel may take to name the master before the next is asked.
  Duration sentinel_timeout = Millis(300);
  // Silence with commands outstanding after which the connection is given up.
  Duration watchdog = Seconds(2);
  Duration min_backoff = Millis(20), max_backoff = Seconds(1);
  // Called on the client's thread at every change. Optional.
  std::function<void(ConnectionState)> on_state;
};

// One pipelined connection, made again for ever when lost. Thread-safe.
//
// With sentinels the server is whom they call the master and who says himself that he is; another
// is looked for when the connection is lost, when it answers READONLY, and when a sentinel
// announces a new one. Failovers lose writes that Redis has acknowledged: nothing may live in Redis
// alone.
//
// Every callback is called exactly once, on the client's thread; it must not block, and may issue
// commands. Commands of one thread reach Redis in the order of their calls. Destruction closes the
// connection, calls every callback that is due and joins the thread; what callbacks touch must live
// until then. Must not be destroyed on its own thread.
//
// Errors besides those of StatusFromErrorReply:
//   REDIS_UNKNOWN_OUTCOME (UNAVAILABLE)  sent, no answer in time or the connection broke: it may or
//                                        may not have happened
//   REDIS_NOT_CONNECTED (UNAVAILABLE)    never sent: it did not happen
//   REDIS_BUSY (RESOURCE_EXHAUSTED)      too many commands outstanding; never sent
//   REDIS_CLOSED (UNAVAILABLE)           this client is being destroyed; never sent
class Client {
 public:
  using Callback = std::function<void(absl::StatusOr<Reply>)>;

  explicit Client(ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // An empty `done` means that the outcome does not matter.
  void Command(std::vector<std::string> args, Duration timeout, Callback done);

  // EVALSHA; when Redis has forgotten the script, EVAL, within the same timeout. A script run by
  // that second way may overtake nothing but can be overtaken by commands issued after it.
  void Eval(const Script& script, std::vector<std::string> keys, std::vector<std::string> args,
            Duration timeout, Callback done);

  ConnectionState state() const;
  bool ready() const { return state() == ConnectionState::kReady; }
  // Accepted and not yet answered by Redis. When zero, the callback of every command that was not
  // refused as REDIS_BUSY has returned.
  int in_flight() const;
  // Names this run of this server: different after a failover and after a restart. Empty before the
  // first connection, and when the server's ACL refuses INFO. In a callback with an answer it is of
  // the server that answered.
  std::string server_id() const;
  // Why there is no connection, for an operator: which sentinel or server said what. Empty when
  // ready. Holds addresses, never credentials.
  std::string trouble() const;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

// Waits for the answer. For threads that may block (start-up, rebuild, tests); never for a gRPC
// reaction or a callback of the client, where it would wait for itself.
absl::StatusOr<Reply> CallAndWait(Client& client, std::vector<std::string> args, Duration timeout);

}  // namespace invigil::redis
