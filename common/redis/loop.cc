#include "common/redis/loop.h"

#include <event2/event.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cassert>
#include <string_view>
#include <utility>

#include "common/error/error.h"
#include "common/log/log.h"

namespace invigil::redis {
namespace {

absl::Status UnknownOutcome(const char* why) {
  return Unavailable("REDIS_UNKNOWN_OUTCOME", std::string("Redis gave no answer (") + why +
                                                  "); the command may or may not have run");
}
absl::Status NotConnected() {
  return Unavailable("REDIS_NOT_CONNECTED", "no connection to Redis; the command was not sent");
}
absl::Status Closed() {
  return Unavailable("REDIS_CLOSED", "this process is stopping; the command was not sent");
}

}  // namespace

struct Client::Loop::Wakeup {
  Wakeup(event_base* base, Loop* loop)
      : fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
        woken(event_new(base, fd, EV_READ | EV_PERSIST, Fire, loop)) {
    event_add(woken, nullptr);
  }
  ~Wakeup() {
    event_free(woken);
    close(fd);
  }
  void Signal() const {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = write(fd, &one, sizeof(one));
  }
  static void Fire(int fd, short, void* loop) {
    uint64_t count;
    [[maybe_unused]] const ssize_t n = read(fd, &count, sizeof(count));
    static_cast<Loop*>(loop)->Woken();
  }
  const int fd;
  event* const woken;
};

struct Client::Loop::Metrics {
  explicit Metrics(const std::string& name)
      : labels{{"client", name}},
        in_flight(telemetry::GetGauge("invigil_redis_inflight",
                                      "Commands accepted and not yet answered", labels)),
        unknown(telemetry::GetCounter("invigil_redis_unknown_total",
                                      "Commands sent whose outcome is unknown", labels)),
        refused(telemetry::GetCounter("invigil_redis_refused_total",
                                      "Commands refused because too many were outstanding",
                                      labels)),
        errors(telemetry::GetCounter("invigil_redis_error_replies_total",
                                     "Error answers from Redis", labels)),
        out_of_memory(telemetry::GetCounter("invigil_redis_out_of_memory_total",
                                            "Writes that Redis refused at maxmemory; alert on any",
                                            labels)),
        seconds(telemetry::GetHistogram("invigil_redis_command_seconds",
                                        "From the call to the answer", {}, labels)) {}
  telemetry::Labels labels;
  telemetry::Gauge& in_flight;
  telemetry::Counter &unknown, &refused, &errors, &out_of_memory;
  telemetry::Histogram& seconds;
};

Client::Loop::Loop(ClientOptions options)
    : options_(std::move(options)),
      metrics_(std::make_unique<Metrics>(options_.name)),
      base_(event_base_new(), event_base_free),
      wakeup_(std::make_unique<Wakeup>(base_.get(), this)),
      tick_(base_.get(), [this] { ExpireDue(); }),
      connection_(std::make_unique<Connection>(base_.get(), options_, *this)),
      wheel_(clock_.Monotonic()) {
  // hiredis writes with write(2): a closed peer must be an error, not the end of the process.
  signal(SIGPIPE, SIG_IGN);
  thread_ = std::thread([this] { Run(); });
}

Client::Loop::~Loop() {
  assert(std::this_thread::get_id() != thread_.get_id());
  stopping_ = true;
  wakeup_->Signal();
  thread_.join();
}

void Client::Loop::Run() {
  prctl(PR_SET_NAME, ("redis-" + options_.name).substr(0, 15).c_str());
  connection_->Start();
  event_base_dispatch(base_.get());
  // Everything outstanding is answered, and whatever those answers submit is refused.
  connection_->Stop();
  TakeSubmitted();
  assert(in_flight() == 0);
}

void Client::Loop::Woken() {
  TakeSubmitted();
  if (stopping_) event_base_loopbreak(base_.get());
}

void Client::Loop::Submit(std::unique_ptr<Op> op) {
  op->started = clock_.Monotonic();
  op->due = op->started + op->timeout;
  if (in_flight_.fetch_add(1, std::memory_order_relaxed) >= options_.max_in_flight) {
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
    op->counted = false;  // refused on the loop's thread, so that callbacks always run there
    op->args.clear();
  }
  if (submitted_.Push(op.release())) wakeup_->Signal();
}

void Client::Loop::TakeSubmitted() {
  // When stopping, until nothing comes any more: answers may submit further commands.
  do {
    Op* op = submitted_.TakeAll();
    if (op == nullptr) break;
    while (op != nullptr) {
      Op* next = op->next_op;
      Start(op);
      op = next;
    }
  } while (state() == ConnectionState::kClosed);
  metrics_->in_flight.Set(in_flight());
  ArmTick();
}

void Client::Loop::Start(Op* op) {
  if (!op->counted) {
    metrics_->refused.Add();
    Finish(op, ResourceExhausted("REDIS_BUSY",
                                 "too many Redis commands are outstanding; retry after a moment"));
    Release(op);
    return;
  }
  switch (state()) {
    case ConnectionState::kReady:
      wheel_.Add(op);
      Send(op);
      return;
    case ConnectionState::kConnecting:
      wheel_.Add(op);
      held_.push_back(op);
      return;
    case ConnectionState::kDisconnected:
      Finish(op, NotConnected());
      break;
    case ConnectionState::kClosed:
      Finish(op, Closed());
      break;
  }
  Release(op);
}

void Client::Loop::Send(Op* op) {
  if (!connection_->Send(op->args, op)) {  // the connection is going away
    Finish(op, NotConnected());
    Release(op);
    return;
  }
  op->sent = true;
  if (op->script == nullptr) {
    op->args.clear();
    op->args.shrink_to_fit();
  }
}

void Client::Loop::OnAnswer(void* token, Reply* reply) {
  Op* op = static_cast<Op*>(token);
  if (reply == nullptr) {
    Finish(op, UnknownOutcome("the connection broke"));
    Release(op);
    return;
  }
  if (reply->type != Reply::Type::kError) {
    if (op->done) metrics_->seconds.Observe((clock_.Monotonic() - op->started).count() / 1e6);
    Finish(op, std::move(*reply));
    Release(op);
    return;
  }
  const std::string_view text = reply->text;
  if (op->script != nullptr && op->done && op->args[0] == "EVALSHA" &&
      text.starts_with("NOSCRIPT")) {
    op->args[0] = "EVAL";
    op->args[1] = op->script->source();
    Send(op);
    return;
  }
  metrics_->errors.Add();
  if (text.starts_with("OOM")) {
    metrics_->out_of_memory.Add();
    // Once per connection; the counter tells the rest.
    if (!std::exchange(memory_full_told_, true)) {
      log::Error("redis has reached maxmemory and refuses writes; raise it",
                 {{"client", options_.name}});
    }
  }
  absl::Status status = StatusFromErrorReply(text);
  // A server demoted to replica stays one: who is master must be asked again.
  const bool wrong_server = text.starts_with("READONLY") || text.starts_with("MASTERDOWN");
  Finish(op, std::move(status));
  Release(op);
  if (wrong_server && state() == ConnectionState::kReady) {
    connection_->Drop("it is a read-only replica");
  }
}

void Client::Loop::Finish(Op* op, absl::StatusOr<Reply> result) {
  wheel_.Remove(op);
  if (!op->done) return;
  // Counted here, so that a give-up and the later disconnect count once.
  if (!result.ok() && op->sent && ReasonOf(result.status()) == "REDIS_UNKNOWN_OUTCOME") {
    metrics_->unknown.Add();
  }
  std::exchange(op->done, nullptr)(std::move(result));
}

void Client::Loop::Release(Op* op) {
  const bool counted = op->counted;
  delete op;
  // Last and released: whoever reads zero knows that callbacks are over and destroyed.
  if (counted) in_flight_.fetch_sub(1, std::memory_order_release);
}

void Client::Loop::ExpireDue() {
  wheel_.Expire(clock_.Monotonic(), [this](WheelNode* node) {
    Op* op = static_cast<Op*>(node);
    Finish(op, op->sent ? UnknownOutcome("timeout") : NotConnected());
    // Sent: its place is kept until its answer. Held: FailHeld or SendHeld deletes it.
  });
  metrics_->in_flight.Set(in_flight());
  ArmTick();
}

void Client::Loop::ArmTick() {
  if (wheel_.size() > 0 && !tick_.IsSet()) tick_.Set(DeadlineWheel::kTick);
}

void Client::Loop::FailHeld(const absl::Status& status) {
  while (!held_.empty()) {
    Op* op = held_.front();
    held_.pop_front();
    Finish(op, status);
    Release(op);
  }
}

void Client::Loop::SendHeld() {
  while (!held_.empty() && state() == ConnectionState::kReady) {
    Op* op = held_.front();
    held_.pop_front();
    if (op->done) {
      Send(op);
    } else {
      Release(op);  // timed out while waiting
    }
  }
}

void Client::Loop::OnState(ConnectionState state) {
  state_ = state;
  if (options_.on_state) options_.on_state(state);
  switch (state) {
    case ConnectionState::kReady:
      memory_full_told_ = false;
      SendHeld();
      break;
    case ConnectionState::kDisconnected:
      FailHeld(NotConnected());
      break;
    case ConnectionState::kClosed:
      FailHeld(Closed());
      break;
    case ConnectionState::kConnecting:
      break;
  }
}

}  // namespace invigil::redis
