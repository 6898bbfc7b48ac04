// Carries new versions of scores (corrected keys) from scoring to the sessions: at least once,
// whatever dies. Scoring keeps them until they are acknowledged, which happens after they are
// durable here; several replicas only repeat each other's work.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "services/session/engine/session_engine.h"
#include "services/session/relay/relay.h"

namespace invigil::session {

// A new version of a score.
struct Amendment {
  uint64_t sequence = 0;   // rises in scoring's order
  std::string session_id;  // as scoring has it
  uint32_t attempt_version = 0;
  ScoredReport scored;
};

// Scoring as the amendments see it. Each calls back once, on any thread; neither blocks.
struct AmendmentSource {
  std::function<void(uint64_t after, size_t limit,
                     std::function<void(absl::StatusOr<std::vector<Amendment>>)> done)>
      list;
  std::function<void(std::vector<uint64_t> sequences, std::function<void(absl::Status)> done)>
      acknowledge;
};

struct AmendmentOptions {
  Duration scan_every = Seconds(2);
  size_t page = 100;
  // As RelayOptions::may_judge.
  std::function<bool()> may_judge;
};

// One thread asks for a page, has all of it recorded in the engine's bulk lane, acknowledges what
// is recorded or can never be, and asks for the next. What fails for now is met again in the next
// scan and holds up nobody behind it.
class Amendments {
 public:
  // `engine` outlives it.
  Amendments(SessionEngine& engine, AmendmentSource source, AmendmentOptions options = {});
  // Stops; what is under way ends without it.
  ~Amendments();

 private:
  struct Page;
  void Loop();
  // Everything that waits. false: it could not be asked for.
  bool Scan();
  void Record(const Amendment& amendment, const std::shared_ptr<Page>& page);
  // Waits until `ready`, asked under `mutex`, or the end; false at the end.
  bool Wait(const std::function<bool()>& ready);

  SessionEngine& engine_;
  const AmendmentSource source_;
  const AmendmentOptions options_;
  struct Shared;  // outlives this for replies still out
  const std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace invigil::session
