#include "services/session/rpc/proctor_many.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

#include "common/error/error.h"
#include "services/session/domain/text.h"
#include "services/session/rpc/convert.h"

namespace invigil::session {
namespace {

// Rows a page may look at in search of those it wants.
constexpr size_t kMaxRows = 5000;
// A session that was made longer before an incident does not run in it any more.
constexpr Duration kLookBack = std::chrono::hours(24 * 7);

// Calls `done` when all have arrived, with the first refusal that concerns more than the one who
// met it: nothing was done for now, and the whole page is asked again.
class Together {
 public:
  Together(size_t count, ActDone done) : left_(count), done_(std::move(done)) {}
  void Arrive(const absl::Status& status = absl::OkStatus()) {
    if (MustRepeat(status)) {
      const std::lock_guard lock(mutex_);
      if (refused_.ok()) refused_ = status;
    }
    if (left_.fetch_sub(1) == 1) done_(refused_);
  }

 private:
  std::atomic<size_t> left_;
  std::mutex mutex_;
  absl::Status refused_;  // under mutex_ until the last has arrived
  const ActDone done_;
};

// All that is known of a session whose log can't be read.
RosterRow RowOf(const SessionRow& stored) {
  RosterRow row;
  row.session = stored.session;
  row.candidate_id = stored.candidate_id;
  row.exam_id = stored.exam_id;
  row.state = stored.state;
  row.version = stored.version;
  return row;
}

// When the session was reserved: ids say it.
Time MadeAt(const SessionId& session) {
  int64_t millis = 0;
  for (size_t i = 0; i < 6; ++i) {
    millis = millis << 8 | static_cast<unsigned char>(session.bytes()[i]);
  }
  return FromUnixMicros(millis * 1000);
}

// Gathers what is wrong for every session alike; the rest is each session's own to say.
class RequestFaults {
 public:
  RequestFaults(const char* reason, const char* message)
      : error_(InvalidArgument(reason, message)) {}
  void Check(bool right, const char* field, const char* why) {
    if (right) return;
    error_.Field(field, why);
    valid_ = false;
  }
  template <typename Request>
  void CheckTarget(const Request& request) {
    switch (request.target_case()) {
      case Request::kSessions: {
        const int count = request.sessions().session_ids_size();
        Check(count > 0 && count <= static_cast<int>(kMaxPage), "sessions.session_ids",
              "must be 1 to 500");
        break;
      }
      case Request::kExamId:
        Check(!request.exam_id().empty(), "exam_id", "must name an exam");
        break;
      case Request::kEveryone:
        Check(request.everyone(), "everyone", "must be true, or name sessions or an exam");
        break;
      default:
        Check(false, "target", "must be sessions, exam_id or everyone");
    }
  }
  absl::Status Status() const { return valid_ ? absl::OkStatus() : error_.Build(); }

