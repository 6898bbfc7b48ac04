#include "services/session/registration/store.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/error/error.h"
#include "services/session/domain/text.h"
#include "services/session/registration/domain/check.h"
#include "services/session/registration/schema.h"

namespace invigil::session::registration {
namespace {

using sql::Statement;

constexpr int kRaceAttempts = 8;
// Answers are large, and each that is added deletes so many: they can't pile up.
constexpr int64_t kForgottenAtOnce = 20;

constexpr char kColumns[] =
    "registration_id, candidate_id, exam_id, opens_us, closes_us, max_attempts, time_percent, "
    "extra_minutes, break_minutes, cancelled, cancel_reason, updated_us";

std::string Select(const std::string& rest) {
  return std::string("SELECT ") + kColumns + " FROM registrations WHERE " + rest;
}

std::optional<Time> TimeAt(const Statement& row, int column) {
  if (row.IsNull(column)) return std::nullopt;
  return FromUnixMicros(row.Int(column));
}

void Bind(Statement& statement, int index, const std::optional<Time>& time) {
  if (time) {
    statement.Bind(index, ToUnixMicros(*time));
  } else {
    statement.BindNull(index);
  }
}

uint32_t NumberAt(const Statement& row, int column) {
  return static_cast<uint32_t>(row.Int(column));
}

Registration RegistrationAt(const Statement& row) {
  Registration one;
  one.registration_id = row.Text(0);
  one.candidate_id = row.Text(1);
  one.exam_id = row.Text(2);
  one.opens = TimeAt(row, 3);
  one.closes = TimeAt(row, 4);
  one.max_attempts = NumberAt(row, 5);
  one.terms = {NumberAt(row, 6), NumberAt(row, 7), NumberAt(row, 8)};
  one.cancelled = row.Int(9) != 0;
  one.cancel_reason = row.Text(10);
  one.updated = FromUnixMicros(row.Int(11));
  return one;
}

std::string CapsText(const std::vector<Cap>& caps) {
  std::string text;
  for (const Cap& cap : caps) {
    if (!text.empty()) text += ',';
    text += std::to_string(cap.attempts) + "/" + std::to_string(cap.days);
  }
  return text;
}

absl::StatusOr<std::vector<Cap>> CapsOf(const std::string& text) {
  std::vector<Cap> caps;
  for (const std::string& one :
       std::vector<std::string>(absl::StrSplit(text, ',', absl::SkipEmpty()))) {
    const std::vector<std::string> parts = absl::StrSplit(one, '/');
    Cap cap;
    if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &cap.attempts) ||
        !absl::SimpleAtoi(parts[1], &cap.days)) {
      return Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT",
                   "the caps of a policy can't be read; put the policy again");
    }
    caps.push_back(cap);
  }
  return caps;
}

template <typename Visit>
absl::Status ForEach(Statement& query, Visit visit) {
  while (true) {
    auto row = query.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    visit(query);
  }
  query.Reset();
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Registration>> All(Statement& query) {
  std::vector<Registration> list;
  INVIGIL_RETURN_IF_ERROR(
      ForEach(query, [&](const Statement& row) { list.push_back(RegistrationAt(row)); }));
  return list;
}

RowResult Refused(std::string reason, std::string field, std::string message) {
  return {Outcome::kRefused, std::move(reason), std::move(field), std::move(message)};
}

}  // namespace

