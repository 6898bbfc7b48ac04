#include "common/redis/loop.h"

#include <event2/event.h>
#include <hiredis/adapters/libevent.h>
#include <hiredis/async.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cassert>
#include <cstring>
#include <mutex>
#include <optional>
#include <utility>

#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/error/error.h"
#include "common/log/log.h"

namespace invigil::redis {
namespace {

timeval ToTimeval(Duration d) {
  return {.tv_sec = d.count() / 1'000'000, .tv_usec = d.count() % 1'000'000};
}

Reply ToReply(const redisReply& raw) {
  Reply reply;
  switch (raw.type) {
    case REDIS_REPLY_INTEGER:
      reply.type = Reply::Type::kInteger;
      reply.integer = raw.integer;
      break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_ERROR:
      reply.type = raw.type == REDIS_REPLY_STRING   ? Reply::Type::kString
                   : raw.type == REDIS_REPLY_STATUS ? Reply::Type::kStatus
                                                    : Reply::Type::kError;
      reply.text.assign(raw.str, raw.len);
      break;
    case REDIS_REPLY_ARRAY:
      reply.type = Reply::Type::kArray;
      reply.elements.reserve(raw.elements);
      for (size_t i = 0; i < raw.elements; ++i) reply.elements.push_back(ToReply(*raw.element[i]));
      break;
    default:
      break;  // nil
  }
  return reply;
}

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
  const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  ~Wakeup() { close(fd); }
  void Signal() {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = write(fd, &one, sizeof(one));
  }
  void Clear() {
    uint64_t count;
    [[maybe_unused]] const ssize_t n = read(fd, &count, sizeof(count));
  }
};

struct Client::Loop::ResolveResult {
  std::mutex mutex;
  std::optional<absl::StatusOr<std::string>> host;
};

struct Client::Loop::Metrics {
  explicit Metrics(const std::string& name)
      : labels{{"client", name}},
        in_flight(telemetry::GetGauge("invigil_redis_inflight",
                                      "Commands accepted and not yet answered", labels)),
        connected(telemetry::GetGauge("invigil_redis_connected", "1 while Redis answers", labels)),
        unknown(telemetry::GetCounter("invigil_redis_unknown_total",
                                      "Commands sent whose outcome is unknown", labels)),
        refused(telemetry::GetCounter("invigil_redis_refused_total",
                                      "Commands refused because too many were outstanding",
                                      labels)),
        errors(telemetry::GetCounter("invigil_redis_error_replies_total",
                                     "Error answers from Redis", labels)),
        connects(telemetry::GetCounter("invigil_redis_connects_total",
                                       "Connections that became ready", labels)),
        seconds(telemetry::GetHistogram("invigil_redis_command_seconds",
                                        "From the call to the answer", {}, labels)) {}
  telemetry::Labels labels;
  telemetry::Gauge &in_flight, &connected;
  telemetry::Counter &unknown, &refused, &errors, &connects;
  telemetry::Histogram& seconds;
};

// hiredis and libevent call back with plain function pointers.
struct Client::Loop::Hooks {
  static Loop* Of(const redisAsyncContext* context) { return static_cast<Loop*>(context->data); }

  static void Woken(int, short, void* self) {
    auto* loop = static_cast<Loop*>(self);
    loop->wakeup_->Clear();
    loop->TakeResolved();
    loop->TakeSubmitted();
    if (loop->stopping_) event_base_loopbreak(loop->base_);
  }
  static void Ticked(int, short, void* self) { static_cast<Loop*>(self)->ExpireDue(); }
  static void WatchDue(int, short, void* self) { static_cast<Loop*>(self)->Watch(); }
  static void ReconnectDue(int, short, void* self) { static_cast<Loop*>(self)->Connect(); }
  static void ConnectLimit(int, short, void* self) {
    auto* loop = static_cast<Loop*>(self);
    loop->resolving_ = nullptr;  // a late resolver is ignored
    loop->Drop("no answer while connecting");
  }

