#include "common/redis/client.h"

#include <cassert>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "common/redis/loop.h"

namespace invigil::redis {

const char* ToString(ConnectionState state) {
  switch (state) {
    case ConnectionState::kConnecting:
      return "connecting";
    case ConnectionState::kReady:
      return "ready";
    case ConnectionState::kDisconnected:
      return "disconnected";
    case ConnectionState::kClosed:
      return "closed";
  }
  return "unknown";
}

namespace {
// Inside, an empty callback means "already called".
Client::Callback OrIgnore(Client::Callback done) {
  return done ? std::move(done) : [](const absl::StatusOr<Reply>&) {};
}
}  // namespace

Client::Client(ClientOptions options) : loop_(std::make_unique<Loop>(std::move(options))) {}
Client::~Client() = default;

ConnectionState Client::state() const { return loop_->state(); }
int Client::in_flight() const { return loop_->in_flight(); }
std::string Client::server_id() const { return loop_->server_id(); }
std::string Client::trouble() const { return loop_->trouble(); }

void Client::Command(std::vector<std::string> args, Duration timeout, Callback done) {
  assert(!args.empty());
  auto op = std::make_unique<Op>();
  op->args = std::move(args);
  op->timeout = timeout;
  op->done = OrIgnore(std::move(done));
  loop_->Submit(std::move(op));
}

void Client::Eval(const Script& script, std::vector<std::string> keys,
                  std::vector<std::string> args, Duration timeout, Callback done) {
  auto op = std::make_unique<Op>();
  op->args.reserve(3 + keys.size() + args.size());
  op->args = {"EVALSHA", script.sha1(), std::to_string(keys.size())};
  for (std::string& key : keys) op->args.push_back(std::move(key));
  for (std::string& arg : args) op->args.push_back(std::move(arg));
  op->script = &script;
  op->timeout = timeout;
  op->done = OrIgnore(std::move(done));
  loop_->Submit(std::move(op));
}

absl::StatusOr<Reply> CallAndWait(Client& client, std::vector<std::string> args, Duration timeout) {
  std::mutex mutex;
  std::condition_variable answered;
  std::optional<absl::StatusOr<Reply>> result;
  client.Command(std::move(args), timeout, [&](absl::StatusOr<Reply> reply) {
    // Notified under the lock: the waiter's stack must not go before the notification is over.
    const std::lock_guard lock(mutex);
    result = std::move(reply);
    answered.notify_one();
  });
  std::unique_lock lock(mutex);
  answered.wait(lock, [&] { return result.has_value(); });
  return *std::move(result);
}

}  // namespace invigil::redis
