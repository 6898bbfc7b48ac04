// What other teams are told of a session: its outbox. A notice is made of an event of the session's
// log and stored in that event's transaction, so there is one exactly when the event is durable. It
// holds no answer, key, flag or statistic. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "services/session/domain/events.h"
#include "services/session/domain/session_id.h"

namespace invigil::session {

// Numbers are those of the wire's SessionEventKind and of the table; they never change.
enum class NoticeKind : uint8_t {
  kStarted = 1,
  kSubmitted = 2,
  kExpired = 3,
  kTerminated = 4,
  kVoided = 5,
  kReopened = 6,
  kScored = 7,    // the first result
  kReleased = 8,  // it may be seen
  kAmended = 9,   // a result that replaces an earlier one
  kIncident = 10,
};
inline constexpr int kNoticeKinds = 11;

// Time granted under an id that begins so makes good an incident.
inline constexpr std::string_view kIncidentGrant = "incident:";

struct Notice {
  // Position among all notices of the store. As written: the number of the event's row in the
  // journal, given when the transaction commits, in the order of commits: whoever has seen n has
  // seen all before. As read: the cursor (cursor.h) of that row.
  uint64_t n = 0;
  SessionId session;
  uint64_t seq = 0;  // of the event in its session
  NoticeKind kind = NoticeKind::kStarted;
  Time written_at{};
  Time occurred_at{};  // of a seal: when the session ended, which may be before it was written
  std::string candidate_id, exam_id;
  uint32_t exam_version = 0;
  SessionKind session_kind = SessionKind::kExam;
  uint32_t epoch = 0;
  uint32_t attempt_version = 0;
  uint32_t score_version = 0;  // of results
  std::string incident_id;     // of incidents: the id of the report or of the grant

  // "<session>-<seq>-<written_at in us>": the same for every delivery, another for every notice;
  // the time tells an event from one that had its place in a history the store has lost.
  std::string EventId() const {
    return session.ToHex() + "-" + std::to_string(seq) + "-" +
           std::to_string(ToUnixMicros(written_at));
  }
  bool has_result() const { return kind == NoticeKind::kScored || kind == NoticeKind::kAmended; }
};

// Which place in which session; whether it is that event, its whole id tells.
struct NoticeKey {
  SessionId session;
  uint64_t seq = 0;
  friend auto operator<=>(const NoticeKey&, const NoticeKey&) = default;
};
// Takes an event id apart; nullopt when it is none.
std::optional<NoticeKey> ParseEventId(const std::string& event_id);

// The notice of the event that `after` has as its newest, or nullopt: nobody is told. Saves give
// none, nor does a reservation that is given up before its clock starts. Without `n`.
std::optional<Notice> NoticeOf(const SessionId& session, uint64_t seq, Time at, const Event& event,
                               const State& after);

// "STARTED" and so on.
std::string_view NoticeName(NoticeKind kind);

}  // namespace invigil::session
