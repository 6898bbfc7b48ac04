#include "services/session/store/sqlite_event_log.h"

#include <limits>
#include <mutex>
#include <utility>

#include "common/error/error.h"
#include "common/sql/database.h"
#include "services/session/domain/clock.h"
#include "services/session/store/codec.h"
#include "services/session/store/journal_queries.h"
#include "services/session/store/notice_batch.h"
#include "services/session/store/sqlite_schema.h"

namespace invigil::session {
namespace {

using sql::Database;
using sql::Statement;

SessionId IdAt(const Statement& row, int column) {
  return SessionId::FromBytes(row.View(column)).value_or(SessionId());
}

class SqliteEventLog final : public EventLog {
 public:
  explicit SqliteEventLog(Database db)
      : db_(std::move(db)),
        begin_(db_.MustPrepare("BEGIN IMMEDIATE")),
        commit_(db_.MustPrepare("COMMIT")),
        data_version_(db_.MustPrepare("PRAGMA data_version")),
        read_(db_.MustPrepare("SELECT seq, at_us, body FROM events WHERE session_id=? AND seq>? "
                              "ORDER BY seq")),
        append_(db_.MustPrepare("INSERT INTO events(session_id, seq, at_us, body) "
                                "VALUES(?,?,?,?)")),
        insert_session_(db_.MustPrepare("INSERT INTO sessions(session_id, candidate_id, exam_id, "
                                        "state, deadline_us, last_seq) VALUES(?,?,?,?,NULL,?)")),
        update_session_(db_.MustPrepare("UPDATE sessions SET state=?, deadline_us=?, last_seq=? "
                                        "WHERE session_id=?")),
        set_candidate_(db_.MustPrepare("UPDATE sessions SET candidate_id=? WHERE session_id=?")),
        find_start_(db_.MustPrepare("SELECT session_id FROM starts WHERE candidate_id=? AND "
                                    "request_id=?")),
        insert_start_(db_.MustPrepare("INSERT INTO starts(candidate_id, request_id, session_id) "
                                      "VALUES(?,?,?)")),
        find_live_(db_.MustPrepare("SELECT session_id FROM sessions WHERE candidate_id=? AND "
                                   "exam_id=? AND state<5")),
        insert_outbox_(db_.MustPrepare("INSERT INTO outbox(session_id, attempt_version, "
                                       "sealed_at_us) VALUES(?,?,?)")),
        delete_outbox_(db_.MustPrepare("DELETE FROM outbox WHERE session_id=? AND "
                                       "attempt_version=?")),
        clear_outbox_(db_.MustPrepare("DELETE FROM outbox WHERE session_id=?")),
        put_content_(db_.MustPrepare("INSERT INTO contents(content_id, body) VALUES(?,?) "
                                     "ON CONFLICT(content_id) DO NOTHING")),
        get_content_(db_.MustPrepare("SELECT body FROM contents WHERE content_id=?")),
        read_head_(db_.MustPrepare("SELECT n, hash FROM journal_head WHERE one=1")),
        write_head_(db_.MustPrepare("UPDATE journal_head SET n=?, hash=? WHERE one=1")),
        write_journal_(db_.MustPrepare("INSERT INTO journal(n, session_id, seq, at_us, kind, "
                                       "body_hash, responses_hash, hash, rest_hash) "
                                       "VALUES(?,?,?,?,?,?,?,?,?)")),
        write_salt_(db_.MustPrepare("INSERT INTO journal_salts(session_id, seq, salt) "
                                    "VALUES(?,?,?)")),
        write_remark_(db_.MustPrepare("INSERT INTO remarks(n, session_id, person, salt, body) "
                                      "VALUES(?,?,?,?,?)")),
        // Who it is says the session's row: memory may still name somebody who was erased.
        write_notice_(db_.MustPrepare(
            "INSERT INTO notices(n, session_id, seq, kind, written_us, occurred_us, candidate_id, "
            "exam_id, exam_version, session_kind, epoch, attempt_version, score_version, "
            "incident_id) VALUES(?,?,?,?,?,?,COALESCE((SELECT candidate_id FROM sessions WHERE "
            "session_id=?2),?),?,?,?,?,?,?,?)")) {}

