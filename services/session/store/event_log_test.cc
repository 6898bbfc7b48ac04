// What every implementation of EventLog must do.
#include "services/session/store/event_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/ids.h"
#include "common/error/error.h"
#include "common/testing/temp_dir.h"
#include "services/session/domain/apply.h"
#include "services/session/domain/decide.h"
#include "services/session/domain/fixtures_for_test.h"
#include "services/session/store/sqlite_event_log.h"

namespace invigil::session {
namespace {

using fixtures::kBase;
using fixtures::kStart;

class EventLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    log_ = Open();
    reader_ = *OpenSqliteEventLogReader(dir_.Path("s.db"));
  }
  std::unique_ptr<EventLog> Open() { return *OpenSqliteEventLog(dir_.Path("s.db")); }
  static SessionId NewSession() { return *SessionId::FromHex(NewId(kStart)); }

  // Decides, applies and appends, as the engine does.
  absl::Status Do(EventLog& log, const SessionId& id, State& state, Action action,
                  Time now = kStart) {
    const Decision decision = Decide(state, fixtures::Do(std::move(action)), now);
    for (const Event& event : decision.events) {
      INVIGIL_RETURN_IF_ERROR(Apply(state, event, decision.at));
    }
    INVIGIL_RETURN_IF_ERROR(log.Append(id, decision.events, decision.at, state));
    return decision.status;
  }
  State Activate(const SessionId& id, const std::string& candidate, Duration base = kBase) {
    State state;
    EXPECT_TRUE(log_->Begin().ok());
    EXPECT_TRUE(Do(*log_, id, state, Reserve{{candidate, "CLF-C02", "r-" + id.ToHex()}}).ok());
    EXPECT_TRUE(Do(*log_, id, state, Start{fixtures::MakeForm(5, base)}).ok());
    EXPECT_TRUE(log_->Commit().ok());
    return state;
  }
  static State Replay(EventLog& log, const SessionId& id) {
    State state;
    EXPECT_TRUE(log.Begin().ok());
    EXPECT_TRUE(log.Read(id, 0,
                         [&](uint64_t seq, Time at, const Event& event) {
                           EXPECT_EQ(seq, state.version + 1);
                           return Apply(state, event, at);
                         })
                    .ok());
    log.Rollback();
    return state;
  }

  testing::TempDir dir_;
  std::unique_ptr<EventLog> log_;
  std::unique_ptr<EventLogReader> reader_;
};

TEST_F(EventLogTest, ReplaysToTheSameStateAfterReopening) {
  const SessionId id = NewSession();
  State state = Activate(id, "ann");
  ASSERT_TRUE(log_->Begin().ok());
  ASSERT_TRUE(Do(*log_, id, state, fixtures::Save(1, {fixtures::Write(0, 1, {"B"})})).ok());
  ASSERT_TRUE(Do(*log_, id, state, TakeOver{}).ok());
  ASSERT_TRUE(Do(*log_, id, state, GrantTime{{"g", Minutes(5)}, "p", "r"}).ok());
  ASSERT_TRUE(Do(*log_, id, state, Submit{2, {}}).ok());
  ASSERT_TRUE(log_->Commit().ok());
  log_.reset();
  EXPECT_EQ(Replay(*Open(), id), state);
}

TEST_F(EventLogTest, RollbackLeavesNoTrace) {
  const SessionId id = NewSession();
  State state;
  ASSERT_TRUE(log_->Begin().ok());
  ASSERT_TRUE(Do(*log_, id, state, Reserve{{"ann", "CLF-C02", "r"}}).ok());
  ASSERT_TRUE(log_->PutContent("c", "text").ok());
  log_->Rollback();
  log_->Rollback();  // again is harmless
  EXPECT_EQ(Replay(*log_, id).version, 0u);
  ASSERT_TRUE(log_->Begin().ok());
  EXPECT_EQ(*log_->FindStart("ann", "r"), std::nullopt);
  EXPECT_EQ(*log_->GetContent("c"), std::nullopt);
}

TEST_F(EventLogTest, ATakenSequenceIsALostRace) {
  const SessionId id = NewSession();
  const State base = Activate(id, "ann");
  auto other = Open();
  State mine = base, theirs = base;
  ASSERT_TRUE(other->Begin().ok());
  ASSERT_TRUE(Do(*other, id, theirs, TakeOver{}).ok());
  ASSERT_TRUE(other->Commit().ok());
  ASSERT_TRUE(log_->Begin().ok());
  EXPECT_EQ(Do(*log_, id, mine, TakeOver{}).code(), absl::StatusCode::kAlreadyExists);
  log_->Rollback();
  EXPECT_EQ(Replay(*log_, id), theirs);
}

TEST_F(EventLogTest, OneLiveSessionOfACandidateAndExam) {
  const SessionId first = NewSession(), second = NewSession(), third = NewSession();
  State state = Activate(first, "ann"), other;
  ASSERT_TRUE(log_->Begin().ok());
  EXPECT_EQ(Do(*log_, second, other, Reserve{{"ann", "CLF-C02", "r2"}}).code(),
            absl::StatusCode::kAlreadyExists);
  log_->Rollback();
  ASSERT_TRUE(log_->Begin().ok());
  EXPECT_EQ(*log_->FindLive("ann", "CLF-C02"), first);
  EXPECT_EQ(*log_->FindLive("ann", "SAA-C03"), std::nullopt);
  EXPECT_EQ(*log_->FindStart("ann", "r-" + first.ToHex()), first);
  ASSERT_TRUE(Do(*log_, first, state, Submit{1, {}}).ok());
  EXPECT_EQ(*log_->FindLive("ann", "CLF-C02"), std::nullopt);
  State next;
  EXPECT_TRUE(Do(*log_, third, next, Reserve{{"ann", "CLF-C02", "r3"}}).ok());
  EXPECT_EQ(log_->RememberStart("ann", "r3", first).code(), absl::StatusCode::kAlreadyExists);
  log_->Rollback();
}