struct Store::Statements {
  explicit Statements(sql::Database& db)
      : find(db.MustPrepare(Select("registration_id=?"))),
        of_candidate(
            db.MustPrepare(Select("candidate_id=? AND exam_id=? ORDER BY registration_id"))),
        page(db.MustPrepare(
            Select("registration_id>? AND cancelled<=? ORDER BY registration_id LIMIT ?"))),
        page_of_exam(db.MustPrepare(Select("exam_id=? AND registration_id>? AND cancelled<=? "
                                           "ORDER BY registration_id LIMIT ?"))),
        page_of_candidate(
            db.MustPrepare(Select("candidate_id=? AND registration_id>? AND cancelled<=? "
                                  "ORDER BY registration_id LIMIT ?"))),
        page_of_both(db.MustPrepare(Select("candidate_id=? AND exam_id=? AND registration_id>? "
                                           "AND cancelled<=? ORDER BY registration_id LIMIT ?"))),
        put(db.MustPrepare(
            std::string("INSERT INTO registrations(") + kColumns +
            ") VALUES(?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(registration_id) DO UPDATE SET "
            "opens_us=excluded.opens_us, closes_us=excluded.closes_us, "
            "max_attempts=excluded.max_attempts, time_percent=excluded.time_percent, "
            "extra_minutes=excluded.extra_minutes, break_minutes=excluded.break_minutes, "
            "cancelled=excluded.cancelled, cancel_reason=excluded.cancel_reason, "
            "updated_us=excluded.updated_us")),
        sessions(db.MustPrepare("SELECT session_id FROM sittings WHERE registration_id=? "
                                "ORDER BY session_id")),
        bind(db.MustPrepare("INSERT INTO sittings(session_id, registration_id, bound_us) "
                            "VALUES(?,?,?) ON CONFLICT(session_id) DO UPDATE SET "
                            "registration_id=excluded.registration_id, "
                            "bound_us=excluded.bound_us")),
        find_standing(db.MustPrepare("SELECT time_percent, extra_minutes, break_minutes, "
                                     "expires_us, reason FROM standing WHERE candidate_id=?")),
        put_standing(db.MustPrepare(
            "INSERT INTO standing(candidate_id, time_percent, extra_minutes, break_minutes, "
            "expires_us, reason, updated_us) VALUES(?,?,?,?,?,?,?) ON CONFLICT(candidate_id) DO "
            "UPDATE SET time_percent=excluded.time_percent, extra_minutes=excluded.extra_minutes, "
            "break_minutes=excluded.break_minutes, expires_us=excluded.expires_us, "
            "reason=excluded.reason, updated_us=excluded.updated_us")),
        find_policy(db.MustPrepare("SELECT registration_required, window_policy, "
                                   "wait_days_after_fail, wait_days_after_pass, caps, time_zone "
                                   "FROM policies WHERE exam_id=?")),
        put_policy(db.MustPrepare(
            "INSERT INTO policies(exam_id, registration_required, window_policy, "
            "wait_days_after_fail, wait_days_after_pass, caps, time_zone, updated_us) "
            "VALUES(?,?,?,?,?,?,?,?) ON CONFLICT(exam_id) DO UPDATE SET "
            "registration_required=excluded.registration_required, "
            "window_policy=excluded.window_policy, "
            "wait_days_after_fail=excluded.wait_days_after_fail, "
            "wait_days_after_pass=excluded.wait_days_after_pass, caps=excluded.caps, "
            "time_zone=excluded.time_zone, updated_us=excluded.updated_us")),
        find_request(db.MustPrepare("SELECT hash, answer FROM requests WHERE caller=? AND "
                                    "request_id=?")),
        put_request(db.MustPrepare("INSERT INTO requests(caller, request_id, hash, answer, "
                                   "answered_us, person) VALUES(?,?,?,?,?,?)")),
        forget_requests(db.MustPrepare(
            "DELETE FROM requests WHERE (caller, request_id) IN (SELECT caller, request_id FROM "
            "requests WHERE answered_us<? ORDER BY answered_us LIMIT ?)")) {}

  Statement find, of_candidate, page, page_of_exam, page_of_candidate, page_of_both, put, sessions,
      bind, find_standing, put_standing, find_policy, put_policy, find_request, put_request,
      forget_requests;
};

Store::Store(sql::Database db)
    : db_(std::move(db)), statements_(std::make_unique<Statements>(db_)) {}

Store::~Store() = default;

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const std::string& location,
                                                   const std::string& schema) {
  auto db = sql::Database::Open(location, sql::Database::Mode::kReadWrite, schema);
  if (!db.ok()) return db.status();
  INVIGIL_RETURN_IF_ERROR(db->Migrate(SchemaSteps()));
  return std::unique_ptr<Store>(new Store(*std::move(db)));
}

