// Inside of client.cc: the thread and the operations. Not for other rooms.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/base/clock.h"
#include "common/redis/client.h"
#include "common/redis/connection.h"
#include "common/redis/deadline_wheel.h"
#include "common/redis/event_timer.h"
#include "common/redis/mpsc_stack.h"
#include "common/telemetry/metrics.h"

namespace invigil::redis {

// One command. Made by the caller, owned by the loop once pushed. Two things end it: its callback
// is called (answer, timeout or failure), and its place in the connection's order is given back
// (answer or disconnect). hiredis matches answers to commands by order alone, so a command given up
// keeps its place until Redis answers it or the connection goes.
struct Op : WheelNode {
  Op* next_op = nullptr;
  std::vector<std::string> args;
  Client::Callback done;  // empty: already called
  const Script* script = nullptr;
  Duration started{0}, timeout{0};
  bool counted = true;  // in in_flight; false for those refused at the door
  bool sent = false;
};

class Client::Loop final : public Connection::User {
 public:
  explicit Loop(ClientOptions options);
  ~Loop() override;

  void Submit(std::unique_ptr<Op> op);
  ConnectionState state() const { return state_.load(std::memory_order_relaxed); }
  int in_flight() const { return in_flight_.load(std::memory_order_acquire); }
  std::string server_id() const { return connection_->server_id(); }
  std::string trouble() const { return connection_->trouble(); }

 private:
  struct Metrics;
  struct Wakeup;  // an eventfd and its event

  void Run();
  void Woken();
  void TakeSubmitted();
  void Start(Op* op);
  void Send(Op* op);
  void Finish(Op* op, absl::StatusOr<Reply> result);
  void Release(Op* op);
  void ExpireDue();
  void ArmTick();
  void FailHeld(const absl::Status& status);
  void SendHeld();

  void OnAnswer(void* token, Reply* reply) override;
  void OnState(ConnectionState state) override;

  const ClientOptions options_;
  const SystemClock clock_;
  std::unique_ptr<Metrics> metrics_;
  MpscStack<Op> submitted_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> in_flight_{0};
  std::atomic<ConnectionState> state_{ConnectionState::kConnecting};

  // Of the loop's thread from here on, but for Wakeup::Signal and those two of Connection.
  std::unique_ptr<event_base, void (*)(event_base*)> base_;
  std::unique_ptr<Wakeup> wakeup_;
  EventTimer tick_;
  std::unique_ptr<Connection> connection_;
  DeadlineWheel wheel_;
  std::deque<Op*> held_;  // waiting for the connection being made
  bool memory_full_told_ = false;
  std::thread thread_;  // last: starts when everything above is ready
};

}  // namespace invigil::redis
