#include "services/session/engine/session_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "common/base/clock.h"
#include "common/error/error.h"
#include "services/session/domain/apply.h"
#include "services/session/engine/fixtures_for_test.h"
#include "services/session/store/stores_for_test.h"

namespace invigil::session {
namespace {

using fixtures::Activate;
using fixtures::Ask;
using fixtures::FaultyLog;
using fixtures::FindOrReserve;
using fixtures::HeldWriter;
using fixtures::kBase;
using fixtures::kStart;
using fixtures::Result;
using fixtures::Save;
using fixtures::SaveOne;
using fixtures::StartClock;
using fixtures::Write;
using ::testing::ElementsAre;

class SessionEngineTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { Open(); }
  void Open(EngineOptions options = {}, EngineHooks hooks = {}) {
    engine_.reset();
    auto log = store_.OpenLog();
    engine_ = std::make_unique<SessionEngine>(std::move(log), store_.OpenReader(), clock_, options,
                                              std::move(hooks));
  }
  void OpenFaulty(EngineHooks hooks = {}) {
    engine_.reset();
    auto log = std::make_unique<FaultyLog>(store_.OpenLog(), faults_);
    engine_ = std::make_unique<SessionEngine>(std::move(log), store_.OpenReader(), clock_,
                                              EngineOptions{}, std::move(hooks));
  }

  TestStore store_{GetParam()};
  ManualClock clock_{kStart};
  std::shared_ptr<FaultyLog::Faults> faults_ = std::make_shared<FaultyLog::Faults>();
  std::unique_ptr<SessionEngine> engine_;
};

TEST_P(SessionEngineTest, WhatIsAcknowledgedIsThereAfterReopening) {
  const SessionId id = Activate(*engine_);
  const Result saved = SaveOne(*engine_, id, 3, 1);
  ASSERT_TRUE(saved.ok()) << saved.status();
  EXPECT_TRUE(saved->changed);
  EXPECT_EQ(saved->acks[0].fate, Ack::Fate::kStored);
  const State before = *saved->state;
  Open();
  EXPECT_EQ(engine_->Peek(id), nullptr);
  const Result read =
      fixtures::Await([&](Done done) { engine_->Get(id, "ann", true, std::move(done)); });
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read->state, before);
  ASSERT_EQ(read->contents.size(), 10u);
  EXPECT_EQ(*read->contents[7], "text of 7");
  EXPECT_EQ(*engine_->Peek(id), before);
  EXPECT_FALSE(SaveOne(*engine_, id, 3, 1)->changed) << "a repeat";
}

TEST_P(SessionEngineTest, StartsAreIdempotent) {
  const Result first = FindOrReserve(*engine_, {"ann", "CLF-C02", "r1", false});
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->state->state, SessionState::kReady);
  const SessionId id = first->session;
  EXPECT_EQ(FindOrReserve(*engine_, {"ann", "CLF-C02", "r1", false})->session, id);
  EXPECT_EQ(FindOrReserve(*engine_, {"ann", "CLF-C02", "r2", false})->session, id) << "is live";
  EXPECT_NE(FindOrReserve(*engine_, {"bob", "CLF-C02", "r1", false})->session, id);
  EXPECT_NE(FindOrReserve(*engine_, {"ann", "SAA-C03", "r3", false})->session, id);
  EXPECT_EQ(ReasonOf(FindOrReserve(*engine_, {"ann", "SAA-C03", "r1", false}).status()),
            "REQUEST_ID_REUSED");
  EXPECT_EQ(ReasonOf(FindOrReserve(*engine_, {"ann", "CLF-C02", "", false}).status()),
            "START_INVALID");

  ASSERT_TRUE(StartClock(*engine_, id)->changed);
  clock_.Advance(Minutes(7));
  const Result again = StartClock(*engine_, id, 4);
  EXPECT_FALSE(again->changed);
  EXPECT_EQ(again->contents.size(), 10u);
  EXPECT_EQ(again->state->started_at, kStart);

  // A take-over raises the epoch once for its request id.
  EXPECT_EQ(FindOrReserve(*engine_, {"ann", "CLF-C02", "r4", true})->state->epoch, 2u);
  EXPECT_EQ(FindOrReserve(*engine_, {"ann", "CLF-C02", "r4", true})->state->epoch, 2u);

  ASSERT_TRUE(Ask(*engine_, id, Submit{2, {}}).ok());
  for (const char* old : {"r1", "r2", "r4"}) {
    EXPECT_EQ(FindOrReserve(*engine_, {"ann", "CLF-C02", old, true})->session, id) << old;
  }
  EXPECT_NE(FindOrReserve(*engine_, {"ann", "CLF-C02", "r5", false})->session, id);
}

