// Tells the other replicas, through Redis, when candidates were last heard of, and hears it from
// them. Redis away costs the roster what others saw, nothing else.
//
// Each replica writes its own signs of life, a key for each shard of Pulse, some 22 bytes a
// session, and its name into a sorted set by when it last did. A key outlives its writer, so that
// who fell silent with it is missed.
#pragma once

#include <array>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "common/base/clock.h"
#include "common/redis/client.h"
#include "services/session/replicas/pulse.h"

namespace invigil::session {

struct PulseShareOptions {
  std::string prefix;             // before every key
  std::string replica;            // this one's name; empty: drawn
  Duration every = Seconds(3);    // a little less than a candidate's heartbeat
  Duration keep = Minutes(60);    // signs of life of replicas that are gone
  Duration timeout = Seconds(2);  // of a command
};

// Own thread; callbacks on the client's. All that is given outlives this, the client outlives Stop.
class PulseShare {
 public:
  // `listening`: whether anybody here looks at a roster; others' signs are read only then.
  PulseShare(redis::Client& client, const std::shared_ptr<Pulse>& pulse, const Clock& clock,
             const Clock& local, std::function<bool()> listening, PulseShareOptions options = {});
  // Stops.
  ~PulseShare();
  void Start();
  // Safe to call twice.
  void Stop();

 private:
  struct Shared;
  void Run();
  void Tell();
  void Listen();

  redis::Client& client_;
  const std::function<bool()> listening_;
  const PulseShareOptions options_;
  std::shared_ptr<Shared> shared_;  // with the callbacks
  std::array<bool, Pulse::kShards> told_{};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace invigil::session
