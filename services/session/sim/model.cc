#include "services/session/sim/model.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "services/session/sim/forms.h"

namespace invigil::session::sim {
namespace {

constexpr int64_t kHour = 3'600'000'000;

int64_t BaseUs(const ModelSession& s) { return Forms()[static_cast<size_t>(s.form)].duration_us; }

int64_t Granted(const ModelSession& s) {
  int64_t sum = 0;
  for (const auto& [id, amount] : s.grants) sum += amount;
  return sum;
}

// Why nothing can be written or sealed now; empty: it can.
std::string Closed(const ModelSession& s) {
  if (s.voided || !s.started) return "SESSION_NOT_ACTIVE";
  return s.end ? "SESSION_SEALED" : "";
}

std::string EpochFault(const ModelSession& s, uint32_t epoch) {
  return epoch == s.epoch ? "" : epoch < s.epoch ? "EPOCH_STALE" : "EPOCH_UNKNOWN";
}

// One ask to one session that is not overdue.
class Rule {
 public:
  Rule(ModelSession& s, const Ask& ask, int64_t now, Verdict& verdict)
      : s_(s), ask_(ask), now_(now), verdict_(verdict) {}

  std::string Judge() {
    switch (ask_.kind) {
      case Kind::kStart:
      case Kind::kRead:
        return "";
      case Kind::kBegin:
        return Begin();
      case Kind::kSave:
        return Save();
      case Kind::kSubmit:
        return Submit();
      case Kind::kTakeOver:
        if (s_.voided || s_.end) return Closed(s_);
        ++s_.epoch;
        return Happened();
      case Kind::kExpire:
        return s_.end || s_.voided ? "" : "DEADLINE_NOT_REACHED";
      case Kind::kGrant:
        return Grant();
      case Kind::kVoid:
        if (s_.voided || (ask_.flag && s_.started)) return "";
        s_.voided = true;
        return Happened();
      case Kind::kRecord:
        return Record();
      case Kind::kRelease:
        if (s_.voided) return "SESSION_VOIDED";
        if (s_.released) return "";
        if (s_.score_version == 0) return "SESSION_NOT_SCORED";
        s_.released = true;
        return Happened();
    }
    return "?";
  }

 private:
  std::string Happened() {
    s_.last = now_;
    ++s_.version;
    return "";
  }

  std::string Begin() {
    if (s_.voided) return "SESSION_NOT_ACTIVE";
    if (s_.started) return "";
    if (s_.form < 0) {
      s_.form = ask_.form;
      s_.held.resize(static_cast<size_t>(Forms()[static_cast<size_t>(s_.form)].items));
      ++s_.version;
    }
    s_.started = true;
    s_.start = now_;
    return Happened();
  }

  std::string Save() {
    if (std::string why = Closed(s_); !why.empty()) return why;
    if (std::string why = EpochFault(s_, ask_.epoch); !why.empty()) return why;
    if (ask_.writes.empty()) return "RESPONSE_INVALID";
    for (size_t i = 0; i < ask_.writes.size(); ++i) {
      const Write& w = ask_.writes[i];
      if (w.item >= static_cast<int>(s_.held.size()) || w.sequence == 0) return "RESPONSE_INVALID";
      if (w.cleared != (w.options == 0)) return "RESPONSE_INVALID";
      if (w.options >> OptionsOf(w.item) != 0) return "RESPONSE_INVALID";
      if (std::popcount(w.options) > SelectOf(w.item)) return "RESPONSE_INVALID";
      for (size_t j = 0; j < i; ++j) {
        if (ask_.writes[j].item == w.item) return "RESPONSE_INVALID";
      }
    }
    bool stored = false;
    for (const Write& w : ask_.writes) {
      ModelSession::Held& held = s_.held[static_cast<size_t>(w.item)];
      const bool newer = w.sequence > held.sequence;
      verdict_.stale.push_back(!newer && w.options != held.options);
      if (!newer) continue;
      held = {w.sequence, w.options};
      stored = true;
    }
    return stored ? Happened() : "";
  }

  std::string Submit() {
    if (s_.end && !s_.voided) return EpochFault(s_, ask_.epoch);
    if (std::string why = Closed(s_); !why.empty()) return why;
    if (std::string why = EpochFault(s_, ask_.epoch); !why.empty()) return why;
    if (ask_.seen.size() > s_.held.size()) return "RESPONSE_INVALID";
    for (const auto& [item, sequence] : ask_.seen) {
      if (item >= static_cast<int>(s_.held.size()) || sequence == 0) return "RESPONSE_INVALID";
    }
    for (const auto& [item, sequence] : ask_.seen) {
      if (s_.held[static_cast<size_t>(item)].sequence < sequence) return "RESPONSES_MISSING";
    }
    s_.end = now_;
    s_.how = "SUBMITTED";
    ++s_.attempt;
    return Happened();
  }

