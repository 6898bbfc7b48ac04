// Reads the outbox that the event log writes (the tables `notices` and `notices_floor` of the
// sessions' store), on a connection of its own: never waits for the engine's writer, nor it for
// this.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/sql/database.h"
#include "services/session/events/notice.h"
#include "services/session/store/postgres_event_log.h"

namespace invigil::session {

// A notice and, where it tells of a result, the report as the session holds it (a serialised
// GetScoreReportResponse). Null: erased, or not readable.
struct NoticeRecord {
  Notice notice;
  std::shared_ptr<const std::string> report;
};

// Whoever stands at a cursor (cursor.h) of this history from `floor` to `head` misses nothing by
// reading on from it.
struct NoticeBounds {
  uint64_t floor = 0;  // notices up to this cursor are gone
  uint64_t head = 0;   // what is up to this cursor is committed
};

// A stretch of notices of one moment, in order.
struct NoticePage {
  std::vector<NoticeRecord> records;
  uint64_t cursor = 0;  // read on from here: nothing up to it was left out
  NoticeBounds bounds;
  bool more = false;  // there were more than asked for
};

// One connection; one thread at a time. Blocks for a query. Errors: those of sql::Statement::Step.
class NoticeReader {
 public:
  // On a store that OpenEventLog has opened before. Errors: FAILED_PRECONDITION (STORE_UNUSABLE).
  static absl::StatusOr<std::unique_ptr<NoticeReader>> Open(
      const std::string& location, const std::string& schema = kPostgresSchema);

  absl::StatusOr<NoticeBounds> ReadBounds();
  // What follows the cursor `after`. Errors besides: OUT_OF_RANGE (CURSOR_PRUNED: what follows it
  // is not kept any more; CURSOR_AHEAD: the store has not got so far, as after it was restored;
  // CURSOR_STALE: it was restored and has gone on since; all with `oldest_cursor`, the last two
  // with `newest_cursor` too).
  absl::StatusOr<NoticePage> Page(uint64_t after, size_t limit);
  // One, if it is kept.
  absl::StatusOr<std::optional<NoticeRecord>> Find(const NoticeKey& key);

 private:
  explicit NoticeReader(sql::Database db);
  absl::Status CheckCursor(uint64_t after, const NoticeBounds& bounds);
  sql::Database db_;
  sql::Statement bounds_, mark_, list_, find_;
};

// Takes old notices out of the outbox: rarely, in short transactions of its own. (An erasure
// changes their candidate, in its own; see ../privacy.) One connection; one thread at a time.
// Errors: those of sql::Statement::Step.
class NoticeKeeper {
 public:
  // Errors: as above.
  static absl::StatusOr<std::unique_ptr<NoticeKeeper>> Open(
      const std::string& location, const std::string& schema = kPostgresSchema);

  // Takes out the oldest ones, at most `limit`, as far as all of them were written before `before`;
  // gives how many. The floor rises with them.
  absl::StatusOr<size_t> Prune(Time before, size_t limit);

 private:
  explicit NoticeKeeper(sql::Database db);
  absl::StatusOr<size_t> PruneOnce(Time before, size_t limit);
  sql::Database db_;
  sql::Statement oldest_, prune_, raise_;
};

}  // namespace invigil::session