 private:
  Error error_;
  bool valid_ = true;
};

absl::Status CheckRequest(const v1::GrantTimeToManyRequest& request) {
  RequestFaults faults("GRANT_INVALID", "no time was granted; see the fields");
  const Duration amount = FromProto(request.amount());
  faults.Check(IsText(request.grant_id(), 64), "grant_id", "must have 1 to 64 characters");
  faults.Check(IsText(request.reason(), 1024), "reason", "must have 1 to 1024 characters");
  faults.Check(amount != Duration(0) && amount <= kMaxGrant && amount >= -kMaxGrant, "amount",
               "must not be 0 and at most 24 hours either way");
  faults.CheckTarget(request);
  return faults.Status();
}

absl::Status CheckRequest(const v1::SendMessageToManyRequest& request) {
  RequestFaults faults("MESSAGE_INVALID", "nothing was sent; see the fields");
  faults.Check(IsText(request.message_id(), 64), "message_id", "must have 1 to 64 characters");
  faults.Check(IsText(request.text(), 2000), "text", "must have 1 to 2000 characters");
  faults.CheckTarget(request);
  return faults.Status();
}

// The sessions of a page of `request`; tells `response` where the next one begins.
template <typename Request, typename Response>
absl::StatusOr<std::vector<std::string>> Targets(EventLogReader& reader, const Request& request,
                                                 Response* response) {
  std::vector<std::string> ids;
  if (request.has_sessions()) {
    ids.assign(request.sessions().session_ids().begin(), request.sessions().session_ids().end());
    return ids;
  }
  auto after = LiveOf(request.page_token());
  if (!after.ok()) return after.status();
  const size_t size = PageSize(request.page_size(), 200);
  const bool all = request.has_everyone();
  size_t looked = 0;
  bool more = true;
  SessionRow last;
  std::tie(last.candidate_id, last.exam_id) = *after;
  while (more && ids.size() < size && looked < kMaxRows) {
    const auto rows = reader.ListLive(last.candidate_id, last.exam_id, kMaxPage);
    if (!rows.ok()) return rows.status();
    more = rows->size() == kMaxPage;
    for (const SessionRow& row : *rows) {
      if (ids.size() == size) {
        more = true;
        break;
      }
      last = row;
      ++looked;
      if (all || row.exam_id == request.exam_id()) ids.push_back(row.session.ToHex());
    }
  }
  if (more) response->set_next_page_token(TokenOf(last));
  return ids;
}

}  // namespace

absl::Status ProctorMany::ListEnded(const v1::ListRosterRequest& request,
                                    v1::ListRosterResponse* response) const {
  const RosterFilter filter = FromProto(request);
  const size_t size = PageSize(request.page_size(), 100);
  const auto before = SessionOf(request.page_token());
  if (!before.ok()) return before.status();
  std::optional<SessionId> last = *before;
  std::vector<SessionRow> found;
  size_t looked = 0;
  bool more = true;
  while (found.size() < size && looked < kMaxRows && more) {
    // A candidate's own sessions are few, and their rows are found by the candidate.
    const bool own = !request.candidate_id().empty();
    const auto rows = own ? parts_.reader.ListOfCandidate(request.candidate_id(), kMaxRows)
                          : parts_.reader.ListNewest(last, kMaxPage);
    if (!rows.ok()) return rows.status();
    more = !own && rows->size() == kMaxPage;
    for (const SessionRow& row : *rows) {
      if (own && last && row.session.bytes() >= last->bytes()) continue;  // as the store sorts
      if (found.size() == size) {
        more = true;
        break;
      }
      last = row.session;
      ++looked;
      RosterFilter rough = filter;
      rough.only_problems = false;
      if (rough.Passes(RowOf(row))) found.push_back(row);
    }
    if (own) break;
  }
  if (more && last) response->set_next_page_token(last->ToHex());

  const Time now = parts_.clock.Now();
  for (const SessionRow& row : found) {
    const auto state = ReadState(parts_.reader, row.session);
    if (MustRepeat(state.status())) return state.status();
    const RosterLine line = state.ok() ? parts_.roster->LineOf(row.session, *state)
                                       : RosterLine{RowOf(row), std::nullopt};
    if (filter.Passes(line.row)) ToProto(line, now, response->add_entries());
  }
  return absl::OkStatus();
}

void ProctorMany::Give(const SessionId& session, Action action, bool may_reopen,
                       v1::GrantResult* result, ActDone done) const {
  Action reopen;
  if (const auto* grant = std::get_if<session::GrantTime>(&action)) {
    reopen = Reopen{grant->grant, grant->actor, grant->reason};
    may_reopen = may_reopen && grant->grant.amount > Duration(0);
  } else {
    result->set_reopened(true);
    may_reopen = false;
  }
  parts_.engine.ExecuteBulk(
      session, {"", std::move(action)},
      [this, session, reopen = std::move(reopen), may_reopen, result,
       done = std::move(done)](absl::StatusOr<Outcome> outcome) mutable {
        if (!outcome.ok() && may_reopen) {
          // Its time was up between the reading and the grant.
          const ErrorView error = ViewError(outcome.status());
          const std::pair<std::string, std::string> expired{"state", "EXPIRED"};
          if (error.reason == "SESSION_SEALED" &&
              std::find(error.metadata.begin(), error.metadata.end(), expired) !=
                  error.metadata.end()) {
            Give(session, std::move(reopen), false, result, std::move(done));
            return;
          }
        }
        result->set_granted(outcome.ok());
        if (outcome.ok()) {
          ToProto(parts_.roster->LineOf(session, *outcome->state), parts_.clock.Now(),
                  result->mutable_entry());
        } else {
          result->set_reopened(false);
          result->set_refusal(ReasonOf(outcome.status()));
          result->set_message(std::string(outcome.status().message()));
        }
        done(outcome.status());
      });
}

void ProctorMany::GrantTime(const v1::GrantTimeToManyRequest& request, const std::string& actor,
                            v1::GrantTimeToManyResponse* response, ActDone done) const {
  if (absl::Status status = CheckRequest(request); !status.ok()) return done(status);
  const auto targets = Targets(parts_.reader, request, response);
  if (!targets.ok()) return done(targets.status());
  const std::vector<std::string>& ids = *targets;
  const auto together = std::make_shared<Together>(ids.size() + 1, std::move(done));
  // All are there before the first is filled in: they don't move any more.
  for (size_t i = 0; i < ids.size(); ++i) response->add_results();
  const Duration amount = FromProto(request.amount());
  for (size_t i = 0; i < ids.size(); ++i) {
    v1::GrantResult* result = response->mutable_results(static_cast<int>(i));
    result->set_session_id(ids[i]);
    Set(amount, result->mutable_amount());
    if (const auto session = SessionId::FromHex(ids[i])) {
      Give(*session, session::GrantTime{{request.grant_id(), amount}, actor, request.reason()},
           false, result, [together](const absl::Status& status) { together->Arrive(status); });
    } else {
      result->set_refusal("SESSION_ID_INVALID");
      result->set_message("must be 32 lower-case hexadecimal digits");
      together->Arrive();
    }
  }
  together->Arrive();
}

void ProctorMany::SendMessage(const v1::SendMessageToManyRequest& request, const std::string& actor,
                              v1::SendMessageToManyResponse* response, ActDone done) const {
  if (absl::Status status = CheckRequest(request); !status.ok()) return done(status);
  const auto ids = Targets(parts_.reader, request, response);
  if (!ids.ok()) return done(ids.status());
  const auto together = std::make_shared<Together>(ids->size() + 1, std::move(done));
  for (size_t i = 0; i < ids->size(); ++i) response->add_results();
  for (size_t i = 0; i < ids->size(); ++i) {
    auto* result = response->mutable_results(static_cast<int>(i));
    result->set_session_id((*ids)[i]);
    const auto session = SessionId::FromHex((*ids)[i]);
    if (!session) {
      result->set_refusal("SESSION_ID_INVALID");
      result->set_message("must be 32 lower-case hexadecimal digits");
      together->Arrive();
      continue;
    }
    parts_.engine.ExecuteBulk(
        *session, {"", session::SendMessage{request.message_id(), actor, request.text(), false}},
        [result, together](const absl::StatusOr<Outcome>& outcome) {
          result->set_sent(outcome.ok());
          if (!outcome.ok()) {
            result->set_refusal(ReasonOf(outcome.status()));
            result->set_message(std::string(outcome.status().message()));
          }
          together->Arrive(outcome.status());
        });
  }
  together->Arrive();
}

absl::Status ProctorMany::ListUnscored(const v1::ListUnscoredRequest& request,
                                       v1::ListUnscoredResponse* response) const {
  const auto after = OutboxOf(request.page_token());
  if (!after.ok()) return after.status();
  const size_t size = PageSize(request.page_size(), 200);
  const auto entries = parts_.reader.ListOutbox(*after, size);
  if (!entries.ok()) return entries.status();
  for (const OutboxEntry& entry : *entries) {
    auto* session = response->add_sessions();
    session->set_session_id(entry.session.ToHex());
    session->set_attempt_version(entry.attempt_version);
    Set(entry.sealed_at, session->mutable_seal_time());
  }
  if (entries->size() == size) response->set_next_page_token(TokenOf(entries->back()));
  return absl::OkStatus();
}

struct ProctorMany::Reading {
  SessionId session;
  LogReading log;
};

absl::StatusOr<std::vector<ProctorMany::Reading>> ProctorMany::Read(
    const Outage& outage, const std::string& exam_id, size_t size, std::string& token,
    std::vector<std::string>& unreadable) const {
  auto before = SessionOf(token);
  if (!before.ok()) return before.status();
  token.clear();
  const auto rows = parts_.reader.ListNewest(*before, size);
  if (!rows.ok()) return rows.status();
  const Time now = parts_.clock.Now();
  std::vector<Reading> readings;
  for (const SessionRow& row : *rows) {
    const Time made = MadeAt(row.session);
    if (made < outage.window.from - kLookBack) return readings;
    if (made >= outage.window.to || (!exam_id.empty() && row.exam_id != exam_id)) continue;
    Reading reading{row.session, LogReading(outage)};
    absl::Status status = parts_.reader.ReadLog(
        row.session,
        [&](uint64_t seq, Time at, const Event& event) { return reading.log.Add(seq, at, event); });
    if (status.ok()) status = reading.log.Finish(now);
    if (MustRepeat(status)) return status;
    if (!status.ok()) {
      unreadable.push_back(row.session.ToHex());
    } else if (reading.log.ran() > Duration(0)) {
      readings.push_back(std::move(reading));
    }
  }
  if (rows->size() == size) token = rows->back().session.ToHex();
  return readings;
}

absl::Status ProctorMany::Report(const v1::IncidentReportRequest& request,
                                 v1::IncidentReportResponse* response) const {
  const auto outage = FromProto(request.incident(), parts_.clock.Now());
  if (!outage.ok()) return outage.status();
  std::string token = request.page_token();
  std::vector<std::string> unreadable;
  const auto readings = Read(*outage, request.incident().exam_id(),
                             PageSize(request.page_size(), 200), token, unreadable);
  if (!readings.ok()) return readings.status();
  for (const Reading& reading : *readings) {
    v1::IncidentSession* session = response->add_sessions();
    session->set_session_id(reading.session.ToHex());
    ToProto(reading.log, session);
    session->set_unsaved_changes(parts_.roster->Unsaved(reading.session));
  }
  for (const std::string& id : unreadable) response->add_unreadable_session_ids(id);
  response->set_next_page_token(token);
  return absl::OkStatus();
}

void ProctorMany::Compensate(const v1::CompensateIncidentRequest& request, const std::string& actor,
                             v1::CompensateIncidentResponse* response, ActDone done) const {
  if (!IsText(request.incident_id(), 48) || !IsText(request.reason(), 1024)) {
    return done(InvalidArgument("INCIDENT_INVALID", "no time was given back; see the fields")
                    .Field(IsText(request.reason(), 1024) ? "incident_id" : "reason",
                           "must have 1 to 48 (incident_id) or 1 to 1024 (reason) characters"));
  }
  const auto outage = FromProto(request.incident(), parts_.clock.Now());
  if (!outage.ok()) return done(outage.status());
  std::string token = request.page_token();
  std::vector<std::string> unreadable;
  auto readings = Read(*outage, request.incident().exam_id(), PageSize(request.page_size(), 200),
                       token, unreadable);
  if (!readings.ok()) return done(readings.status());
  std::erase_if(*readings, [](const Reading& r) { return r.log.lost() == Duration(0); });
  for (const std::string& id : unreadable) response->add_unreadable_session_ids(id);
  response->set_next_page_token(token);

  const auto together = std::make_shared<Together>(readings->size() + 1, std::move(done));
  for (size_t i = 0; i < readings->size(); ++i) response->add_results();
  for (size_t i = 0; i < readings->size(); ++i) {
    const Reading& reading = (*readings)[i];
    v1::GrantResult* result = response->mutable_results(static_cast<int>(i));
    result->set_session_id(reading.session.ToHex());
    const Grant grant{"incident:" + request.incident_id(), reading.log.lost()};
    Set(grant.amount, result->mutable_amount());
    // What was given before is answered as it is, whatever became of the session.
    const auto& given = reading.log.state().grants;
    const bool repeated =
        std::any_of(given.begin(), given.end(), [&](const Grant& g) { return g.id == grant.id; });
    Action action = session::GrantTime{grant, actor, request.reason()};
    if (reading.log.expired() && request.reopen_expired() && !repeated) {
      action = Reopen{grant, actor, request.reason()};
    }
    Give(reading.session, std::move(action), request.reopen_expired(), result,
         [together](const absl::Status& status) { together->Arrive(status); });
  }
  together->Arrive();
}

absl::StatusOr<SessionId> ProctorMany::FindAttempt(
    const v1::ControlAssessmentRequest& request) const {
  const auto rows = parts_.reader.ListOfCandidate(request.user().sub(), kMaxRows);
  if (!rows.ok()) return rows.status();
  std::vector<SessionId> attempts;  // newest first
  std::optional<SessionId> live;
  for (const SessionRow& row : *rows) {
    if (row.exam_id != request.resource_link().id()) continue;
    if (row.state == SessionState::kVoided) {
      const auto state = ReadState(parts_.reader, row.session);
      if (MustRepeat(state.status())) return state.status();
      if (state.ok() && !state->started_at) continue;  // a reservation that was given up
    }
    if (RowOf(row).live()) live = row.session;
    attempts.push_back(row.session);
  }
  const size_t number = request.attempt_number();
  if (number == 0 && live) return *live;  // which is not the newest after a reopening
  if (attempts.empty() || number > attempts.size()) {
    return NotFound("ATTEMPT_NOT_FOUND", "the candidate has no such attempt at this exam");
  }
  return number == 0 ? attempts.front() : attempts[attempts.size() - number];
}

}  // namespace invigil::session