  absl::Status Begin() override {
    Forget();
    INVIGIL_RETURN_IF_ERROR(begin_.Run());
    open_ = true;
    // SQLite counts commits of other connections to the file; this connection's own don't count.
    auto row = data_version_.Step();
    if (!row.ok()) return row.status();
    const int64_t version = data_version_.Int(0);
    data_version_.Reset();
    if (version != seen_data_version_) ++generation_;
    seen_data_version_ = version;
    return absl::OkStatus();
  }

  absl::Status Commit() override {
    if (!journal_.empty()) INVIGIL_RETURN_IF_ERROR(WriteJournal());
    INVIGIL_RETURN_IF_ERROR(commit_.Run());
    open_ = false;
    return absl::OkStatus();
  }

  void Rollback() override {
    Forget();
    // After some failures SQLite has rolled back by itself; then this fails, and that is fine.
    if (std::exchange(open_, false)) (void)db_.Execute("ROLLBACK");
  }

  uint64_t Generation() const override { return generation_; }

  absl::Status Read(const SessionId& session, uint64_t after, Visitor visit) override {
    read_.BindBlob(1, session.bytes()).Bind(2, static_cast<int64_t>(after));
    while (true) {
      auto row = read_.Step();
      if (!row.ok()) return row.status();
      if (!*row) break;
      auto event = DecodeEvent(read_.View(2));
      absl::Status status = event.status();
      if (status.ok()) {
        status = visit(static_cast<uint64_t>(read_.Int(0)), FromUnixMicros(read_.Int(1)), *event);
      }
      if (!status.ok()) {
        read_.Reset();
        return status;
      }
    }
    read_.Reset();
    return absl::OkStatus();
  }

  absl::Status Append(const SessionId& session, const Events& events, Time at,
                      const State& after) override {
    uint64_t seq = after.version - events.size();
    bool life_changed = false;
    for (const Event& event : events) {
      EncodeEvent(event, body_);
      append_.BindBlob(1, session.bytes())
          .Bind(2, static_cast<int64_t>(++seq))
          .Bind(3, ToUnixMicros(at))
          .BindBlob(4, body_);
      INVIGIL_RETURN_IF_ERROR(append_.Run());
      journal_.Add(session, seq, at, event, body_, after);
      // Nobody looks for a session by these.
      if (std::holds_alternative<ResponsesStored>(event)) continue;
      if (std::holds_alternative<ProgressStored>(event)) continue;
      if (std::holds_alternative<TakenOver>(event)) continue;
      notices_.Add(session, seq, at, event, after);
      INVIGIL_RETURN_IF_ERROR(Project(session, event, at, after));
      life_changed = true;
    }
    return life_changed ? UpdateSession(session, after) : absl::OkStatus();
  }

  absl::StatusOr<std::optional<SessionId>> FindStart(std::string_view candidate_id,
                                                     std::string_view request_id) override {
    find_start_.BindText(1, candidate_id).BindText(2, request_id);
    return OneId(find_start_);
  }

  absl::StatusOr<std::optional<SessionId>> FindLive(std::string_view candidate_id,
                                                    std::string_view exam_id) override {
    find_live_.BindText(1, candidate_id).BindText(2, exam_id);
    return OneId(find_live_);
  }

  absl::Status RememberStart(std::string_view candidate_id, std::string_view request_id,
                             const SessionId& session) override {
    insert_start_.BindText(1, candidate_id).BindText(2, request_id).BindBlob(3, session.bytes());
    return insert_start_.Run();
  }

  absl::Status PutContent(std::string_view content_id, std::string_view bytes) override {
    put_content_.BindText(1, content_id).BindBlob(2, bytes);
    return put_content_.Run();
  }

  absl::StatusOr<std::optional<std::string>> GetContent(std::string_view content_id) override {
    get_content_.BindText(1, content_id);
    auto row = get_content_.Step();
    if (!row.ok()) return row.status();
    std::optional<std::string> bytes;
    if (*row) bytes = get_content_.Text(0);
    get_content_.Reset();
    return bytes;
  }

