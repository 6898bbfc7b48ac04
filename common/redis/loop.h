// Inside of client.cc: the thread, the connection and the operations. Not for other rooms.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/redis/client.h"
#include "common/redis/deadline_wheel.h"
#include "common/redis/mpsc_stack.h"
#include "common/telemetry/metrics.h"

struct event;
struct event_base;
struct redisAsyncContext;
struct redisReply;

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

class Client::Loop {
 public:
  explicit Loop(ClientOptions options);
  ~Loop();

  void Submit(std::unique_ptr<Op> op);
  ConnectionState state() const { return state_.load(std::memory_order_relaxed); }
  int in_flight() const { return in_flight_.load(std::memory_order_acquire); }

 private:
  struct Wakeup;  // an eventfd that outlives the loop while a resolver thread holds it
  struct ResolveResult;
  struct Metrics;
  struct Hooks;  // the C callbacks of libevent and hiredis

  void Run();
  void Wake();
  // Operations.
  void TakeSubmitted();
  void Start(Op* op);
  void Send(Op* op);
  void OnReply(Op* op, const redisReply* reply);
  void Finish(Op* op, absl::StatusOr<Reply> result);
  void Release(Op* op);
  void ExpireDue();
  void ArmTick();
  void FailHeld(const absl::Status& status);
  // Connection.
  void Connect();
  void ConnectTo(const std::string& host);
  void TakeResolved();
  enum class Handshake { kAuth, kName, kPing };
  void OnHandshake(const redisAsyncContext* context, const redisReply* reply, Handshake step);
  void Lost(const char* why);
  void Drop(const char* why);
  void Watch();
  void SetState(ConnectionState state);
  bool SendInternal(const std::vector<std::string>& args,
                    void (*done)(redisAsyncContext*, void*, void*));

  const ClientOptions options_;
  const SystemClock clock_;
  std::unique_ptr<Metrics> metrics_;
  MpscStack<Op> submitted_;
  std::shared_ptr<Wakeup> wakeup_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> in_flight_{0};
  std::atomic<ConnectionState> state_{ConnectionState::kConnecting};

  // Of the loop's thread from here on.
  event_base* base_ = nullptr;
  event *wake_event_ = nullptr, *tick_event_ = nullptr, *watch_event_ = nullptr;
  event *reconnect_event_ = nullptr, *connect_limit_event_ = nullptr;
  redisAsyncContext* context_ = nullptr;
  std::shared_ptr<ResolveResult> resolving_;
  std::string refusal_;  // why the handshake failed, for the log
  DeadlineWheel wheel_;
  std::deque<Op*> held_;  // waiting for the connection being made
  int on_wire_ = 0;       // commands without an answer on this connection
  Duration last_progress_{0};
  int failures_ = 0;
  Random random_;
  std::thread thread_;  // last: starts when everything above is ready
};

}  // namespace invigil::redis
