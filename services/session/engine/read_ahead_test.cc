#include "services/session/engine/read_ahead.h"

#include <gtest/gtest.h>

#include <future>

#include "common/testing/temp_dir.h"
#include "services/session/engine/fixtures_for_test.h"
#include "services/session/engine/transactor.h"
#include "services/session/store/sqlite_event_log.h"

namespace invigil::session {
namespace {

using fixtures::Activate;
using fixtures::SaveOne;

class ReadAheadTest : public ::testing::Test {
 protected:
  static Job JobFor(const SessionId& session) {
    Job job;
    job.work = CommandJob{session, {"", Read{}}, {}, false};
    job.received = fixtures::kStart;
    return job;
  }
  // Lets `session` be read ahead, and waits for its job.
  void ReadOne(const SessionId& session) {
    std::promise<SessionId> ready;
    ReadAhead ahead(*reader_, cache_, 10,
                    [&ready](Job job) { ready.set_value(std::get<CommandJob>(job.work).session); });
    Job job = JobFor(session);
    ASSERT_TRUE(ahead.Push(job));
    EXPECT_EQ(ready.get_future().get(), session);
  }

  const testing::TempDir dir_;
  ManualClock clock_{fixtures::kStart};
  std::unique_ptr<SessionEngine> engine_ = *SessionEngine::Open(dir_.Path("s.db"), clock_);
  std::unique_ptr<EventLogReader> reader_ = *OpenSqliteEventLogReader(dir_.Path("s.db"));
  SessionCache cache_{160};
};

TEST_F(ReadAheadTest, PutsTheSessionIntoTheCacheAsOneThatMayHaveGoneOn) {
  const SessionId session = Activate(*engine_);
  ReadOne(session);
  const SessionCache::Found found = cache_.Find(session);
  ASSERT_TRUE(found.state);
  EXPECT_EQ(*found.state, *engine_->Peek(session));
  EXPECT_EQ(found.generation, 0u);
}

TEST_F(ReadAheadTest, WhatCannotBeReadIsGivenOnAllTheSame) {
  const SessionId nobody = *SessionId::FromHex(NewId(fixtures::kStart));
  ReadOne(nobody);
  EXPECT_FALSE(cache_.Find(nobody).state);
}

TEST_F(ReadAheadTest, WhatWasWrittenSinceIsReadBeforeAnythingIsDecided) {
  const SessionId session = Activate(*engine_);
  const auto old = engine_->Peek(session);
  ASSERT_TRUE(SaveOne(*engine_, session, 0, 1).ok());
  cache_.PutAhead(session, old, cache_.Drops(session));
  const auto log = *OpenSqliteEventLog(dir_.Path("s.db"));
  Transactor transactor(*log, cache_);
  std::vector<Job> jobs(1);
  jobs[0] = JobFor(session);
  ASSERT_TRUE(transactor.Run(jobs).ok());
  ASSERT_TRUE(jobs[0].result.ok());
  EXPECT_EQ(jobs[0].result->state->version, old->version + 1);
  // Whoever watches has heard of nothing yet.
  EXPECT_FALSE(transactor.touched().front().known);
  EXPECT_NE(cache_.Find(session).generation, 0u);
}

TEST_F(ReadAheadTest, NeverReplacesWhatIsThereNorWhatWasDroppedMeanwhile) {
  const SessionId session = Activate(*engine_);
  const auto old = engine_->Peek(session);
  ASSERT_TRUE(SaveOne(*engine_, session, 0, 1).ok());
  cache_.Put(session, engine_->Peek(session), 7);
  cache_.PutAhead(session, old, cache_.Drops(session));
  EXPECT_EQ(cache_.Find(session).generation, 7u);
  const uint64_t drops = cache_.Drops(session);
  cache_.Drop(session);
  cache_.PutAhead(session, old, drops);
  EXPECT_FALSE(cache_.Find(session).state);
}

TEST_F(ReadAheadTest, TakesNoMoreThanItsLimitAndGivesOnEverythingWhenItStops) {
  const SessionId session = Activate(*engine_);
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::promise<void> begun;
  std::atomic<int> given{0};
  ReadAhead ahead(*reader_, cache_, 2, [&](Job) {
    if (++given == 1) {
      begun.set_value();
      released.wait();
    }
  });
  Job first = JobFor(session);
  ASSERT_TRUE(ahead.Push(first));
  begun.get_future().wait();
  for (int i = 0; i < 2; ++i) {
    Job more = JobFor(session);
    EXPECT_TRUE(ahead.Push(more));
  }
  Job over = JobFor(session);
  EXPECT_FALSE(ahead.Push(over));
  EXPECT_EQ(std::get<CommandJob>(over.work).session, session) << "still the caller's";
  release.set_value();
  ahead.Stop();
  EXPECT_EQ(given, 3);
  EXPECT_FALSE(ahead.Push(over));
}

}  // namespace
}  // namespace invigil::session