  absl::Status AddRemark(const Remark& remark) override {
    journal_.Add(remark);
    return absl::OkStatus();
  }

  absl::Status DeleteOutbox(const SessionId& session, uint32_t attempt_version) override {
    delete_outbox_.BindBlob(1, session.bytes()).Bind(2, static_cast<int64_t>(attempt_version));
    return delete_outbox_.Run();
  }

 private:
  // As late as can be: elsewhere the head's row makes other writers wait.
  absl::Status WriteJournal() {
    auto row = read_head_.Step();
    if (!row.ok()) return row.status();
    if (!*row) return Error(absl::StatusCode::kDataLoss, "LOG_CORRUPT", "the journal has no head");
    JournalHead head{static_cast<uint64_t>(read_head_.Int(0)), read_head_.Text(1)};
    read_head_.Reset();
    const std::vector<JournalRow>& rows = journal_.Chain(head);
    for (const JournalRow& entry : rows) {
      write_journal_.Bind(1, static_cast<int64_t>(entry.n))
          .BindBlob(2, entry.session.bytes())
          .Bind(3, static_cast<int64_t>(entry.seq))
          .Bind(4, ToUnixMicros(entry.at))
          .BindText(5, entry.kind)
          .BindText(6, entry.body_hash)
          .BindText(7, entry.responses_hash)
          .BindText(8, entry.hash)
          .BindText(9, entry.rest_hash);
      INVIGIL_RETURN_IF_ERROR(write_journal_.Run());
      INVIGIL_RETURN_IF_ERROR(WriteBeside(entry));
    }
    for (const Notice& notice : notices_.Number(rows)) {
      INVIGIL_RETURN_IF_ERROR(WriteNotice(notice));
    }
    Forget();
    write_head_.Bind(1, static_cast<int64_t>(head.n)).BindText(2, head.hash);
    return write_head_.Run();
  }

  // What stands beside a row of the journal.
  absl::Status WriteBeside(const JournalRow& entry) {
    if (entry.seq == 0) {
      write_remark_.Bind(1, static_cast<int64_t>(entry.n))
          .BindBlob(2, entry.session.bytes())
          .BindText(3, entry.person)
          .BindText(4, entry.salt)
          .BindBlob(5, entry.remark);
      return write_remark_.Run();
    }
    if (entry.salt.empty()) return absl::OkStatus();
    write_salt_.BindBlob(1, entry.session.bytes())
        .Bind(2, static_cast<int64_t>(entry.seq))
        .BindText(3, entry.salt);
    return write_salt_.Run();
  }

  absl::Status WriteNotice(const Notice& notice) {
    write_notice_.Bind(1, static_cast<int64_t>(notice.n))
        .BindBlob(2, notice.session.bytes())
        .Bind(3, static_cast<int64_t>(notice.seq))
        .Bind(4, static_cast<int64_t>(notice.kind))
        .Bind(5, ToUnixMicros(notice.written_at))
        .Bind(6, ToUnixMicros(notice.occurred_at))
        .BindText(7, notice.candidate_id)
        .BindText(8, notice.exam_id)
        .Bind(9, int64_t{notice.exam_version})
        .Bind(10, static_cast<int64_t>(notice.session_kind))
        .Bind(11, int64_t{notice.epoch})
        .Bind(12, int64_t{notice.attempt_version})
        .Bind(13, int64_t{notice.score_version})
        .BindText(14, notice.incident_id);
    return write_notice_.Run();
  }

  // What waits for the end of the transaction.
  void Forget() {
    journal_.Clear();
    notices_.Clear();
  }

  static absl::StatusOr<std::optional<SessionId>> OneId(Statement& query) {
    auto row = query.Step();
    if (!row.ok()) return row.status();
    std::optional<SessionId> id;
    if (*row) id = IdAt(query, 0);
    query.Reset();
    return id;
  }

