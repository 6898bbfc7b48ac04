#include "common/rpc/executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace invigil::rpc {
namespace {

TEST(Executor, RefusesWhenFullAndRunsTheRestBeforeStopping) {
  std::atomic<int> ran{0};
  std::promise<void> started, gate;
  {
    Executor executor("test", 1, 2);
    ASSERT_TRUE(executor.TryRun([&] {
      started.set_value();
      gate.get_future().wait();
      ++ran;
    }));
    started.get_future().wait();
    EXPECT_TRUE(executor.TryRun([&] { ++ran; }));
    EXPECT_TRUE(executor.TryRun([&] { ++ran; }));
    EXPECT_FALSE(executor.TryRun([&] { ran = 100; }));
    gate.set_value();
  }
  EXPECT_EQ(ran, 3);
}

}  // namespace
}  // namespace invigil::rpc
