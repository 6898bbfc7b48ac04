#include "services/session/privacy/keeper.h"

#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "common/base/ids.h"
#include "common/error/error.h"
#include "services/session/store/journal.h"

namespace invigil::session::privacy {
namespace {

using sql::Statement;
using sql::Transaction;

constexpr int64_t kPage = 200;         // rows looked at in one question
constexpr int64_t kJournalPage = 500;  // rows of the journal that go in one transaction
constexpr int kRaceAttempts = 8;
constexpr Duration kLease = Minutes(10);
constexpr char kLeaseName[] = "retention";
// The mark of the journal's last row whose session had another turn.
constexpr char kLateWords[] = "late_words";
// What is written later than so long after its session was made may have come after its turn.
constexpr Duration kOneSitting = std::chrono::hours(24);

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

void LeaveOut(const SessionId& session, const absl::Status& status, Kept& kept) {
  // One that went on meanwhile waits for its end.
  if (!kept.error.empty() || ReasonOf(status) == "SESSION_LIVE") return;
  kept.error = "left out, perhaps others too: session " + session.ToHex() + ": " +
               std::string(status.message());
}

// The least id that a session made then can have.
std::string FirstIdAt(Time at) {
  auto left = static_cast<uint64_t>(ToUnixMicros(at) / 1000);
  std::string bytes(SessionId::kSize, '\0');
  for (size_t i = 6; i-- > 0; left >>= 8) bytes[i] = static_cast<char>(left & 0xff);
  return bytes;
}

absl::Status Transact(sql::Database& db, absl::FunctionRef<absl::Status()> work) {
  for (int attempt = 0; attempt < kRaceAttempts; ++attempt) {
    auto transaction = Transaction::Begin(db, sql::Isolation::kByKeys);
    absl::Status status = transaction.status();
    if (status.ok()) status = work();
    if (status.ok()) status = transaction->Commit();
    if (!sql::IsRace(status)) return status;
  }
  return Unavailable("CONTENDED", "others change the same rows; try again", Millis(50));
}

absl::Status Stopped() { return absl::CancelledError("told to stop"); }

// What is wrong with one session alone; the others have their turn all the same.
bool IsOfOne(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsFailedPrecondition(status);
}

// When a session was made: an id begins with that moment in milliseconds.
Time MadeAt(const SessionId& session) {
  uint64_t ms = 0;
  for (size_t i = 0; i < 6; ++i) ms = ms << 8 | static_cast<uint8_t>(session.bytes()[i]);
  return FromUnixMicros(static_cast<int64_t>(ms * 1000));
}

}  // namespace

struct Keeper::Statements {
  Statements(sql::Database& db, sql::Database& registrations)
      : lease(db.MustPrepare(
            "INSERT INTO leases(name, holder, until_us) VALUES(?,?,?) ON CONFLICT(name) DO UPDATE "
            "SET holder=excluded.holder, until_us=excluded.until_us "
            "WHERE leases.until_us<? OR leases.holder=excluded.holder")),
        give_lease(db.MustPrepare("DELETE FROM leases WHERE name=? AND holder=?")),
        sessions(db.MustPrepare("SELECT session_id, candidate_id, state FROM sessions WHERE "
                                "session_id>? AND session_id<? ORDER BY session_id LIMIT ?")),
        mark(db.MustPrepare("SELECT mark FROM retention_marks WHERE kind=?")),
        put_mark(db.MustPrepare("INSERT INTO retention_marks(kind, mark) VALUES(?,?) "
                                "ON CONFLICT(kind) DO UPDATE SET mark=excluded.mark")),
        acts(db.MustPrepare("SELECT n, at_us, session_id FROM journal WHERE n>? ORDER BY n "
                            "LIMIT ?")),
        rows(db.MustPrepare("SELECT n, at_us, hash FROM journal WHERE n>? ORDER BY n LIMIT ?")),
        begin(db.MustPrepare("SELECT n FROM journal_begin WHERE one=1")),
        put_begin(db.MustPrepare("UPDATE journal_begin SET n=?, hash=? WHERE one=1 AND n<?")),
        drop_salts(db.MustPrepare("DELETE FROM journal_salts WHERE (session_id, seq) IN "
                                  "(SELECT session_id, seq FROM journal WHERE n<=?)")),
        drop_remarks(db.MustPrepare("DELETE FROM remarks WHERE n<=?")),
        drop_rows(db.MustPrepare("DELETE FROM journal WHERE n<=?")),
        pen(db),
        old(registrations.MustPrepare(
            "SELECT registration_id FROM registrations WHERE registration_id>? AND "
            "((closes_us IS NOT NULL AND closes_us<?) OR (cancelled=1 AND updated_us<?)) "
            "ORDER BY registration_id LIMIT ?")),
        drop_sittings(registrations.MustPrepare("DELETE FROM sittings WHERE registration_id=?")),
        drop_registration(registrations.MustPrepare(
            "DELETE FROM registrations WHERE registration_id=? AND "
            "((closes_us IS NOT NULL AND closes_us<?) OR (cancelled=1 AND updated_us<?))")) {}

