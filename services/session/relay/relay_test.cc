#include "services/session/relay/relay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <map>

#include "common/error/error.h"
#include "common/telemetry/metrics.h"
#include "common/testing/temp_dir.h"
#include "common/testing/wait_until.h"
#include "services/session/engine/fixtures_for_test.h"

namespace invigil::session {
namespace {

using testing::WaitUntil;

// A scoring service that can be away, refuse one session, or lose its replies after scoring.
struct FakeScoring {
  std::mutex mutex;
  std::map<std::string, int> scored;  // by session: times it was asked and answered or lost
  std::atomic<bool> down{false};
  std::atomic<int> lose_replies{0};
  std::string poison;             // this session
  std::string poison_candidates;  // all whose name begins so

  ScoreSession Hook() {
    return [this](const SessionId& session, const std::shared_ptr<const State>& state,
                  const telemetry::TraceContext&,
                  std::function<void(absl::StatusOr<ScoredReport>)> done) {
      if (down) return done(Unavailable("SCORING_DOWN", "away"));
      if (session.ToHex() == poison ||
          (!poison_candidates.empty() &&
           state->identity->candidate_id.starts_with(poison_candidates)))
        return done(InvalidArgument("RESPONSE_INVALID", "never"));
      {
        const std::lock_guard lock(mutex);
        ++scored[session.ToHex()];
      }
      if (lose_replies-- > 0) return done(Unavailable("LOST", "the reply was lost"));
      lose_replies = 0;
      done(ScoredReport{1, std::make_shared<const std::string>("report of " + session.ToHex())});
    };
  }
};

class RelayTest : public ::testing::Test {
 protected:
  std::unique_ptr<Relay> MakeRelay(RelayOptions options = {.scan_every = Millis(20),
                                                           .min_backoff = Millis(5),
                                                           .max_backoff = Millis(20)}) {
    return std::make_unique<Relay>(*engine_, scoring_.Hook(), local_, options);
  }
  SessionId Sealed(const std::string& candidate) {
    const SessionId id = fixtures::Activate(*engine_, candidate);
    EXPECT_TRUE(fixtures::SaveOne(*engine_, id, 0, 1).ok());
    EXPECT_TRUE(fixtures::Ask(*engine_, id, Submit{.epoch = 1}).ok());
    return id;
  }
  bool Released(const SessionId& id) {
    const auto state = engine_->Peek(id);
    return state && state->state == SessionState::kReleased;
  }