  static void Connected(const redisAsyncContext* context, int status) {
    // On failure hiredis frees the context after this returns, and calls no Disconnected.
    Loop* loop = Of(context);
    if (status != REDIS_OK && loop->context_ == context) {
      loop->context_ = nullptr;
      loop->Lost("cannot connect");
    }
  }
  static void Disconnected(const redisAsyncContext* context, int) {
    Loop* loop = Of(context);
    if (loop->context_ != context) return;  // our own Drop
    loop->context_ = nullptr;
    loop->Lost("connection closed");
  }
  static void Replied(redisAsyncContext* context, void* reply, void* op) {
    Of(context)->OnReply(static_cast<Op*>(op), static_cast<const redisReply*>(reply));
  }
  static void HandshakeAuth(redisAsyncContext* context, void* reply, void*) {
    Of(context)->OnHandshake(context, static_cast<const redisReply*>(reply), Handshake::kAuth);
  }
  static void HandshakeName(redisAsyncContext* context, void* reply, void*) {
    Of(context)->OnHandshake(context, static_cast<const redisReply*>(reply), Handshake::kName);
  }
  static void HandshakePing(redisAsyncContext* context, void* reply, void*) {
    Of(context)->OnHandshake(context, static_cast<const redisReply*>(reply), Handshake::kPing);
  }
  static void WatchPong(redisAsyncContext* context, void* reply, void*) {
    Loop* loop = Of(context);
    --loop->on_wire_;
    if (reply != nullptr) loop->last_progress_ = loop->clock_.Monotonic();
  }
};

Client::Loop::Loop(ClientOptions options)
    : options_(std::move(options)),
      metrics_(std::make_unique<Metrics>(options_.name)),
      wakeup_(std::make_shared<Wakeup>()),
      wheel_(clock_.Monotonic()),
      random_(StableHash(RandomHex(16))) {
  // hiredis writes with write(2): a closed peer must be an error, not the end of the process.
  signal(SIGPIPE, SIG_IGN);
  base_ = event_base_new();
  wake_event_ = event_new(base_, wakeup_->fd, EV_READ | EV_PERSIST, Hooks::Woken, this);
  tick_event_ = evtimer_new(base_, Hooks::Ticked, this);
  watch_event_ = event_new(base_, -1, EV_PERSIST, Hooks::WatchDue, this);
  reconnect_event_ = evtimer_new(base_, Hooks::ReconnectDue, this);
  connect_limit_event_ = evtimer_new(base_, Hooks::ConnectLimit, this);
  thread_ = std::thread([this] { Run(); });
}

Client::Loop::~Loop() {
  assert(std::this_thread::get_id() != thread_.get_id());
  stopping_ = true;
  Wake();
  thread_.join();
  for (event* e :
       {wake_event_, tick_event_, watch_event_, reconnect_event_, connect_limit_event_}) {
    event_free(e);
  }
  event_base_free(base_);
}

void Client::Loop::Wake() { wakeup_->Signal(); }

void Client::Loop::Run() {
  prctl(PR_SET_NAME, ("redis-" + options_.name).substr(0, 15).c_str());
  event_add(wake_event_, nullptr);
  const timeval watch = ToTimeval(options_.watchdog / 4);
  event_add(watch_event_, &watch);
  Connect();
  event_base_dispatch(base_);

  // Stopping: everything outstanding is answered, and whatever those answers submit is refused.
  if (context_ != nullptr) redisAsyncFree(std::exchange(context_, nullptr));
  SetState(ConnectionState::kClosed);
  FailHeld(Closed());
  TakeSubmitted();
  assert(in_flight() == 0);
}

void Client::Loop::Submit(std::unique_ptr<Op> op) {
  op->started = clock_.Monotonic();
  op->due = op->started + op->timeout;
  if (in_flight_.fetch_add(1, std::memory_order_relaxed) >= options_.max_in_flight) {
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
    op->counted = false;  // refused on the loop's thread, so that callbacks always run there
    op->args.clear();
  }
  if (submitted_.Push(op.release())) Wake();
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
  std::vector<const char*> argv;
  std::vector<size_t> sizes;
  argv.reserve(op->args.size());
  sizes.reserve(op->args.size());
  for (const std::string& arg : op->args) {
    argv.push_back(arg.data());
    sizes.push_back(arg.size());
  }
  const int rc = context_ == nullptr ? REDIS_ERR
                                     : redisAsyncCommandArgv(context_, Hooks::Replied, op,
                                                             static_cast<int>(argv.size()),
                                                             argv.data(), sizes.data());
  if (rc != REDIS_OK) {  // the connection is going away
    Finish(op, NotConnected());
    Release(op);
    return;
  }
  op->sent = true;
  if (op->script == nullptr) {
    op->args.clear();
    op->args.shrink_to_fit();
  }
  if (on_wire_++ == 0) last_progress_ = clock_.Monotonic();
}

void Client::Loop::OnReply(Op* op, const redisReply* reply) {
  --on_wire_;
  if (reply == nullptr) {
    Finish(op, UnknownOutcome("the connection broke"));
    Release(op);
    return;
  }
  last_progress_ = clock_.Monotonic();
  if (reply->type != REDIS_REPLY_ERROR) {
    if (op->done) metrics_->seconds.Observe((last_progress_ - op->started).count() / 1e6);
    Finish(op, ToReply(*reply));
    Release(op);
    return;
  }
  const std::string_view text(reply->str, reply->len);
  if (op->script != nullptr && op->done && op->args[0] == "EVALSHA" &&
      text.starts_with("NOSCRIPT")) {
    op->args[0] = "EVAL";
    op->args[1] = op->script->source();
    Send(op);
    return;
  }
  metrics_->errors.Add();
  absl::Status status = StatusFromErrorReply(text);
  // A server demoted to replica stays one: the address must be asked again.
  const bool wrong_server = text.starts_with("READONLY") || text.starts_with("MASTERDOWN");
  Finish(op, std::move(status));
  Release(op);
  if (wrong_server && context_ != nullptr) Drop("it is a read-only replica");
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
    // Sent: its place is kept until its answer. Held: FailHeld or the flush deletes it.
  });
  ArmTick();
}

