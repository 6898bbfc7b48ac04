#include "services/session/rpc/proctor_convert.h"

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/hash.h"
#include "common/error/error.h"
#include "services/session/rpc/convert.h"

namespace invigil::session {
namespace {

static_assert(static_cast<int>(v1::ROSTER_PROBLEM_HELP_ASKED) ==
                      static_cast<int>(Problem::kHelpAsked) &&
                  static_cast<int>(v1::ROSTER_PROBLEM_MISSING) ==
                      static_cast<int>(Problem::kMissing) &&
                  static_cast<int>(v1::ROSTER_PROBLEM_UNSAVED_CHANGES) == kProblems,
              "the two enums have the same numbers");

Span SpanOf(const v1::Interval& from) {
  return {FromProto(from.start_time()), FromProto(from.end_time())};
}

absl::Status TokenRefusal() {
  return InvalidArgument("PAGE_TOKEN_INVALID", "start again without a page token")
      .Field("page_token", "is not one that this method gave")
      .Build();
}

// An id of up to 64 characters for something that comes without one: the same for the same.
std::string IdOf(const std::string& what) { return "lti:" + Sha256Hex(what).substr(0, 40); }

std::string ReasonText(const v1::ControlAssessmentRequest& request) {
  std::string text = request.reason_code();
  if (!request.reason_msg().empty()) text += (text.empty() ? "" : ": ") + request.reason_msg();
  return text.empty() ? "asked for by the proctoring tool" : text;
}

}  // namespace

void ToProto(const RosterLine& line, Time now, v1::RosterEntry* entry) {
  const RosterRow& row = line.row;
  entry->set_session_id(row.session.ToHex());
  entry->set_candidate_id(row.candidate_id);
  entry->set_exam_id(row.exam_id);
  entry->set_state(static_cast<v1::SessionState>(row.state));
  for (int k = 1; k <= kProblems; ++k) {
    if (row.Has(static_cast<Problem>(k))) entry->add_problems(static_cast<v1::RosterProblem>(k));
  }
  Set(row.RemainingAt(now), entry->mutable_remaining());
  Set(row.granted, entry->mutable_granted());
  entry->set_deadline_version(row.deadline_version);
  entry->set_epoch(row.epoch);
  entry->set_part(row.part);
  if (line.heartbeat_age) Set(*line.heartbeat_age, entry->mutable_heartbeat_age());
  entry->set_help_messages(row.help);
  entry->set_unconfirmed_messages(row.unconfirmed);
  entry->set_irregularities(row.irregularities);
  entry->set_checked_in(row.checked_in);
  if (row.started_at) Set(*row.started_at, entry->mutable_start_time());
  if (row.ended_at) Set(*row.ended_at, entry->mutable_end_time());
  if (row.paused_at) Set(*row.paused_at, entry->mutable_pause_time());
  entry->set_log_version(row.version);
  entry->set_unsaved_changes(row.unsaved);
  entry->set_score_held(row.held);
}

void ToProto(const State& state, v1::GetRosterEntryResponse* response) {
  for (const Grant& grant : state.grants) {
    auto* to = response->add_grants();
    to->set_grant_id(grant.id);
    Set(grant.amount, to->mutable_amount());
  }
  if (!state.extras) return;
  for (const Message& message : state.extras->messages) {
    auto* to = response->add_messages();
    to->set_message_id(message.id);
    to->set_actor(message.actor);
    to->set_text(message.text);
    Set(message.sent_at, to->mutable_send_time());
    to->set_from_candidate(message.from_candidate);
    to->set_confirmed(message.confirmed);
  }
  for (const auto& report : state.extras->irregularities) response->add_report_ids(report);
}

void ToProto(const LogReading& reading, v1::IncidentSession* session) {
  const State& state = reading.state();
  session->set_candidate_id(state.identity->candidate_id);
  session->set_exam_id(state.identity->exam_id);
  session->set_state(static_cast<v1::SessionState>(state.state));
  Set(reading.ran(), session->mutable_ran());
  Set(reading.lost(), session->mutable_lost());
  if (reading.last_save_before()) {
    Set(*reading.last_save_before(), session->mutable_last_save_before());
  }
  session->set_saves_within(reading.saves_within());
  if (reading.first_save_after()) {
    Set(*reading.first_save_after(), session->mutable_first_save_after());
  }
  session->set_expired(reading.expired());
}

Time FromProto(const google::protobuf::Timestamp& from) {
  google::protobuf::Duration since;  // the same fields, from 1970 on
  since.set_seconds(from.seconds());
  since.set_nanos(from.nanos());
  return FromUnixMicros(FromProto(since).count());
}

absl::StatusOr<Outage> FromProto(const v1::Incident& incident, Time now) {
  std::vector<Span> gaps;
  for (const auto& gap : incident.gaps()) gaps.push_back(SpanOf(gap));
  return MakeOutage(SpanOf(incident.window()), std::move(gaps), now);
}

RosterFilter FromProto(const v1::ListRosterRequest& request) {
  RosterFilter filter{request.exam_id(), request.candidate_id(), 0, request.only_problems()};
  for (const int state : request.states()) {
    if (state > 0 && state < static_cast<int>(kSessionStates)) filter.states |= 1u << state;
  }
  return filter;
}

std::string TokenOf(const Roster::Place& place) {
  return std::to_string(place.rank) + place.session.ToHex();
}

absl::StatusOr<Roster::Place> PlaceOf(const std::string& token) {
  if (token.empty()) return Roster::Place{};
  const auto session = SessionId::FromHex(token.substr(1));
  const int rank = token[0] - '0';
  if (!session || rank < 1 || rank > kProblems + 1) return TokenRefusal();
  return Roster::Place{rank, *session};
}

std::string TokenOf(const SessionRow& live) {
  return absl::BytesToHexString(live.candidate_id + '\0' + live.exam_id);
}

absl::StatusOr<std::pair<std::string, std::string>> LiveOf(const std::string& token) {
  if (token.empty()) return std::pair<std::string, std::string>();
  const bool hex =
      token.size() % 2 == 0 && token.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!hex) return TokenRefusal();
  const std::string text = absl::HexStringToBytes(token);
  const size_t middle = text.find('\0');
  if (middle == std::string::npos) return TokenRefusal();
  return std::pair(text.substr(0, middle), text.substr(middle + 1));
}

