#include "services/session/store/postgres_event_log.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <mutex>
#include <utility>
#include <variant>

#include "common/error/error.h"
#include "common/sql/postgres.h"
#include "common/sql/postgres_schema.h"
#include "services/session/domain/clock.h"
#include "services/session/store/codec.h"
#include "services/session/store/journal_queries.h"
#include "services/session/store/notice_batch.h"
#include "services/session/store/sqlite_schema.h"

namespace invigil::session {
namespace {

using sql::Arguments;
using sql::Postgres;
using sql::Rows;

SessionId IdAt(const Rows& rows, int row, int column) {
  return SessionId::FromBytes(rows.View(row, column)).value_or(SessionId());
}

// To the engine a serialization failure or a deadlock is what a taken sequence is: it was not
// first.
absl::Status AsRace(absl::Status status) {
  if (status.code() != absl::StatusCode::kAborted) return status;
  return AlreadyExists("SQL_RACE", std::string(status.message()));
}

// A change to a table, kept until the transaction is sent.
struct Change {
  SessionId session;
  bool born;  // the session begins in this transaction
  int statement;
  std::vector<std::variant<std::monostate, int64_t, std::string>> values;

  void Queue(Postgres& db) const {
    Arguments arguments;
    for (const auto& value : values) {
      if (const auto* number = std::get_if<int64_t>(&value)) {
        arguments.Int(*number);
      } else if (const auto* bytes = std::get_if<std::string>(&value)) {
        arguments.Blob(*bytes);
      } else {
        arguments.Null();
      }
    }
    db.Queue(statement, arguments);
  }
};

// One event, kept until the transaction is sent.
struct EventRow {
  SessionId session;
  int64_t seq = 0, at_us = 0;
  std::string body;
};

class PostgresEventLog final : public EventLog {
 public:
  explicit PostgresEventLog(std::unique_ptr<Postgres> db)
      : db_(std::move(db)),
        read_(db_->Prepare("SELECT seq, at_us, body FROM events WHERE session_id=$1 AND seq>$2 "
                           "ORDER BY seq")),
        append_(db_->Prepare("INSERT INTO events(session_id, seq, at_us, body) "
                             "SELECT * FROM unnest($1::BYTEA[], $2::BIGINT[], $3::BIGINT[], "
                             "$4::BYTEA[])")),
        // Puts in once more what was written after the versions given: nothing, or a key that is
        // taken, which is how a lost race looks.
        compare_(db_->Prepare("INSERT INTO events(session_id, seq, at_us, body) SELECT next.* FROM "
                              "unnest($1::BYTEA[], $2::BIGINT[]) AS known(session_id, seq) "
                              "CROSS JOIN LATERAL (SELECT session_id, seq, at_us, body FROM events "
                              "WHERE session_id=known.session_id AND seq=known.seq+1 LIMIT 1) "
                              "AS next")),
        insert_session_(db_->Prepare("INSERT INTO sessions(session_id, candidate_id, exam_id, "
                                     "state, deadline_us, last_seq) VALUES($1,$2,$3,$4,NULL,$5)")),
        update_session_(db_->Prepare("UPDATE sessions SET state=$1, deadline_us=$2, last_seq=$3 "
                                     "WHERE session_id=$4")),
        set_candidate_(db_->Prepare("UPDATE sessions SET candidate_id=$1 WHERE session_id=$2")),
        find_start_(db_->Prepare("SELECT session_id FROM starts WHERE candidate_id=$1 AND "
                                 "request_id=$2")),
        insert_start_(db_->Prepare("INSERT INTO starts(candidate_id, request_id, session_id) "
                                   "VALUES($1,$2,$3)")),
        find_live_(db_->Prepare("SELECT session_id FROM sessions WHERE candidate_id=$1 AND "
                                "exam_id=$2 AND state<5")),
        insert_outbox_(db_->Prepare("INSERT INTO outbox(session_id, attempt_version, sealed_at_us) "
                                    "VALUES($1,$2,$3)")),
        delete_outbox_(db_->Prepare("DELETE FROM outbox WHERE session_id=$1 AND "
                                    "attempt_version=$2")),
        clear_outbox_(db_->Prepare("DELETE FROM outbox WHERE session_id=$1")),
        put_content_(db_->Prepare("INSERT INTO contents(content_id, body) VALUES($1,$2) "
                                  "ON CONFLICT(content_id) DO NOTHING")),
        get_content_(db_->Prepare("SELECT body FROM contents WHERE content_id=$1")),
        read_head_(db_->Prepare("SELECT n, hash FROM journal_head WHERE one=1 FOR UPDATE")),
        write_head_(db_->Prepare("UPDATE journal_head SET n=$1, hash=$2 WHERE one=1")),
        write_journal_(db_->Prepare(
            "INSERT INTO journal(n, session_id, seq, at_us, kind, body_hash, responses_hash, hash, "
            "rest_hash) SELECT * FROM unnest($1::BIGINT[], $2::BYTEA[], $3::BIGINT[], "
            "$4::BIGINT[], $5::TEXT[], $6::TEXT[], $7::TEXT[], $8::TEXT[], $9::TEXT[])")),
        write_salts_(db_->Prepare("INSERT INTO journal_salts(session_id, seq, salt) SELECT * FROM "
                                  "unnest($1::BYTEA[], $2::BIGINT[], $3::TEXT[])")),
        write_remarks_(
            db_->Prepare("INSERT INTO remarks(n, session_id, person, salt, body) SELECT * FROM "
                         "unnest($1::BIGINT[], $2::BYTEA[], $3::TEXT[], $4::TEXT[], $5::BYTEA[])")),
        // Who it is says the session's row: memory may still name somebody who was erased.
        write_notices_(db_->Prepare(
            "INSERT INTO notices(n, session_id, seq, kind, written_us, occurred_us, candidate_id, "
            "exam_id, exam_version, session_kind, epoch, attempt_version, score_version, "
            "incident_id) SELECT x.n, x.id, x.seq, x.kind, x.written, x.occurred, "
            "COALESCE(s.candidate_id, x.candidate), x.exam, x.version, x.session_kind, x.epoch, "
            "x.attempt, x.score, x.incident FROM unnest($1::BIGINT[], $2::BYTEA[], $3::BIGINT[], "
            "$4::BIGINT[], $5::BIGINT[], $6::BIGINT[], $7::TEXT[], $8::TEXT[], $9::BIGINT[], "
            "$10::BIGINT[], $11::BIGINT[], $12::BIGINT[], $13::BIGINT[], $14::TEXT[]) AS x(n, id, "
            "seq, kind, written, occurred, candidate, exam, version, session_kind, epoch, attempt, "
            "score, incident) LEFT JOIN sessions s ON s.session_id=x.id")) {}