  testing::TempDir dir_;
  ManualClock clock_{fixtures::kStart};
  const SystemClock local_;
  FakeScoring scoring_;
  std::unique_ptr<SessionEngine> engine_ = *SessionEngine::Open(dir_.Path("session.db"), clock_);
};

TEST_F(RelayTest, ASealedSessionIsScoredAndReleasedOnce) {
  const SessionId id = Sealed("ann");
  const auto relay = MakeRelay();
  ASSERT_TRUE(WaitUntil([&] { return Released(id); }));
  EXPECT_EQ(*engine_->Peek(id)->report, "report of " + id.ToHex());
  EXPECT_EQ(scoring_.scored[id.ToHex()], 1);
  EXPECT_TRUE(engine_->PendingOutbox(std::nullopt, 10)->empty());
}

TEST_F(RelayTest, ScoringAwayLosesAndDoublesNothing) {
  scoring_.down = true;
  auto relay = MakeRelay();
  std::vector<SessionId> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(Sealed("candidate-" + std::to_string(i)));
  EXPECT_EQ(engine_->PendingOutbox(std::nullopt, 1000)->size(), 100u);
  relay = MakeRelay();  // a restart in between
  scoring_.down = false;
  for (const SessionId& id : ids) ASSERT_TRUE(WaitUntil([&] { return Released(id); }));
  for (const SessionId& id : ids) EXPECT_EQ(engine_->Peek(id)->score_version, 1u);
  EXPECT_TRUE(engine_->PendingOutbox(std::nullopt, 10)->empty());
}

TEST_F(RelayTest, ALostReplyIsAskedForAgain) {
  scoring_.lose_replies = 1;
  const SessionId id = Sealed("ann");
  const auto relay = MakeRelay();
  ASSERT_TRUE(WaitUntil([&] { return Released(id); }));
  EXPECT_EQ(scoring_.scored[id.ToHex()], 2);
}

TEST_F(RelayTest, OnePoisonedSessionHoldsUpNobody) {
  const SessionId bad = Sealed("bad");
  scoring_.poison = bad.ToHex();
  const auto relay = MakeRelay();
  const SessionId good = Sealed("good");
  ASSERT_TRUE(WaitUntil([&] { return Released(good); }));
  EXPECT_EQ(engine_->Peek(bad)->state, SessionState::kSubmitted);
  EXPECT_EQ(engine_->PendingOutbox(std::nullopt, 10)->size(), 1u) << "kept, never dropped";
  scoring_.poison.clear();
}

TEST_F(RelayTest, WhatWasMendedIsTriedWhenSomebodySaysSo) {
  const SessionId bad = Sealed("bad");
  scoring_.poison = bad.ToHex();
  const auto relay =
      MakeRelay({.scan_every = Millis(5), .min_backoff = Minutes(10), .max_backoff = Minutes(10)});
  // Behind it in the same relay: when this is done, the bad one has had its try.
  const SessionId good = Sealed("good");
  ASSERT_TRUE(WaitUntil([&] { return Released(good); }));
  scoring_.poison.clear();
  relay->Kick(bad, 1, telemetry::TraceContext::New());
  const SessionId later = Sealed("later");
  ASSERT_TRUE(WaitUntil([&] { return Released(later); }));
  EXPECT_FALSE(Released(bad)) << "a candidate who asks again does not shorten the wait";
  relay->Retry(bad, 1, telemetry::TraceContext::New());
  EXPECT_TRUE(WaitUntil([&] { return Released(bad); }));
}

TEST_F(RelayTest, ManyThatFailAtTheFrontKeepNobodyWaiting) {
  scoring_.poison_candidates = "front-";
  std::vector<SessionId> front;
  for (int i = 0; i < 7; ++i) front.push_back(Sealed("front-" + std::to_string(i)));
  std::vector<SessionId> behind;
  for (int i = 0; i < 5; ++i) behind.push_back(Sealed("behind-" + std::to_string(i)));
  const auto relay = MakeRelay({.scan_every = Millis(5),
                                .min_backoff = Millis(1),
                                .max_backoff = Minutes(10),
                                .look_at = 3});
  for (const SessionId& id : behind) ASSERT_TRUE(WaitUntil([&] { return Released(id); }));
  EXPECT_EQ(engine_->PendingOutbox(std::nullopt, 100)->size(), front.size());
}

TEST_F(RelayTest, WhatAnotherReplicaDeliversIsForgotten) {
  const auto& failing = telemetry::GetGauge("invigil_session_relay_failing", "");
  scoring_.down = true;
  const SessionId id = Sealed("ann");
  const auto relay = MakeRelay();
  ASSERT_TRUE(WaitUntil([&] { return failing.Value() == 1; }));
  ASSERT_TRUE(fixtures::Ask(*engine_, id,
                            RecordScore{1, std::make_shared<const std::string>("report"), true})
                  .ok());
  EXPECT_TRUE(WaitUntil([&] { return failing.Value() == 0; }));
}

TEST_F(RelayTest, AReplyAfterTheEndIsDropped) {
  Sealed("ann");
  std::promise<std::function<void(absl::StatusOr<ScoredReport>)>> asked;
  auto local = std::make_unique<SystemClock>();
  auto relay = std::make_unique<Relay>(
      *engine_,
      [&](const SessionId&, const std::shared_ptr<const State>&, const telemetry::TraceContext&,
          std::function<void(absl::StatusOr<ScoredReport>)> done) {
        asked.set_value(std::move(done));
      },
      *local);
  const auto reply = asked.get_future().get();
  relay.reset();
  local.reset();
  engine_.reset();
  reply(Unavailable("SCORING_DOWN", "too late"));
  reply(ScoredReport{1, std::make_shared<const std::string>("too late")});
}

TEST_F(RelayTest, AClockThatIsNotTrustedJudgesNothing) {
  const SessionId id = Sealed("ann");
  std::atomic<bool> trusted{false};
  std::atomic<int> asked{0};
  const auto relay = MakeRelay({.scan_every = Millis(5), .may_judge = [&] {
                                  ++asked;
                                  return trusted.load();
                                }});
  relay->Kick(id, 1, telemetry::TraceContext::New());
  ASSERT_TRUE(WaitUntil([&] { return asked > 10; }));
  EXPECT_FALSE(Released(id));
  trusted = true;
  ASSERT_TRUE(WaitUntil([&] { return Released(id); }));
}

TEST_F(RelayTest, AKickDoesNotWaitForTheNextLook) {
  const auto relay = std::make_unique<Relay>(*engine_, scoring_.Hook(), local_,
                                             RelayOptions{.scan_every = Minutes(10)});
  ASSERT_TRUE(WaitUntil([&] { return engine_->PendingOutbox(std::nullopt, 1).ok(); }));
  const SessionId id = Sealed("ann");
  relay->Kick(id, 1, telemetry::TraceContext::New());
  ASSERT_TRUE(WaitUntil([&] { return Released(id); }));
}

}  // namespace
}  // namespace invigil::session
