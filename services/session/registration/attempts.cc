#include "services/session/registration/attempts.h"

#include <utility>

#include "invigil/session/v1/delivery.pb.h"
#include "services/session/domain/apply.h"
#include "services/session/domain/clock.h"
#include "services/session/store/codec.h"

namespace invigil::session::registration {

AttemptReader::AttemptReader(sql::Database db)
    : db_(std::move(db)),
      sessions_(db_.MustPrepare("SELECT DISTINCT s.session_id FROM starts t JOIN sessions s ON "
                                "s.session_id=t.session_id WHERE t.candidate_id=? AND "
                                "s.candidate_id=? AND s.exam_id=?")),
      events_(db_.MustPrepare("SELECT at_us, body FROM events WHERE session_id=? ORDER BY seq")) {}

absl::StatusOr<std::unique_ptr<AttemptReader>> AttemptReader::Open(const std::string& location,
                                                                   const std::string& schema) {
  auto db = sql::Database::Open(location, sql::Database::Mode::kReadOnly, schema);
  if (!db.ok()) return db.status();
  return std::unique_ptr<AttemptReader>(new AttemptReader(*std::move(db)));
}

absl::StatusOr<std::vector<Attempt>> AttemptReader::Of(std::string_view candidate_id,
                                                       std::string_view exam_id, Time now) {
  sessions_.BindText(1, candidate_id).BindText(2, candidate_id).BindText(3, exam_id);
  std::vector<std::string> ids;
  while (true) {
    auto row = sessions_.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    ids.push_back(std::string(sessions_.View(0)));
  }
  sessions_.Reset();
  std::vector<Attempt> attempts;
  for (const std::string& id : ids) {
    auto attempt = Read(id, now);
    if (!attempt.ok()) return attempt.status();
    attempts.push_back(*std::move(attempt));
  }
  return attempts;
}

absl::StatusOr<Attempt> AttemptReader::Read(const std::string& session_id, Time now) {
  State state;
  events_.BindBlob(1, session_id);
  while (true) {
    auto row = events_.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    const auto event = DecodeEvent(events_.View(1));
    absl::Status status = event.status();
    if (status.ok()) status = Apply(state, *event, FromUnixMicros(events_.Int(0)));
    if (!status.ok()) {
      events_.Reset();
      return status;
    }
  }
  events_.Reset();
  Attempt attempt;
  attempt.session_id = session_id;
  if (state.identity) attempt.kind = state.identity->kind;
  attempt.voided = state.state == SessionState::kVoided;
  attempt.started = state.started_at;
  attempt.ended = state.sitting() ? ViewAt(state, now).ended_at : state.ended_at;
  v1::GetScoreReportResponse report;
  if (state.state == SessionState::kReleased && state.report &&
      report.ParseFromString(*state.report)) {
    attempt.passed = report.passed();
  }
  return attempt;
}

}  // namespace invigil::session::registration