absl::StatusOr<std::optional<Registration>> Store::Find(std::string_view registration_id) {
  Statement& find = statements_->find;
  find.BindText(1, registration_id);
  auto found = All(find);
  if (!found.ok()) return found.status();
  if (found->empty()) return std::optional<Registration>();
  return std::optional<Registration>(std::move(found->front()));
}

absl::StatusOr<std::vector<Registration>> Store::OfCandidate(std::string_view candidate_id,
                                                             std::string_view exam_id) {
  statements_->of_candidate.BindText(1, candidate_id).BindText(2, exam_id);
  return All(statements_->of_candidate);
}

absl::StatusOr<std::vector<Registration>> Store::Page(const PageFilter& filter) {
  const bool exam = !filter.exam_id.empty(), candidate = !filter.candidate_id.empty();
  Statement& query = candidate ? (exam ? statements_->page_of_both : statements_->page_of_candidate)
                               : (exam ? statements_->page_of_exam : statements_->page);
  int index = 0;
  if (candidate) query.BindText(++index, filter.candidate_id);
  if (exam) query.BindText(++index, filter.exam_id);
  query.BindText(++index, filter.after);
  query.Bind(++index, int64_t{filter.include_cancelled});
  query.Bind(++index, static_cast<int64_t>(filter.limit));
  return All(query);
}

absl::StatusOr<std::vector<std::string>> Store::SessionsOf(std::string_view registration_id) {
  statements_->sessions.BindText(1, registration_id);
  std::vector<std::string> ids;
  INVIGIL_RETURN_IF_ERROR(ForEach(statements_->sessions, [&](const Statement& row) {
    ids.push_back(std::string(row.View(0)));
  }));
  return ids;
}

absl::StatusOr<std::optional<Standing>> Store::FindStanding(std::string_view candidate_id) {
  statements_->find_standing.BindText(1, candidate_id);
  std::optional<Standing> found;
  INVIGIL_RETURN_IF_ERROR(ForEach(statements_->find_standing, [&](const Statement& row) {
    found = Standing{std::string(candidate_id),
                     {NumberAt(row, 0), NumberAt(row, 1), NumberAt(row, 2)},
                     TimeAt(row, 3),
                     row.Text(4)};
  }));
  return found;
}

absl::StatusOr<std::optional<ExamPolicy>> Store::FindPolicy(std::string_view exam_id) {
  statements_->find_policy.BindText(1, exam_id);
  std::optional<ExamPolicy> found;
  std::string caps;
  INVIGIL_RETURN_IF_ERROR(ForEach(statements_->find_policy, [&](const Statement& row) {
    found =
        ExamPolicy{std::string(exam_id), row.Int(0) != 0,  static_cast<WindowPolicy>(row.Int(1)),
                   NumberAt(row, 2),     NumberAt(row, 3), {},
                   row.Text(5)};
    caps = row.Text(4);
  }));
  if (found) {
    auto read = CapsOf(caps);
    if (!read.ok()) return read.status();
    found->caps = *std::move(read);
  }
  return found;
}