  Statement lease, give_lease, sessions, mark, put_mark, acts, rows, begin, put_begin, drop_salts,
      drop_remarks, drop_rows;
  JournalPen pen;
  Statement old, drop_sittings, drop_registration;
};

Keeper::Keeper(sql::Database db, sql::Database registrations, std::unique_ptr<Eraser> eraser,
               Policy policy, const Clock& clock)
    : db_(std::move(db)),
      registrations_(std::move(registrations)),
      statements_(std::make_unique<Statements>(db_, registrations_)),
      eraser_(std::move(eraser)),
      policy_(policy),
      clock_(clock),
      name_(RandomHex(8)) {}

Keeper::~Keeper() = default;

absl::StatusOr<std::unique_ptr<Keeper>> Keeper::Open(const Places& places, Policy policy,
                                                     const Clock& clock) {
  const auto mode = sql::Database::Mode::kReadWrite;
  auto db = sql::Database::Open(places.sessions, mode, places.sessions_schema);
  if (!db.ok()) return db.status();
  auto registrations = sql::Database::Open(places.registrations, mode, places.registrations_schema);
  if (!registrations.ok()) return registrations.status();
  auto eraser = Eraser::Open(places.sessions, places.sessions_schema);
  if (!eraser.ok()) return eraser.status();
  return std::unique_ptr<Keeper>(
      new Keeper(*std::move(db), *std::move(registrations), *std::move(eraser), policy, clock));
}

Time Keeper::Before(int64_t days) const { return clock_.Now() - std::chrono::hours(24 * days); }

absl::Status Keeper::TakeLease() {
  const int64_t now = ToUnixMicros(clock_.Now());
  INVIGIL_RETURN_IF_ERROR(statements_->lease.BindText(1, kLeaseName)
                              .BindText(2, name_)
                              .Bind(3, now + kLease.count())
                              .Bind(4, now)
                              .Run());
  if (db_.Changes() > 0) return absl::OkStatus();
  return FailedPrecondition("RETENTION_BUSY", "another replica is at it; look again later");
}

absl::Status Keeper::Renew(const Pass& pass) { return pass.dry ? absl::OkStatus() : TakeLease(); }

void Keeper::GiveLease() {
  statements_->give_lease.BindText(1, kLeaseName).BindText(2, name_).Run().IgnoreError();
}

absl::StatusOr<std::vector<Kept>> Keeper::Run(bool dry,
                                              absl::FunctionRef<void(const SessionId&)> changed,
                                              absl::FunctionRef<bool()> stop) {
  const std::lock_guard lock(mutex_);
  const Pass pass{dry, changed, stop};
  using Work = absl::Status (Keeper::*)(const Pass&, Kept&);
  const std::pair<Kept, Work> kinds[] = {
      {{"sessions", policy_.sessions, 0, 0, ""}, &Keeper::Sessions},
      {{"words", policy_.words, 0, 0, ""}, &Keeper::Words},
      {{"registrations", policy_.registrations, 0, 0, ""}, &Keeper::Registrations},
      {{"journal", policy_.journal, 0, 0, ""}, &Keeper::Journal}};
  std::vector<Kept> list;
  for (const auto& [kind, work] : kinds) {
    Kept& kept = list.emplace_back(kind);
    if (kept.days == 0 || stop()) continue;
    INVIGIL_RETURN_IF_ERROR(Renew(pass));
    if (const absl::Status status = (this->*work)(pass, kept); !status.ok()) {
      kept.error = std::string(status.message());
    }
  }
  if (!dry) GiveLease();
  return list;
}

absl::Status Keeper::Sessions(const Pass& pass, Kept& kept) {
  struct Old {
    SessionId session;
    std::string candidate;
  };
  const std::string until = FirstIdAt(Before(kept.days));
  std::string last(SessionId::kSize, '\0');
  for (bool more = true; more;) {
    INVIGIL_RETURN_IF_ERROR(Renew(pass));
    std::vector<Old> page;
    int64_t seen = 0;
    statements_->sessions.BindBlob(1, last).BindBlob(2, until).Bind(3, kPage);
    std::string next = last;
    INVIGIL_RETURN_IF_ERROR(ForEach(statements_->sessions, [&](const Statement& row) {
      ++seen;
      next = row.View(0);
      const bool over = row.Int(2) >= static_cast<int64_t>(SessionState::kSubmitted);
      if (!over || IsErasedName(row.View(1))) return;
      if (const auto id = SessionId::FromBytes(row.View(0))) page.push_back({*id, row.Text(1)});
    }));
    last = next;
    more = seen == kPage;
    kept.due += page.size();
    if (pass.dry) continue;
    for (const Old& one : page) {
      if (pass.stop()) return Stopped();
      Erasure erasure;
      erasure.request_id = "retention-" + one.session.ToHex();
      erasure.person = NewErasedName();
      erasure.actor = kRetention;
      erasure.reason = "kept for " + std::to_string(kept.days) + " days";
      erasure.asked = clock_.Now();
      erasure.candidate_id = one.candidate;
      Counts counts;
      const absl::Status status = eraser_->EraseSession(one.session, erasure, clock_.Now(), counts,
                                                        Eraser::Reminder::kRemind);
      if (IsOfOne(status)) {
        LeaveOut(one.session, status, kept);
        continue;
      }
      INVIGIL_RETURN_IF_ERROR(status);
      kept.done += counts.sessions;
      if (counts.sessions > 0) pass.changed(one.session);
    }
  }
  return absl::OkStatus();
}

absl::Status Keeper::Words(const Pass& pass, Kept& kept) {
  const std::string until = FirstIdAt(Before(kept.days));
  std::string last(SessionId::kSize, '\0');
  statements_->mark.BindText(1, kept.kind);
  INVIGIL_RETURN_IF_ERROR(ForEach(statements_->mark, [&](const Statement& row) {
    if (IsId(row.Text(0))) last = IdToBytes(row.Text(0));
  }));
  const std::string had_turn = last;  // before this pass
  for (bool more = true; more;) {
    INVIGIL_RETURN_IF_ERROR(Renew(pass));
    std::vector<SessionId> page;
    statements_->sessions.BindBlob(1, last).BindBlob(2, until).Bind(3, kPage);
    INVIGIL_RETURN_IF_ERROR(ForEach(statements_->sessions, [&](const Statement& row) {
      page.push_back(SessionId::FromBytes(row.View(0)).value_or(SessionId()));
    }));
    more = page.size() == static_cast<size_t>(kPage);
    if (page.empty()) break;
    last = page.back().bytes();
    INVIGIL_RETURN_IF_ERROR(WordsOf(pass, page, kept));
    if (pass.dry) continue;
    const std::string mark = page.back().ToHex();
    INVIGIL_RETURN_IF_ERROR(statements_->put_mark.BindText(1, kept.kind).BindText(2, mark).Run());
  }
  return LateWords(pass, had_turn, kept);
}

// An appeal may be decided long after. Its words go when they are as old as others were.
absl::Status Keeper::LateWords(const Pass& pass, std::string_view had_turn, Kept& kept) {
  const int64_t before = ToUnixMicros(Before(kept.days));
  int64_t last = 0;
  statements_->mark.BindText(1, kLateWords);
  INVIGIL_RETURN_IF_ERROR(ForEach(statements_->mark, [&](const Statement& row) {
    if (!absl::SimpleAtoi(row.Text(0), &last)) last = 0;
  }));
  for (bool more = true; more;) {
    INVIGIL_RETURN_IF_ERROR(Renew(pass));
    std::set<SessionId> late;
    int64_t seen = 0;
    bool old = true;
    statements_->acts.Bind(1, last).Bind(2, kJournalPage);
    INVIGIL_RETURN_IF_ERROR(ForEach(statements_->acts, [&](const Statement& row) {
      old = old && row.Int(1) < before;
      if (!old) return;
      ++seen;
      last = row.Int(0);
      const auto session = SessionId::FromBytes(row.View(2));
      if (!session || *session == SessionId() || session->bytes() > had_turn) return;
      if (FromUnixMicros(row.Int(1)) > MadeAt(*session) + kOneSitting) late.insert(*session);
    }));
    more = old && seen == kJournalPage;
    INVIGIL_RETURN_IF_ERROR(WordsOf(pass, {late.begin(), late.end()}, kept));
    if (pass.dry || seen == 0) continue;
    const std::string mark = std::to_string(last);
    INVIGIL_RETURN_IF_ERROR(statements_->put_mark.BindText(1, kLateWords).BindText(2, mark).Run());
  }
  return absl::OkStatus();
}

absl::Status Keeper::WordsOf(const Pass& pass, const std::vector<SessionId>& sessions, Kept& kept) {
  for (const SessionId& session : sessions) {
    if (pass.stop()) return Stopped();
    const auto words = eraser_->EraseWords(session, kept.days, clock_.Now(), pass.dry);
    if (IsOfOne(words.status())) {
      LeaveOut(session, words.status(), kept);
      continue;
    }
    if (!words.ok()) return words.status();
    kept.due += *words > 0 ? 1 : 0;
    if (pass.dry || *words == 0) continue;
    ++kept.done;
    pass.changed(session);
  }
  return absl::OkStatus();
}

absl::Status Keeper::Registrations(const Pass& pass, Kept& kept) {
  const int64_t before = ToUnixMicros(Before(kept.days));
  std::string last;
  for (bool more = true; more;) {
    INVIGIL_RETURN_IF_ERROR(Renew(pass));
    std::vector<std::string> page;
    statements_->old.BindText(1, last).Bind(2, before).Bind(3, before).Bind(4, kPage);
    INVIGIL_RETURN_IF_ERROR(
        ForEach(statements_->old, [&](const Statement& row) { page.push_back(row.Text(0)); }));
    more = page.size() == static_cast<size_t>(kPage);
    if (page.empty()) break;
    last = page.back();
    kept.due += page.size();
    if (pass.dry) continue;
    if (pass.stop()) return Stopped();
    uint64_t gone = 0;
    INVIGIL_RETURN_IF_ERROR(Transact(registrations_, [&]() -> absl::Status {
      gone = 0;
      for (const std::string& id : page) {
        INVIGIL_RETURN_IF_ERROR(
            statements_->drop_registration.BindText(1, id).Bind(2, before).Bind(3, before).Run());
        if (registrations_.Changes() == 0) continue;  // given more time meanwhile
        ++gone;
        INVIGIL_RETURN_IF_ERROR(statements_->drop_sittings.BindText(1, id).Run());
      }
      return absl::OkStatus();
    }));
    kept.done += gone;
  }
  return absl::OkStatus();
}

absl::Status Keeper::Journal(const Pass& pass, Kept& kept) {
  const int64_t before = ToUnixMicros(Before(kept.days));
  int64_t begin = 0;
  INVIGIL_RETURN_IF_ERROR(
      ForEach(statements_->begin, [&](const Statement& row) { begin = row.Int(0); }));
  for (bool more = true; more;) {
    INVIGIL_RETURN_IF_ERROR(Renew(pass));
    int64_t n = begin, count = 0;
    std::string hash;
    bool old = true;
    statements_->rows.Bind(1, begin).Bind(2, kJournalPage);
    // Times of several replicas need not rise with the numbers: the first young one ends it.
    INVIGIL_RETURN_IF_ERROR(ForEach(statements_->rows, [&](const Statement& row) {
      old = old && row.Int(1) < before;
      if (!old) return;
      n = row.Int(0);
      hash = row.Text(2);
      ++count;
    }));
    more = old && count == kJournalPage;
    kept.due += static_cast<uint64_t>(count);
    if (count == 0) break;
    if (!pass.dry) {
      if (pass.stop()) return Stopped();
      Remark cut;
      cut.kind = kCut;
      cut.at = clock_.Now();
      cut.actor = kRetention;
      cut.reason = hash;
      cut.count = static_cast<uint64_t>(n);
      INVIGIL_RETURN_IF_ERROR(Transact(db_, [&]() -> absl::Status {
        // Never backwards, whoever else is at it.
        INVIGIL_RETURN_IF_ERROR(
            statements_->put_begin.Bind(1, n).BindText(2, hash).Bind(3, n).Run());
        if (db_.Changes() == 0) {
          return FailedPrecondition("RETENTION_BUSY", "another replica is at it");
        }
        INVIGIL_RETURN_IF_ERROR(statements_->drop_salts.Bind(1, n).Run());
        INVIGIL_RETURN_IF_ERROR(statements_->drop_remarks.Bind(1, n).Run());
        INVIGIL_RETURN_IF_ERROR(statements_->drop_rows.Bind(1, n).Run());
        return statements_->pen.Append({cut});
      }));
      kept.done += static_cast<uint64_t>(count);
    }
    begin = n;
  }
  return absl::OkStatus();
}

}  // namespace invigil::session::privacy
