#include "services/session/replicas/commit_tail.h"

#include <gtest/gtest.h>

#include <atomic>

#include "common/base/clock.h"
#include "common/testing/wait_until.h"
#include "services/session/engine/fixtures_for_test.h"
#include "services/session/store/stores_for_test.h"

namespace invigil::session {
namespace {

using fixtures::Activate;
using fixtures::Ask;
using fixtures::kStart;

// Two replicas on one store; the screens are on the first.
class CommitTailTest : public ::testing::TestWithParam<const char*> {
 protected:
  std::unique_ptr<SessionEngine> Open() {
    auto log = store_.OpenLog();
    return std::make_unique<SessionEngine>(std::move(log), store_.OpenReader(), clock_);
  }
  TestStore store_{GetParam()};
  ManualClock clock_{kStart};
  std::unique_ptr<SessionEngine> here_ = Open(), there_ = Open();
};

TEST_P(CommitTailTest, AScreenIsToldOfWhatAnotherReplicaDid) {
  const SessionId ann = Activate(*here_, "ann"), bob = Activate(*here_, "bob");
  CommitTail tail(*here_, store_.OpenReader(), Millis(10));
  tail.Start();
  std::atomic<uint32_t> version{0};
  std::atomic<int> calls{0};
  const auto subscription = here_->Subscribe(ann, [&](const SessionChange& change) {
    version = change.state->deadline_version;
    ++calls;
  });
  EXPECT_TRUE(here_->Watched(ann));
  EXPECT_FALSE(here_->Watched(bob));
  // Until the tail has begun, a commit may be older than where it begins: grant until one is told.
  int grants = 0;
  ASSERT_TRUE(testing::WaitUntil([&] {
    const std::string id = "g" + std::to_string(++grants);
    EXPECT_TRUE(Ask(*there_, ann, GrantTime{{id, Seconds(1)}, "p", "r"}).ok());
    return version > 1;
  }));
  ASSERT_TRUE(Ask(*there_, bob, Pause{"p", "r"}).ok());
  ASSERT_TRUE(Ask(*there_, ann, Pause{"p", "r"}).ok());
  EXPECT_TRUE(testing::WaitUntil([&] { return version == static_cast<uint32_t>(grants) + 2; }));
  EXPECT_EQ(here_->Peek(bob)->state, SessionState::kActive) << "nobody looks: nothing is read";
  tail.Stop();
  there_->Stop();
  here_->Stop();
}

// Numbers are given again: the rows behind the one read last may be none of those read.
TEST_P(CommitTailTest, AJournalThatLostItsEndIsReadFromThere) {
  const SessionId ann = Activate(*here_, "ann");
  const auto reader = store_.OpenReader();
  const uint64_t begin = reader->ReadJournalHead()->n;
  CommitTail tail(*here_, store_.OpenReader(), Millis(10));
  std::atomic<uint32_t> version{0};
  const auto subscription = here_->Subscribe(
      ann, [&](const SessionChange& change) { version = change.state->deadline_version; });
  tail.Start();
  uint32_t grants = 0;
  const auto grant = [&] {
    EXPECT_TRUE(
        Ask(*there_, ann, GrantTime{{"g" + std::to_string(++grants), Seconds(1)}, "p", "r"}).ok());
  };
  const auto told = [&] { return testing::WaitUntil([&] { return version == grants + 1; }); };
  // As above, for the tail to begin.
  ASSERT_TRUE(testing::WaitUntil([&] {
    grant();
    return version > 1;
  }));
  for (int i = 0; i < 10; ++i) grant();
  ASSERT_TRUE(told());
  // Shorter than what was read, and then as long, and then longer.
  store_.Execute(CutJournal(begin));
  grant();
  EXPECT_TRUE(told()) << "the journal is shorter than it was";
  ASSERT_LT(reader->ReadJournalHead()->n, begin + 10);
  const uint64_t end = reader->ReadJournalHead()->n;
  for (int i = 0; i < 4; ++i) grant();
  ASSERT_TRUE(told());
  ASSERT_EQ(reader->ReadJournalHead()->n, end + 4);
  grant();
  EXPECT_TRUE(told()) << "and goes on";
  tail.Stop();
  there_->Stop();
  here_->Stop();
}

INSTANTIATE_TEST_SUITE_P(Stores, CommitTailTest, kTestStores, TestStore::Name);

}  // namespace
}  // namespace invigil::session