TEST_P(SessionEngineTest, AnOverdueSessionDoesNotBlockANewOne) {
  const SessionId id = Activate(*engine_);
  clock_.Advance(kBase);
  const Result next = FindOrReserve(*engine_, {"ann", "CLF-C02", "fresh", false});
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_NE(next->session, id);
  EXPECT_EQ(Ask(*engine_, id, Read{})->state->state, SessionState::kExpired);
  EXPECT_EQ(engine_->PendingOutbox(std::nullopt, 10)->size(), 1u);
}

TEST_P(SessionEngineTest, AClockNeverStartsOnAFormThatCantBeShown) {
  const SessionId id = FindOrReserve(*engine_, {"ann", "CLF-C02", "r", false})->session;
  const Result started = fixtures::Await([&](Done done) {
    engine_->StartClock(id, "ann", Start{fixtures::MakeForm(10), {}, {}}, fixtures::MakeContents(9),
                        std::move(done));
  });
  EXPECT_EQ(ReasonOf(started.status()), "FORM_INVALID");
  EXPECT_EQ(Ask(*engine_, id, Read{})->state->state, SessionState::kReady);
  EXPECT_TRUE(StartClock(*engine_, id).ok());
}

TEST_P(SessionEngineTest, TheDeadlineHoldsWithNobodyWatching) {
  const SessionId id = Activate(*engine_);
  clock_.Set(kStart + kBase - Micros(1));
  EXPECT_TRUE(SaveOne(*engine_, id, 0, 1).ok());
  EXPECT_EQ(ReasonOf(Ask(*engine_, id, Expire{}).status()), "DEADLINE_NOT_REACHED");
  EXPECT_TRUE(engine_->ListScheduled(std::nullopt, clock_.Now(), 10)->empty());
  clock_.Set(kStart + kBase);
  ASSERT_EQ(engine_->ListScheduled(std::nullopt, clock_.Now(), 10)->size(), 1u);
  EXPECT_EQ(ReasonOf(SaveOne(*engine_, id, 0, 2).status()), "SESSION_SEALED");
  EXPECT_TRUE(engine_->ListScheduled(std::nullopt, clock_.Now(), 10)->empty());
  EXPECT_EQ(engine_->PendingOutbox(std::nullopt, 10)->size(), 1u) << "the refusal wrote the seal";
  clock_.Advance(Minutes(37));
  const Result submit = Ask(*engine_, id, Submit{1, {}});
  ASSERT_TRUE(submit.ok());
  EXPECT_EQ(submit->state->state, SessionState::kExpired);
  EXPECT_EQ(submit->state->ended_at, kStart + kBase);
  EXPECT_EQ(submit->state->responses[0].sequence, 1u);
}

