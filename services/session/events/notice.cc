#include "services/session/events/notice.h"

#include <charconv>
#include <variant>

namespace invigil::session {
namespace {

struct KindOf {
  const State& after;
  using Kind = std::optional<NoticeKind>;
  Kind operator()(const Started&) const { return NoticeKind::kStarted; }
  Kind operator()(const Sealed& e) const {
    switch (e.as) {
      case SessionState::kSubmitted:
        return NoticeKind::kSubmitted;
      case SessionState::kTerminated:
        return NoticeKind::kTerminated;
      default:
        return NoticeKind::kExpired;
    }
  }
  // A session is reserved before it gets a form; when none can be had, nothing has begun.
  Kind operator()(const Voided&) const {
    return after.started_at ? Kind(NoticeKind::kVoided) : std::nullopt;
  }
  Kind operator()(const Reopened&) const { return NoticeKind::kReopened; }
  // Scoring numbers a session's results, also those of later attempts.
  Kind operator()(const Scored& e) const {
    return e.score_version > 1 ? NoticeKind::kAmended : NoticeKind::kScored;
  }
  Kind operator()(const Released&) const { return NoticeKind::kReleased; }
  Kind operator()(const IrregularityReported&) const { return NoticeKind::kIncident; }
  Kind operator()(const TimeGranted& e) const {
    return e.grant.id.starts_with(kIncidentGrant) ? Kind(NoticeKind::kIncident) : std::nullopt;
  }
  template <typename Other>
  Kind operator()(const Other&) const {
    return std::nullopt;
  }
};

}  // namespace

std::optional<Notice> NoticeOf(const SessionId& session, uint64_t seq, Time at, const Event& event,
                               const State& after) {
  const auto kind = std::visit(KindOf{after}, event);
  if (!kind) return std::nullopt;
  Notice notice;
  notice.session = session;
  notice.seq = seq;
  notice.kind = *kind;
  notice.written_at = notice.occurred_at = at;
  if (after.identity) {
    notice.candidate_id = after.identity->candidate_id;
    notice.exam_id = after.identity->exam_id;
    notice.session_kind = after.identity->kind;
  }
  if (after.form) notice.exam_version = after.form->exam_version();
  notice.epoch = after.epoch;
  notice.attempt_version = after.attempt_version;
  if (const auto* sealed = std::get_if<Sealed>(&event)) notice.occurred_at = sealed->ended_at;
  if (const auto* scored = std::get_if<Scored>(&event)) {
    // One that is held back is nobody's business before it is released.
    if (!after.held) notice.score_version = scored->score_version;
  }
  if (const auto* report = std::get_if<IrregularityReported>(&event)) {
    notice.incident_id = report->id;
  }
  if (const auto* granted = std::get_if<TimeGranted>(&event)) {
    notice.incident_id = granted->grant.id;
  }
  return notice;
}

std::optional<NoticeKey> ParseEventId(const std::string& event_id) {
  constexpr size_t kHex = 2 * SessionId::kSize;
  const auto session = SessionId::FromHex(event_id.substr(0, kHex));
  if (!session || event_id.size() < kHex + 1 || event_id[kHex] != '-') return std::nullopt;
  Notice notice;
  notice.session = *session;
  const char* end = event_id.data() + event_id.size();
  const auto [dash, error] = std::from_chars(event_id.data() + kHex + 1, end, notice.seq);
  if (error != std::errc() || dash == end || notice.seq > static_cast<uint64_t>(INT64_MAX)) {
    return std::nullopt;
  }
  int64_t written_us = 0;
  if (std::from_chars(dash + 1, end, written_us).ec != std::errc()) return std::nullopt;
  notice.written_at = FromUnixMicros(written_us);
  // Whatever else is written another way: leading zeros, signs, what follows.
  if (notice.seq == 0 || notice.EventId() != event_id) return std::nullopt;
  return NoticeKey{notice.session, notice.seq};
}

std::string_view NoticeName(NoticeKind kind) {
  switch (kind) {
    case NoticeKind::kStarted:
      return "STARTED";
    case NoticeKind::kSubmitted:
      return "SUBMITTED";
    case NoticeKind::kExpired:
      return "EXPIRED";
    case NoticeKind::kTerminated:
      return "TERMINATED";
    case NoticeKind::kVoided:
      return "VOIDED";
    case NoticeKind::kReopened:
      return "REOPENED";
    case NoticeKind::kScored:
      return "SCORED";
    case NoticeKind::kReleased:
      return "RELEASED";
    case NoticeKind::kAmended:
      return "AMENDED";
    case NoticeKind::kIncident:
      return "INCIDENT";
  }
  return "UNSPECIFIED";
}

}  // namespace invigil::session