  // What one event means for the other tables, but for the session's own row.
  absl::Status Project(const SessionId& session, const Event& event, Time at, const State& after) {
    if (const auto* reserved = std::get_if<Reserved>(&event)) {
      const Identity& identity = reserved->identity;
      insert_session_.BindBlob(1, session.bytes())
          .BindText(2, identity.candidate_id)
          .BindText(3, identity.exam_id)
          .Bind(4, static_cast<int64_t>(SessionState::kReady))
          .Bind(5, static_cast<int64_t>(after.version));
      INVIGIL_RETURN_IF_ERROR(insert_session_.Run());
      return RememberStart(identity.candidate_id, identity.request_id, session);
    }
    if (std::holds_alternative<Sealed>(event)) return InsertOutbox(session, after, at);
    if (std::holds_alternative<ResponsesRecovered>(event)) {
      // What was sealed before need not be scored any more: this is.
      INVIGIL_RETURN_IF_ERROR(ClearOutbox(session));
      return InsertOutbox(session, after, at);
    }
    if (std::holds_alternative<Scored>(event)) return DeleteOutbox(session, after.attempt_version);
    if (std::holds_alternative<Voided>(event) || std::holds_alternative<Reopened>(event)) {
      return ClearOutbox(session);
    }
    if (const auto* claimed = std::get_if<Claimed>(&event)) {
      set_candidate_.BindText(1, claimed->candidate_id).BindBlob(2, session.bytes());
      return set_candidate_.Run();
    }
    return absl::OkStatus();
  }

  absl::Status InsertOutbox(const SessionId& session, const State& after, Time at) {
    insert_outbox_.BindBlob(1, session.bytes())
        .Bind(2, static_cast<int64_t>(after.attempt_version))
        .Bind(3, ToUnixMicros(at));
    return insert_outbox_.Run();
  }

  absl::Status ClearOutbox(const SessionId& session) {
    clear_outbox_.BindBlob(1, session.bytes());
    return clear_outbox_.Run();
  }

  absl::Status UpdateSession(const SessionId& session, const State& after) {
    update_session_.Bind(1, static_cast<int64_t>(after.state));
    if (const auto due = DueTime(after)) {
      update_session_.Bind(2, ToUnixMicros(*due));
    } else {
      update_session_.BindNull(2);
    }
    update_session_.Bind(3, static_cast<int64_t>(after.version)).BindBlob(4, session.bytes());
    return update_session_.Run();
  }

  Database db_;
  Statement begin_, commit_, data_version_, read_, append_, insert_session_, update_session_,
      set_candidate_, find_start_, insert_start_, find_live_, insert_outbox_, delete_outbox_,
      clear_outbox_, put_content_, get_content_, read_head_, write_head_, write_journal_,
      write_salt_, write_remark_, write_notice_;
  JournalBatch journal_;  // of the open transaction, as all below
  NoticeBatch notices_;
  bool open_ = false;
  int64_t seen_data_version_ = -1;
  uint64_t generation_ = 0;
  std::string body_;
};

class SqliteEventLogReader final : public EventLogReader {
 public:
  explicit SqliteEventLogReader(Database db)
      : db_(std::move(db)),
        scheduled_(db_.MustPrepare("SELECT deadline_us, session_id FROM sessions WHERE "
                                   "(deadline_us, session_id)>(?,?) AND deadline_us<=? "
                                   "ORDER BY deadline_us, session_id LIMIT ?")),
        outbox_(db_.MustPrepare("SELECT sealed_at_us, session_id, attempt_version FROM outbox "
                                "WHERE (sealed_at_us, session_id, attempt_version)>(?,?,?) "
                                "ORDER BY sealed_at_us, session_id, attempt_version LIMIT ?")),
        live_(db_.MustPrepare(std::string(kRow) + "WHERE state<5 AND (candidate_id, exam_id)>(?,?) "
                                                  "ORDER BY candidate_id, exam_id LIMIT ?")),
        newest_(db_.MustPrepare(std::string(kRow) +
                                "WHERE session_id<? ORDER BY session_id DESC LIMIT ?")),
        of_candidate_(db_.MustPrepare(std::string(kRow) +
                                      "WHERE session_id IN (SELECT session_id FROM starts WHERE "
                                      "candidate_id=?) AND candidate_id=? "
                                      "ORDER BY session_id DESC LIMIT ?")),
        journal_(db_.MustPrepare(kListJournal)),
        remarks_(db_.MustPrepare(kListRemarks)),
        head_(db_.MustPrepare("SELECT n, hash FROM journal_head WHERE one=1")),
        begin_(db_.MustPrepare("SELECT n, hash FROM journal_begin WHERE one=1")),
        events_(db_.MustPrepare("SELECT seq, at_us, body FROM events WHERE session_id=? "
                                "ORDER BY seq")) {}