std::string TokenOf(const OutboxEntry& entry) {
  return absl::StrCat(ToUnixMicros(entry.sealed_at), ".", entry.attempt_version, ".",
                      entry.session.ToHex());
}

absl::StatusOr<std::optional<OutboxEntry>> OutboxOf(const std::string& token) {
  if (token.empty()) return std::optional<OutboxEntry>();
  const std::vector<std::string> parts = absl::StrSplit(token, '.');
  OutboxEntry entry;
  int64_t micros = 0;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &micros) ||
      !absl::SimpleAtoi(parts[1], &entry.attempt_version)) {
    return TokenRefusal();
  }
  const auto session = SessionId::FromHex(parts[2]);
  if (!session) return TokenRefusal();
  entry.sealed_at = FromUnixMicros(micros);
  entry.session = *session;
  return std::optional<OutboxEntry>(entry);
}

absl::StatusOr<std::optional<SessionId>> SessionOf(const std::string& token) {
  if (token.empty()) return std::optional<SessionId>();
  const auto session = SessionId::FromHex(token);
  if (!session) return TokenRefusal();
  return session;
}

size_t PageSize(uint32_t asked, size_t otherwise) {
  return asked == 0 ? otherwise : std::min<size_t>(asked, kMaxPage);
}

absl::StatusOr<Action> ControlAction(const v1::ControlAssessmentRequest& request,
                                     const std::string& actor) {
  Error error = InvalidArgument("CONTROL_INVALID", "nothing was done; see the fields");
  bool valid = true;
  const auto check = [&](bool right, const char* field, const char* why) {
    if (right) return;
    error.Field(field, why);
    valid = false;
  };
  const std::string& action = request.action();
  const bool known = action == "pause" || action == "resume" || action == "terminate" ||
                     action == "update" || action == "flag";
  check(!request.user().sub().empty(), "user.sub", "must name the candidate");
  check(!request.resource_link().id().empty(), "resource_link.id", "must name the exam");
  check(known, "action", "must be pause, resume, terminate, update or flag");
  check(request.has_incident_time(), "incident_time", "must say when");
  check(request.incident_severity() >= 0 && request.incident_severity() <= 1, "incident_severity",
        "must be from 0.0 to 1.0");
  check(action != "update" || request.extra_time() != 0, "extra_time",
        "must be the minutes to add");
  if (!valid) return error;

  const std::string reason = ReasonText(request);
  const std::string when = std::to_string(ToUnixMicros(FromProto(request.incident_time())));
  if (action == "pause") return Pause{actor, reason};
  if (action == "resume") return Resume{actor, reason};
  if (action == "terminate") return Terminate{actor, reason};
  if (action == "update") {
    const Duration amount = Minutes(int64_t{request.extra_time()});
    const std::string id =
        IdOf(when + '\n' + request.reason_code() + '\n' + std::to_string(request.extra_time()));
    return GrantTime{{id, amount}, actor, reason};
  }
  const std::string severity = std::to_string(request.incident_severity());
  return ReportIrregularity{
      IdOf(when + '\n' + severity + '\n' + reason),
      request.reason_code().empty() ? std::string("flag") : request.reason_code(),
      reason + " (severity " + severity.substr(0, 4) + ")", actor};
}

std::string_view ControlStatus(SessionState state) {
  switch (state) {
    case SessionState::kNone:
    case SessionState::kReady:
      return "none";
    case SessionState::kActive:
    case SessionState::kOnBreak:
      return "running";
    case SessionState::kPaused:
      return "paused";
    case SessionState::kTerminated:
    case SessionState::kVoided:
      return "terminated";
    default:
      return "complete";
  }
}

}  // namespace invigil::session
