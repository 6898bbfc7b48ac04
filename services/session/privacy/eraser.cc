#include "services/session/privacy/eraser.h"

#include <array>
#include <charconv>
#include <utility>

#include "common/base/ids.h"
#include "common/error/error.h"
#include "services/session/store/codec.h"
#include "services/session/store/redact.h"

namespace invigil::session::privacy {
namespace {

using sql::Statement;

constexpr int kRaceAttempts = 8;
constexpr int64_t kRefusalsAtOnce = 500;
constexpr char kErasedPrefix[] = "erased-";

constexpr std::array<uint64_t Counts::*, 9> kCounts = {
    &Counts::sessions, &Counts::events,         &Counts::starts,
    &Counts::refusals, &Counts::notices,        &Counts::registrations,
    &Counts::sittings, &Counts::accommodations, &Counts::requests};

constexpr char kErasureColumns[] =
    "SELECT request_id, candidate_id, person, actor, reason, asked_us, counts, bank_told "
    "FROM erasures ";

Erasure ErasureAt(const Statement& row) {
  return {.request_id = row.Text(0),
          .candidate_id = row.Text(1),
          .person = row.Text(2),
          .actor = row.Text(3),
          .reason = row.Text(4),
          .asked = FromUnixMicros(row.Int(5)),
          .counts = CountsOf(row.Text(6)),
          .bank_told = row.Int(7) != 0};
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

SessionId IdAt(const Statement& row, int column) {
  return SessionId::FromBytes(row.View(column)).value_or(SessionId());
}

Remark ErasedRemark(const Erasure& erasure, Time now, const SessionId& session, uint64_t count) {
  Remark remark;
  remark.kind = kErasedPerson;
  remark.session = session;
  remark.at = now;
  remark.actor = erasure.actor;
  remark.reason = erasure.reason;
  remark.person = erasure.person;
  remark.count = count;
  return remark;
}

}  // namespace

std::string NewErasedName() { return kErasedPrefix + RandomHex(16); }

bool IsErasedName(std::string_view candidate_id) {
  const size_t prefix = sizeof(kErasedPrefix) - 1;
  return candidate_id.size() == prefix + 32 && candidate_id.starts_with(kErasedPrefix) &&
         candidate_id.find_first_not_of("0123456789abcdef", prefix) == std::string_view::npos;
}

std::string CountsText(const Counts& counts) {
  std::string text;
  for (const auto field : kCounts) {
    if (!text.empty()) text += ',';
    text += std::to_string(counts.*field);
  }
  return text;
}

Counts CountsOf(std::string_view text) {
  Counts counts;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (const auto field : kCounts) {
    at = std::from_chars(at, end, counts.*field).ptr;
    if (at != end) ++at;
  }
  return counts;
}

struct Eraser::Statements {
  explicit Statements(sql::Database& db)
      : sessions(db.MustPrepare("SELECT session_id, exam_id, state FROM sessions WHERE "
                                "candidate_id=? ORDER BY session_id")),
        rename(db.MustPrepare("UPDATE sessions SET candidate_id=? WHERE session_id=? AND "
                              "candidate_id=? AND state>=5")),
        look(db.MustPrepare("SELECT candidate_id, state FROM sessions WHERE session_id=?")),
        events(db.MustPrepare("SELECT seq, body FROM events WHERE session_id=? ORDER BY seq")),
        put_event(db.MustPrepare("UPDATE events SET body=? WHERE session_id=? AND seq=?")),
        notices(db.MustPrepare("SELECT n, incident_id FROM notices WHERE session_id=? ORDER BY n")),
        put_notice(db.MustPrepare("UPDATE notices SET candidate_id=?, incident_id=? WHERE n=?")),
        drop_salts(db.MustPrepare("DELETE FROM journal_salts WHERE session_id=?")),
        drop_salt(db.MustPrepare("DELETE FROM journal_salts WHERE session_id=? AND seq=?")),
        drop_start(db.MustPrepare("DELETE FROM starts WHERE candidate_id=? AND session_id=?")),
        drop_starts(db.MustPrepare("DELETE FROM starts WHERE candidate_id=?")),
        put_start(db.MustPrepare("INSERT INTO starts(candidate_id, request_id, session_id) "
                                 "VALUES(?,?,?) ON CONFLICT(candidate_id, request_id) DO NOTHING")),
        refusals(db.MustPrepare("SELECT r.n, j.kind, r.body FROM remarks r JOIN journal j ON "
                                "j.n=r.n WHERE r.person=? ORDER BY r.n LIMIT ?")),
        put_refusal(db.MustPrepare("UPDATE remarks SET person=?, salt='', body=? WHERE n=?")),
        find(db.MustPrepare(std::string(kErasureColumns) + "WHERE request_id=?")),
        begin(db.MustPrepare("INSERT INTO erasures(request_id, candidate_id, person, actor, "
                             "reason, asked_us, counts, bank_told) VALUES(?,?,?,?,?,?,'',0) "
                             "ON CONFLICT(request_id) DO UPDATE SET person=excluded.person "
                             "WHERE erasures.candidate_id='' AND excluded.candidate_id=''")),
        end(db.MustPrepare("UPDATE erasures SET candidate_id='', counts=?, bank_told=? WHERE "
                           "request_id=?")),
        give_up(db.MustPrepare("DELETE FROM erasures WHERE request_id=?")),
        under_way(db.MustPrepare(std::string(kErasureColumns) +
                                 "WHERE candidate_id<>'' ORDER BY asked_us LIMIT ?")),
        to_tell(db.MustPrepare(std::string(kErasureColumns) +
                               "WHERE candidate_id='' AND bank_told=0 ORDER BY asked_us LIMIT ?")),
        told(db.MustPrepare("UPDATE erasures SET bank_told=1 WHERE request_id=?")),
        news(db.MustPrepare("SELECT r.n, r.session_id, j.kind FROM remarks r JOIN journal j ON "
                            "j.n=r.n WHERE r.n>? ORDER BY r.n LIMIT 1000")),
        head(db.MustPrepare("SELECT n FROM journal_head WHERE one=1")) {}

