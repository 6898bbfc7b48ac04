// Between ProctorService's messages and the domain's types. No gRPC here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "invigil/session/v1/proctor.pb.h"
#include "services/session/engine/session_engine.h"
#include "services/session/rpc/proctor_incident.h"
#include "services/session/rpc/proctor_roster.h"

namespace invigil::session {

// As the line is at `now`.
void ToProto(const RosterLine& line, Time now, v1::RosterEntry* entry);
// Messages, grants and reports of a session.
void ToProto(const State& state, v1::GetRosterEntryResponse* response);
void ToProto(const LogReading& reading, v1::IncidentSession* session);

// Whole microseconds; what is absurd stays absurd, and nothing overflows.
Time FromProto(const google::protobuf::Timestamp& from);
// Errors: those of MakeOutage.
absl::StatusOr<Outage> FromProto(const v1::Incident& incident, Time now);
RosterFilter FromProto(const v1::ListRosterRequest& request);

// Page tokens. Errors: INVALID_ARGUMENT (PAGE_TOKEN_INVALID).
std::string TokenOf(const Roster::Place& place);
absl::StatusOr<Roster::Place> PlaceOf(const std::string& token);
std::string TokenOf(const SessionRow& live);  // candidate and exam
absl::StatusOr<std::pair<std::string, std::string>> LiveOf(const std::string& token);
std::string TokenOf(const OutboxEntry& entry);
absl::StatusOr<std::optional<OutboxEntry>> OutboxOf(const std::string& token);
absl::StatusOr<std::optional<SessionId>> SessionOf(const std::string& token);
// `asked`, or `otherwise` when 0, at most 500.
size_t PageSize(uint32_t asked, size_t otherwise);
inline constexpr size_t kMaxPage = 500;

// What an assessment control message asks for, on behalf of `actor`.
// Errors: INVALID_ARGUMENT (CONTROL_INVALID) naming fields.
absl::StatusOr<Action> ControlAction(const v1::ControlAssessmentRequest& request,
                                     const std::string& actor);
// "running" and so on.
std::string_view ControlStatus(SessionState state);

}  // namespace invigil::session
