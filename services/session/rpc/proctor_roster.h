// The live sessions of the whole suite as this replica knows them, problems first, and what changed
// since somebody looked. In memory, filled when somebody asks and forgotten when nobody does.
//
// What this replica writes shows at once; what others write is found by a scan of the store every
// few seconds, which reads only rows that have changed. Signs of life are those of every replica
// that shares them (replicas/pulse_share.h); whose log shows something later is not missing.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "common/base/clock.h"
#include "services/session/engine/session_engine.h"
#include "services/session/replicas/pulse.h"
#include "services/session/rpc/proctor_row.h"

namespace invigil::session {

struct RosterOptions {
  // A candidate whose clock runs is missing after this many intervals without a sign of life. One
  // late heartbeat, or one bad moment of the network, is no alarm.
  Duration heartbeat = Seconds(4);
  int missed = 5;
  Duration scan_every = Seconds(3);  // of the store
  Duration sweep_every = Seconds(1);
  Duration idle_after = std::chrono::minutes(5);   // since anybody asked: rows are forgotten
  Duration keep_ended = std::chrono::minutes(10);  // rows of ended sessions
  size_t reads_in_flight = 64;                     // of sessions that a scan found changed
};

struct RosterFilter {
  std::string exam_id, candidate_id;  // empty: any
  uint32_t states = 0;                // bit k: SessionState k; 0: any
  bool only_problems = false;
  bool Passes(const RosterRow& row) const;
};

// A row and how long ago its candidate was heard of.
struct RosterLine {
  RosterRow row;
  std::optional<Duration> heartbeat_age;
};

// Thread-safe. Engine, reader and clocks outlive it; Stop comes before the engine's.
class Roster final : public SessionObserver, public std::enable_shared_from_this<Roster> {
 public:
  // `clock` is the suite's, `local` this machine's. Observes the engine until Stop.
  // `pulse`: null for one of its own.
  static std::shared_ptr<Roster> Start(SessionEngine& engine, EventLogReader& reader,
                                       const Clock& clock, const Clock& local,
                                       RosterOptions options = {},
                                       std::shared_ptr<Pulse> pulse = nullptr);
  ~Roster() override;
  void Stop();

  // Calls back once every live session is known: at once, or on the roster's thread after the first
  // scan. Errors: the store's and the engine's, when that scan could not read everything (ask
  // again: what it did read is kept); UNAVAILABLE (SHUTTING_DOWN) when it is stopped before. From
  // then on the rows are kept up to date for as long as somebody lists them or asks for changes
  // every few minutes.
  void WhenFilled(std::function<void(absl::Status)> done);

  // Where a page begins: after what it names. The default: at the start.
  struct Place {
    int rank = 0;
    SessionId session;
    friend auto operator<=>(const Place&, const Place&) = default;
  };
  struct Page {
    std::vector<RosterLine> lines;
    std::optional<Place> next;  // nullopt: that was all
  };
  // Problems first. Takes time in proportion to all rows: not in a gRPC reaction.
  Page List(const RosterFilter& filter, const Place& after, size_t size) const;

  // What changed after `revision`, oldest change first, each row once as it is now; moves
  // `revision` on. Empty: nothing. UNAVAILABLE (ROSTER_BEHIND): rows that changed after it were
  // forgotten since, because nobody asked for minutes; list anew.
  absl::StatusOr<std::vector<RosterLine>> Changes(const RosterFilter& filter, uint64_t& revision,
                                                  size_t size) const;
  // OK, or why Changes after `revision` can't be told any more.
  absl::Status CheckKept(uint64_t revision) const;
  uint64_t revision() const;
  // Somebody looks at it, so it is kept up to date.
  bool active() const { return active_; }

  // Changes that were not acknowledged, as the candidate's device told last; of a session that has
  // ended too, for a day.
  uint32_t Unsaved(const SessionId& session) const;
  // The line of a session as it is now, whether or not it is on the roster.
  RosterLine LineOf(const SessionId& session, const State& state) const;

  void OnAlive(const SessionId& session, std::optional<uint32_t> unsaved) override;
  void OnChanged(const SessionId& session, const std::shared_ptr<const State>& state) override;

 private:
  Roster(SessionEngine& engine, EventLogReader& reader, const Clock& clock, const Clock& local,
         RosterOptions options, std::shared_ptr<Pulse> pulse);
  struct Entry {
    RosterRow row;
    uint64_t revision = 0;
    uint64_t seen_by_scan = 0;
    Duration drop_at{0};  // once ended
  };
  // The thread's:
  void Run();
  // Errors: not everything could be read, and the next one reads the rest.
  absl::Status Scan();
  // Reads what a scan found changed, bounded; returns when all is in that will come.
  absl::Status ReadAll(const std::vector<SessionId>& sessions);
  // Tells those who wait for the first scan how it went.
  void Answer(const absl::Status& status);
  // Who fell silent, and who was heard of again.
  void Judge();
  // Forgets the last sign of life of one who did something later on another replica.
  void ForgetIfMoved(const SessionId& session);
  // The same for those who are missing, some at a time: each is a log to read.
  void LookForMissing();
  void Sweep();

  // `mutex_` is held.
  void Clear();
  absl::Status Kept(uint64_t revision) const;
  void Put(RosterRow row);
  void Touch(const SessionId& session, Entry& entry);
  bool Missing(const RosterRow& row, Duration now) const;
  uint32_t Unsaved(const RosterRow& row) const;
  RosterLine LineOf(const RosterRow& row) const;

  SessionEngine& engine_;
  EventLogReader& reader_;
  const Clock& clock_;
  const Clock& local_;
  const RosterOptions options_;
  const std::shared_ptr<Pulse> pulse_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  // Under mutex_:
  absl::flat_hash_map<SessionId, Entry> rows_;
  std::map<uint64_t, SessionId> by_revision_;
  uint64_t revision_ = 0, scan_ = 0;
  uint64_t floor_ = 0;  // what changed up to it may be forgotten
  std::atomic<bool> active_{
      false};  // read without the lock too: commits look before they make rows
  bool filled_ = false, stopping_ = false;
  mutable Duration used_at_{0};
  std::vector<std::function<void(absl::Status)>> waiting_;
  size_t reading_ = 0;
  absl::Status refused_;  // the first refusal of the reads at hand
  std::thread thread_;
};

}  // namespace invigil::session
