#include "services/session/sim/checker.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "common/error/error.h"
#include "services/session/domain/apply.h"
#include "services/session/domain/clock.h"

namespace invigil::session::sim {
namespace {

const Transactor::Touched* Find(const std::deque<Transactor::Touched>& touched,
                                const SessionId& session) {
  for (const auto& t : touched) {
    if (t.session == session) return &t;
  }
  return nullptr;
}

// The store or the replica could not answer: repeating is safe, and nothing was promised.
bool IsNoAnswer(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
}

}  // namespace

std::string ReportOf(uint32_t attempt, const std::vector<uint32_t>& options) {
  std::string report = absl::StrFormat("attempt %d:", attempt);
  for (const uint32_t o : options) report += absl::StrFormat(" %x", o);
  return report;
}

void Checker::Fail(std::string what) {
  trace_.Line(agenda_.now(), "FAILURE %s", what);
  if (failure_.empty()) failure_ = Moment(agenda_.now()) + " " + std::move(what);
}

std::string Checker::Shown(const SessionId& id) const { return "session " + Short(id); }

void Checker::Durable(std::span<const Job> jobs, std::span<const Ticket> tickets,
                      const std::deque<Transactor::Touched>& touched,
                      const std::vector<Appended>& appended) {
  // A transaction that only read may have read before others wrote; one that wrote may not.
  std::vector<SessionId> older;
  for (const auto& t : touched) {
    const ModelSession* known = model_.Find(t.session);
    const uint64_t version = known ? known->version : 0;
    if (t.before->version == version) continue;
    if (t.after) {
      Fail(absl::StrFormat("%s: decided on version %d, but %d was durable: an update is lost",
                           Shown(t.session), t.before->version, version));
    }
    older.push_back(t.session);
  }
  const auto is_older = [&](const SessionId& id) {
    return std::find(older.begin(), older.end(), id) != older.end();
  };
  for (size_t i = 0; i < jobs.size() && !failed(); ++i) {
    ++commands_;
    const Ask& ask = tickets[i].ask;
    const SessionId id =
        ask.kind == Kind::kStart && jobs[i].result.ok() ? jobs[i].result->session : ask.session;
    const auto* t = Find(touched, id);
    if (t && t->before->version < tickets[i].floor) {
      Fail(absl::StrFormat("%s: %s was judged by version %d, but %d was durable when it came",
                           Shown(id), Describe(ask), t->before->version, tickets[i].floor));
    }
    const Duration error = jobs[i].received - tickets[i].received_at;
    if (!loose_clocks_ && (error > clock_bound_ || error < -clock_bound_)) {
      Fail(absl::StrFormat("a replica's clock is %.3f s from true time", error.count() / 1e6));
    }
    if (is_older(id)) {
      if (ask.kind == Kind::kStart) model_.Remember(ask.candidate, ask.id, id);
    } else {
      Judge(jobs[i], tickets[i]);
    }
  }
  for (const auto& t : touched) {
    if (failed()) return;
    if (!is_older(t.session)) Compare(t.session, *t.state(), "after a commit");
  }
  for (const Appended& a : appended) {
    if (failed()) return;
    const ModelSession* known = model_.Find(a.session);
    if (!known || store_.Version(a.session) != known->version) {
      Fail(Shown(a.session) + ": the log has not the events that were decided");
    }
    CheckLateness(a);
  }
}

std::string Checker::CandidateOf(const Ask& ask) const {
  const ModelSession* m = model_.Find(ask.session);
  return m ? m->candidate : "";
}

void Checker::Judge(const Job& job, const Ticket& ticket) {
  const Ask& ask = ticket.ask;
  const absl::Status status = job.result.status();
  const SessionId answered = job.result.ok() ? job.result->session : SessionId();
  const std::string reason = status.ok() ? "" : ReasonOf(status);
  constexpr char kOtherLive[] = "OTHER_SESSION_LIVE";
  // Asked of another session, which is not locked for it: either answer was right at the moment of
  // reading, as long as nothing changed; Compare sees to that.
  if (reason == kOtherLive && !model_.Live(CandidateOf(ask))) return;
  const Verdict verdict = model_.Take(ask, ToUnixMicros(job.received), answered);
  if (verdict.reason == kOtherLive && reason != kOtherLive) return;
  if (reason != verdict.reason) {
    return Fail(absl::StrFormat("%s was answered \"%s\", the model says \"%s\"", Describe(ask),
                                reason, verdict.reason));
  }
  if (!status.ok()) return;
  if (ask.kind == Kind::kStart) {
    if (model_.Started(ask.candidate, ask.id) != answered) {
      Fail(Describe(ask) + " was answered with another session than before");
    }
    return;
  }
  const Acks& acks = job.result->acks;
  if (acks.size() != verdict.stale.size()) return Fail(Describe(ask) + ": acks are missing");
  for (size_t i = 0; i < acks.size(); ++i) {
    if ((acks[i].fate == Ack::Fate::kStale) != verdict.stale[i]) {
      return Fail(absl::StrFormat("%s: write %d is %s in the model", Describe(ask), i,
                                  verdict.stale[i] ? "stale" : "stored"));
    }
  }
}

void Checker::Compare(const SessionId& id, const State& state, const char* where) {
  const ModelSession* m = model_.Find(id);
  if (!m) {
    if (state.exists()) Fail(Shown(id) + " is unknown to the model");
    return;
  }
  const auto differ = [&](const char* what, auto is, auto should) {
    if (is == should) return;
    Fail(absl::StrFormat("%s %s: %s differs from the model", Shown(id), where, what));
  };
  differ("state", std::string(StateName(state.state)), m->Name());
  differ("version", state.version, m->version);
  differ("breaks", state.breaks, m->sitting.breaks);
  differ("hold", state.held, m->held_back);
  differ("epoch", state.epoch, m->epoch);
  differ("deadline version", state.deadline_version, m->deadline_version);
  differ("attempt version", state.attempt_version, m->attempt);
  differ("score version", state.score_version, m->score_version);
  differ("start", state.started_at ? ToUnixMicros(*state.started_at) : 0, m->start);
  differ("part", size_t{state.part}, m->sitting.part);
  differ("end", state.ended_at ? ToUnixMicros(*state.ended_at) : 0, m->end.value_or(0));
  const auto due = DueTime(state);
  const auto next = m->sitting.NextEnd();
  differ("what is due next", due ? ToUnixMicros(*due) : 0, next ? next->at : 0);
  differ("number of items", state.responses.size(), m->held.size());
  for (size_t i = 0; i < m->held.size() && !failed(); ++i) {
    differ("a response",
           ModelSession::Held{state.responses[i].sequence, state.responses[i].options}, m->held[i]);
  }
}

// Whatever a commit does to a session, it also does what was due: that must not have waited long.
void Checker::CheckLateness(const Appended& appended) {
  const std::optional<Time> was_due = std::exchange(due_[appended.session], appended.due);
  if (!was_due || loose_clocks_) return;
  const Duration late = agenda_.now() - std::max(*was_due, healed_);
  if (late > promise_ + clock_bound_) {
    Fail(absl::StrFormat("%s: what was due came %.3f s late", Shown(appended.session),
                         late.count() / 1e6));
  }
}

void Checker::Answered(const Ticket& ticket, const absl::StatusOr<Outcome>& result) {
  if (result.ok() && !result->state) {
    return Fail(Describe(ticket.ask) + " was answered, and nothing was durable");
  }
  if (trace_.on()) {
    trace_.Line(agenda_.now(), "  answer to %s: %s", Describe(ticket.ask),
                result.ok() ? absl::StrFormat("OK at version %d", result->state->version)
                            : ReasonOf(result.status()));
  }
  if (!result.ok()) {
    if (IsNoAnswer(result.status()) || !ReasonOf(result.status()).empty()) return;
    return Fail(Describe(ticket.ask) + " met " + result.status().ToString());
  }
  if (store_.Version(result->session) < result->state->version) {
    Fail(absl::StrFormat("%s: version %d was acknowledged, only %d is durable (I1)",
                         Shown(result->session), result->state->version,
                         store_.Version(result->session)));
  }
  if (ticket.ask.kind != Kind::kSave) return;
  for (size_t i = 0; i < result->acks.size(); ++i) {
    if (result->acks[i].fate != Ack::Fate::kStored) continue;
    const Write& w = ticket.ask.writes[i];
    // A locked item takes no newer sequence, but what it holds may be just what was sent.
    const uint32_t held = result->acks[i].stored.sequence;
    acked_.push_back({result->session, w.item, {std::min(held, w.sequence), w.options}});
  }
}

void Checker::Scored(const SessionId& session, uint32_t attempt, const std::string& report) {
  const auto [it, first] = reports_.try_emplace({session, attempt}, report);
  if (it->second != report) {
    Fail(Shown(session) + ": what was sealed changed between two scorings of one attempt");
  }
}

Time Checker::LastDeadline() const {
  Time last = kBegin;
  for (const auto& [id, session] : store_.sessions()) {
    if (session.due) last = std::max(last, *session.due);
  }
  return last;
}

uint64_t Checker::exams() const {
  uint64_t sealed = 0;
  for (const auto& [id, m] : model_.sessions()) sealed += m.Ended() ? 1 : 0;
  return sealed;
}

bool Checker::AllSealed() const {
  return std::none_of(model_.sessions().begin(), model_.sessions().end(), [](const auto& entry) {
    const ModelSession& m = entry.second;
    return m.sitting.started && m.Live();
  });
}

bool Checker::AllDelivered() const {
  if (store_.outbox_size() > 0) return false;
  return std::none_of(store_.sessions().begin(), store_.sessions().end(), [&](const auto& entry) {
    return !entry.second.live && index_.Has(entry.first);
  });
}

void Checker::CheckSealed() {
  for (const auto& [id, m] : model_.sessions()) {
    if (m.sitting.started && m.Live()) {
      Fail(Shown(id) + " still runs 2 seconds after its deadline and the last fault");
    }
  }
}

void Checker::CheckDelivered() {
  if (store_.outbox_size() > 0) Fail("the outbox is not empty long after the last fault");
  for (const auto& [id, session] : store_.sessions()) {
    if (!session.live && index_.Has(id)) Fail(Shown(id) + " is over, but still in the index");
  }
}

void Checker::CheckHistory() {
  std::map<std::pair<std::string, std::string>, int> live;
  for (const auto& [id, session] : store_.sessions()) {
    CheckLog(id, session);
    if (session.live && ++live[{session.candidate, session.exam}] > 1) {
      Fail(session.candidate + " has two live sessions (I2)");
    }
  }
  for (const Acked& a : acked_) {
    const ModelSession* m = model_.Find(a.session);
    const ModelSession::Held held = m->held[static_cast<size_t>(a.item)];
    if (held.sequence < a.held.sequence ||
        (held.sequence == a.held.sequence && held.options != a.held.options)) {
      Fail(absl::StrFormat("%s: the acknowledged write %d of item %d is lost (I1)",
                           Shown(a.session), a.held.sequence, a.item));
    }
  }
}

// Walks a log by itself: replays it (I7), and counts what may happen once.
void Checker::CheckLog(const SessionId& id, const Store::Session& session) {
  State state;
  Time last = kBegin - std::chrono::hours(24);
  int starts = 0;
  bool open = false;  // answers may be stored
  std::map<uint32_t, int> scores;
  for (const Logged& logged : session.log) {
    if (logged.at < last) Fail(Shown(id) + ": the log goes back in time");
    last = logged.at;
    const std::optional<Time> due = DueTime(state);
    if (const absl::Status status = Apply(state, logged.event, logged.at); !status.ok()) {
      return Fail(Shown(id) + ": the log can't be replayed (I7): " + std::string(status.message()));
    }
    if (std::holds_alternative<Started>(logged.event)) {
      ++starts;
      open = true;
    }
    if (const auto* sealed = std::get_if<Sealed>(&logged.event)) {
      if (!open) Fail(Shown(id) + " was sealed twice (I3)");
      open = false;
      const Duration used =
          state.exam_used + (state.current_part().is_section() ? state.part_used : Duration(0));
      if (used > ExamTime(state) || sealed->ended_at < *state.started_at) {
        Fail(Shown(id) + " ran longer than its time (I5)");
      }
    }
    if (std::holds_alternative<Reopened>(logged.event)) open = true;
    if (std::holds_alternative<ResponsesStored>(logged.event) &&
        (!open || !due || logged.at >= *due)) {
      Fail(Shown(id) + " stored an answer after its end (I4)");
    }
    if (std::holds_alternative<session::Scored>(logged.event)) ++scores[state.attempt_version];
  }
  if (starts > 1) Fail(Shown(id) + " was started twice (I5)");
  Compare(id, state, "replayed");
  const ModelSession* m = model_.Find(id);
  if (!m || failed()) return;
  std::vector<uint32_t> options;
  for (const auto& held : m->held) options.push_back(held.options);
  for (uint32_t attempt = 1; attempt <= m->attempt; ++attempt) {
    // An attempt that was reopened or amended before scoring came to it is scored no more.
    const bool last_one = attempt == m->attempt && m->Ended() && !m->voided;
    if (scores[attempt] > 1 || (last_one && scores[attempt] != 1)) {
      Fail(absl::StrFormat("%s: attempt %d was scored %d times (I6)", Shown(id), attempt,
                           scores[attempt]));
    }
  }
  if (m->score_version > 0 && m->report != ReportOf(m->attempt, options)) {
    Fail(Shown(id) + ": what was scored is not what was sealed (I1)");
  }
}

}  // namespace invigil::session::sim