  std::string Grant() {
    for (const auto& [id, amount] : s_.grants) {
      if (id == ask_.id) return amount == ask_.amount ? "" : "GRANT_CONFLICT";
    }
    if (s_.voided || s_.end) return s_.voided ? "SESSION_NOT_ACTIVE" : "SESSION_SEALED";
    const int64_t amount = ask_.amount;
    if (ask_.id.empty() || amount == 0 || std::abs(amount) > 24 * kHour) return "GRANT_INVALID";
    if (std::abs(Granted(s_) + amount) > 48 * kHour) return "GRANT_INVALID";
    if (amount < 0 && (!s_.started || s_.DeadlineUs() + amount <= now_)) return "GRANT_INVALID";
    s_.grants.emplace_back(ask_.id, amount);
    ++s_.deadline_version;
    return Happened();
  }

  std::string Record() {
    if (s_.voided) return "SESSION_VOIDED";
    if (!s_.end) return "SESSION_NOT_SEALED";
    if (ask_.version == 0) return "SCORE_INVALID";
    if (ask_.version == s_.score_version && *ask_.report != s_.report) return "SCORE_CONFLICT";
    if (ask_.version > s_.score_version) {
      s_.score_version = ask_.version;
      s_.report = *ask_.report;
      Happened();
    }
    if (ask_.flag && !s_.released) {
      s_.released = true;
      Happened();
    }
    return "";
  }

  ModelSession& s_;
  const Ask& ask_;
  const int64_t now_;
  Verdict& verdict_;
};

// The deadline comes first, whoever asks for whatever.
int64_t JudgeDeadline(ModelSession& s, int64_t now) {
  now = std::max(now, s.last);
  if (s.started && !s.end && !s.voided && now >= s.DeadlineUs()) {
    s.end = s.DeadlineUs();
    s.how = "EXPIRED";
    ++s.attempt;
    ++s.version;
    s.last = now;
  }
  return now;
}

}  // namespace

std::string ModelSession::Name() const {
  if (voided) return "VOIDED";
  if (released) return "RELEASED";
  if (score_version > 0) return "SCORED";
  if (end) return how;
  return started ? "ACTIVE" : "READY";
}

int64_t ModelSession::DeadlineUs() const { return start + BaseUs(*this) + Granted(*this); }

std::optional<SessionId> Model::Started(const std::string& candidate,
                                        const std::string& request) const {
  const auto it = starts_.find({candidate, request});
  return it == starts_.end() ? std::nullopt : std::optional(it->second);
}

std::optional<SessionId> Model::Live(const std::string& candidate) const {
  for (const auto& [id, s] : sessions_) {
    if (s.candidate == candidate && !s.end && !s.voided) return id;
  }
  return std::nullopt;
}

Verdict Model::Take(const Ask& ask, int64_t now, const SessionId& session) {
  if (ask.kind == Kind::kStart) return TakeStart(ask, now, session);
  const auto it = sessions_.find(ask.session);
  if (it == sessions_.end()) return {"SESSION_NOT_FOUND", {}};
  ModelSession& s = it->second;
  now = JudgeDeadline(s, now);
  if (!ask.candidate.empty() && ask.candidate != s.candidate) return {"SESSION_NOT_YOURS", {}};
  Verdict verdict;
  verdict.reason = Rule(s, ask, now, verdict).Judge();
  return verdict;
}

Verdict Model::TakeStart(const Ask& ask, int64_t now, const SessionId& session) {
  if (const auto before = Started(ask.candidate, ask.id)) {
    JudgeDeadline(sessions_[*before], now);
    return {};
  }
  if (const auto live = Live(ask.candidate)) {
    ModelSession& s = sessions_[*live];
    const int64_t at = JudgeDeadline(s, now);
    if (!s.end) {
      starts_[{ask.candidate, ask.id}] = *live;
      if (ask.flag) {
        ++s.epoch;
        ++s.version;
        s.last = at;
      }
      return {};
    }
  }
  ModelSession& s = sessions_[session];
  s.candidate = ask.candidate;
  s.request = ask.id;
  s.version = 1;
  s.last = now;
  starts_[{ask.candidate, ask.id}] = session;
  return {};
}

}  // namespace invigil::session::sim