TEST_P(SessionEngineTest, SessionsInNobodysMemoryEndWithAllTheyHold) {
  std::vector<SessionId> ids;
  for (int i = 0; i < 40; ++i) {
    ids.push_back(Activate(*engine_, "c" + std::to_string(i)));
    ASSERT_TRUE(SaveOne(*engine_, ids.back(), 3, 7).ok());
  }
  Open();
  std::atomic<int> told{0};
  const auto listening = engine_->Subscribe(ids[0], [&told](const SessionChange& change) {
    if (change.state->state == SessionState::kExpired) ++told;
  });
  clock_.Advance(kBase + Seconds(1));
  std::atomic<int> sealed{0}, answered{0};
  for (const SessionId& id : ids) {
    engine_->Execute(id, fixtures::Do(Expire{}), [&](Result result) {
      if (result.ok() && result->changed && result->state->responses[3].sequence == 7) ++sealed;
      ++answered;
    });
  }
  EXPECT_TRUE(testing::WaitUntil([&] { return answered == 40; }));
  EXPECT_EQ(sealed, 40);
  EXPECT_TRUE(testing::WaitUntil([&] { return told == 1; }));
  EXPECT_EQ(engine_->PendingOutbox(std::nullopt, 100)->size(), 40u);
}

TEST_P(SessionEngineTest, WaitingInTheQueueCostsTheCandidateNothing) {
  const SessionId id = Activate(*engine_);
  clock_.Set(kStart + kBase - Micros(1));
  std::promise<Result> saved;
  {
    const HeldWriter held(*engine_);
    engine_->Execute(id, fixtures::Do(Save(1, {Write(0, 1, {"A"})})),
                     [&](Result result) { saved.set_value(std::move(result)); });
    clock_.Advance(Seconds(3));
  }
  EXPECT_TRUE(saved.get_future().get().ok());
  EXPECT_EQ(Ask(*engine_, id, Read{})->state->state, SessionState::kExpired);
}

TEST_P(SessionEngineTest, ScoringEmptiesTheOutbox) {
  const SessionId a = Activate(*engine_, "a"), b = Activate(*engine_, "b");
  ASSERT_TRUE(Ask(*engine_, a, Submit{1, {}}).ok());
  ASSERT_TRUE(Ask(*engine_, b, Submit{1, {}}).ok());
  ASSERT_EQ(engine_->PendingOutbox(std::nullopt, 10)->size(), 2u);
  const auto report = std::make_shared<const std::string>("report");
  EXPECT_EQ(Ask(*engine_, a, RecordScore{1, report, true})->state->state, SessionState::kReleased);
  const auto left = *engine_->PendingOutbox(std::nullopt, 10);
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].session, b);
  std::promise<absl::Status> delivered;
  engine_->MarkDelivered(b, 1, [&](absl::Status status) { delivered.set_value(status); });
  EXPECT_TRUE(delivered.get_future().get().ok());
  EXPECT_TRUE(engine_->PendingOutbox(std::nullopt, 10)->empty());
}

TEST_P(SessionEngineTest, WaitingCommandsShareOneCommit) {
  const SessionId id = Activate(*engine_);
  std::atomic<int> stored{0};
  const EngineStats before = engine_->Stats();
  {
    const HeldWriter held(*engine_);
    for (uint32_t i = 1; i <= 100; ++i) {
      engine_->Execute(id, fixtures::Do(Save(1, {Write(i % 10, i, {"A"})})),
                       [&](Result result) { stored += result.ok(); });
    }
  }
  engine_->Stop();
  EXPECT_EQ(stored, 100);
  const EngineStats after = engine_->Stats();
  EXPECT_EQ(after.commits - before.commits, 3u) << "the two that held the writer, and the hundred";
  EXPECT_EQ(after.batch_sizes[6] - before.batch_sizes[6], 1u);
  EXPECT_EQ(after.events - before.events, 100u);
}

