#include "services/session/rpc/denials.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "common/base/ids.h"

namespace invigil::session {
namespace {

constexpr char kMethod[] = "/invigil.session.v1.DeliveryService/SubmitSession";

class DenialsTest : public ::testing::Test {
 protected:
  void Add(const std::string& actor, const std::string& session = "") {
    denials_.Add(kMethod, "SESSION_NOT_YOURS", actor, session);
  }
  size_t Rows(const std::string& kind) const {
    return static_cast<size_t>(
        std::count_if(rows_.begin(), rows_.end(), [&](const Remark& r) { return r.kind == kind; }));
  }
  uint64_t More() const {
    uint64_t more = 0;
    for (const Remark& row : rows_) more += row.count;
    return more;
  }

  ManualClock clock_{FromUnixMicros(0)};
  std::mutex mutex_;
  std::vector<Remark> rows_;
  Denials denials_{[this](Remark remark) {
                     const std::lock_guard lock(mutex_);
                     rows_.push_back(std::move(remark));
                   },
                   clock_,
                   {.rows_of_one = 3, .rows_of_all = 8, .actors = 4}};
};

TEST_F(DenialsTest, ADeniedCallIsARowWithAllThatIsKnown) {
  const std::string session = NewId(FromUnixMicros(1));
  Add("mallory", session);
  ASSERT_EQ(rows_.size(), 1u);
  EXPECT_EQ(rows_[0].kind, kDenied);
  EXPECT_EQ(rows_[0].session.ToHex(), session);
  EXPECT_EQ(rows_[0].actor, "mallory");
  EXPECT_EQ(rows_[0].method, kMethod);
  EXPECT_EQ(rows_[0].reason, "SESSION_NOT_YOURS");
  Add("mallory", "'; DROP TABLE events; --");
  EXPECT_EQ(rows_[1].session, SessionId());
}

TEST_F(DenialsTest, WhoeverInsistsGetsANumber) {
  for (int i = 0; i < 1000; ++i) Add("mallory");
  Add("ann");
  EXPECT_EQ(Rows(kDenied), 4u);  // three and one
  denials_.Settle();
  EXPECT_EQ(rows_.size(), 4u) << "the minute is not over";
  clock_.Advance(Minutes(1));
  denials_.Settle();
  ASSERT_EQ(rows_.size(), 5u);
  EXPECT_EQ(rows_.back().kind, kDeniedMore);
  EXPECT_EQ(rows_.back().actor, "mallory");
  EXPECT_EQ(rows_.back().count, 997u);
  Add("mallory");
  EXPECT_EQ(Rows(kDenied), 5u) << "a new minute, new rows";
}

TEST_F(DenialsTest, ManyActorsCannotFillTheDiskEither) {
  for (int i = 0; i < 500; ++i) {
    for (int k = 0; k < 10; ++k) Add("actor-" + std::to_string(i));
  }
  EXPECT_LE(Rows(kDenied), 8u);
  denials_.Settle(true);
  EXPECT_LE(rows_.size(), 8u + 4u + 1u);
  EXPECT_EQ(Rows(kDenied) + More(), 5000u) << "none is lost";
}

TEST_F(DenialsTest, NoneIsLostWithManyThreads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) Add("actor-" + std::to_string(t));
    });
  }
  for (std::thread& thread : threads) thread.join();
  denials_.Settle(true);
  EXPECT_EQ(Rows(kDenied) + More(), 2000u);
}

}  // namespace
}  // namespace invigil::session
