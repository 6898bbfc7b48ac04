#include "services/session/sim/model.h"

#include "services/session/sim/rules.h"

namespace invigil::session::sim {

std::string ModelSession::Name() const {
  if (voided) return "VOIDED";
  if (released) return "RELEASED";
  if (score_version > 0) return "SCORED";
  if (end) return how;
  if (!sitting.started) return "READY";
  if (sitting.paused) return "PAUSED";
  return sitting.OnBreak() ? "ON_BREAK" : "ACTIVE";
}

std::optional<SessionId> Model::Started(const std::string& candidate,
                                        const std::string& request) const {
  const auto it = starts_.find({candidate, request});
  return it == starts_.end() ? std::nullopt : std::optional(it->second);
}

std::optional<SessionId> Model::Live(const std::string& candidate) const {
  for (const auto& [id, s] : sessions_) {
    if (s.candidate == candidate && s.Live()) return id;
  }
  return std::nullopt;
}

Verdict Model::Take(const Ask& ask, int64_t now, const SessionId& session) {
  if (ask.kind == Kind::kStart) return TakeStart(ask, now, session);
  const auto it = sessions_.find(ask.session);
  if (it == sessions_.end()) return {"SESSION_NOT_FOUND", {}};
  ModelSession& s = it->second;
  // Before anything else: a candidate has one live session of an exam.
  if (ask.kind == Kind::kReopen && !s.Live() && Live(s.candidate)) {
    return {"OTHER_SESSION_LIVE", {}};
  }
  now = JudgeTime(s, now);
  if (!ask.candidate.empty() && ask.candidate != s.candidate) return {"SESSION_NOT_YOURS", {}};
  Verdict verdict;
  verdict.reason = JudgeAsk(s, ask, now, verdict);
  return verdict;
}

Verdict Model::TakeStart(const Ask& ask, int64_t now, const SessionId& session) {
  if (const auto before = Started(ask.candidate, ask.id)) {
    JudgeTime(sessions_[*before], now);
    return {};
  }
  if (const auto live = Live(ask.candidate)) {
    ModelSession& s = sessions_[*live];
    const int64_t at = JudgeTime(s, now);
    if (s.Live()) {
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