  absl::Status Begin() override {
    Forget();
    return db_->Begin();
  }

  absl::Status Commit() override {
    SendContents();
    SendEvents();
    SendChanges();
    // A session that was appended to needs no comparing: its key was free.
    known_ids_.Clear();
    known_seqs_.Clear();
    for (const auto& [session, known] : relied_) {
      if (known.appended || !known.relied) continue;
      known_ids_.AddBlob(session.bytes());
      known_seqs_.AddInt(static_cast<int64_t>(known.version));
    }
    if (known_ids_.size() > 0) {
      db_->Queue(compare_, Arguments().Blob(known_ids_.bytes()).Blob(known_seqs_.bytes()));
    }
    // Last of all: whoever holds the head's row waits for nobody, so nobody waits for it long; and
    // the server takes it from one that stops in between.
    absl::Status status = journal_.empty() ? absl::OkStatus() : SendJournal();
    if (status.ok()) status = AsRace(db_->Commit());
    Forget();
    return status;
  }

  void Rollback() override {
    Forget();
    db_->Rollback();
  }

  // Another connection may lead to another server, or to one that was restored.
  uint64_t Generation() const override { return db_->connects(); }
  bool MayForget() const override { return true; }

  void Rely(const SessionId& session, uint64_t version) override {
    Known& known = relied_[session];
    if (known.relied || known.appended) return;
    known.version = version;
    known.relied = true;
  }

  absl::Status Read(const SessionId& session, uint64_t after, Visitor visit) override {
    const auto rows =
        Ask(read_, Arguments().Blob(session.bytes()).Int(static_cast<int64_t>(after)));
    if (!rows.ok()) return rows.status();
    for (int row = 0; row < rows->size(); ++row) {
      const auto event = DecodeEvent(rows->View(row, 2));
      if (!event.ok()) return event.status();
      INVIGIL_RETURN_IF_ERROR(visit(static_cast<uint64_t>(rows->Int(row, 0)),
                                    FromUnixMicros(rows->Int(row, 1)), *event));
    }
    return absl::OkStatus();
  }

