// What the outbox must do on every store.
#include "services/session/events/notice_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "common/error/error.h"
#include "services/session/domain/apply.h"
#include "services/session/domain/decide.h"
#include "services/session/domain/fixtures_for_test.h"
#include "services/session/events/cursor.h"
#include "services/session/events/stores_for_test.h"

namespace invigil::session {
namespace {

using fixtures::kBase;
using fixtures::kStart;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class NoticeReaderTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    log_ = store_.OpenLog();
    reader_ = store_.OpenNotices();
  }
  static SessionId NewSession() { return *SessionId::FromHex(NewId(kStart)); }
  // As the engine does it: one event at a time.
  static absl::Status Append(EventLog& log, const SessionId& id, State& state, Action action,
                             Time now = kStart) {
    const Decision decision = Decide(state, Command{"", std::move(action)}, now);
    for (const Event& event : decision.events) {
      INVIGIL_RETURN_IF_ERROR(Apply(state, event, decision.at));
      INVIGIL_RETURN_IF_ERROR(log.Append(id, {event}, decision.at, state));
    }
    return decision.status;
  }
  void Do(const SessionId& id, State& state, Action action, Time now = kStart) {
    ASSERT_TRUE(log_->Begin().ok());
    ASSERT_TRUE(Append(*log_, id, state, std::move(action), now).ok());
    ASSERT_TRUE(log_->Commit().ok());
  }
  State Activate(const SessionId& id, const std::string& candidate, Time now = kStart) {
    State state;
    Do(id, state, Reserve{{candidate, "CLF-C02", "r-" + id.ToHex()}}, now);
    Do(id, state, Start{fixtures::MakeForm(5)}, now);
    return state;
  }
  static std::vector<std::string> Names(const std::vector<NoticeRecord>& records) {
    std::vector<std::string> names;
    for (const NoticeRecord& record : records) names.emplace_back(NoticeName(record.notice.kind));
    return names;
  }
  std::vector<NoticeRecord> All() {
    auto page = reader_->Page(0, 10'000);
    EXPECT_TRUE(page.ok()) << page.status();
    return page.ok() ? page->records : std::vector<NoticeRecord>();
  }

  EventsTestStore store_{GetParam()};
  std::unique_ptr<EventLog> log_;
  std::unique_ptr<NoticeReader> reader_;
};

TEST_P(NoticeReaderTest, WhatIsReadIsWhatWasWritten) {
  EXPECT_THAT(All(), IsEmpty());
  const SessionId id = NewSession();
  State state = Activate(id, "ann");
  Do(id, state, fixtures::Save(1, {fixtures::Write(0, 1, {"B"})}));
  Do(id, state, Submit{1, {}}, kStart + Minutes(2));
  Do(id, state,
     RecordScore{.score_version = 1,
                 .report = std::make_shared<const std::string>("the report"),
                 .release = true});
  const auto all = All();
  ASSERT_THAT(Names(all), ElementsAre("STARTED", "SUBMITTED", "SCORED", "RELEASED"));
  uint64_t last = 0;
  for (const NoticeRecord& record : all) {
    EXPECT_GT(record.notice.n, last);
    last = record.notice.n;
    EXPECT_EQ(record.notice.session, id);
    EXPECT_EQ(record.notice.candidate_id, "ann");
    EXPECT_EQ(record.notice.exam_id, "CLF-C02");
    EXPECT_EQ(record.notice.exam_version, 1u);
    EXPECT_EQ(record.report != nullptr, record.notice.has_result());
  }
  EXPECT_EQ(all[1].notice.occurred_at, kStart + Minutes(2));
  EXPECT_EQ(all[2].notice.score_version, 1u);
  EXPECT_EQ(*all[2].report, "the report");
  const auto found = reader_->Find({id, all[2].notice.seq});
  ASSERT_TRUE(found.ok() && *found) << found.status();
  EXPECT_EQ((*found)->notice.n, all[2].notice.n);
  EXPECT_EQ(*(*found)->report, "the report");
  EXPECT_EQ(*reader_->Find({id, 1}), std::nullopt);
}

TEST_P(NoticeReaderTest, SavesLeaveNothingButTheHeadWhereItWas) {
  const SessionId id = NewSession();
  State state = Activate(id, "ann");
  const auto before = *reader_->ReadBounds();
  for (uint32_t i = 1; i <= 5; ++i) {
    Do(id, state, fixtures::Save(1, {fixtures::Write(0, i, {"B"})}));
  }
  EXPECT_EQ(reader_->ReadBounds()->head, before.head);
  EXPECT_THAT(Names(All()), ElementsAre("STARTED"));
}

TEST_P(NoticeReaderTest, WhatIsTakenBackIsNeverTold) {
  const SessionId id = NewSession();
  State state = Activate(id, "ann");
  State copy = state;
  ASSERT_TRUE(log_->Begin().ok());
  ASSERT_TRUE(Append(*log_, id, copy, Submit{1, {}}).ok());
  log_->Rollback();
  EXPECT_THAT(Names(All()), ElementsAre("STARTED"));
  Do(id, state, Terminate{"p", "r"});
  EXPECT_THAT(Names(All()), ElementsAre("STARTED", "TERMINATED"));
}

TEST_P(NoticeReaderTest, PagesFollowEachOther) {
  for (int i = 0; i < 5; ++i) Activate(NewSession(), "c" + std::to_string(i));
  std::vector<std::string> candidates;
  uint64_t cursor = 0;
  for (bool more = true; more;) {
    const auto page = reader_->Page(cursor, 2);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const auto& record : page->records) candidates.push_back(record.notice.candidate_id);
    cursor = page->cursor;
    more = page->more;
  }
  EXPECT_THAT(candidates, ElementsAre("c0", "c1", "c2", "c3", "c4"));
  EXPECT_EQ(cursor, reader_->ReadBounds()->head);
  const auto none = reader_->Page(cursor, 2);
  ASSERT_TRUE(none.ok());
  EXPECT_THAT(none->records, IsEmpty());
  EXPECT_EQ(none->cursor, cursor);
  const auto ahead = reader_->Page(CursorAt(ParseCursor(cursor).n + 1, ""), 2);
  EXPECT_EQ(ahead.status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(ReasonOf(ahead.status()), "CURSOR_AHEAD");
}

TEST_P(NoticeReaderTest, PruningRaisesTheFloorAndSaysSo) {
  auto keeper = store_.OpenKeeper();
  EXPECT_EQ(*keeper->Prune(kStart + Minutes(90), 100), 0u);
  Activate(NewSession(), "ann");
  Activate(NewSession(), "bob", kStart + Minutes(60));
  Activate(NewSession(), "old", kStart);  // by a clock that is behind
  const auto all = All();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(*keeper->Prune(kStart, 100), 0u);
  EXPECT_EQ(*keeper->Prune(kStart + Minutes(30), 100), 1u);
  EXPECT_EQ(*keeper->Prune(kStart + Minutes(30), 100), 0u);
  EXPECT_EQ(reader_->ReadBounds()->floor, all[0].notice.n);
  const auto late = reader_->Page(0, 10);
  EXPECT_EQ(late.status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(ReasonOf(late.status()), "CURSOR_PRUNED");
  const auto view = ViewError(late.status());
  ASSERT_EQ(view.metadata.size(), 1u);
  EXPECT_EQ(view.metadata[0].first, "oldest_cursor");
  EXPECT_EQ(view.metadata[0].second, std::to_string(all[0].notice.n));
  EXPECT_EQ(reader_->Page(all[0].notice.n, 10)->records.size(), 2u);
  EXPECT_EQ(*keeper->Prune(kStart + Minutes(90), 1), 1u);
  EXPECT_EQ(*keeper->Prune(kStart + Minutes(90), 5), 1u);
}

// Numbers are given again, to other events: a cursor from before must not pass over them.
TEST_P(NoticeReaderTest, ACursorOfALostHistoryNamesNothingElse) {
  Activate(NewSession(), "ann");
  const uint64_t kept = reader_->ReadBounds()->head;
  const SessionId lost = NewSession();
  Activate(lost, "bob");
  const auto before = All();
  ASSERT_EQ(before.size(), 2u);
  const uint64_t cursor = before[1].notice.n;
  ASSERT_TRUE(reader_->Page(cursor, 10).ok());
  store_.Execute(CutJournal(ParseCursor(kept).n));
  const auto ahead = reader_->Page(cursor, 10).status();
  EXPECT_EQ(ReasonOf(ahead), "CURSOR_AHEAD");
  // It goes on, with another candidate in the same place.
  Activate(NewSession(), "cat");
  Activate(NewSession(), "dan");
  const auto after = All();
  ASSERT_EQ(after.size(), 3u);
  EXPECT_EQ(after[0].notice.n, before[0].notice.n);
  EXPECT_EQ(ParseCursor(after[1].notice.n).n, ParseCursor(cursor).n);
  EXPECT_NE(after[1].notice.n, cursor);
  const auto stale = reader_->Page(cursor, 10).status();
  EXPECT_EQ(stale.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(ReasonOf(stale), "CURSOR_STALE");
  const auto view = ViewError(stale);
  ASSERT_EQ(view.metadata.size(), 2u);
  EXPECT_EQ(view.metadata[0].first, "newest_cursor");
  EXPECT_EQ(view.metadata[0].second, std::to_string(after[2].notice.n));
  EXPECT_EQ(view.metadata[1].first, "oldest_cursor");
  EXPECT_EQ(reader_->Page(std::stoull(view.metadata[1].second), 10)->records.size(), 3u);
  // Older ones still tell where to go on.
  EXPECT_EQ(reader_->Page(kept, 10)->records.size(), 2u);
  EXPECT_EQ(reader_->Page(ParseCursor(kept).n, 10)->records.size(), 2u) << "of the first release";
}

// Whoever has seen a cursor must have seen all before it, however many replicas commit at once.
TEST_P(NoticeReaderTest, NoReaderPassesOverWhatCommitsLater) {
  constexpr int kWriters = 3, kSessions = 25;
  std::atomic<int> left{kWriters};
  std::vector<std::thread> writers;
  std::vector<std::unique_ptr<EventLog>> logs;
  for (int w = 0; w < kWriters; ++w) logs.push_back(store_.OpenLog());
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      for (int k = 0; k < kSessions; ++k) {
        const SessionId id = NewSession();
        // A transaction that lost a race is done again, as the engine does.
        for (absl::Status status = absl::AbortedError("not yet"); !status.ok();) {
          State state;
          status = logs[w]->Begin();
          const std::string who = std::to_string(w) + "-" + std::to_string(k);
          if (status.ok()) status = Append(*logs[w], id, state, Reserve{{who, "CLF-C02", "r"}});
          if (status.ok()) status = Append(*logs[w], id, state, Start{fixtures::MakeForm(5)});
          if (status.ok()) status = Append(*logs[w], id, state, Submit{1, {}});
          if (status.ok()) status = logs[w]->Commit();
          if (!status.ok()) logs[w]->Rollback();
        }
      }
      --left;
    });
  }
  std::map<SessionId, std::vector<std::string>> seen;
  uint64_t cursor = 0;
  for (bool last = false; !last;) {
    last = left == 0;  // before the look
    for (bool more = true; more;) {
      const auto page = reader_->Page(cursor, 7);
      ASSERT_TRUE(page.ok()) << page.status();
      for (const auto& record : page->records) {
        seen[record.notice.session].emplace_back(NoticeName(record.notice.kind));
      }
      cursor = page->cursor;
      more = page->more;
    }
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(seen.size(), size_t{kWriters * kSessions});
  for (const auto& [session, names] : seen) {
    EXPECT_THAT(names, ElementsAre("STARTED", "SUBMITTED")) << session.ToHex();
  }
}

INSTANTIATE_TEST_SUITE_P(Stores, NoticeReaderTest, kTestStores, TestStore::Name);

// A file of the release before: the journal has rows, and nobody was ever told.
TEST(NoticeMigrationTest, AnOlderStoreOpensAndBeginsAtItsHead) {
  const testing::TempDir dir;
  const std::string path = dir.Path("s.db");
  {
    auto db = *sql::Database::Open(path);
    auto steps = SqliteSchema();
    steps.resize(3);
    ASSERT_TRUE(db.Migrate(steps).ok());
    ASSERT_TRUE(db.Execute("UPDATE journal_head SET n=41").ok());
  }
  auto log = *OpenSqliteEventLog(path);
  auto reader = *NoticeReader::Open(path);
  EXPECT_EQ(ParseCursor(reader->ReadBounds()->floor), (Cursor{41, 0}));
  EXPECT_EQ(ParseCursor(reader->ReadBounds()->head).n, 41u);
  EXPECT_TRUE(reader->Page(reader->ReadBounds()->head, 10)->records.empty());
  EXPECT_EQ(ReasonOf(reader->Page(40, 10).status()), "CURSOR_PRUNED");
  EXPECT_TRUE(reader->Page(41, 10)->records.empty());
}

}  // namespace
}  // namespace invigil::session
