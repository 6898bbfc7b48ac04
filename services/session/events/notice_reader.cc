#include "services/session/events/notice_reader.h"

#include <utility>

#include "common/error/error.h"
#include "services/session/events/cursor.h"
#include "services/session/store/codec.h"

namespace invigil::session {
namespace {

using sql::Database;
using sql::Statement;
using sql::Transaction;

constexpr int kRaceAttempts = 8;

// The event is joined only where its report is asked for.
std::string Select(const std::string& rest) {
  return "SELECT k.n, k.session_id, k.seq, k.kind, k.written_us, k.occurred_us, k.candidate_id, "
         "k.exam_id, k.exam_version, k.session_kind, k.epoch, k.attempt_version, k.score_version, "
         "k.incident_id, e.body, COALESCE(j.hash, '') FROM notices k LEFT JOIN journal j ON "
         "j.n=k.n LEFT JOIN events e ON k.kind IN (7,9) AND e.session_id=k.session_id AND "
         "e.seq=k.seq WHERE " +
         rest;
}

template <typename T>
T NumberAt(const Statement& row, int column) {
  return static_cast<T>(row.Int(column));
}

NoticeRecord RecordAt(const Statement& row) {
  NoticeRecord record;
  Notice& notice = record.notice;
  notice.n = CursorAt(NumberAt<uint64_t>(row, 0), row.View(15));
  notice.session = SessionId::FromBytes(row.View(1)).value_or(SessionId());
  notice.seq = NumberAt<uint64_t>(row, 2);
  notice.kind = NumberAt<NoticeKind>(row, 3);
  notice.written_at = FromUnixMicros(row.Int(4));
  notice.occurred_at = FromUnixMicros(row.Int(5));
  notice.candidate_id = row.Text(6);
  notice.exam_id = row.Text(7);
  notice.exam_version = NumberAt<uint32_t>(row, 8);
  notice.session_kind = NumberAt<SessionKind>(row, 9);
  notice.epoch = NumberAt<uint32_t>(row, 10);
  notice.attempt_version = NumberAt<uint32_t>(row, 11);
  notice.score_version = NumberAt<uint32_t>(row, 12);
  notice.incident_id = row.Text(13);
  if (row.IsNull(14)) return record;
  // An event that can't be read must not stop the notices behind it.
  const auto event = DecodeEvent(row.View(14));
  if (!event.ok()) return record;
  if (const auto* scored = std::get_if<Scored>(&*event)) record.report = scored->report;
  return record;
}

absl::StatusOr<std::vector<NoticeRecord>> All(Statement& query) {
  std::vector<NoticeRecord> list;
  while (true) {
    auto row = query.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    list.push_back(RecordAt(query));
  }
  query.Reset();
  return list;
}

}  // namespace

NoticeReader::NoticeReader(Database db)
    : db_(std::move(db)),
      // One statement, so that both are of one moment.
      bounds_(db_.MustPrepare("SELECT f.n, COALESCE(j.hash, ''), h.n, h.hash FROM journal_head h, "
                              "notices_floor f LEFT JOIN journal j ON j.n=f.n WHERE f.one=1 AND "
                              "h.one=1")),
      mark_(db_.MustPrepare("SELECT hash FROM journal WHERE n=?")),
      list_(db_.MustPrepare(Select("k.n>? AND k.n<=? ORDER BY k.n LIMIT ?"))),
      find_(db_.MustPrepare(Select("k.session_id=? AND k.seq=?"))) {}

absl::StatusOr<std::unique_ptr<NoticeReader>> NoticeReader::Open(const std::string& location,
                                                                 const std::string& schema) {
  auto db = Database::Open(location, Database::Mode::kReadOnly, schema);
  if (!db.ok()) return db.status();
  return std::unique_ptr<NoticeReader>(new NoticeReader(*std::move(db)));
}

absl::StatusOr<NoticeBounds> NoticeReader::ReadBounds() {
  auto row = bounds_.Step();
  if (!row.ok()) return row.status();
  NoticeBounds bounds;
  if (*row) {
    bounds = {CursorAt(NumberAt<uint64_t>(bounds_, 0), bounds_.View(1)),
              CursorAt(NumberAt<uint64_t>(bounds_, 2), bounds_.View(3))};
  }
  bounds_.Reset();
  return bounds;
}

// In a transaction of the reader's, so that what is found right is still so when it is read.
absl::Status NoticeReader::CheckCursor(uint64_t after, const NoticeBounds& bounds) {
  const Cursor at = ParseCursor(after);
  if (at.n < ParseCursor(bounds.floor).n) {
    return Error(absl::StatusCode::kOutOfRange, "CURSOR_PRUNED",
                 "events so old are not kept; read on from oldest_cursor, and what is missing from "
                 "the sessions themselves")
        .With("oldest_cursor", std::to_string(bounds.floor));
  }
  if (at.n > ParseCursor(bounds.head).n) {
    return Error(absl::StatusCode::kOutOfRange, "CURSOR_AHEAD",
                 "the store has not got so far: it was restored to an earlier moment, or the "
                 "cursor is of another; read on from an older cursor that it takes, or from "
                 "oldest_cursor, and drop the events you have")
        .With("newest_cursor", std::to_string(bounds.head))
        .With("oldest_cursor", std::to_string(bounds.floor));
  }
  uint32_t mark = 0;
  if (at.mark != 0) {
    mark_.Bind(1, static_cast<int64_t>(at.n));
    auto row = mark_.Step();
    if (!row.ok()) return row.status();
    if (*row) mark = ParseCursor(CursorAt(at.n, mark_.View(0))).mark;
    mark_.Reset();
  }
  if (MarksAgree(at.mark, mark)) return absl::OkStatus();
  return Error(absl::StatusCode::kOutOfRange, "CURSOR_STALE",
               "the store was restored to a moment before this cursor and has gone on since: other "
               "events follow; read on from an older cursor that it takes, or from oldest_cursor, "
               "and drop the events you have")
      .With("newest_cursor", std::to_string(bounds.head))
      .With("oldest_cursor", std::to_string(bounds.floor));
}

absl::StatusOr<NoticePage> NoticeReader::Page(uint64_t after, size_t limit) {
  // Of one moment, or what is pruned in between would be passed over unseen.
  auto moment = Transaction::BeginRead(db_);
  if (!moment.ok()) return moment.status();
  const auto bounds = ReadBounds();
  if (!bounds.ok()) return bounds.status();
  INVIGIL_RETURN_IF_ERROR(CheckCursor(after, *bounds));
  list_.Bind(1, static_cast<int64_t>(ParseCursor(after).n))
      .Bind(2, static_cast<int64_t>(ParseCursor(bounds->head).n))
      .Bind(3, static_cast<int64_t>(limit));
  auto records = All(list_);
  if (!records.ok()) return records.status();
  NoticePage page;
  page.bounds = *bounds;
  page.more = records->size() == limit;
  page.cursor = page.more ? records->back().notice.n : bounds->head;
  page.records = *std::move(records);
  return page;
}

absl::StatusOr<std::optional<NoticeRecord>> NoticeReader::Find(const NoticeKey& key) {
  find_.BindBlob(1, key.session.bytes()).Bind(2, static_cast<int64_t>(key.seq));
  auto found = All(find_);
  if (!found.ok()) return found.status();
  if (found->empty()) return std::optional<NoticeRecord>();
  return std::optional<NoticeRecord>(std::move(found->front()));
}

NoticeKeeper::NoticeKeeper(Database db)
    : db_(std::move(db)),
      oldest_(db_.MustPrepare("SELECT n, written_us FROM notices ORDER BY n LIMIT ?")),
      prune_(db_.MustPrepare("DELETE FROM notices WHERE n<=?")),
      raise_(db_.MustPrepare("UPDATE notices_floor SET n=? WHERE one=1 AND n<?")) {}

absl::StatusOr<std::unique_ptr<NoticeKeeper>> NoticeKeeper::Open(const std::string& location,
                                                                 const std::string& schema) {
  auto db = Database::Open(location, Database::Mode::kReadWrite, schema);
  if (!db.ok()) return db.status();
  return std::unique_ptr<NoticeKeeper>(new NoticeKeeper(*std::move(db)));
}

absl::StatusOr<size_t> NoticeKeeper::Prune(Time before, size_t limit) {
  for (int attempt = 1;; ++attempt) {
    auto pruned = PruneOnce(before, limit);
    if (pruned.ok() || !sql::IsRace(pruned.status()) || attempt == kRaceAttempts) return pruned;
  }
}

absl::StatusOr<size_t> NoticeKeeper::PruneOnce(Time before, size_t limit) {
  // Looked at outside a transaction: mostly there is nothing to do, and then nothing is locked.
  oldest_.Bind(1, static_cast<int64_t>(limit));
  size_t count = 0;
  int64_t last = 0;
  bool old = true;
  while (true) {
    auto row = oldest_.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    // Times of several replicas need not rise with the numbers: the first young one ends it.
    old = old && oldest_.Int(1) < ToUnixMicros(before);
    if (!old) continue;
    ++count;
    last = oldest_.Int(0);
  }
  oldest_.Reset();
  if (count == 0) return 0;
  auto transaction = Transaction::Begin(db_, sql::Isolation::kByKeys);
  if (!transaction.ok()) return transaction.status();
  prune_.Bind(1, last);
  INVIGIL_RETURN_IF_ERROR(prune_.Run());
  raise_.Bind(1, last).Bind(2, last);
  INVIGIL_RETURN_IF_ERROR(raise_.Run());
  INVIGIL_RETURN_IF_ERROR(transaction->Commit());
  return count;
}

}  // namespace invigil::session
