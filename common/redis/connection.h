// Inside of loop.cc: keeps one connection to the right server standing. Not for other rooms.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/redis/client.h"
#include "common/redis/event_timer.h"
#include "common/redis/link.h"
#include "common/redis/master_finder.h"
#include "common/redis/resolver.h"
#include "common/telemetry/metrics.h"

namespace invigil::redis {

// Finds the server, connects, proves that it answers (and, when sentinels named it, that it is a
// master), watches it, and begins again when it is lost, for ever and with growing pauses. Of the
// thread that runs `base` but for server_id() and trouble(); must be destroyed before `base`.
class Connection final : Link::Owner, MasterFinder::User {
 public:
  class User {
   public:
    virtual ~User() = default;
    virtual void OnAnswer(void* token, Reply* reply) = 0;  // as Link::Owner's
    // Called at every change. Commands may be sent when kReady, kept when kConnecting.
    virtual void OnState(ConnectionState state) = 0;
  };

  Connection(event_base* base, const ClientOptions& options, User& user);

  void Start();
  // Closes for good: outstanding commands are answered with nullptr, then the state is kClosed.
  void Stop();

  // False: there is no connection; the command was not sent.
  bool Send(const std::vector<std::string>& args, void* token);
  // Gives up the connection, if there is one, and makes another.
  void Drop(const std::string& why);

  // As Client's.
  std::string server_id() const;
  std::string trouble() const;

 private:
  void Connect();
  void Begin(const Address& server);
  void ConnectTo(const Address& numeric);
  void SendHandshake();
  void OnPong(const Reply& reply);
  void Lost(const std::string& why);
  void Watch();
  void SetState(ConnectionState state);
  void Connected(std::string id);

  void OnAnswer(void* token, Reply* reply) override;
  void OnGone(Link* link, const std::string& why) override;
  void OnMaster(const Address& master) override;
  void OnNoMaster(const std::string& why) override;

  event_base* const base_;
  const ClientOptions& options_;
  User& user_;
  const SystemClock clock_;
  telemetry::Gauge& connected_;
  telemetry::Counter &connects_, &server_changes_;
  Random random_;
  Resolver resolver_;
  EventTimer connect_limit_, reconnect_, watch_;
  std::unique_ptr<MasterFinder> finder_;  // null: the address is fixed
  std::unique_ptr<Link> link_;
  ConnectionState state_ = ConnectionState::kConnecting;
  bool wants_master_ = false;  // connecting, and the sentinels have not said to where
  Address server_;             // the one connected to, or tried last
  std::string refusal_;        // why the handshake failed
  std::string handshake_id_;   // what the server being tried calls its run
  int failures_ = 0;
  mutable std::mutex mutex_;
  std::string server_id_, trouble_;  // guarded by it
};

}  // namespace invigil::redis
