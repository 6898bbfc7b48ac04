#include "services/session/rpc/readings.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/error/error.h"

namespace invigil::session {
namespace {

TEST(ReadingsTest, OneIsReadAtATimeAndAFewWait) {
  std::vector<std::string> done;
  std::promise<void> begun, go_on;
  size_t waiting = 0;
  {
    Readings readings;
    EXPECT_TRUE(readings.Add(
        [&] {
          begun.set_value();
          go_on.get_future().wait();
          return absl::OkStatus();
        },
        [&](const absl::Status& status) { done.push_back(status.ok() ? "first" : "?"); }));
    begun.get_future().wait();
    std::promise<void> last;
    const auto add = [&](bool is_last) {
      return readings.Add([] { return absl::InternalError("no"); },
                          [&, is_last](const absl::Status& status) {
                            done.emplace_back(status.message());
                            if (is_last) last.set_value();
                          });
    };
    while (waiting < 15 && add(false)) ++waiting;
    ASSERT_TRUE(add(true));
    EXPECT_FALSE(add(false)) << "more than a few";
    go_on.set_value();
    last.get_future().wait();
  }
  ASSERT_EQ(done.size(), waiting + 2);
  EXPECT_EQ(done.front(), "first");
  EXPECT_EQ(done.back(), "no");
}

TEST(ReadingsTest, AtTheEndWhatIsUnderWayGivesUpAndWhatWaitsIsNotRead) {
  std::vector<std::string> done;
  std::promise<void> begun;
  bool second_was_read = false;
  auto readings = std::make_unique<Readings>();
  const auto note = [&](const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
    done.push_back(ReasonOf(status));
  };
  readings->Add(
      [&, at = readings.get()] {
        begun.set_value();
        while (!at->stopping()) std::this_thread::yield();
        return absl::CancelledError("half way");
      },
      note);
  begun.get_future().wait();
  readings->Add(
      [&] {
        second_was_read = true;
        return absl::OkStatus();
      },
      note);
  readings.reset();
  EXPECT_EQ(done, (std::vector<std::string>{"SHUTTING_DOWN", "SHUTTING_DOWN"}));
  EXPECT_FALSE(second_was_read);
}

}  // namespace
}  // namespace invigil::session