absl::StatusOr<Store::Answer> Store::Once(const Request& request, Time now,
                                          absl::FunctionRef<absl::StatusOr<std::string>()> work) {
  if (!IsText(request.request_id, kMaxIdLength)) {
    return InvalidArgument("REQUEST_ID_INVALID",
                           "choose a request_id of 1 to 64 characters; the same id gives the same "
                           "answer")
        .Field("request_id", "must be 1 to 64 characters");
  }
  Answer answer;
  INVIGIL_RETURN_IF_ERROR(Transact([&]() -> absl::Status {
    answer = {};
    Statement& find = statements_->find_request;
    find.BindText(1, request.caller).BindText(2, request.request_id);
    std::optional<std::string> hash;
    INVIGIL_RETURN_IF_ERROR(ForEach(find, [&](const Statement& row) {
      hash = row.Text(0);
      answer = {std::string(row.View(1)), true};
    }));
    if (hash) {
      if (*hash == request.hash) return absl::OkStatus();
      return InvalidArgument("REQUEST_ID_REUSED",
                             "this request_id stands for another request: choose a new one")
          .Field("request_id", "was used for another request");
    }
    auto worked = work();
    if (!worked.ok()) return worked.status();
    answer.bytes = *std::move(worked);
    Statement& put = statements_->put_request;
    put.BindText(1, request.caller)
        .BindText(2, request.request_id)
        .BindText(3, request.hash)
        .BindBlob(4, answer.bytes)
        .Bind(5, ToUnixMicros(now))
        .BindText(6, request.person);
    return put.Run();
  }));
  if (!answer.repeated) Forget(now);
  return answer;
}

// In a transaction of its own: what was answered stands whatever becomes of this, and imports that
// run at once don't stand in each other's way. What could not be deleted is by the next.
void Store::Forget(Time now) {
  auto transaction = sql::Transaction::Begin(db_, sql::Isolation::kByKeys);
  if (!transaction.ok()) return;
  Statement& forget = statements_->forget_requests;
  forget.Bind(1, ToUnixMicros(now - kRequestMemory)).Bind(2, kForgottenAtOnce);
  if (forget.Run().ok()) transaction->Commit().IgnoreError();
}

absl::StatusOr<RowResult> Store::Provision(const Row& row, Time now) {
  Registration wanted = row.wanted;
  if (const auto fault = FindFault(wanted)) {
    return Refused("REGISTRATION_INVALID", fault->field, fault->description);
  }
  auto found = Find(wanted.registration_id);
  if (!found.ok()) return found.status();
  wanted.cancelled = false;
  wanted.cancel_reason.clear();
  wanted.updated = now;
  if (!*found) {
    INVIGIL_RETURN_IF_ERROR(Put(wanted));
    return RowResult{Outcome::kCreated, "", "", ""};
  }
  const Registration& held = **found;
  for (const auto& [field, same] :
       {std::pair("candidate_id", held.candidate_id == wanted.candidate_id),
        std::pair("exam_id", held.exam_id == wanted.exam_id)}) {
    if (same) continue;
    return Refused("REGISTRATION_MISMATCH", field,
                   "the id belongs to another candidate or exam: choose a new one");
  }
  if (held.cancelled) {
    return Refused("REGISTRATION_CANCELLED", "registration_id",
                   "the registration was cancelled: choose a new id");
  }
  if (!row.with_terms) wanted.terms = held.terms;
  wanted.updated = held.updated;
  if (wanted == held) return RowResult{Outcome::kUnchanged, "", "", ""};
  wanted.updated = now;
  INVIGIL_RETURN_IF_ERROR(Put(wanted));
  return RowResult{Outcome::kUpdated, "", "", ""};
}

absl::StatusOr<Store::Changed> Store::Cancel(const std::string& registration_id,
                                             const std::string& reason, Time now) {
  return Change(registration_id, now, [&](Registration& one) {
    if (one.cancelled) return absl::OkStatus();
    one.cancelled = true;
    one.cancel_reason = reason;
    return absl::OkStatus();
  });
}

absl::StatusOr<Store::Changed> Store::SetTerms(const std::string& registration_id,
                                               const Terms& terms, Time now) {
  return Change(registration_id, now, [&](Registration& one) -> absl::Status {
    if (one.cancelled) {
      return FailedPrecondition("REGISTRATION_CANCELLED",
                                "the registration was cancelled; register again");
    }
    one.terms = terms;
    return absl::OkStatus();
  });
}

absl::Status Store::PutStanding(const Standing& standing, Time now) {
  return Transact([&] {
    Statement& put = statements_->put_standing;
    put.BindText(1, standing.candidate_id)
        .Bind(2, int64_t{standing.terms.time_percent})
        .Bind(3, int64_t{standing.terms.extra_minutes})
        .Bind(4, int64_t{standing.terms.break_minutes});
    registration::Bind(put, 5, standing.expires);
    put.BindText(6, standing.reason).Bind(7, ToUnixMicros(now));
    return put.Run();
  });
}

