#include "services/session/relay/amendments.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>

#include "common/error/error.h"
#include "common/testing/temp_dir.h"
#include "common/testing/wait_until.h"
#include "services/session/engine/fixtures_for_test.h"

namespace invigil::session {
namespace {

using testing::WaitUntil;

// Scoring's outbox, which can be away, or lose acknowledgements.
struct FakeOutbox {
  std::mutex mutex;
  std::map<uint64_t, Amendment> waiting;  // under mutex
  std::atomic<bool> down{false};
  std::atomic<int> lose_acknowledgements{0}, lists{0};
  std::atomic<int> acknowledged{0};

  void Put(uint64_t sequence, const std::string& session, uint32_t version,
           const std::string& report, uint32_t attempt = 1) {
    const std::lock_guard lock(mutex);
    waiting[sequence] = {
        sequence, session, attempt, {version, std::make_shared<const std::string>(report)}};
  }
  bool Empty() {
    const std::lock_guard lock(mutex);
    return waiting.empty();
  }
  AmendmentSource Source() {
    return {.list =
                [this](uint64_t after, size_t limit, auto done) {
                  ++lists;
                  if (down) return done(Unavailable("SCORING_DOWN", "away").Build());
                  std::vector<Amendment> page;
                  {
                    const std::lock_guard lock(mutex);
                    for (auto at = waiting.upper_bound(after);
                         at != waiting.end() && page.size() < limit; ++at) {
                      page.push_back(at->second);
                    }
                  }
                  done(std::move(page));
                },
            .acknowledge =
                [this](std::vector<uint64_t> sequences, auto done) {
                  if (lose_acknowledgements > 0) {
                    --lose_acknowledgements;
                    return done(Unavailable("LOST", "lost").Build());
                  }
                  {
                    const std::lock_guard lock(mutex);
                    for (const uint64_t sequence : sequences) {
                      acknowledged += static_cast<int>(waiting.erase(sequence));
                    }
                  }
                  done(absl::OkStatus());
                }};
  }
};

class AmendmentsTest : public ::testing::Test {
 protected:
  std::unique_ptr<Amendments> Start(AmendmentOptions options = {.scan_every = Millis(5),
                                                                .page = 3}) {
    return std::make_unique<Amendments>(*engine_, outbox_.Source(), options);
  }
  SessionId Sealed(const std::string& candidate) {
    const SessionId id = fixtures::Activate(*engine_, candidate);
    EXPECT_TRUE(fixtures::Ask(*engine_, id, Submit{.epoch = 1}).ok());
    return id;
  }
  SessionId Scored(const std::string& candidate, bool released = true) {
    const SessionId id = Sealed(candidate);
    EXPECT_TRUE(
        fixtures::Ask(*engine_, id,
                      RecordScore{1, std::make_shared<const std::string>("first"), released})
            .ok());
    return id;
  }
  std::shared_ptr<const State> Peek(const SessionId& id) { return engine_->Peek(id); }