TEST_P(SessionEngineTest, AFullLaneRefusesAtOnceAndOnlyThatLane) {
  EngineOptions options;
  options.queue_limit = 3;
  Open(options);
  const SessionId id = Activate(*engine_);
  std::vector<std::string> reasons;
  {
    const HeldWriter held(*engine_);
    for (uint32_t i = 1; i <= 4; ++i) {
      engine_->Execute(id, fixtures::Do(Save(1, {Write(0, i, {"A"})})), [&](Result result) {
        reasons.push_back(result.ok() ? "OK" : ReasonOf(result.status()));
        if (!result.ok()) {
          EXPECT_TRUE(ViewError(result.status()).retry_after.has_value());
        }
      });
    }
    ASSERT_THAT(reasons, ElementsAre("OVERLOADED"));
    engine_->Get(id, "", false, [&](Result result) { reasons.push_back("read"); });
  }
  engine_->Stop();
  EXPECT_THAT(reasons, ElementsAre("OVERLOADED", "OK", "OK", "OK", "read"));
  EXPECT_EQ(engine_->Stats().refused_overload, 1u);
  EXPECT_EQ(ReasonOf(SaveOne(*engine_, id, 0, 9).status()), "SHUTTING_DOWN");
}

TEST_P(SessionEngineTest, SavesAreTakenBeforeStarts) {
  const SessionId id = Activate(*engine_);
  std::string order;
  {
    const HeldWriter held(*engine_);
    for (int i = 0; i < 200; ++i) {
      engine_->FindOrReserve({"c" + std::to_string(i), "CLF-C02", "r", false},
                             [&](Result) { order += 's'; });
    }
    for (uint32_t i = 1; i <= 150; ++i) {
      engine_->Execute(id, fixtures::Do(Save(1, {Write(0, i, {"A"})})),
                       [&](Result) { order += 'w'; });
    }
  }
  engine_->Stop();
  // A batch has 128 commands; starts keep a sixteenth of it, so that they get on.
  EXPECT_EQ(order.substr(0, 128), std::string(120, 'w') + std::string(8, 's'));
  EXPECT_EQ(order.substr(128, 30), std::string(30, 'w'));
  EXPECT_EQ(order.size(), 350u);
}

TEST_P(SessionEngineTest, OnePoisonedCommandFailsAlone) {
  const SessionId good = Activate(*engine_, "good"), bad = Activate(*engine_, "bad");
  faults_->on_append = [&](const SessionId& id) {
    return id == bad ? absl::InternalError("poison") : absl::OkStatus();
  };
  OpenFaulty();
  std::vector<std::string> results;
  {
    const HeldWriter held(*engine_);
    for (const SessionId& id : {good, bad, good}) {
      const auto sequence = static_cast<uint32_t>(results.size() + 1);
      engine_->Execute(id, fixtures::Do(Save(1, {Write(sequence, 1, {"A"})})), [&](Result result) {
        results.push_back(std::string(absl::StatusCodeToString(result.status().code())));
      });
    }
  }
  engine_->Stop();
  EXPECT_THAT(results, ElementsAre("OK", "INTERNAL", "OK"));
  Open();
  EXPECT_EQ(Ask(*engine_, good, Read{})->state->responses[1].sequence, 1u);
  EXPECT_EQ(Ask(*engine_, bad, Read{})->state->responses[1].sequence, 0u);
}

TEST_P(SessionEngineTest, AFailedCommitAcknowledgesNothing) {
  std::vector<std::string> failures;
  EngineHooks hooks;
  hooks.on_store_failure = [&](const absl::Status& status) {
    failures.emplace_back(status.message());
  };
  OpenFaulty(hooks);
  const SessionId id = Activate(*engine_);
  ASSERT_TRUE(SaveOne(*engine_, id, 0, 1).ok());
  std::vector<absl::StatusCode> codes;
  std::promise<void> both;
  {
    const HeldWriter held(*engine_);
    faults_->failing_commits = 1;
    // The second is a repeat of the first and needs no event: it must not be acknowledged either.
    for (int i = 0; i < 2; ++i) {
      engine_->Execute(id, fixtures::Do(Save(1, {Write(0, 2, {"C"})})), [&](Result result) {
        codes.push_back(result.status().code());
        if (codes.size() == 2) both.set_value();
      });
    }
  }
  both.get_future().wait();
  const Result read = Ask(*engine_, id, Read{});
  EXPECT_THAT(codes, ElementsAre(absl::StatusCode::kUnavailable, absl::StatusCode::kUnavailable));
  EXPECT_EQ(read->state->responses[0].sequence, 1u);
  EXPECT_TRUE(SaveOne(*engine_, id, 0, 2, "C")->changed);
  EXPECT_TRUE(engine_->Healthy());
  EXPECT_THAT(failures, ElementsAre("the disk is on fire"));
}