absl::Status Store::PutPolicy(const ExamPolicy& policy, Time now) {
  const std::string caps = CapsText(policy.caps);
  return Transact([&] {
    Statement& put = statements_->put_policy;
    put.BindText(1, policy.exam_id)
        .Bind(2, int64_t{policy.registration_required})
        .Bind(3, static_cast<int64_t>(policy.window_policy))
        .Bind(4, int64_t{policy.wait_days_after_fail})
        .Bind(5, int64_t{policy.wait_days_after_pass})
        .BindText(6, caps)
        .BindText(7, policy.time_zone)
        .Bind(8, ToUnixMicros(now));
    return put.Run();
  });
}

absl::Status Store::Bind(std::string_view session_id, const std::string& registration_id,
                         Time now) {
  return Transact([&]() -> absl::Status {
    auto found = Find(registration_id);
    if (!found.ok()) return found.status();
    if (!*found || (*found)->cancelled) {
      return FailedPrecondition("NOT_REGISTERED", "the registration was cancelled just now");
    }
    Statement& bind = statements_->bind;
    bind.BindBlob(1, session_id).BindText(2, registration_id).Bind(3, ToUnixMicros(now));
    return bind.Run();
  });
}

absl::Status Store::Transact(absl::FunctionRef<absl::Status()> work) {
  if (within_) return work();  // part of what is under way
  for (int attempt = 0; attempt < kRaceAttempts; ++attempt) {
    auto transaction = sql::Transaction::Begin(db_);
    absl::Status status = transaction.status();
    if (status.ok()) {
      within_ = true;
      status = work();
      within_ = false;
    }
    if (status.ok()) status = transaction->Commit();
    // A key that another put in meanwhile is found by the next attempt.
    if (!sql::IsRace(status) && status.code() != absl::StatusCode::kAlreadyExists) return status;
  }
  return Unavailable("CONTENDED", "others change the same rows; try again", Millis(50));
}

absl::StatusOr<Store::Changed> Store::Change(
    const std::string& registration_id, Time now,
    absl::FunctionRef<absl::Status(Registration&)> change) {
  Changed changed;
  INVIGIL_RETURN_IF_ERROR(Transact([&]() -> absl::Status {
    auto found = Find(registration_id);
    if (!found.ok()) return found.status();
    if (!*found) return NoSuchRegistration(registration_id);
    Registration& one = changed.registration = **found;
    INVIGIL_RETURN_IF_ERROR(change(one));
    changed.anew = one != **found;
    if (!changed.anew) return absl::OkStatus();
    one.updated = now;
    return Put(one);
  }));
  return changed;
}

absl::Status Store::Put(const Registration& one) {
  Statement& put = statements_->put;
  put.BindText(1, one.registration_id).BindText(2, one.candidate_id).BindText(3, one.exam_id);
  registration::Bind(put, 4, one.opens);
  registration::Bind(put, 5, one.closes);
  put.Bind(6, int64_t{one.max_attempts})
      .Bind(7, int64_t{one.terms.time_percent})
      .Bind(8, int64_t{one.terms.extra_minutes})
      .Bind(9, int64_t{one.terms.break_minutes})
      .Bind(10, int64_t{one.cancelled})
      .BindText(11, one.cancel_reason)
      .Bind(12, ToUnixMicros(one.updated));
  return put.Run();
}

absl::Status NoSuchRegistration(std::string_view registration_id) {
  const bool echo = registration_id.size() <= kMaxIdLength && IsUtf8(registration_id);
  return NotFound("REGISTRATION_NOT_FOUND",
                  "no such registration; ListRegistrations names those there are")
      .With("registration_id", echo ? std::string(registration_id) : "");
}

}  // namespace invigil::session::registration
