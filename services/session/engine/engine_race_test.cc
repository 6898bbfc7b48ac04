// Several engines on one store, as several replicas on one database.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <thread>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/error/error.h"
#include "services/session/engine/fixtures_for_test.h"
#include "services/session/store/stores_for_test.h"

namespace invigil::session {
namespace {

using fixtures::Activate;
using fixtures::Ask;
using fixtures::kBase;
using fixtures::kStart;
using fixtures::Result;
using fixtures::SaveOne;

class EngineRaceTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    for (auto& engine : engines_) engine = Open();
  }
  std::unique_ptr<SessionEngine> Open() {
    auto log = store_.OpenLog();
    return std::make_unique<SessionEngine>(std::move(log), store_.OpenReader(), clock_);
  }
  TestStore store_{GetParam()};
  ManualClock clock_{kStart};
  std::array<std::unique_ptr<SessionEngine>, 2> engines_;
  SessionEngine& a() { return *engines_[0]; }
  SessionEngine& b() { return *engines_[1]; }
};

TEST_P(EngineRaceTest, ParallelStartsMakeOneSession) {
  for (int round = 0; round < 3; ++round) {
    const std::string candidate = "c" + std::to_string(round);
    std::mutex mutex;
    std::set<SessionId> sessions;
    std::atomic<int> left{64};
    std::promise<void> all;
    for (int i = 0; i < 64; ++i) {
      engines_[static_cast<size_t>(i % 2)]->FindOrReserve(
          {candidate, "CLF-C02", "r" + std::to_string(i / 4), false}, [&](Result result) {
            ASSERT_TRUE(result.ok()) << result.status();
            {
              const std::lock_guard lock(mutex);
              sessions.insert(result->session);
            }
            if (--left == 0) all.set_value();
          });
    }
    all.get_future().wait();
    EXPECT_EQ(sessions.size(), 1u);
  }
}

TEST_P(EngineRaceTest, AReplicaThatFellBehindGivesNoWrongAnswer) {
  const SessionId id = Activate(a());
  ASSERT_TRUE(SaveOne(b(), id, 0, 1).ok());  // both know the session
  ASSERT_TRUE(SaveOne(a(), id, 0, 2, "C").ok());

  // b must know of sequence 2 though it has 1 in memory: stale, with the value a stored.
  const Result stale = SaveOne(b(), id, 0, 2, "D");
  ASSERT_TRUE(stale.ok());
  EXPECT_EQ(stale->acks[0].fate, Ack::Fate::kStale);
  EXPECT_EQ(stale->acks[0].stored, (StoredResponse{2, 0b100}));
  // An epoch that only a has heard of.
  ASSERT_TRUE(Ask(a(), id, TakeOver{}).ok());
  EXPECT_TRUE(SaveOne(b(), id, 1, 1, "A", 2).ok());
  EXPECT_EQ(ReasonOf(SaveOne(a(), id, 1, 2, "A", 1).status()), "EPOCH_STALE");
  // The barrier counts what the other stored.
  ASSERT_TRUE(SaveOne(a(), id, 4, 7, "A", 2).ok());
  EXPECT_TRUE(Ask(b(), id, Submit{2, {{fixtures::ItemId(4), 7}}}).ok());
  EXPECT_EQ(ReasonOf(SaveOne(a(), id, 5, 1, "A", 2).status()), "SESSION_SEALED");
  EXPECT_EQ(*Ask(a(), id, Read{})->state, *Ask(b(), id, Read{})->state);
}

TEST_P(EngineRaceTest, WatchersHearWhatTheOtherReplicaDidOnceItIsKnown) {
  const SessionId id = Activate(a());
  ASSERT_TRUE(Ask(b(), id, Read{}).ok());
  ASSERT_TRUE(Ask(b(), id, Read{}).ok());  // by now the first has told whoever listened
  std::vector<uint32_t> epochs;
  const auto subscription = b().Subscribe(
      id, [&](const SessionChange& change) { epochs.push_back(change.state->epoch); });
  ASSERT_TRUE(Ask(a(), id, TakeOver{}).ok());
  ASSERT_TRUE(Ask(b(), id, Read{}).ok());
  b().Stop();
  EXPECT_THAT(epochs, ::testing::ElementsAre(2u));
}

TEST_P(EngineRaceTest, TwoExpirersSealOnce) {
  const SessionId id = Activate(a());
  clock_.Advance(kBase + Seconds(1));
  std::atomic<int> changed{0}, left{40};
  std::promise<void> all;
  for (int i = 0; i < 40; ++i) {
    engines_[static_cast<size_t>(i % 2)]->Execute(id, fixtures::Do(Expire{}), [&](Result result) {
      ASSERT_TRUE(result.ok());
      changed += result->changed;
      if (--left == 0) all.set_value();
    });
  }
  all.get_future().wait();
  EXPECT_EQ(changed, 1);
  EXPECT_EQ(a().PendingOutbox(std::nullopt, 10)->size(), 1u);
  EXPECT_EQ(Ask(b(), id, Read{})->state->attempt_version, 1u);
}

// I1: of all acknowledged writes to an item, the newest is what is stored; and both replicas, and a
// third that reads the log, agree to the last bit.
TEST_P(EngineRaceTest, InterleavedSavesLoseNothing) {
  constexpr int kSessions = 4, kThreads = 4, kSaves = 150;
  std::vector<SessionId> ids;
  for (int i = 0; i < kSessions; ++i) ids.push_back(Activate(a(), "c" + std::to_string(i)));
  std::atomic<uint32_t> sequence{0};
  std::mutex mutex;
  std::map<std::pair<size_t, size_t>, StoredResponse> newest;  // by session and item, acknowledged
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      Random random(static_cast<uint64_t>(t));
      for (int i = 0; i < kSaves; ++i) {
        const size_t session = random.Below(kSessions), item = random.Below(3);
        const uint32_t mine = ++sequence;
        const size_t option = random.Below(4);
        const std::string letter(OptionId(option));
        const Result result =
            SaveOne(*engines_[random.Below(2)], ids[session], item, mine, letter.c_str());
        ASSERT_TRUE(result.ok()) << result.status();
        if (result->acks[0].fate != Ack::Fate::kStored) continue;
        const std::lock_guard lock(mutex);
        StoredResponse& held = newest[{session, item}];
        if (mine > held.sequence) held = {mine, 1u << option};
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto third = Open();
  for (size_t s = 0; s < ids.size(); ++s) {
    const auto state = Ask(*third, ids[s], Read{})->state;
    EXPECT_EQ(*state, *Ask(a(), ids[s], Read{})->state);
    EXPECT_EQ(*state, *Ask(b(), ids[s], Read{})->state);
    for (size_t item = 0; item < 3; ++item) {
      const StoredResponse& held = newest[{s, item}];
      // A lower sequence with the very value that is held counts as stored, so values decide.
      EXPECT_GE(state->responses[item].sequence, held.sequence);
      if (state->responses[item].sequence == held.sequence) {
        EXPECT_EQ(state->responses[item], held);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Stores, EngineRaceTest, kTestStores, TestStore::Name);

}  // namespace
}  // namespace invigil::session