TEST_P(SessionEngineTest, ALostRaceIsDecidedAgain) {
  OpenFaulty();
  const SessionId id = Activate(*engine_);
  faults_->append_races = 3;
  EXPECT_TRUE(SaveOne(*engine_, id, 0, 1).ok());
  EXPECT_EQ(engine_->Stats().lost_races, 3u);
  faults_->append_races = 1000;
  EXPECT_EQ(ReasonOf(SaveOne(*engine_, id, 0, 2).status()), "CONTENDED");
  faults_->append_races = 0;
  EXPECT_TRUE(SaveOne(*engine_, id, 0, 2).ok());
}

TEST_P(SessionEngineTest, ListenersAndHooksHearOfChangesAfterTheCommit) {
  std::vector<std::string> heard;
  EngineHooks hooks;
  hooks.on_scheduled = [&](const SessionId&, Time deadline) {
    heard.push_back("due " + std::to_string((deadline - kStart) / Minutes(1)));
  };
  hooks.on_unscheduled = [&](const SessionId&, Time was) {
    heard.push_back("not due " + std::to_string((was - kStart) / Minutes(1)));
  };
  Open({}, hooks);
  const SessionId id = Activate(*engine_);
  EXPECT_TRUE(Ask(*engine_, id, Read{}).ok());  // by now the start has been told
  auto subscription = engine_->Subscribe(id, [&](const SessionChange& change) {
    EXPECT_EQ(change.session, id);
    heard.push_back(std::string(StateName(change.state->state)) + " " +
                    std::to_string(change.state->epoch) + "." +
                    std::to_string(change.state->deadline_version));
  });
  EXPECT_TRUE(SaveOne(*engine_, id, 0, 1).ok());  // nothing to hear
  EXPECT_TRUE(Ask(*engine_, id, TakeOver{}).ok());
  EXPECT_TRUE(Ask(*engine_, id, GrantTime{{"g", Minutes(10)}, "proctor", "delay"}).ok());
  EXPECT_TRUE(Ask(*engine_, id, Submit{2, {}}).ok());
  EXPECT_TRUE(Ask(*engine_, id, Submit{2, {}}).ok());
  EXPECT_TRUE(Ask(*engine_, id, Read{}).ok());
  subscription = {};
  EXPECT_TRUE(Ask(*engine_, id, Void{"x"}).ok());
  engine_->Stop();
  EXPECT_THAT(heard, ElementsAre("due 90", "ACTIVE 2.1", "due 100", "ACTIVE 2.2", "not due 100",
                                 "SUBMITTED 2.2"));
}

TEST_P(SessionEngineTest, ASmallCacheChangesNoAnswer) {
  EngineOptions options;
  options.cached_sessions = 1;
  Open(options);
  std::vector<SessionId> ids;
  for (int i = 0; i < 60; ++i) ids.push_back(Activate(*engine_, "c" + std::to_string(i), 4));
  for (uint32_t round = 1; round <= 3; ++round) {
    for (const SessionId& id : ids) {
      ASSERT_TRUE(SaveOne(*engine_, id, round, round).ok());
    }
  }
  for (const SessionId& id : ids) {
    EXPECT_EQ(Ask(*engine_, id, Read{})->state->responses[3].sequence, 3u);
  }
}

TEST_P(SessionEngineTest, CallbacksMayCallTheEngine) {
  const SessionId id = Activate(*engine_);
  std::promise<uint32_t> last;
  std::function<void(uint32_t)> next = [&](uint32_t sequence) {
    engine_->Execute(id, fixtures::Do(Save(1, {Write(0, sequence, {"A"})})),
                     [&, sequence](Result r) {
                       if (sequence < 20) return next(sequence + 1);
                       last.set_value(r->state->responses[0].sequence);
                     });
  };
  next(1);
  EXPECT_EQ(last.get_future().get(), 20u);
}

