#include "services/session/rpc/ticker.h"

#include <gtest/gtest.h>

#include <future>
#include <vector>

namespace invigil::session {
namespace {

TEST(Ticker, RunsInTheOrderDueAndNotWhatWasCancelled) {
  const SystemClock clock;
  Ticker ticker(clock);
  std::vector<int> order;
  std::promise<void> done;
  ticker.After(Millis(40), [&] {
    order.push_back(3);
    done.set_value();
  });
  const auto cancelled = ticker.After(Millis(20), [&] { order.push_back(2); });
  ticker.After(Duration(0), [&] { order.push_back(1); });
  EXPECT_TRUE(ticker.Cancel(cancelled));
  EXPECT_FALSE(ticker.Cancel(cancelled));
  done.get_future().wait();
  EXPECT_EQ(order, (std::vector<int>{1, 3}));
}

TEST(Ticker, DropsWhatWaitsWhenItEnds) {
  const SystemClock clock;
  bool ran = false;
  {
    Ticker(clock).After(Minutes(10), [&] { ran = true; });
  }
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace invigil::session