void Client::Loop::ArmTick() {
  if (wheel_.size() == 0 || evtimer_pending(tick_event_, nullptr)) return;
  const timeval tick = ToTimeval(DeadlineWheel::kTick);
  evtimer_add(tick_event_, &tick);
}

void Client::Loop::FailHeld(const absl::Status& status) {
  while (!held_.empty()) {
    Op* op = held_.front();
    held_.pop_front();
    Finish(op, status);
    Release(op);
  }
}

void Client::Loop::Connect() {
  SetState(ConnectionState::kConnecting);
  refusal_.clear();
  const timeval limit = ToTimeval(options_.connect_timeout);
  evtimer_add(connect_limit_event_, &limit);
  const Address& address = options_.address;
  if (!address.unix_path.empty() || IsNumericHost(address.host)) {
    ConnectTo(address.host);
    return;
  }
  // The system's resolver blocks, for seconds when DNS is ill: never on this thread, where it would
  // hold up every timeout.
  resolving_ = std::make_shared<ResolveResult>();
  std::thread([host = address.host, result = resolving_, wakeup = wakeup_] {
    absl::StatusOr<std::string> found = ResolveHost(host);
    {
      const std::lock_guard lock(result->mutex);
      result->host = std::move(found);
    }
    wakeup->Signal();
  }).detach();
}

void Client::Loop::TakeResolved() {
  if (resolving_ == nullptr) return;
  absl::StatusOr<std::string> host;
  {
    const std::lock_guard lock(resolving_->mutex);
    if (!resolving_->host.has_value()) return;
    host = *std::move(resolving_->host);
  }
  resolving_ = nullptr;
  if (host.ok()) {
    ConnectTo(*host);
  } else {
    Lost("the host name is unknown");
  }
}

void Client::Loop::ConnectTo(const std::string& host) {
  const Address& address = options_.address;
  redisAsyncContext* context = address.unix_path.empty()
                                   ? redisAsyncConnect(host.c_str(), address.port)
                                   : redisAsyncConnectUnix(address.unix_path.c_str());
  if (context == nullptr || context->err != 0) {
    if (context != nullptr) redisAsyncFree(context);
    Lost("cannot connect");
    return;
  }
  context->data = this;
  context_ = context;
  redisAsyncSetConnectCallback(context, Hooks::Connected);
  redisAsyncSetDisconnectCallback(context, Hooks::Disconnected);
  redisLibeventAttach(context, base_);

  const absl::StatusOr<Credentials> credentials = ReadCredentials(options_.credentials_path);
  if (!credentials.ok()) {
    Drop("the credentials file cannot be read");
    return;
  }
  // Queued before the connection stands; a connect into the backlog of a stopped server succeeds,
  // so only the answer to PING makes it ready.
  if (!credentials->password.empty()) {
    std::vector<std::string> auth = {"AUTH", credentials->user, credentials->password};
    if (credentials->user.empty()) auth.erase(auth.begin() + 1);
    SendInternal(auth, Hooks::HandshakeAuth);
  }
  SendInternal({"CLIENT", "SETNAME", "invigil-" + options_.name}, Hooks::HandshakeName);
  SendInternal({"PING"}, Hooks::HandshakePing);
}