  absl::Status Append(const SessionId& session, const Events& events, Time at,
                      const State& after) override {
    relied_[session].appended = true;
    uint64_t seq = after.version - events.size();
    bool life_changed = false;
    for (const Event& event : events) {
      EventRow& row = events_.emplace_back();
      row.session = session;
      row.seq = static_cast<int64_t>(++seq);
      row.at_us = ToUnixMicros(at);
      EncodeEvent(event, row.body);
      journal_.Add(session, seq, at, event, row.body, after);
      // Nobody looks for a session by these.
      if (std::holds_alternative<ResponsesStored>(event)) continue;
      if (std::holds_alternative<ProgressStored>(event)) continue;
      if (std::holds_alternative<TakenOver>(event)) continue;
      notices_.Add(session, seq, at, event, after);
      Project(session, event, at, after);
      life_changed = true;
    }
    if (life_changed) UpdateSession(session, after);
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<SessionId>> FindStart(std::string_view candidate_id,
                                                     std::string_view request_id) override {
    return OneId(find_start_, Arguments().Text(candidate_id).Text(request_id));
  }

  absl::StatusOr<std::optional<SessionId>> FindLive(std::string_view candidate_id,
                                                    std::string_view exam_id) override {
    return OneId(find_live_, Arguments().Text(candidate_id).Text(exam_id));
  }

  absl::Status RememberStart(std::string_view candidate_id, std::string_view request_id,
                             const SessionId& session) override {
    Put(session, insert_start_, std::string(candidate_id), std::string(request_id),
        std::string(session.bytes()));
    return absl::OkStatus();
  }

  absl::Status PutContent(std::string_view content_id, std::string_view bytes) override {
    contents_.try_emplace(std::string(content_id), bytes);
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<std::string>> GetContent(std::string_view content_id) override {
    SendContents();
    const auto rows = Ask(get_content_, Arguments().Text(content_id));
    if (!rows.ok()) return rows.status();
    if (rows->size() == 0) return std::optional<std::string>();
    return std::optional<std::string>(rows->View(0, 0));
  }

  absl::Status AddRemark(const Remark& remark) override {
    journal_.Add(remark);
    return absl::OkStatus();
  }

  absl::Status DeleteOutbox(const SessionId& session, uint32_t attempt_version) override {
    Put(session, delete_outbox_, std::string(session.bytes()), int64_t{attempt_version});
    return absl::OkStatus();
  }

 private:
  struct Known {
    uint64_t version = 0;
    bool relied = false, appended = false, born = false;
  };

  template <typename... Values>
  void Put(const SessionId& session, int statement, Values... values) {
    changes_.push_back({session, relied_[session].born, statement, {std::move(values)...}});
  }

  // What one event means for the other tables, but for the session's own row.
  void Project(const SessionId& session, const Event& event, Time at, const State& after) {
    const std::string id(session.bytes());
    if (const auto* reserved = std::get_if<Reserved>(&event)) {
      const Identity& identity = reserved->identity;
      relied_[session].born = true;
      Put(session, insert_session_, id, identity.candidate_id, identity.exam_id,
          static_cast<int64_t>(SessionState::kReady), static_cast<int64_t>(after.version));
      Put(session, insert_start_, identity.candidate_id, identity.request_id, id);
    } else if (std::holds_alternative<Sealed>(event)) {
      Put(session, insert_outbox_, id, static_cast<int64_t>(after.attempt_version),
          ToUnixMicros(at));
    } else if (std::holds_alternative<ResponsesRecovered>(event)) {
      // What was sealed before need not be scored any more: this is.
      Put(session, clear_outbox_, id);
      Put(session, insert_outbox_, id, static_cast<int64_t>(after.attempt_version),
          ToUnixMicros(at));
    } else if (std::holds_alternative<Scored>(event)) {
      Put(session, delete_outbox_, id, static_cast<int64_t>(after.attempt_version));
    } else if (std::holds_alternative<Voided>(event) || std::holds_alternative<Reopened>(event)) {
      Put(session, clear_outbox_, id);
    } else if (const auto* claimed = std::get_if<Claimed>(&event)) {
      Put(session, set_candidate_, claimed->candidate_id, id);
    }
  }

  void UpdateSession(const SessionId& session, const State& after) {
    const std::string id(session.bytes());
    const auto state = static_cast<int64_t>(after.state);
    const auto version = static_cast<int64_t>(after.version);
    if (const auto due = DueTime(after)) {
      Put(session, update_session_, state, ToUnixMicros(*due), version, id);
    } else {
      Put(session, update_session_, state, std::monostate(), version, id);
    }
  }

  // Three kinds of what is kept, each sent in one order for all replicas, so that two that touch
  // the same sessions don't wait for each other in a circle; and each as late as can be, so that
  // one waits for the other briefly.
  void SendContents() {
    for (const auto& [id, bytes] : contents_) {
      db_->Queue(put_content_, Arguments().Text(id).Blob(bytes));
    }
    contents_.clear();
  }

  void SendEvents() {
    if (events_.empty()) return;
    std::stable_sort(events_.begin(), events_.end(), [](const EventRow& a, const EventRow& b) {
      return a.session.bytes() < b.session.bytes();
    });
    for (auto* array : {&ids_, &seqs_, &ats_, &bodies_}) array->Clear();
    for (const EventRow& row : events_) {
      ids_.AddBlob(row.session.bytes());
      seqs_.AddInt(row.seq);
      ats_.AddInt(row.at_us);
      bodies_.AddBlob(row.body);
    }
    db_->Queue(append_, Arguments()
                            .Blob(ids_.bytes())
                            .Blob(seqs_.bytes())
                            .Blob(ats_.bytes())
                            .Blob(bodies_.bytes()));
    events_.clear();
  }

  absl::Status SendJournal() {
    const auto rows = Ask(read_head_, Arguments());
    if (!rows.ok()) return rows.status();
    if (rows->size() != 1) {
      return Error(absl::StatusCode::kDataLoss, "LOG_CORRUPT", "the journal has no head");
    }
    JournalHead head{static_cast<uint64_t>(rows->Int(0, 0)), std::string(rows->View(0, 1))};
    std::array<sql::ArrayArgument, 9> columns;
    const std::vector<JournalRow>& journal = journal_.Chain(head);
    for (const JournalRow& row : journal) {
      columns[0].AddInt(static_cast<int64_t>(row.n));
      columns[1].AddBlob(row.session.bytes());
      columns[2].AddInt(static_cast<int64_t>(row.seq));
      columns[3].AddInt(ToUnixMicros(row.at));
      columns[4].AddText(row.kind);
      columns[5].AddText(row.body_hash);
      columns[6].AddText(row.responses_hash);
      columns[7].AddText(row.hash);
      columns[8].AddText(row.rest_hash);
    }
    QueueRows(write_journal_, columns);
    SendBeside(journal);
    SendNotices(notices_.Number(journal));
    db_->Queue(write_head_, Arguments().Int(static_cast<int64_t>(head.n)).Text(head.hash));
    return absl::OkStatus();
  }

  // What stands beside the rows of the journal.
  void SendBeside(const std::vector<JournalRow>& rows) {
    std::array<sql::ArrayArgument, 3> salts;
    std::array<sql::ArrayArgument, 5> remarks;
    for (const JournalRow& row : rows) {
      if (row.seq == 0) {
        remarks[0].AddInt(static_cast<int64_t>(row.n));
        remarks[1].AddBlob(row.session.bytes());
        remarks[2].AddText(row.person);
        remarks[3].AddText(row.salt);
        remarks[4].AddBlob(row.remark);
      } else if (!row.salt.empty()) {
        salts[0].AddBlob(row.session.bytes());
        salts[1].AddInt(static_cast<int64_t>(row.seq));
        salts[2].AddText(row.salt);
      }
    }
    if (salts[0].size() > 0) QueueRows(write_salts_, salts);
    if (remarks[0].size() > 0) QueueRows(write_remarks_, remarks);
  }

  template <size_t kColumns>
  void QueueRows(int statement, std::array<sql::ArrayArgument, kColumns>& columns) {
    Arguments arguments;
    for (sql::ArrayArgument& column : columns) arguments.Blob(column.bytes());
    db_->Queue(statement, arguments);
  }

  void SendNotices(const std::vector<Notice>& notices) {
    if (notices.empty()) return;
    std::array<sql::ArrayArgument, 14> columns;
    for (const Notice& notice : notices) {
      columns[0].AddInt(static_cast<int64_t>(notice.n));
      columns[1].AddBlob(notice.session.bytes());
      columns[2].AddInt(static_cast<int64_t>(notice.seq));
      columns[3].AddInt(static_cast<int64_t>(notice.kind));
      columns[4].AddInt(ToUnixMicros(notice.written_at));
      columns[5].AddInt(ToUnixMicros(notice.occurred_at));
      columns[6].AddText(notice.candidate_id);
      columns[7].AddText(notice.exam_id);
      columns[8].AddInt(int64_t{notice.exam_version});
      columns[9].AddInt(static_cast<int64_t>(notice.session_kind));
      columns[10].AddInt(int64_t{notice.epoch});
      columns[11].AddInt(int64_t{notice.attempt_version});
      columns[12].AddInt(int64_t{notice.score_version});
      columns[13].AddText(notice.incident_id);
    }
    Arguments arguments;
    for (sql::ArrayArgument& column : columns) arguments.Blob(column.bytes());
    db_->Queue(write_notices_, arguments);
  }

  void SendChanges() {
    // Those that begin come last: the candidate's session before has ended by then.
    std::stable_sort(changes_.begin(), changes_.end(), [](const Change& a, const Change& b) {
      return std::pair(a.born, a.session.bytes()) < std::pair(b.born, b.session.bytes());
    });
    for (const Change& change : changes_) change.Queue(*db_);
    changes_.clear();
  }

  absl::StatusOr<Rows> Ask(int statement, const Arguments& arguments) {
    auto rows = db_->Ask(statement, arguments);
    if (!rows.ok()) return AsRace(rows.status());
    return rows;
  }

  absl::StatusOr<std::optional<SessionId>> OneId(int statement, const Arguments& arguments) {
    SendChanges();
    const auto rows = Ask(statement, arguments);
    if (!rows.ok()) return rows.status();
    if (rows->size() == 0) return std::optional<SessionId>();
    return std::optional<SessionId>(IdAt(*rows, 0, 0));
  }

  void Forget() {
    contents_.clear();
    events_.clear();
    changes_.clear();
    relied_.clear();
    journal_.Clear();
    notices_.Clear();
  }

  const std::unique_ptr<Postgres> db_;
  const int read_, append_, compare_, insert_session_, update_session_, set_candidate_, find_start_,
      insert_start_, find_live_, insert_outbox_, delete_outbox_, clear_outbox_, put_content_,
      get_content_, read_head_, write_head_, write_journal_, write_salts_, write_remarks_,
      write_notices_;
  JournalBatch journal_;
  NoticeBatch notices_;
  // Of the open transaction, not sent yet.
  std::map<std::string, std::string> contents_;
  std::vector<EventRow> events_;
  std::vector<Change> changes_;
  std::map<SessionId, Known> relied_;
  sql::ArrayArgument ids_, seqs_, ats_, bodies_, known_ids_, known_seqs_;
};

class PostgresEventLogReader final : public EventLogReader {
 public:
  explicit PostgresEventLogReader(std::unique_ptr<Postgres> db)
      : db_(std::move(db)),
        scheduled_(db_->Prepare("SELECT deadline_us, session_id FROM sessions WHERE "
                                "(deadline_us, session_id)>($1,$2) AND deadline_us<=$3 "
                                "ORDER BY deadline_us, session_id LIMIT $4")),
        outbox_(db_->Prepare("SELECT sealed_at_us, session_id, attempt_version FROM outbox "
                             "WHERE (sealed_at_us, session_id, attempt_version)>($1,$2,$3) "
                             "ORDER BY sealed_at_us, session_id, attempt_version LIMIT $4")),
        live_(db_->Prepare(std::string(kRow) + "WHERE state<5 AND (candidate_id, exam_id)>($1,$2) "
                                               "ORDER BY candidate_id, exam_id LIMIT $3")),
        newest_(db_->Prepare(std::string(kRow) +
                             "WHERE session_id<$1 ORDER BY session_id DESC LIMIT $2")),
        of_candidate_(db_->Prepare(std::string(kRow) +
                                   "WHERE session_id IN (SELECT session_id FROM starts WHERE "
                                   "candidate_id=$1) AND candidate_id=$2 "
                                   "ORDER BY session_id DESC LIMIT $3")),
        journal_(db_->Prepare(sql::TranslateParameters(kListJournal))),
        remarks_(db_->Prepare(sql::TranslateParameters(kListRemarks))),
        head_(db_->Prepare("SELECT n, hash FROM journal_head WHERE one=1")),
        begin_(db_->Prepare("SELECT n, hash FROM journal_begin WHERE one=1")),
        events_(db_->Prepare("SELECT seq, at_us, body FROM events WHERE session_id=$1 "
                             "ORDER BY seq")) {}

  absl::StatusOr<std::vector<JournalRow>> ListJournal(uint64_t after, size_t limit) override {
    const std::lock_guard lock(mutex_);
    const auto rows = db_->Ask(
        journal_, Arguments().Int(static_cast<int64_t>(after)).Int(static_cast<int64_t>(limit)));
    if (!rows.ok()) return rows.status();
    std::vector<JournalRow> list;
    for (int row = 0; row < rows->size(); ++row) {
      const auto text = [&](int column) { return std::string(rows->View(row, column)); };
      list.push_back({static_cast<uint64_t>(rows->Int(row, 0)), IdAt(*rows, row, 1),
                      static_cast<uint64_t>(rows->Int(row, 2)), FromUnixMicros(rows->Int(row, 3)),
                      text(4), text(5), text(6), text(7), text(8), text(9), text(10)});
    }
    return list;
  }

  absl::StatusOr<std::vector<Remark>> ListRemarks(const SessionId& session, size_t limit) override {
    const std::lock_guard lock(mutex_);
    const auto rows =
        db_->Ask(remarks_, Arguments().Blob(session.bytes()).Int(static_cast<int64_t>(limit)));
    if (!rows.ok()) return rows.status();
    std::vector<Remark> list;
    for (int row = 0; row < rows->size(); ++row) {
      auto remark = DecodeRemark(rows->View(row, 2));
      if (!remark.ok()) return remark.status();
      remark->kind = rows->View(row, 0);
      remark->session = session;
      remark->at = FromUnixMicros(rows->Int(row, 1));
      list.push_back(*std::move(remark));
    }
    return list;
  }

  absl::StatusOr<JournalHead> ReadJournalHead() override {
    const std::lock_guard lock(mutex_);
    const auto rows = db_->Ask(head_, Arguments());
    if (!rows.ok()) return rows.status();
    if (rows->size() == 0) return JournalHead();
    return JournalHead{static_cast<uint64_t>(rows->Int(0, 0)), std::string(rows->View(0, 1))};
  }

  absl::StatusOr<JournalHead> ReadJournalBegin() override {
    const std::lock_guard lock(mutex_);
    const auto rows = db_->Ask(begin_, Arguments());
    if (!rows.ok()) return rows.status();
    if (rows->size() == 0) return JournalHead();
    return JournalHead{static_cast<uint64_t>(rows->Int(0, 0)), std::string(rows->View(0, 1))};
  }

  absl::Status ReadEvents(const SessionId& session, RawVisitor visit) override {
    const std::lock_guard lock(mutex_);
    const auto rows = db_->Ask(events_, Arguments().Blob(session.bytes()));
    if (!rows.ok()) return rows.status();
    for (int row = 0; row < rows->size(); ++row) {
      INVIGIL_RETURN_IF_ERROR(visit(static_cast<uint64_t>(rows->Int(row, 0)),
                                    FromUnixMicros(rows->Int(row, 1)), rows->View(row, 2)));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<Scheduled>> ListScheduled(std::optional<Scheduled> after, Time until,
                                                       size_t limit) override {
    const std::lock_guard lock(mutex_);
    // An empty blob sorts before every id.
    const auto rows = db_->Ask(
        scheduled_,
        Arguments()
            .Int(after ? ToUnixMicros(after->deadline) : std::numeric_limits<int64_t>::min())
            .Blob(after ? after->session.bytes() : std::string_view())
            .Int(ToUnixMicros(until))
            .Int(static_cast<int64_t>(limit)));
    if (!rows.ok()) return rows.status();
    std::vector<Scheduled> list;
    for (int row = 0; row < rows->size(); ++row) {
      list.push_back({FromUnixMicros(rows->Int(row, 0)), IdAt(*rows, row, 1)});
    }
    return list;
  }

  absl::StatusOr<std::vector<OutboxEntry>> ListOutbox(std::optional<OutboxEntry> after,
                                                      size_t limit) override {
    const std::lock_guard lock(mutex_);
    const auto rows = db_->Ask(
        outbox_,
        Arguments()
            .Int(after ? ToUnixMicros(after->sealed_at) : std::numeric_limits<int64_t>::min())
            .Blob(after ? after->session.bytes() : std::string_view())
            .Int(after ? static_cast<int64_t>(after->attempt_version) : 0)
            .Int(static_cast<int64_t>(limit)));
    if (!rows.ok()) return rows.status();
    std::vector<OutboxEntry> list;
    for (int row = 0; row < rows->size(); ++row) {
      list.push_back({FromUnixMicros(rows->Int(row, 0)), IdAt(*rows, row, 1),
                      static_cast<uint32_t>(rows->Int(row, 2))});
    }
    return list;
  }

  absl::StatusOr<std::vector<SessionRow>> ListLive(std::string_view after_candidate,
                                                   std::string_view after_exam,
                                                   size_t limit) override {
    const std::lock_guard lock(mutex_);
    return SessionRows(db_->Ask(
        live_,
        Arguments().Text(after_candidate).Text(after_exam).Int(static_cast<int64_t>(limit))));
  }

  absl::StatusOr<std::vector<SessionRow>> ListNewest(std::optional<SessionId> before,
                                                     size_t limit) override {
    const std::lock_guard lock(mutex_);
    static const std::string kAfterAll(SessionId::kSize + 1, '\xff');
    return SessionRows(
        db_->Ask(newest_, Arguments()
                              .Blob(before ? before->bytes() : std::string_view(kAfterAll))
                              .Int(static_cast<int64_t>(limit))));
  }

  absl::StatusOr<std::vector<SessionRow>> ListOfCandidate(std::string_view candidate_id,
                                                          size_t limit) override {
    const std::lock_guard lock(mutex_);
    return SessionRows(db_->Ask(
        of_candidate_,
        Arguments().Text(candidate_id).Text(candidate_id).Int(static_cast<int64_t>(limit))));
  }

 private:
  static constexpr const char* kRow =
      "SELECT session_id, candidate_id, exam_id, state, last_seq FROM sessions ";

  static absl::StatusOr<std::vector<SessionRow>> SessionRows(const absl::StatusOr<Rows>& rows) {
    if (!rows.ok()) return rows.status();
    std::vector<SessionRow> list;
    for (int row = 0; row < rows->size(); ++row) {
      list.push_back({IdAt(*rows, row, 0), std::string(rows->View(row, 1)),
                      std::string(rows->View(row, 2)), static_cast<SessionState>(rows->Int(row, 3)),
                      static_cast<uint64_t>(rows->Int(row, 4))});
    }
    return list;
  }

  std::mutex mutex_;
  const std::unique_ptr<Postgres> db_;
  const int scheduled_, outbox_, live_, newest_, of_candidate_, journal_, remarks_, head_, begin_,
      events_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<EventLog>> OpenPostgresEventLog(const std::string& url,
                                                               const std::string& schema) {
  auto db = std::make_unique<Postgres>(Postgres::Options{.url = url, .schema = schema});
  INVIGIL_RETURN_IF_ERROR(db->Open());
  INVIGIL_RETURN_IF_ERROR(db->Migrate(SqliteSchema()));
  return std::make_unique<PostgresEventLog>(std::move(db));
}

absl::StatusOr<std::unique_ptr<EventLogReader>> OpenPostgresEventLogReader(
    const std::string& url, const std::string& schema) {
  auto db = std::make_unique<Postgres>(
      Postgres::Options{.url = url, .schema = schema, .read_only = true});
  INVIGIL_RETURN_IF_ERROR(db->Open());
  return std::make_unique<PostgresEventLogReader>(std::move(db));
}

}  // namespace invigil::session