  absl::StatusOr<std::vector<JournalRow>> ListJournal(uint64_t after, size_t limit) override {
    const std::lock_guard lock(mutex_);
    journal_.Bind(1, static_cast<int64_t>(after)).Bind(2, static_cast<int64_t>(limit));
    std::vector<JournalRow> list;
    INVIGIL_RETURN_IF_ERROR(ForEach(journal_, [&](const Statement& row) {
      list.push_back({static_cast<uint64_t>(row.Int(0)), IdAt(row, 1),
                      static_cast<uint64_t>(row.Int(2)), FromUnixMicros(row.Int(3)), row.Text(4),
                      row.Text(5), row.Text(6), row.Text(7), row.Text(8), row.Text(9),
                      row.Text(10)});
    }));
    return list;
  }

  absl::StatusOr<std::vector<Remark>> ListRemarks(const SessionId& session, size_t limit) override {
    const std::lock_guard lock(mutex_);
    remarks_.BindBlob(1, session.bytes()).Bind(2, static_cast<int64_t>(limit));
    std::vector<Remark> list;
    absl::Status read;
    INVIGIL_RETURN_IF_ERROR(ForEach(remarks_, [&](const Statement& row) {
      auto remark = DecodeRemark(row.View(2));
      if (!remark.ok()) {
        read = remark.status();
        return;
      }
      remark->kind = row.Text(0);
      remark->session = session;
      remark->at = FromUnixMicros(row.Int(1));
      list.push_back(*std::move(remark));
    }));
    if (!read.ok()) return read;
    return list;
  }

  absl::StatusOr<JournalHead> ReadJournalHead() override {
    const std::lock_guard lock(mutex_);
    JournalHead head;
    INVIGIL_RETURN_IF_ERROR(ForEach(head_, [&](const Statement& row) {
      head = {static_cast<uint64_t>(row.Int(0)), row.Text(1)};
    }));
    return head;
  }

  absl::StatusOr<JournalHead> ReadJournalBegin() override {
    const std::lock_guard lock(mutex_);
    JournalHead head;
    INVIGIL_RETURN_IF_ERROR(ForEach(begin_, [&](const Statement& row) {
      head = {static_cast<uint64_t>(row.Int(0)), row.Text(1)};
    }));
    return head;
  }

  absl::Status ReadEvents(const SessionId& session, RawVisitor visit) override {
    const std::lock_guard lock(mutex_);
    events_.BindBlob(1, session.bytes());
    absl::Status visited;
    INVIGIL_RETURN_IF_ERROR(ForEach(events_, [&](const Statement& row) {
      if (!visited.ok()) return;
      visited = visit(static_cast<uint64_t>(row.Int(0)), FromUnixMicros(row.Int(1)), row.View(2));
    }));
    return visited;
  }

  absl::StatusOr<std::vector<Scheduled>> ListScheduled(std::optional<Scheduled> after, Time until,
                                                       size_t limit) override {
    const std::lock_guard lock(mutex_);
    // An empty blob sorts before every id.
    scheduled_.Bind(1, after ? ToUnixMicros(after->deadline) : std::numeric_limits<int64_t>::min())
        .BindBlob(2, after ? after->session.bytes() : std::string_view())
        .Bind(3, ToUnixMicros(until))
        .Bind(4, static_cast<int64_t>(limit));
    std::vector<Scheduled> list;
    INVIGIL_RETURN_IF_ERROR(ForEach(scheduled_, [&](const Statement& row) {
      list.push_back({FromUnixMicros(row.Int(0)), IdAt(row, 1)});
    }));
    return list;
  }

