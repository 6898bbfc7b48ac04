// Whole exams of a simulated suite, and that the checks find what they are there for.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "common/base/clock.h"
#include "common/log/log.h"
#include "services/session/sim/history.h"

namespace invigil::session::sim {
namespace {

// INVIGIL_TEST_SEED repeats a run.
uint64_t FirstSeed() {
  const char* given = std::getenv("INVIGIL_TEST_SEED");
  const uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

class SimTest : public ::testing::Test {
 protected:
  // The code under test warns of every fault; here they are all on purpose.
  static void SetUpTestSuite() {
    log::Init({.service = "sim", .level = log::Level::kError, .path = "/dev/null"});
  }
  static void TearDownTestSuite() { log::Shutdown(); }
};

TEST_F(SimTest, EveryHistoryKeepsEveryPromise) {
  const uint64_t first = FirstSeed();
  const SystemClock clock;
  const Duration begun = clock.Monotonic();
  uint64_t played = 0, exams = 0;
  // Under sanitizers, or on a machine that does much else, fewer.
  while (played < 6000 && (played < 100 || clock.Monotonic() - begun < Seconds(12))) {
    const History history = PlayHistory({.seed = first + played});
    ASSERT_EQ(history.failure, "")
        << "replay: invigil-sim --seed " << first + played << " --histories 1 --trace";
    ++played;
    exams += history.exams;
  }
  std::printf("%llu histories, %llu exams\n", static_cast<unsigned long long>(played),
              static_cast<unsigned long long>(exams));
  EXPECT_GT(exams, played);
}

TEST_F(SimTest, ASeedRepeatsItsHistory) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    const History once = PlayHistory({.seed = seed}), again = PlayHistory({.seed = seed});
    EXPECT_EQ(once.fingerprint, again.fingerprint) << "seed " << seed;
    EXPECT_NE(once.fingerprint, PlayHistory({.seed = seed + 1}).fingerprint);
  }
}

// What protects from a fault is proven only by histories in which the protection is missing. Those
// bugs that stand in the code under test are made by the script `mutants`.
class SimBugTest : public SimTest, public ::testing::WithParamInterface<Bug> {};

TEST_P(SimBugTest, IsFound) {
  constexpr uint64_t kEnough = 20'000;
  for (uint64_t seed = 1; seed <= kEnough; ++seed) {
    const History history = PlayHistory({.seed = seed, .bug = GetParam()});
    if (history.failure.empty()) continue;
    std::printf("found in history %llu: %s\n", static_cast<unsigned long long>(seed),
                history.failure.c_str());
    return;
  }
  ADD_FAILURE() << "not found in " << kEnough << " histories";
}

INSTANTIATE_TEST_SUITE_P(Bugs, SimBugTest,
                         ::testing::Values(Bug::kAnswerBeforeCommit, Bug::kOutboxRowLost,
                                           Bug::kEventLost, Bug::kSequenceNotUnique,
                                           Bug::kStaleGeneration, Bug::kTwoLiveSessions,
                                           Bug::kScoreTwice, Bug::kScanSilent, Bug::kNoTimers),
                         [](const auto& info) {
                           std::string name = kBugNames[static_cast<size_t>(info.param)];
                           for (char& c : name) {
                             if (c == '-') c = '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace invigil::session::sim