TEST_F(EventLogTest, GenerationMovesWhenAnotherWrites) {
  const SessionId id = NewSession();
  State state = Activate(id, "ann");
  const auto generation = [&] {
    EXPECT_TRUE(log_->Begin().ok());
    const uint64_t g = log_->Generation();
    EXPECT_TRUE(log_->Commit().ok());
    return g;
  };
  const uint64_t before = generation();
  ASSERT_TRUE(log_->Begin().ok());
  ASSERT_TRUE(Do(*log_, id, state, TakeOver{}).ok());
  ASSERT_TRUE(log_->Commit().ok());
  EXPECT_EQ(generation(), before) << "one's own commits change nothing";
  auto other = Open();
  State theirs = state;
  ASSERT_TRUE(other->Begin().ok());
  ASSERT_TRUE(Do(*other, id, theirs, TakeOver{}).ok());
  ASSERT_TRUE(other->Commit().ok());
  EXPECT_NE(generation(), before);
}

TEST_F(EventLogTest, ListsRunningSessionsByDeadline) {
  std::vector<SessionId> ids;
  for (int i = 0; i < 5; ++i) {
    ids.push_back(NewSession());
    Activate(ids.back(), "c" + std::to_string(i), Minutes(i == 0 ? 50 : 10 * i));
  }
  const auto due = *reader_->ListScheduled(std::nullopt, kStart + Minutes(40), 10);
  ASSERT_EQ(due.size(), 4u);  // 10, 20, 30 and 40 minutes; not 50
  EXPECT_EQ(due[0].session, ids[1]);
  EXPECT_EQ(due[3].deadline, kStart + Minutes(40));
  std::vector<SessionId> paged;
  for (std::optional<Scheduled> after;;) {
    const auto page = *reader_->ListScheduled(after, kStart + Minutes(60), 2);
    if (page.empty()) break;
    for (const auto& entry : page) paged.push_back(entry.session);
    after = page.back();
  }
  EXPECT_EQ(paged, (std::vector<SessionId>{ids[1], ids[2], ids[3], ids[4], ids[0]}));
}

TEST_F(EventLogTest, TheOutboxHoldsSealsUntilTheyAreScored) {
  const SessionId scored = NewSession(), voided = NewSession(), delivered = NewSession();
  const SessionId late = NewSession();
  State a = Activate(scored, "a"), b = Activate(voided, "b"), c = Activate(delivered, "c");
  State d = Activate(late, "d");
  EXPECT_TRUE(reader_->ListOutbox(std::nullopt, 10)->empty());
  ASSERT_TRUE(log_->Begin().ok());
  ASSERT_TRUE(Do(*log_, scored, a, Submit{1, {}}, kStart + Minutes(1)).ok());
  ASSERT_TRUE(Do(*log_, voided, b, Submit{1, {}}, kStart + Minutes(2)).ok());
  ASSERT_TRUE(Do(*log_, delivered, c, Submit{1, {}}, kStart + Minutes(3)).ok());
  EXPECT_TRUE(reader_->ListOutbox(std::nullopt, 10)->empty()) << "not before the commit";
  ASSERT_TRUE(log_->Commit().ok());
  const auto first = *reader_->ListOutbox(std::nullopt, 2);
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0].session, scored);
  EXPECT_EQ(first[0].attempt_version, 1u);
  const auto rest = *reader_->ListOutbox(first[1], 2);
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest[0].session, delivered);

  ASSERT_TRUE(log_->Begin().ok());
  const auto report = std::make_shared<const std::string>("r");
  ASSERT_TRUE(Do(*log_, scored, a, RecordScore{1, report, true}).ok());
  ASSERT_TRUE(Do(*log_, voided, b, Void{"x"}).ok());
  ASSERT_TRUE(log_->DeleteOutbox(delivered, 1).ok());
  // Sealed and scored in one append: nothing stays behind.
  ASSERT_TRUE(Do(*log_, late, d, RecordScore{1, report, true}, kStart + kBase).ok());
  ASSERT_TRUE(log_->Commit().ok());
  EXPECT_TRUE(reader_->ListOutbox(std::nullopt, 10)->empty());
  EXPECT_EQ(Replay(*log_, late).state, SessionState::kReleased);
  EXPECT_TRUE(reader_->ListScheduled(std::nullopt, kStart + kBase, 10)->empty());
}

TEST_F(EventLogTest, ContentsAreImmutable) {
  ASSERT_TRUE(log_->Begin().ok());
  ASSERT_TRUE(log_->PutContent("c", std::string("a\0b", 3)).ok());
  ASSERT_TRUE(log_->PutContent("c", "other").ok());
  EXPECT_EQ(*log_->GetContent("c"), std::string("a\0b", 3));
  ASSERT_TRUE(log_->Commit().ok());
}

TEST_F(EventLogTest, VisitorErrorsArePassedOn) {
  const SessionId id = NewSession();
  const State state = Activate(id, "ann");
  ASSERT_TRUE(log_->Begin().ok());
  int visits = 0;
  const absl::Status status = log_->Read(id, 0, [&](uint64_t, Time, const Event&) {
    ++visits;
    return absl::CancelledError("enough");
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(visits, 1);
  log_->Rollback();
  EXPECT_EQ(Replay(*log_, id), state);
}

}  // namespace
}  // namespace invigil::session