  absl::StatusOr<std::vector<OutboxEntry>> ListOutbox(std::optional<OutboxEntry> after,
                                                      size_t limit) override {
    const std::lock_guard lock(mutex_);
    outbox_.Bind(1, after ? ToUnixMicros(after->sealed_at) : std::numeric_limits<int64_t>::min())
        .BindBlob(2, after ? after->session.bytes() : std::string_view())
        .Bind(3, after ? static_cast<int64_t>(after->attempt_version) : 0)
        .Bind(4, static_cast<int64_t>(limit));
    std::vector<OutboxEntry> list;
    INVIGIL_RETURN_IF_ERROR(ForEach(outbox_, [&](const Statement& row) {
      list.push_back({FromUnixMicros(row.Int(0)), IdAt(row, 1), static_cast<uint32_t>(row.Int(2))});
    }));
    return list;
  }

  absl::StatusOr<std::vector<SessionRow>> ListLive(std::string_view after_candidate,
                                                   std::string_view after_exam,
                                                   size_t limit) override {
    const std::lock_guard lock(mutex_);
    live_.BindText(1, after_candidate).BindText(2, after_exam).Bind(3, static_cast<int64_t>(limit));
    return Rows(live_);
  }

  absl::StatusOr<std::vector<SessionRow>> ListNewest(std::optional<SessionId> before,
                                                     size_t limit) override {
    const std::lock_guard lock(mutex_);
    static const std::string kAfterAll(SessionId::kSize + 1, '\xff');
    newest_.BindBlob(1, before ? before->bytes() : std::string_view(kAfterAll))
        .Bind(2, static_cast<int64_t>(limit));
    return Rows(newest_);
  }

  absl::StatusOr<std::vector<SessionRow>> ListOfCandidate(std::string_view candidate_id,
                                                          size_t limit) override {
    const std::lock_guard lock(mutex_);
    of_candidate_.BindText(1, candidate_id)
        .BindText(2, candidate_id)
        .Bind(3, static_cast<int64_t>(limit));
    return Rows(of_candidate_);
  }

 private:
  static constexpr const char* kRow =
      "SELECT session_id, candidate_id, exam_id, state, last_seq FROM sessions ";

  static absl::StatusOr<std::vector<SessionRow>> Rows(Statement& query) {
    std::vector<SessionRow> list;
    INVIGIL_RETURN_IF_ERROR(ForEach(query, [&](const Statement& row) {
      list.push_back({IdAt(row, 0), row.Text(1), row.Text(2), static_cast<SessionState>(row.Int(3)),
                      static_cast<uint64_t>(row.Int(4))});
    }));
    return list;
  }

  template <typename Visit>
  static absl::Status ForEach(Statement& query, Visit visit) {
    while (true) {
      auto row = query.Step();
      if (!row.ok()) return row.status();
      if (!*row) break;
      visit(query);
    }
    query.Reset();
    return absl::OkStatus();
  }

  std::mutex mutex_;
  Database db_;
  Statement scheduled_, outbox_, live_, newest_, of_candidate_, journal_, remarks_, head_, begin_,
      events_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<EventLog>> OpenSqliteEventLog(const std::string& path) {
  auto db = Database::Open(path);
  if (!db.ok()) return db.status();
  INVIGIL_RETURN_IF_ERROR(db->Migrate(SqliteSchema()));
  return std::make_unique<SqliteEventLog>(*std::move(db));
}

absl::StatusOr<std::unique_ptr<EventLogReader>> OpenSqliteEventLogReader(const std::string& path) {
  auto db = Database::Open(path, Database::Mode::kReadOnly);
  if (!db.ok()) return db.status();
  return std::make_unique<SqliteEventLogReader>(*std::move(db));
}

}  // namespace invigil::session