  testing::TempDir dir_;
  ManualClock clock_{fixtures::kStart};
  FakeOutbox outbox_;
  std::unique_ptr<SessionEngine> engine_ = *SessionEngine::Open(dir_.Path("session.db"), clock_);
};

TEST_F(AmendmentsTest, ANewVersionReplacesTheReportAndStaysAsVisibleAsItWas) {
  const SessionId seen = Scored("ann"), held = Scored("bea", false);
  outbox_.Put(1, seen.ToHex(), 2, "second");
  outbox_.Put(2, held.ToHex(), 2, "second");
  const auto amendments = Start();
  ASSERT_TRUE(WaitUntil([&] { return outbox_.Empty(); }));
  EXPECT_EQ(*Peek(seen)->report, "second");
  EXPECT_EQ(Peek(seen)->score_version, 2u);
  EXPECT_EQ(Peek(seen)->state, SessionState::kReleased);
  EXPECT_EQ(*Peek(held)->report, "second");
  EXPECT_EQ(Peek(held)->state, SessionState::kScored);
}

TEST_F(AmendmentsTest, OneThatOvertakesTheFirstScoreIsReleasedAndStays) {
  const SessionId id = Sealed("ann");
  outbox_.Put(1, id.ToHex(), 2, "second");
  const auto amendments = Start();
  ASSERT_TRUE(WaitUntil([&] { return outbox_.Empty(); }));
  EXPECT_EQ(Peek(id)->state, SessionState::kReleased);
  ASSERT_TRUE(fixtures::Ask(*engine_, id,
                            RecordScore{1, std::make_shared<const std::string>("first"), true})
                  .ok());
  EXPECT_EQ(*Peek(id)->report, "second");
  EXPECT_TRUE(engine_->PendingOutbox(std::nullopt, 10)->empty());
}

TEST_F(AmendmentsTest, LostAcknowledgementsAndAnAwayScoringChangeNothing) {
  std::vector<SessionId> ids;
  for (uint64_t i = 0; i < 10; ++i) {
    ids.push_back(Scored("candidate-" + std::to_string(i)));
    outbox_.Put(i + 1, ids.back().ToHex(), 2, "second");
  }
  outbox_.down = true;
  outbox_.lose_acknowledgements = 2;
  auto amendments = Start();
  ASSERT_TRUE(WaitUntil([&] { return outbox_.lists > 3; }));
  outbox_.down = false;
  ASSERT_TRUE(WaitUntil([&] { return outbox_.Empty(); }));
  EXPECT_EQ(outbox_.acknowledged, 10);
  const uint64_t events = engine_->Stats().events;
  for (const SessionId& id : ids) EXPECT_EQ(*Peek(id)->report, "second");
  // The same again, as another replica would: nothing happens to the sessions.
  for (uint64_t i = 0; i < 10; ++i) outbox_.Put(i + 1, ids[i].ToHex(), 2, "second");
  ASSERT_TRUE(WaitUntil([&] { return outbox_.Empty(); }));
  EXPECT_EQ(engine_->Stats().events, events);
}

TEST_F(AmendmentsTest, WhatConcernsNoResultIsLetGoAndHoldsUpNobody) {
  const SessionId reopened = Scored("ann"), voided = Scored("bea"), good = Scored("cleo");
  ASSERT_TRUE(fixtures::Ask(*engine_, voided, Void{"not allowed"}).ok());
  outbox_.Put(1, "not an id", 2, "second");
  outbox_.Put(2, std::string(32, '0'), 2, "second");
  outbox_.Put(3, voided.ToHex(), 2, "second");
  outbox_.Put(4, reopened.ToHex(), 2, "second", 7);
  outbox_.Put(5, good.ToHex(), 2, "second");
  const auto amendments = Start();
  ASSERT_TRUE(WaitUntil([&] { return outbox_.Empty(); }));
  EXPECT_EQ(*Peek(good)->report, "second");
  EXPECT_EQ(*Peek(reopened)->report, "first");
  EXPECT_EQ(Peek(voided)->state, SessionState::kVoided);
}

TEST_F(AmendmentsTest, AClockThatIsNotTrustedJudgesNothing) {
  const SessionId id = Scored("ann");
  outbox_.Put(1, id.ToHex(), 2, "second");
  std::atomic<bool> trusted{false};
  std::atomic<int> asked{0};
  const auto amendments = Start({.scan_every = Millis(2), .page = 3, .may_judge = [&] {
                                   ++asked;
                                   return trusted.load();
                                 }});
  ASSERT_TRUE(WaitUntil([&] { return asked > 5; }));
  EXPECT_EQ(outbox_.lists, 0);
  trusted = true;
  ASSERT_TRUE(WaitUntil([&] { return outbox_.Empty(); }));
  EXPECT_EQ(*Peek(id)->report, "second");
}

TEST_F(AmendmentsTest, ItEndsWhileScoringDoesNotAnswer) {
  std::function<void(absl::StatusOr<std::vector<Amendment>>)> late;
  std::atomic<bool> asked{false};
  AmendmentSource silent = outbox_.Source();
  silent.list = [&](uint64_t, size_t, auto done) {
    late = std::move(done);
    asked = true;
  };
  auto amendments = std::make_unique<Amendments>(*engine_, silent);
  ASSERT_TRUE(WaitUntil([&] { return asked.load(); }));
  amendments.reset();
  engine_.reset();
  late(std::vector<Amendment>{{1, std::string(32, '0'), 1, {}}});
}

}  // namespace
}  // namespace invigil::session