TEST_P(SessionEngineTest, UnknownSessionsAreNotFound) {
  EXPECT_EQ(ReasonOf(Ask(*engine_, SessionId(), Read{}).status()), "SESSION_NOT_FOUND");
  EXPECT_EQ(ReasonOf(SaveOne(*engine_, SessionId(), 0, 1).status()), "SESSION_NOT_FOUND");
}

TEST_P(SessionEngineTest, NothingIsJudgedByAClockThatIsNotTrusted) {
  std::atomic<bool> trusted{true};
  EngineOptions options;
  options.may_judge = [&] { return trusted.load(); };
  Open(options);
  const SessionId id = Activate(*engine_);
  clock_.Advance(kBase);  // the clock is wrong
  trusted = false;
  EXPECT_EQ(ReasonOf(Ask(*engine_, id, Read{}).status()), "CLOCK_NOT_TRUSTED");
  EXPECT_EQ(ReasonOf(SaveOne(*engine_, id, 0, 1).status()), "CLOCK_NOT_TRUSTED");
  const Result bulk = fixtures::Await([&](Done done) {
    engine_->ExecuteBulk(id, {"", Read{}}, std::move(done));
  });
  EXPECT_TRUE(absl::IsUnavailable(bulk.status()));
  clock_.Set(kStart + Minutes(1));
  trusted = true;
  EXPECT_EQ(Ask(*engine_, id, Read{})->state->state, SessionState::kActive) << "nobody sealed it";
  engine_.reset();  // before what its options use
}

// Readiness that waits for a commit would wait for calls, which come to ready replicas only.
TEST_P(SessionEngineTest, AFailureOfTheStoreCountsForTwoSeconds) {
  OpenFaulty();
  const SessionId id = Activate(*engine_);
  EXPECT_TRUE(engine_->Healthy());
  const auto fail = [&] {
    faults_->failing_commits = 1;
    EXPECT_FALSE(SaveOne(*engine_, id, 0, 1).ok());
  };
  fail();
  EXPECT_FALSE(engine_->Healthy());
  clock_.Advance(Seconds(2) - Micros(1));
  EXPECT_FALSE(engine_->Healthy());
  clock_.Advance(Micros(1));
  EXPECT_TRUE(engine_->Healthy());
  fail();
  EXPECT_FALSE(engine_->Healthy()) << "it failed again";
  EXPECT_TRUE(SaveOne(*engine_, id, 0, 1).ok());
  EXPECT_TRUE(engine_->Healthy()) << "a commit says more than time";
}

// Every screen reports where its candidate is, every few seconds: no roster shows it.
TEST_P(SessionEngineTest, OnlyWhatARosterShowsIsToldToIt) {
  struct Watching final : SessionObserver {
    std::atomic<int> alive{0};
    std::vector<uint64_t> versions;  // read after Stop
    void OnAlive(const SessionId&, std::optional<uint32_t>) override { ++alive; }
    void OnChanged(const SessionId&, const std::shared_ptr<const State>& state) override {
      versions.push_back(state->version);
    }
  };
  const SessionId id = Activate(*engine_);
  const auto watching = std::make_shared<Watching>();
  engine_->Observe(watching);
  std::vector<uint64_t> shown;
  const auto ask = [&](Action action, bool is_shown) {
    const Result result = Ask(*engine_, id, std::move(action), "ann");
    ASSERT_TRUE(result.ok()) << result.status();
    ASSERT_TRUE(result->changed);
    if (is_shown) shown.push_back(result->state->version);
  };
  ask(SaveProgress{1, {{fixtures::ItemId(0), 1, true, 900}}, {}}, false);
  ask(SaveProgress{1, {{fixtures::ItemId(0), 2, false, 1800}}, {}}, false);
  ask(Save(1, {Write(0, 1, {"A"})}), false);
  ask(ReportIrregularity{"i", "phone", "it rang", "petra"}, true);
  ask(SaveProgress{1, {{fixtures::ItemId(1), 1, true, 900}}, {}}, false);
  ask(SendMessage{"m", "ann", "help", true}, true);
  ask(GrantTime{{"g", Minutes(5)}, "petra", "a fire drill"}, true);
  engine_->Stop();
  EXPECT_EQ(watching->versions, shown);
  EXPECT_EQ(watching->alive, 7);
}