bool Client::Loop::SendInternal(const std::vector<std::string>& args,
                                void (*done)(redisAsyncContext*, void*, void*)) {
  std::vector<const char*> argv;
  std::vector<size_t> sizes;
  for (const std::string& arg : args) {
    argv.push_back(arg.data());
    sizes.push_back(arg.size());
  }
  return redisAsyncCommandArgv(context_, done, nullptr, static_cast<int>(argv.size()), argv.data(),
                               sizes.data()) == REDIS_OK;
}

void Client::Loop::OnHandshake(const redisAsyncContext* context, const redisReply* reply,
                               Handshake step) {
  // No reply: the disconnect itself is reported separately.
  if (context != context_ || reply == nullptr) return;
  // A refused AUTH leaves the connection usable as the default user: it must not be used. A user
  // without the right to CLIENT SETNAME may still work.
  if (reply->type == REDIS_REPLY_ERROR && step != Handshake::kName && refusal_.empty()) {
    const std::string_view text(reply->str, reply->len);
    refusal_ = std::string("refused: ").append(text.substr(0, text.find(' ')));
  }
  if (step != Handshake::kPing) return;
  if (!refusal_.empty()) {
    Drop(refusal_.c_str());
    return;
  }
  failures_ = 0;
  evtimer_del(connect_limit_event_);
  last_progress_ = clock_.Monotonic();
  metrics_->connects.Add();
  SetState(ConnectionState::kReady);
  while (!held_.empty() && context_ != nullptr) {
    Op* op = held_.front();
    held_.pop_front();
    if (op->done) {
      Send(op);
    } else {
      Release(op);  // timed out while waiting
    }
  }
}

// Gives up the connection; its outstanding commands are answered with UNKNOWN_OUTCOME.
void Client::Loop::Drop(const char* why) {
  // Inside a callback hiredis frees later, but context_ is already empty: nothing is sent.
  if (context_ != nullptr) redisAsyncFree(std::exchange(context_, nullptr));
  Lost(why);
}

void Client::Loop::Lost(const char* why) {
  if (stopping_) return;
  evtimer_del(connect_limit_event_);
  // Full jitter between half and all of the doubled delay: replicas must not return in step.
  const int shift = failures_ < 10 ? failures_ : 10;
  ++failures_;
  Duration delay = options_.min_backoff * (int64_t{1} << shift);
  if (delay > options_.max_backoff) delay = options_.max_backoff;
  delay =
      Duration(delay.count() / 2 +
               static_cast<int64_t>(random_.Below(static_cast<uint64_t>(delay.count() / 2 + 1))));
  // Once per outage, then every 16th attempt: an hour without Redis is not 3600 lines.
  if (failures_ % 16 == 1) {
    log::Warning("redis connection lost", {{"client", options_.name},
                                           {"address", options_.address.ToString()},
                                           {"why", why},
                                           {"attempts", failures_}});
  }
  SetState(ConnectionState::kDisconnected);
  const timeval wait = ToTimeval(delay);
  evtimer_add(reconnect_event_, &wait);
  FailHeld(NotConnected());
}

void Client::Loop::Watch() {
  metrics_->in_flight.Set(in_flight());
  if (state() != ConnectionState::kReady || context_ == nullptr) return;
  const Duration silent = clock_.Monotonic() - last_progress_;
  if (on_wire_ > 0) {
    if (silent >= options_.watchdog) Drop("it stopped answering");
    return;
  }
  // Nothing outstanding: ask, so that a dead peer is found before someone needs it.
  if (SendInternal({"PING"}, Hooks::WatchPong)) {
    ++on_wire_;
    last_progress_ = clock_.Monotonic();
  }
}

void Client::Loop::SetState(ConnectionState state) {
  if (state_.exchange(state) == state) return;
  metrics_->connected.Set(state == ConnectionState::kReady ? 1 : 0);
  if (state == ConnectionState::kReady) {
    log::Info("redis connected",
              {{"client", options_.name}, {"address", options_.address.ToString()}});
  }
  if (options_.on_state) options_.on_state(state);
}

}  // namespace invigil::redis
