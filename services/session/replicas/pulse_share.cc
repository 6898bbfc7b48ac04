#include "services/session/replicas/pulse_share.h"

#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "services/session/replicas/pulse_text.h"

namespace invigil::session {

struct PulseShare::Shared {
  std::shared_ptr<Pulse> pulse;
  const Clock& clock;
  const Clock& local;
  std::mutex mutex;
  bool stopped = false;  // under mutex: the clocks may be gone

  void Hear(std::string_view bytes) {
    const std::lock_guard lock(mutex);
    if (stopped) return;
    for (const auto& [session, sign] : DecodePulse(bytes, clock.Now(), local.Monotonic())) {
      pulse->Hear(session, sign);
    }
  }
};

namespace {

PulseShareOptions Named(PulseShareOptions options, const Clock& clock) {
  if (options.replica.empty()) options.replica = NewId(clock.Now());
  // One hash tag: a cluster keeps them together, so that one command may name several.
  options.prefix += "{pulse}:";
  return options;
}

std::string KeyOf(const PulseShareOptions& options, const std::string& replica, size_t shard) {
  return options.prefix + replica + ":" + std::to_string(shard);
}

}  // namespace

PulseShare::PulseShare(redis::Client& client, const std::shared_ptr<Pulse>& pulse,
                       const Clock& clock, const Clock& local, std::function<bool()> listening,
                       PulseShareOptions options)
    : client_(client),
      listening_(std::move(listening)),
      options_(Named(std::move(options), clock)),
      shared_(new Shared{pulse, clock, local, {}, false}) {}

PulseShare::~PulseShare() { Stop(); }

void PulseShare::Start() {
  thread_ = std::thread([this] { Run(); });
}

void PulseShare::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  const std::lock_guard lock(shared_->mutex);
  shared_->stopped = true;
}

void PulseShare::Run() {
  for (;;) {
    if (client_.ready()) {
      Tell();
      if (listening_()) Listen();
    }
    std::unique_lock lock(mutex_);
    if (wake_.wait_for(lock, options_.every, [this] { return stopping_; })) return;
  }
}

void PulseShare::Tell() {
  const Time now = shared_->clock.Now();
  const Duration local = shared_->local.Monotonic();
  const std::string keep = std::to_string(options_.keep / Millis(1));
  for (size_t shard = 0; shard < Pulse::kShards; ++shard) {
    const auto own = shared_->pulse->Own(shard, local - options_.keep);
    if (own.empty() && !told_[shard]) continue;
    told_[shard] = !own.empty();
    client_.Command(
        {"SET", KeyOf(options_, options_.replica, shard), EncodePulse(own, now, local), "PX", keep},
        options_.timeout, {});
  }
  const std::string replicas = options_.prefix + "replicas";
  client_.Command({"ZADD", replicas, std::to_string(ToUnixMillis(now)), options_.replica},
                  options_.timeout, {});
  client_.Command(
      {"ZREMRANGEBYSCORE", replicas, "-inf", std::to_string(ToUnixMillis(now - options_.keep))},
      options_.timeout, {});
  client_.Command({"PEXPIRE", replicas, keep}, options_.timeout, {});
}

void PulseShare::Listen() {
  client_.Command({"ZRANGE", options_.prefix + "replicas", "0", "-1"}, options_.timeout,
                  [&client = client_, shared = shared_,
                   options = options_](absl::StatusOr<redis::Reply> reply) {
                    if (!reply.ok()) return;
                    for (const redis::Reply& replica : reply->elements) {
                      if (replica.text == options.replica) continue;
                      // A key at a time: the answers to all of them together could be long.
                      for (size_t shard = 0; shard < Pulse::kShards; ++shard) {
                        client.Command({"GET", KeyOf(options, replica.text, shard)},
                                       options.timeout,
                                       [shared](absl::StatusOr<redis::Reply> signs) {
                                         if (signs.ok() && !signs->IsNil())
                                           shared->Hear(signs->text);
                                       });
                      }
                    }
                  });
}

}  // namespace invigil::session