INSTANTIATE_TEST_SUITE_P(Stores, SessionEngineTest, kTestStores, TestStore::Name);

// Only a server can fail over to another that lags.
class FailedOverTest : public SessionEngineTest {
 protected:
  // The session as its log tells it, which must have no hole.
  State Replay(const SessionId& id) const {
    State state;
    const absl::Status status =
        store_.OpenReader()->ReadLog(id, [&](uint64_t seq, Time at, const Event& event) {
          EXPECT_EQ(seq, state.version + 1);
          return Apply(state, event, at);
        });
    EXPECT_TRUE(status.ok()) << status;
    return state;
  }
};

TEST_P(FailedOverTest, NothingIsAcknowledgedOnTopOfWhatTheStoreForgot) {
  const SessionId id = Activate(*engine_);
  for (size_t item = 0; item < 4; ++item) ASSERT_TRUE(SaveOne(*engine_, id, item, 1).ok());
  store_.FailOver("DELETE FROM events WHERE seq > (SELECT max(seq) - 2 FROM events)");

  const Result saved = SaveOne(*engine_, id, 5, 1);
  ASSERT_TRUE(saved.ok()) << saved.status();
  EXPECT_EQ(Replay(id), *saved->state);
  EXPECT_EQ(saved->state->responses[1].sequence, 1u);
  EXPECT_EQ(saved->state->responses[2].sequence, 0u) << "lost, and nobody is told otherwise";
  EXPECT_EQ(saved->state->responses[5].sequence, 1u);
  // Whoever saw it acknowledged is told when it counts, and can send it again.
  const Result submit = Ask(*engine_, id, Submit{1, {{fixtures::ItemId(2), 1}}});
  EXPECT_EQ(ReasonOf(submit.status()), "RESPONSES_MISSING") << submit.status();
  EXPECT_TRUE(SaveOne(*engine_, id, 2, 1)->changed);
  EXPECT_TRUE(Ask(*engine_, id, Submit{1, {{fixtures::ItemId(2), 1}}}).ok());
  EXPECT_EQ(Replay(id).state, SessionState::kSubmitted);
}

TEST_P(FailedOverTest, ASessionThatTheStoreForgotAltogetherIsUnknown) {
  const SessionId id = Activate(*engine_);
  store_.FailOver("DELETE FROM events; DELETE FROM sessions; DELETE FROM starts");
  EXPECT_EQ(ReasonOf(SaveOne(*engine_, id, 0, 1).status()), "SESSION_NOT_FOUND");
  EXPECT_EQ(engine_->Peek(id), nullptr);
  const Result again = FindOrReserve(*engine_, {"ann", "CLF-C02", "r-ann", false});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_NE(again->session, id);
}

TEST_P(FailedOverTest, ContentsThatTheStoreForgotAreStoredAgain) {
  Activate(*engine_, "ann");
  store_.FailOver("DELETE FROM contents");
  const SessionId id = Activate(*engine_, "bob");
  Open();
  const Result shown =
      fixtures::Await([&](Done done) { engine_->Get(id, "bob", true, std::move(done)); });
  ASSERT_TRUE(shown.ok()) << shown.status();
  EXPECT_EQ(*shown->contents[7], "text of 7");
}

INSTANTIATE_TEST_SUITE_P(Stores, FailedOverTest, ::testing::Values("postgresql"), TestStore::Name);

}  // namespace
}  // namespace invigil::session