  Statement sessions, rename, look, events, put_event, notices, put_notice, drop_salts, drop_salt,
      drop_start, drop_starts, put_start, refusals, put_refusal, find, begin, end, give_up,
      under_way, to_tell, told, news, head;
};

Eraser::Eraser(sql::Database db)
    : db_(std::move(db)), statements_(std::make_unique<Statements>(db_)), pen_(db_) {}

Eraser::~Eraser() = default;

absl::StatusOr<std::unique_ptr<Eraser>> Eraser::Open(const std::string& location,
                                                     const std::string& schema) {
  auto db = sql::Database::Open(location, sql::Database::Mode::kReadWrite, schema);
  if (!db.ok()) return db.status();
  return std::unique_ptr<Eraser>(new Eraser(*std::move(db)));
}

absl::Status Eraser::Transact(absl::FunctionRef<absl::Status()> work) {
  absl::Status status;
  for (int attempt = 0; attempt < kRaceAttempts; ++attempt) {
    // Rows are taken in the order in which the engine takes them, the journal's head last.
    auto transaction = sql::Transaction::Begin(db_, sql::Isolation::kByKeys);
    status = transaction.status();
    if (status.ok()) status = work();
    if (status.ok()) status = transaction->Commit();
    if (!sql::IsRace(status)) return status;
  }
  return Unavailable("CONTENDED", "others change the same rows; try again", Millis(50));
}

absl::StatusOr<std::vector<HeldSession>> Eraser::SessionsOf(std::string_view candidate_id) {
  std::vector<HeldSession> held;
  statements_->sessions.BindText(1, candidate_id);
  INVIGIL_RETURN_IF_ERROR(ForEach(statements_->sessions, [&](const Statement& row) {
    held.push_back({IdAt(row, 0), row.Text(1), static_cast<SessionState>(row.Int(2))});
  }));
  return held;
}

absl::Status Eraser::EraseSession(const SessionId& session, const Erasure& erasure, Time now,
                                  Counts& counts, Reminder reminder) {
  Counts done;
  INVIGIL_RETURN_IF_ERROR(Transact([&]() -> absl::Status {
    done = Counts();
    INVIGIL_RETURN_IF_ERROR(statements_->rename.BindText(1, erasure.person)
                                .BindBlob(2, session.bytes())
                                .BindText(3, erasure.candidate_id)
                                .Run());
    if (db_.Changes() == 0) {
      bool live = false;
      statements_->look.BindBlob(1, session.bytes());
      INVIGIL_RETURN_IF_ERROR(ForEach(statements_->look, [&](const Statement& row) {
        live = row.View(0) == erasure.candidate_id && row.Int(1) < 5;
      }));
      if (!live) return absl::OkStatus();
      return FailedPrecondition("SESSION_LIVE",
                                "the candidate has a session that is not over; let it end, or "
                                "terminate or void it, and erase again")
          .With("session_id", session.ToHex());
    }
    done.sessions = 1;
    if (reminder == Reminder::kRemind) {
      Erasure nameless = erasure;
      nameless.candidate_id.clear();
      INVIGIL_RETURN_IF_ERROR(Begin(nameless));
    }
    INVIGIL_RETURN_IF_ERROR(RedactEvents(session, erasure, done));
    INVIGIL_RETURN_IF_ERROR(RedactNotices(session, erasure, done));
    INVIGIL_RETURN_IF_ERROR(statements_->drop_salts.BindBlob(1, session.bytes()).Run());
    const std::string hex = session.ToHex();
    INVIGIL_RETURN_IF_ERROR(statements_->put_start.BindText(1, erasure.person)
                                .BindText(2, hex)
                                .BindBlob(3, session.bytes())
                                .Run());
    return pen_.Append({ErasedRemark(erasure, now, session, done.events)});
  }));
  counts.sessions += done.sessions;
  counts.events += done.events;
  counts.starts += done.starts;
  counts.notices += done.notices;
  return absl::OkStatus();
}

// What other teams are told, or were and can ask for again.
absl::Status Eraser::RedactNotices(const SessionId& session, const Erasure& erasure,
                                   Counts& counts) {
  std::vector<std::pair<int64_t, std::string>> incidents;
  statements_->notices.BindBlob(1, session.bytes());
  INVIGIL_RETURN_IF_ERROR(ForEach(statements_->notices, [&](const Statement& row) {
    incidents.emplace_back(row.Int(0), RedactId(row.Text(1), erasure.candidate_id, erasure.person));
  }));
  for (const auto& [n, incident] : incidents) {
    INVIGIL_RETURN_IF_ERROR(
        statements_->put_notice.BindText(1, erasure.person).BindText(2, incident).Bind(3, n).Run());
  }
  counts.notices += incidents.size();
  return absl::OkStatus();
}

absl::Status Eraser::RedactEvents(const SessionId& session, const Erasure& erasure,
                                  Counts& counts) {
  struct Changed {
    int64_t seq;
    std::string body;
  };
  std::vector<Changed> changed;
  std::vector<std::string> names;  // that the session's candidate had
  std::string who;
  absl::Status read;
  statements_->events.BindBlob(1, session.bytes());
  INVIGIL_RETURN_IF_ERROR(ForEach(statements_->events, [&](const Statement& row) {
    if (!read.ok()) return;
    const auto event = DecodeEvent(row.View(1));
    if (!event.ok()) {
      read = event.status();
      return;
    }
    if (!HoldsPersonal(*event)) return;
    const auto* reserved = std::get_if<Reserved>(&*event);
    if (reserved) names.push_back(who = reserved->identity.candidate_id);
    if (const auto* claimed = std::get_if<Claimed>(&*event)) {
      names.push_back(who = claimed->candidate_id);
    }
    std::string body;
    EncodeEvent(Redact(*event, who, erasure.person), body);
    if (body != row.View(1)) changed.push_back({row.Int(0), std::move(body)});
  }));
  INVIGIL_RETURN_IF_ERROR(read);
  for (const Changed& event : changed) {
    INVIGIL_RETURN_IF_ERROR(statements_->put_event.BindBlob(1, event.body)
                                .BindBlob(2, session.bytes())
                                .Bind(3, event.seq)
                                .Run());
  }
  counts.events += changed.size();
  // Also the starts of whoever sat it before an account claimed it.
  for (const std::string& name : names) {
    INVIGIL_RETURN_IF_ERROR(
        statements_->drop_start.BindText(1, name).BindBlob(2, session.bytes()).Run());
    counts.starts += static_cast<uint64_t>(db_.Changes());
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> Eraser::EraseWords(const SessionId& session, int64_t days, Time now,
                                            bool dry) {
  struct Changed {
    int64_t seq;
    std::string body;
  };
  std::vector<Changed> changed;
  const auto look = [&]() -> absl::Status {
    changed.clear();
    std::string who;
    absl::Status read;
    statements_->events.BindBlob(1, session.bytes());
    INVIGIL_RETURN_IF_ERROR(ForEach(statements_->events, [&](const Statement& row) {
      if (!read.ok()) return;
      const auto event = DecodeEvent(row.View(1));
      if (!event.ok()) {
        read = event.status();
        return;
      }
      if (!HoldsPersonal(*event)) return;
      // Who it is stays, and how they started it.
      const auto* reserved = std::get_if<Reserved>(&*event);
      const auto* claimed = std::get_if<Claimed>(&*event);
      if (reserved) who = reserved->identity.candidate_id;
      if (claimed) who = claimed->candidate_id;
      if (reserved || claimed) return;
      std::string body;
      EncodeEvent(Redact(*event, who, who), body);
      if (body != row.View(1)) changed.push_back({row.Int(0), std::move(body)});
    }));
    return read;
  };
  if (dry) {
    INVIGIL_RETURN_IF_ERROR(look());
    return changed.size();
  }
  INVIGIL_RETURN_IF_ERROR(Transact([&]() -> absl::Status {
    INVIGIL_RETURN_IF_ERROR(look());
    if (changed.empty()) return absl::OkStatus();
    for (const Changed& event : changed) {
      INVIGIL_RETURN_IF_ERROR(statements_->put_event.BindBlob(1, event.body)
                                  .BindBlob(2, session.bytes())
                                  .Bind(3, event.seq)
                                  .Run());
      INVIGIL_RETURN_IF_ERROR(
          statements_->drop_salt.BindBlob(1, session.bytes()).Bind(2, event.seq).Run());
    }
    Remark remark;
    remark.kind = kWordsErased;
    remark.session = session;
    remark.at = now;
    remark.actor = kRetention;
    remark.reason = "kept for " + std::to_string(days) + " days";
    remark.count = changed.size();
    return pen_.Append({remark});
  }));
  return changed.size();
}

absl::Status Eraser::EraseRefusals(const Erasure& erasure, Time now, Counts& counts) {
  struct Refusal {
    int64_t n;
    std::string body;
  };
  for (bool more = true; more;) {
    std::vector<Refusal> refusals;
    INVIGIL_RETURN_IF_ERROR(Transact([&]() -> absl::Status {
      refusals.clear();
      absl::Status read;
      statements_->refusals.BindText(1, erasure.candidate_id).Bind(2, kRefusalsAtOnce);
      INVIGIL_RETURN_IF_ERROR(ForEach(statements_->refusals, [&](const Statement& row) {
        auto remark = DecodeRemark(row.View(2));
        if (!remark.ok()) {
          read = remark.status();
          return;
        }
        remark->kind = row.Text(1);
        refusals.push_back({row.Int(0), EncodeRemark(RedactRemark(*remark, erasure.person))});
      }));
      INVIGIL_RETURN_IF_ERROR(read);
      if (refusals.empty()) return absl::OkStatus();
      for (const Refusal& one : refusals) {
        INVIGIL_RETURN_IF_ERROR(statements_->put_refusal.BindText(1, erasure.person)
                                    .BindBlob(2, one.body)
                                    .Bind(3, one.n)
                                    .Run());
      }
      return pen_.Append({ErasedRemark(erasure, now, {}, refusals.size())});
    }));
    counts.refusals += refusals.size();
    more = refusals.size() == static_cast<size_t>(kRefusalsAtOnce);
  }
  return absl::OkStatus();
}

absl::Status Eraser::EraseStarts(const Erasure& erasure, Counts& counts) {
  int64_t dropped = 0;
  INVIGIL_RETURN_IF_ERROR(Transact([&]() -> absl::Status {
    INVIGIL_RETURN_IF_ERROR(statements_->drop_starts.BindText(1, erasure.candidate_id).Run());
    dropped = db_.Changes();
    return absl::OkStatus();
  }));
  counts.starts += static_cast<uint64_t>(dropped);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Erasure>> Eraser::Find(std::string_view request_id) {
  std::optional<Erasure> found;
  statements_->find.BindText(1, request_id);
  INVIGIL_RETURN_IF_ERROR(
      ForEach(statements_->find, [&](const Statement& row) { found = ErasureAt(row); }));
  return found;
}

absl::Status Eraser::Begin(const Erasure& erasure) {
  return statements_->begin.BindText(1, erasure.request_id)
      .BindText(2, erasure.candidate_id)
      .BindText(3, erasure.person)
      .BindText(4, erasure.actor)
      .BindText(5, erasure.reason)
      .Bind(6, ToUnixMicros(erasure.asked))
      .Run();
}

absl::Status Eraser::End(const Erasure& erasure, Time now) {
  const std::string counts = CountsText(erasure.counts);
  return Transact([&]() -> absl::Status {
    INVIGIL_RETURN_IF_ERROR(statements_->end.BindText(1, counts)
                                .Bind(2, int64_t{erasure.counts.sessions == 0})
                                .BindText(3, erasure.request_id)
                                .Run());
    if (erasure.counts.none()) return absl::OkStatus();
    return pen_.Append({ErasedRemark(erasure, now, {}, erasure.counts.sessions)});
  });
}

absl::Status Eraser::GiveUp(std::string_view request_id) {
  return statements_->give_up.BindText(1, request_id).Run();
}

absl::StatusOr<std::vector<Erasure>> Eraser::UnderWay(size_t limit) {
  std::vector<Erasure> list;
  statements_->under_way.Bind(1, static_cast<int64_t>(limit));
  INVIGIL_RETURN_IF_ERROR(ForEach(statements_->under_way,
                                  [&](const Statement& row) { list.push_back(ErasureAt(row)); }));
  return list;
}

absl::StatusOr<std::vector<Erasure>> Eraser::ToTellBank(size_t limit) {
  std::vector<Erasure> list;
  statements_->to_tell.Bind(1, static_cast<int64_t>(limit));
  INVIGIL_RETURN_IF_ERROR(
      ForEach(statements_->to_tell, [&](const Statement& row) { list.push_back(ErasureAt(row)); }));
  return list;
}

absl::Status Eraser::BankTold(std::string_view request_id) {
  return statements_->told.BindText(1, request_id).Run();
}

absl::StatusOr<Eraser::News> Eraser::ErasedSince(uint64_t after) {
  News news{{}, after};
  statements_->news.Bind(1, static_cast<int64_t>(after));
  INVIGIL_RETURN_IF_ERROR(ForEach(statements_->news, [&](const Statement& row) {
    news.last = static_cast<uint64_t>(row.Int(0));
    const bool erased = row.View(2) == kErasedPerson || row.View(2) == kWordsErased;
    if (erased && IdAt(row, 1) != SessionId()) {
      news.sessions.push_back(IdAt(row, 1));
    }
  }));
  return news;
}

absl::StatusOr<uint64_t> Eraser::LastRow() {
  uint64_t last = 0;
  INVIGIL_RETURN_IF_ERROR(ForEach(
      statements_->head, [&](const Statement& row) { last = static_cast<uint64_t>(row.Int(0)); }));
  return last;
}

}  // namespace invigil::session::privacy
