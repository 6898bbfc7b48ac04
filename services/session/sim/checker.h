// What must be true of every history: the reference model's judgement of each command, and the
// invariants I1 to I7. Sees what becomes durable at the moment it does, whether or not the replica
// that wrote it lives to know.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "services/session/engine/transactor.h"
#include "services/session/sim/agenda.h"
#include "services/session/sim/asks.h"
#include "services/session/sim/index.h"
#include "services/session/sim/model.h"
#include "services/session/sim/store.h"
#include "services/session/sim/trace.h"

namespace invigil::session::sim {

// A job beside what was asked in plain words.
struct Ticket {
  Ask ask;
  Time received_at{};  // by true time
  uint64_t floor = 0;  // events that were durable then: an answer that knows fewer is stale
};

class Checker {
 public:
  Checker(const Agenda& agenda, const Store& store, const Index& index, const Trace& trace)
      : agenda_(agenda), store_(store), index_(index), trace_(trace) {}

  // How far from true time a replica's clock may be. Loose: no bound is promised.
  void SetClockBound(Duration bound) { clock_bound_ = bound; }
  void LooseClocks() { loose_clocks_ = true; }
  bool loose_clocks() const { return loose_clocks_; }
  // How long after its deadline a session may be sealed.
  void SetPromise(Duration promise) { promise_ = promise; }
  // Until then anything may be late.
  void SetHealed(Time healed) { healed_ = healed; }

  // One transaction is durable: `jobs` have their results, but no state yet.
  void Durable(std::span<const Job> jobs, std::span<const Ticket> tickets,
               const std::deque<Transactor::Touched>& touched,
               const std::vector<Appended>& appended);
  // An answer leaves the replica.
  void Answered(const Ticket& ticket, const absl::StatusOr<Outcome>& result);
  // Scoring was asked for one attempt; what it made of it.
  void Scored(const SessionId& session, uint32_t attempt, const std::string& report);

  // With faults ended long enough: nothing that should have ended runs, nothing waits.
  bool AllSealed() const;
  bool AllDelivered() const;
  void CheckSealed();
  void CheckDelivered();
  // The whole history, from the log.
  void CheckHistory();

  void Fail(std::string what);
  bool failed() const { return !failure_.empty(); }
  const std::string& failure() const { return failure_; }
  const Model& model() const { return model_; }
  // The end of every clock that runs.
  Time LastDeadline() const;
  uint64_t exams() const;  // sessions sealed
  uint64_t commands() const { return commands_; }

 private:
  struct Acked {
    SessionId session;
    int item = 0;
    ModelSession::Held held;
  };
  void Judge(const Job& job, const Ticket& ticket);
  void Compare(const SessionId& id, const State& state, const char* where);
  void CheckLog(const SessionId& id, const Store::Session& session);
  void CheckLateness(const Appended& appended);
  std::string Shown(const SessionId& id) const;
  std::string CandidateOf(const Ask& ask) const;

  const Agenda& agenda_;
  const Store& store_;
  const Index& index_;
  const Trace& trace_;
  Model model_;
  Duration clock_bound_{0};
  bool loose_clocks_ = false;
  Time healed_ = kBegin;
  Duration promise_ = Seconds(2);  // with nobody connected
  std::vector<Acked> acked_;
  std::map<SessionId, std::optional<Time>> due_;
  std::map<std::pair<SessionId, uint32_t>, std::string> reports_;
  uint64_t commands_ = 0;
  std::string failure_;
};

// What scoring makes of sealed responses: enough to see that it got the right ones.
std::string ReportOf(uint32_t attempt, const std::vector<uint32_t>& options);

}  // namespace invigil::session::sim
