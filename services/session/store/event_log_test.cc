// What every implementation of EventLog must do.
#include "services/session/store/event_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "common/base/ids.h"
#include "common/error/error.h"
#include "services/session/domain/apply.h"
#include "services/session/domain/clock.h"
#include "services/session/domain/decide.h"
#include "services/session/domain/fixtures_for_test.h"
#include "services/session/store/stores_for_test.h"

namespace invigil::session {
namespace {

using fixtures::kBase;
using fixtures::kStart;

class EventLogTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    log_ = Open();
    reader_ = store_.OpenReader();
  }
  std::unique_ptr<EventLog> Open() { return store_.OpenLog(); }
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

  // How a transaction ends whose last change was answered with `status`: with that, or at Commit.
  static absl::Status EndOf(EventLog& log, const absl::Status& status) {
    absl::Status end = status.ok() ? log.Commit() : status;
    if (!end.ok()) log.Rollback();
    return end;
  }

  TestStore store_{GetParam()};
  std::unique_ptr<EventLog> log_;
  std::unique_ptr<EventLogReader> reader_;
};

TEST_P(EventLogTest, ReplaysToTheSameStateAfterReopening) {
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

TEST_P(EventLogTest, RollbackLeavesNoTrace) {
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

TEST_P(EventLogTest, ATakenSequenceIsALostRace) {
  const SessionId id = NewSession();
  const State base = Activate(id, "ann");
  auto other = Open();
  State mine = base, theirs = base;
  ASSERT_TRUE(other->Begin().ok());
  ASSERT_TRUE(Do(*other, id, theirs, TakeOver{}).ok());
  ASSERT_TRUE(other->Commit().ok());
  ASSERT_TRUE(log_->Begin().ok());
  EXPECT_EQ(EndOf(*log_, Do(*log_, id, mine, TakeOver{})).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Replay(*log_, id), theirs);
}

TEST_P(EventLogTest, OneLiveSessionOfACandidateAndExam) {
  const SessionId first = NewSession(), second = NewSession(), third = NewSession();
  State state = Activate(first, "ann"), other;
  ASSERT_TRUE(log_->Begin().ok());
  EXPECT_EQ(EndOf(*log_, Do(*log_, second, other, Reserve{{"ann", "CLF-C02", "r2"}})).code(),
            absl::StatusCode::kAlreadyExists);
  ASSERT_TRUE(log_->Begin().ok());
  EXPECT_EQ(*log_->FindLive("ann", "CLF-C02"), first);
  EXPECT_EQ(*log_->FindLive("ann", "SAA-C03"), std::nullopt);
  EXPECT_EQ(*log_->FindStart("ann", "r-" + first.ToHex()), first);
  ASSERT_TRUE(Do(*log_, first, state, Submit{1, {}}).ok());
  EXPECT_EQ(*log_->FindLive("ann", "CLF-C02"), std::nullopt);
  State next;
  EXPECT_TRUE(Do(*log_, third, next, Reserve{{"ann", "CLF-C02", "r3"}}).ok());
  EXPECT_EQ(EndOf(*log_, log_->RememberStart("ann", "r3", first)).code(),
            absl::StatusCode::kAlreadyExists);
}

// A candidate's next session begins in the transaction that ends the one before.
TEST_P(EventLogTest, OneEndsAndTheNextBeginsTogether) {
  const SessionId first = NewSession(), next = NewSession();
  State state = Activate(first, "ann"), other;
  ASSERT_TRUE(log_->Begin().ok());
  ASSERT_TRUE(Do(*log_, first, state, Submit{1, {}}).ok());
  ASSERT_TRUE(Do(*log_, next, other, Reserve{{"ann", "CLF-C02", "r2"}}).ok());
  ASSERT_TRUE(log_->Commit().ok());
  ASSERT_TRUE(log_->Begin().ok());
  EXPECT_EQ(*log_->FindLive("ann", "CLF-C02"), next);
  log_->Rollback();
}

// What is known from before may be used again unless the store says otherwise: by Generation, or at
// Commit.
TEST_P(EventLogTest, KnowledgeThatAnotherOutdatedIsRefused) {
  const SessionId id = NewSession(), calm = NewSession();
  State state = Activate(id, "ann");
  const State still = Activate(calm, "bob");
  const auto use = [&](const SessionId& session, uint64_t version, uint64_t known) {
    EXPECT_TRUE(log_->Begin().ok());
    if (log_->Generation() != known) {
      log_->Rollback();
      return absl::AlreadyExistsError("told by the generation");
    }
    log_->Rely(session, version);
    return EndOf(*log_, absl::OkStatus());
  };
  const auto generation = [&] {
    EXPECT_TRUE(log_->Begin().ok());
    const uint64_t now = log_->Generation();
    log_->Rollback();
    return now;
  };
  const uint64_t before = generation();
  EXPECT_TRUE(use(id, state.version, before).ok());
  ASSERT_TRUE(log_->Begin().ok());
  ASSERT_TRUE(Do(*log_, id, state, TakeOver{}).ok());
  ASSERT_TRUE(log_->Commit().ok());
  EXPECT_EQ(generation(), before) << "one's own commits change nothing";
  EXPECT_TRUE(use(id, state.version, before).ok());

  auto other = Open();
  State theirs = state;
  ASSERT_TRUE(other->Begin().ok());
  ASSERT_TRUE(Do(*other, id, theirs, TakeOver{}).ok());
  ASSERT_TRUE(other->Commit().ok());
  EXPECT_EQ(use(id, state.version, before).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(use(id, theirs.version, generation()).ok()) << "what is read anew is good";
  EXPECT_TRUE(use(calm, still.version, generation()).ok());
}

// Replicas that fold, decide and append against each other: every event is there, none twice.
TEST_P(EventLogTest, ConcurrentWritersLoseNothing) {
  constexpr int kWriters = 3, kEach = 30;
  const SessionId ids[] = {NewSession(), NewSession()};
  const State begun[] = {Activate(ids[0], "a"), Activate(ids[1], "b")};
  std::vector<std::thread> threads;
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back([&, w] {
      const auto log = Open();
      for (int i = 0; i < kEach;) {
        ASSERT_TRUE(log->Begin().ok());
        absl::Status status;
        for (const int k : {w % 2, 1 - w % 2}) {  // in either order
          State state;
          if (status.ok()) {
            status = log->Read(ids[k], 0, [&](uint64_t, Time at, const Event& event) {
              return Apply(state, event, at);
            });
          }
          if (status.ok()) status = Do(*log, ids[k], state, TakeOver{});
        }
        status = EndOf(*log, status);
        ASSERT_TRUE(status.ok() || status.code() == absl::StatusCode::kAlreadyExists) << status;
        if (status.ok()) ++i;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int k : {0, 1}) {
    const State state = Replay(*log_, ids[k]);
    EXPECT_EQ(state.epoch, 1u + kWriters * kEach);
    EXPECT_EQ(state.version, begun[k].version + kWriters * kEach);
  }
}

TEST_P(EventLogTest, ListsRunningSessionsByDeadline) {
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

TEST_P(EventLogTest, TheOutboxHoldsSealsUntilTheyAreScored) {
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

TEST_P(EventLogTest, APauseIsNeverDueAndAReopenedSessionIsLiveAgain) {
  const SessionId id = NewSession();
  State state = Activate(id, "ann");
  const auto in_one = [&](std::vector<Action> actions, Time now) {
    ASSERT_TRUE(log_->Begin().ok());
    for (Action& action : actions) ASSERT_TRUE(Do(*log_, id, state, std::move(action), now).ok());
    ASSERT_TRUE(log_->Commit().ok());
  };
  const auto due = [&] {
    const auto list = *reader_->ListScheduled(std::nullopt, kStart + kBase * 3, 10);
    return list.empty() ? std::optional<Time>() : list[0].deadline;
  };
  EXPECT_EQ(due(), kStart + kBase);
  in_one({Pause{"p", "r"}}, kStart + Minutes(1));
  EXPECT_EQ(due(), std::nullopt);
  in_one({Resume{"p", "r"}}, kStart + Minutes(4));
  EXPECT_EQ(due(), kStart + kBase + Minutes(3));

  const Time end = kStart + Minutes(5);
  in_one({Submit{1, {}}}, end);
  EXPECT_EQ(due(), std::nullopt);
  in_one({Reopen{{"g", Minutes(2)}, "p", "r"}}, end + Minutes(1));
  EXPECT_TRUE(reader_->ListOutbox(std::nullopt, 10)->empty()) << "nothing to score meanwhile";
  ASSERT_TRUE(due().has_value());
  EXPECT_EQ(due(), DueTime(state));
  ASSERT_TRUE(log_->Begin().ok());
  EXPECT_EQ(*log_->FindLive("ann", "CLF-C02"), id);
  log_->Rollback();

  in_one({Submit{2, {}}}, end + Minutes(2));
  const auto again = *reader_->ListOutbox(std::nullopt, 10);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].attempt_version, 2u);
  in_one({RecoverResponses{"rec", "p", "r", {fixtures::Write(0, 1, {"B"})}}}, end + Minutes(3));
  const auto recovered = *reader_->ListOutbox(std::nullopt, 10);
  ASSERT_EQ(recovered.size(), 1u) << "in place of the seal before";
  EXPECT_EQ(recovered[0].attempt_version, 3u);
  EXPECT_EQ(Replay(*log_, id), state);
}

TEST_P(EventLogTest, AClaimedDiagnosticBelongsToTheAccount) {
  const SessionId id = NewSession(), other = NewSession();
  State state, fresh;
  ASSERT_TRUE(log_->Begin().ok());
  ASSERT_TRUE(Do(*log_, id, state, Reserve{{"anon", "EX", "r", SessionKind::kDiagnostic}}).ok());
  ASSERT_TRUE(Do(*log_, id, state, Start{fixtures::MakeForm(5, kBase)}).ok());
  ASSERT_TRUE(Do(*log_, id, state, Submit{1, {}}).ok());
  ASSERT_TRUE(Do(*log_, id, state, Claim{"ann"}).ok());
  // Nobody is in the way of another start, under either name.
  ASSERT_TRUE(Do(*log_, other, fresh, Reserve{{"ann", "EX", "r2"}}).ok());
  ASSERT_TRUE(log_->Commit().ok());
  ASSERT_TRUE(log_->Begin().ok());
  EXPECT_EQ(*log_->FindLive("anon", "EX"), std::nullopt);
  EXPECT_EQ(*log_->FindLive("ann", "EX"), other);
  EXPECT_EQ(*log_->FindStart("anon", "r"), id);
  log_->Rollback();
  EXPECT_EQ(Replay(*log_, id).identity->candidate_id, "ann");
}

TEST_P(EventLogTest, ContentsAreImmutable) {
  ASSERT_TRUE(log_->Begin().ok());
  ASSERT_TRUE(log_->PutContent("c", std::string("a\0b", 3)).ok());
  ASSERT_TRUE(log_->PutContent("c", "other").ok());
  EXPECT_EQ(*log_->GetContent("c"), std::string("a\0b", 3));
  ASSERT_TRUE(log_->Commit().ok());
}

TEST_P(EventLogTest, VisitorErrorsArePassedOn) {
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

TEST_P(EventLogTest, SessionsAreListedForTheStaff) {
  std::vector<SessionId> ids;
  for (const char* name : {"carl", "ann", "bob"}) {
    ids.push_back(NewSession());
    Activate(ids.back(), name);
  }
  std::vector<std::string> names;
  const auto live = *reader_->ListLive("", "", 2);
  for (const SessionRow& row : live) names.push_back(row.candidate_id);
  EXPECT_EQ(names, (std::vector<std::string>{"ann", "bob"}));
  const auto rest = *reader_->ListLive("bob", "CLF-C02", 2);
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest[0].session, ids[0]);
  EXPECT_EQ(rest[0].exam_id, "CLF-C02");
  EXPECT_EQ(rest[0].state, SessionState::kActive);

  State ann = Replay(*log_, ids[1]);
  EXPECT_EQ(reader_->ListLive("", "", 1)->at(0).version, ann.version);
  ASSERT_TRUE(log_->Begin().ok());
  ASSERT_TRUE(Do(*log_, ids[1], ann, Submit{1, {}}).ok());
  ASSERT_TRUE(log_->Commit().ok());
  EXPECT_EQ(reader_->ListLive("", "", 9)->size(), 2u);
  const auto mine = *reader_->ListOfCandidate("ann", 9);
  ASSERT_EQ(mine.size(), 1u);
  EXPECT_EQ(mine[0].state, SessionState::kSubmitted);
  EXPECT_TRUE(reader_->ListOfCandidate("nobody", 9)->empty());

  // Newest first; ids of one moment are in no order but their own.
  std::sort(ids.begin(), ids.end(),
            [](const SessionId& a, const SessionId& b) { return a.bytes() > b.bytes(); });
  std::vector<SessionId> newest;
  const auto page = *reader_->ListNewest(std::nullopt, 2);
  for (const SessionRow& row : page) newest.push_back(row.session);
  EXPECT_EQ(newest, (std::vector<SessionId>{ids[0], ids[1]}));
  EXPECT_EQ(reader_->ListNewest(ids[1], 2)->at(0).session, ids[2]);

  State read;
  EXPECT_TRUE(reader_
                  ->ReadLog(mine[0].session,
                            [&](uint64_t seq, Time at, const Event& event) {
                              EXPECT_EQ(seq, read.version + 1);
                              return Apply(read, event, at);
                            })
                  .ok());
  EXPECT_EQ(read, ann);
  const auto stop = [](uint64_t, Time, const Event&) { return absl::CancelledError("enough"); };
  EXPECT_EQ(reader_->ReadLog(mine[0].session, stop).code(), absl::StatusCode::kCancelled);
}

INSTANTIATE_TEST_SUITE_P(Stores, EventLogTest, kTestStores, TestStore::Name);

// Only PostgreSQL lets two transactions be open at once.
class OpenTransactionsTest : public EventLogTest {};

TEST_P(OpenTransactionsTest, ASaveDecidedBeforeASealIsNotAcknowledgedAfterIt) {
  const SessionId id = NewSession();
  const State base = Activate(id, "ann");
  auto other = Open();
  State saved = base, sealed = base;
  ASSERT_TRUE(log_->Begin().ok());
  log_->Rely(id, base.version);
  ASSERT_TRUE(Do(*log_, id, saved, fixtures::Save(1, {fixtures::Write(0, 1, {"B"})})).ok());
  ASSERT_TRUE(other->Begin().ok());
  ASSERT_TRUE(Do(*other, id, sealed, Submit{1, {}}).ok());
  ASSERT_TRUE(other->Commit().ok());
  EXPECT_EQ(log_->Commit().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Replay(*log_, id), sealed);
}

TEST_P(OpenTransactionsTest, ARefusalThatRestsOnOldKnowledgeTakesTheRestAlong) {
  const SessionId id = NewSession(), bystander = NewSession();
  const State base = Activate(id, "ann");
  State theirs = base, beside = Activate(bystander, "bob");
  const State before = beside;
  auto other = Open();
  ASSERT_TRUE(log_->Begin().ok());
  log_->Rely(id, base.version);
  ASSERT_TRUE(Do(*log_, bystander, beside, TakeOver{}).ok());
  ASSERT_TRUE(other->Begin().ok());
  ASSERT_TRUE(Do(*other, id, theirs, TakeOver{}).ok());
  ASSERT_TRUE(other->Commit().ok());
  EXPECT_EQ(log_->Commit().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Replay(*log_, bystander), before);
}

// What is compared must be what others have committed by then, not a snapshot from before.
TEST_P(OpenTransactionsTest, AServerThatIsStricterByDefaultHidesNothing) {
  const SessionId id = NewSession();
  const State base = Activate(id, "ann");
  const auto strict =
      store_.OpenLog("&options=-c%20default_transaction_isolation%3Drepeatable%5C%20read");
  auto other = Open();
  State theirs = base;
  ASSERT_TRUE(strict->Begin().ok());
  ASSERT_TRUE(strict->FindLive("ann", "CLF-C02").ok());  // here a snapshot would be taken
  strict->Rely(id, base.version);
  ASSERT_TRUE(other->Begin().ok());
  ASSERT_TRUE(Do(*other, id, theirs, TakeOver{}).ok());
  ASSERT_TRUE(other->Commit().ok());
  EXPECT_EQ(strict->Commit().code(), absl::StatusCode::kAlreadyExists);
}

TEST_P(OpenTransactionsTest, AnotherConnectionIsAnotherGeneration) {
  EXPECT_TRUE(log_->MayForget());
  const auto generation = [&] {
    EXPECT_TRUE(log_->Begin().ok());
    const uint64_t now = log_->Generation();
    log_->Rollback();
    return now;
  };
  const uint64_t before = generation();
  EXPECT_EQ(generation(), before);
  store_.FailOver("SELECT 1");
  EXPECT_NE(generation(), before);
}

TEST_P(OpenTransactionsTest, TwoSealsOfTheSameSessionsInOppositeOrderMakeOneOfEach) {
  std::vector<SessionId> ids;
  std::vector<State> states;
  for (int i = 0; i < 40; ++i) {
    ids.push_back(NewSession());
    states.push_back(Activate(ids.back(), "c" + std::to_string(i)));
  }
  absl::Status ends[2];
  std::vector<std::thread> threads;
  for (const int side : {0, 1}) {
    threads.emplace_back([&, side] {
      const auto log = Open();
      ASSERT_TRUE(log->Begin().ok());
      for (size_t i = 0; i < ids.size(); ++i) {
        const size_t k = side == 0 ? i : ids.size() - 1 - i;
        State state = states[k];
        ASSERT_TRUE(Do(*log, ids[k], state, Expire{}, kStart + kBase).ok());
      }
      ends[side] = log->Commit();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_NE(ends[0].ok(), ends[1].ok());
  const absl::Status& lost = ends[0].ok() ? ends[1] : ends[0];
  EXPECT_EQ(lost.code(), absl::StatusCode::kAlreadyExists) << lost;
  EXPECT_EQ(ReasonOf(lost), "SQL_CONSTRAINT") << "a taken key, not a deadlock that took a second";
  EXPECT_EQ(reader_->ListOutbox(std::nullopt, 100)->size(), ids.size());
}

// The journal: every act and change of life has a row, in the order of the commits, and nothing
// else has; see journal/verify_test for what it proves.
TEST_P(EventLogTest, TheJournalHasNoGapsWhoeverWrites) {
  constexpr int kEach = 25;
  const auto write = [this](const std::string& who) {
    const auto log = Open();
    for (int i = 0; i < kEach; ++i) {
      const SessionId id = NewSession();
      for (int attempt = 0;; ++attempt) {
        ASSERT_LT(attempt, 100);
        State state;
        ASSERT_TRUE(log->Begin().ok());
        absl::Status status = Do(*log, id, state, Reserve{{who + std::to_string(i), "EX-1", "r"}});
        if (status.ok()) status = Do(*log, id, state, Start{fixtures::MakeForm(5, kBase)});
        if (status.ok()) status = log->Commit();
        if (status.ok()) break;
        ASSERT_EQ(status.code(), absl::StatusCode::kAlreadyExists) << status;  // not the first
        log->Rollback();
      }
    }
  };
  std::thread other([&] { write("bob"); });
  write("ann");
  other.join();
  const auto rows = reader_->ListJournal(0, 1000);
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 2u * kEach * 3);  // reserved, form_attached, started
  JournalHead head;
  for (const JournalRow& row : *rows) {
    EXPECT_EQ(row.n, head.n + 1);
    EXPECT_EQ(row.hash, ChainHash(head.hash, row));
    head = {row.n, row.hash};
  }
  EXPECT_EQ(*reader_->ReadJournalHead(), head);
  const auto page = reader_->ListJournal(10, 5);
  ASSERT_EQ(page->size(), 5u);
  EXPECT_EQ(page->front().n, 11u);
}

TEST_P(EventLogTest, SavesAndRolledBackTransactionsLeaveTheJournalAlone) {
  const SessionId id = NewSession();
  State state = Activate(id, "ann");
  const JournalHead before = *reader_->ReadJournalHead();
  ASSERT_TRUE(log_->Begin().ok());
  ASSERT_TRUE(Do(*log_, id, state, fixtures::Save(1, {fixtures::Write(0, 1, {"A"})})).ok());
  ASSERT_TRUE(log_->Commit().ok());
  State dropped = state;
  ASSERT_TRUE(log_->Begin().ok());
  ASSERT_TRUE(Do(*log_, id, dropped, Pause{"proctor", "alarm"}).ok());
  log_->Rollback();
  EXPECT_EQ(*reader_->ReadJournalHead(), before);
  ASSERT_TRUE(log_->Begin().ok());
  ASSERT_TRUE(Do(*log_, id, state, Pause{"proctor", "alarm"}).ok());
  ASSERT_TRUE(log_->Commit().ok());
  EXPECT_EQ(reader_->ReadJournalHead()->n, before.n + 1);
}

TEST_P(EventLogTest, ARemarkIsARowWithItsBodyBesideIt) {
  const SessionId id = NewSession();
  State state = Activate(id, "ann");
  const JournalHead before = *reader_->ReadJournalHead();
  const auto remark = [](const SessionId& session, const std::string& actor) {
    Remark made;
    made.kind = kDenied;
    made.session = session;
    made.at = kStart;
    made.actor = actor;
    made.method = "/x/SubmitSession";
    made.reason = "SESSION_NOT_YOURS";
    return made;
  };
  ASSERT_TRUE(log_->Begin().ok());
  ASSERT_TRUE(log_->AddRemark(remark(id, "mallory")).ok());
  ASSERT_TRUE(log_->AddRemark(remark({}, "")).ok());
  log_->Rollback();
  EXPECT_EQ(*reader_->ReadJournalHead(), before);
  ASSERT_TRUE(log_->Begin().ok());
  ASSERT_TRUE(log_->AddRemark(remark(id, "mallory")).ok());
  ASSERT_TRUE(Do(*log_, id, state, Pause{"proctor", "alarm"}).ok());
  ASSERT_TRUE(log_->AddRemark(remark({}, "")).ok());
  ASSERT_TRUE(log_->Commit().ok());
  const auto rows = reader_->ListJournal(before.n, 10);
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 3u);
  EXPECT_EQ((*rows)[0].seq, 0u);
  EXPECT_EQ((*rows)[1].kind, "paused");
  JournalHead head = before;
  for (const JournalRow& row : *rows) {
    EXPECT_EQ(row.hash, ChainHash(head.hash, row));
    head = {row.n, row.hash};
    EXPECT_EQ(row.salt.size(), 32u);
    EXPECT_EQ(row.rest_hash.size(), 64u);
    if (row.seq == 0) {
      EXPECT_EQ(row.body_hash, BodyHash(row.salt, row.remark));
    }
  }
  const auto of_session = reader_->ListRemarks(id, 10);
  ASSERT_TRUE(of_session.ok()) << of_session.status();
  EXPECT_EQ(*of_session, std::vector<Remark>{remark(id, "mallory")});
  EXPECT_EQ(reader_->ListRemarks({}, 10)->size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Stores, OpenTransactionsTest, ::testing::Values("postgresql"),
                         TestStore::Name);

}  // namespace
}  // namespace invigil::session
