// What survives when the process dies or the disk refuses.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <random>
#include <thread>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/error/error.h"
#include "common/testing/temp_dir.h"
#include "services/session/engine/fixtures_for_test.h"
#include "services/session/store/stores_for_test.h"

namespace invigil::session {
namespace {

using fixtures::Activate;
using fixtures::Ask;
using fixtures::Result;
using fixtures::Save;
using fixtures::SaveOne;
using fixtures::Write;

// An acknowledgement as the child reports it; small enough that a pipe takes it whole.
struct Acknowledged {
  uint32_t session, item, sequence;
};
constexpr uint32_t kSessions = 8, kItems = 10;

// Saves for ever, keeping many in flight, and reports every acknowledgement.
[[noreturn]] void SaveUntilKilled(const std::string& path, int pipe, uint32_t sequence) {
  SystemClock clock;
  const auto engine = *SessionEngine::Open(path, clock);
  std::vector<SessionId> ids;
  for (uint32_t i = 0; i < kSessions; ++i) {
    ids.push_back(Activate(*engine, "c" + std::to_string(i), kItems));
  }
  std::atomic<int> waiting{0};
  for (uint32_t n = 0;; ++n) {
    const Acknowledged save{n % kSessions, n / kSessions % kItems, ++sequence};
    while (waiting > 200) std::this_thread::yield();
    ++waiting;
    engine->Execute(ids[save.session],
                    fixtures::Do(Save(1, {Write(save.item, save.sequence, {"B"})})),
                    [&waiting, save, pipe](Result result) {
                      --waiting;
                      if (result.ok()) (void)!write(pipe, &save, sizeof save);
                    });
  }
}

TEST(EngineCrashTest, EveryAcknowledgedSaveSurvivesKillNine) {
  const testing::TempDir dir;
  const std::string path = dir.Path("s.db");
  Random random(std::random_device{}());
  std::map<std::pair<uint32_t, uint32_t>, uint32_t> acknowledged;  // newest sequence
  uint32_t sequence = 0;
  for (int round = 0; round < 5; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      close(pipe_ends[0]);
      SaveUntilKilled(path, pipe_ends[1], sequence);
    }
    close(pipe_ends[1]);
    // Kill in the middle of things, then take what it had reported by then.
    const uint64_t enough = 100 + random.Below(400);
    Acknowledged save{};
    for (uint64_t n = 0; read(pipe_ends[0], &save, sizeof save) == sizeof save; ++n) {
      uint32_t& newest = acknowledged[{save.session, save.item}];
      newest = std::max(newest, save.sequence);
      sequence = std::max(sequence, save.sequence);
      if (n == enough) kill(child, SIGKILL);
    }
    close(pipe_ends[0]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    sequence += 1000;  // past whatever it stored and could not report

    SystemClock clock;
    const auto engine = *SessionEngine::Open(path, clock);
    for (uint32_t s = 0; s < kSessions; ++s) {
      const auto found = fixtures::FindOrReserve(
          *engine, {"c" + std::to_string(s), "CLF-C02", "r-c" + std::to_string(s), false});
      ASSERT_TRUE(found.ok());
      ASSERT_EQ(found->state->state, SessionState::kActive);
      for (uint32_t item = 0; item < kItems; ++item) {
        const StoredResponse& held = found->state->responses[item];
        EXPECT_GE(held.sequence, (acknowledged[{s, item}])) << "session " << s << " item " << item;
        EXPECT_LT(held.sequence, sequence) << "invented";
        if (held.sequence > 0) {
          EXPECT_EQ(held.options, 0b10u);
        }
      }
    }
  }
  EXPECT_GT(acknowledged.size(), kSessions);
}

// Files may not grow past a limit for a while: what the engine meets on a full or broken disk.
class WriteLimit {
 public:
  explicit WriteLimit(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~WriteLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST(EngineCrashTest, ADiskThatRefusesIsNeverAcknowledgedAndRecovers) {
  const testing::TempDir dir;
  const std::string path = dir.Path("s.db");
  const ManualClock clock(fixtures::kStart);
  auto engine = *SessionEngine::Open(path, clock);
  std::vector<SessionId> ids;
  for (int i = 0; i < 40; ++i) ids.push_back(Activate(*engine, "c" + std::to_string(i)));
  struct stat wal {};
  ASSERT_EQ(stat((path + "-wal").c_str(), &wal), 0);

  std::map<size_t, uint32_t> acknowledged;
  uint32_t sequence = 0, refused = 0;
  const auto save_everywhere = [&] {
    ++sequence;
    for (size_t s = 0; s < ids.size(); ++s) {
      const Result result = SaveOne(*engine, ids[s], 0, sequence);
      if (result.ok()) {
        acknowledged[s] = sequence;
        continue;
      }
      ++refused;
      EXPECT_TRUE(result.status().code() == absl::StatusCode::kUnavailable ||
                  result.status().code() == absl::StatusCode::kResourceExhausted)
          << result.status();
      EXPECT_TRUE(ViewError(result.status()).retry_after.has_value());
    }
  };
  {
    const WriteLimit limit(static_cast<rlim_t>(wal.st_size) + 20'000);
    save_everywhere();
    EXPECT_GT(refused, 0u);
    EXPECT_LT(refused, ids.size()) << "the first few had room";
    EXPECT_FALSE(engine->Healthy());
    for (size_t s = 0; s < ids.size(); ++s) {  // reading goes on, and shows what is durable only
      const Result read = Ask(*engine, ids[s], Read{});
      ASSERT_TRUE(read.ok()) << read.status();
      EXPECT_EQ(read->state->responses[0].sequence, acknowledged[s]);
    }
  }
  refused = 0;
  save_everywhere();
  EXPECT_EQ(refused, 0u);
  EXPECT_TRUE(engine->Healthy());
  engine = *SessionEngine::Open(path, clock);
  for (size_t s = 0; s < ids.size(); ++s) {
    EXPECT_EQ(Ask(*engine, ids[s], Read{})->state->responses[0].sequence, acknowledged[s]);
  }
}

// The server is cut off in the middle of batches: what was acknowledged is there, and nothing is
// half there, whatever became of the commits whose answers were lost.
TEST(EngineOnPostgresTest, EveryAcknowledgedSaveSurvivesAServerThatIsCutOff) {
  testing::PostgresServer& server = testing::PostgresServer::Shared();
  const TestStore store("postgresql");
  ManualClock clock(fixtures::kStart);
  const auto open = [&] {
    auto log = store.OpenLog();
    return std::make_unique<SessionEngine>(std::move(log), store.OpenReader(), clock);
  };
  auto engine = open();
  std::vector<SessionId> ids;
  for (uint32_t s = 0; s < kSessions; ++s)
    ids.push_back(Activate(*engine, "c" + std::to_string(s)));
  std::atomic<bool> running{true};
  std::atomic<uint64_t> stored{0}, refused{0};
  std::vector<std::map<uint32_t, uint32_t>> newest(kSessions);  // by item, acknowledged
  std::vector<std::thread> threads;
  for (uint32_t s = 0; s < kSessions; ++s) {
    threads.emplace_back([&, s] {
      for (uint32_t sequence = 1; running; ++sequence) {
        const uint32_t item = sequence % kItems;
        const Result result = SaveOne(*engine, ids[s], item, sequence);
        if (result.ok()) {
          newest[s][item] = sequence;
          ++stored;
        } else {
          EXPECT_EQ(result.status().code(), absl::StatusCode::kUnavailable) << result.status();
          ++refused;
        }
      }
    });
  }
  for (int round = 0; round < 3; ++round) {
    const uint64_t before = stored;
    EXPECT_TRUE(testing::WaitUntil([&] { return stored > before + 100; }, Seconds(30)));
    server.Restart();
  }
  const uint64_t before = stored;
  EXPECT_TRUE(testing::WaitUntil([&] { return stored > before + 100; }, Seconds(30)));
  running = false;
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(refused, 0u);
  EXPECT_TRUE(engine->Healthy());
  const auto fresh = open();
  for (uint32_t s = 0; s < kSessions; ++s) {
    const auto state = Ask(*fresh, ids[s], Read{})->state;
    EXPECT_EQ(*state, *Ask(*engine, ids[s], Read{})->state);
    for (const auto& [item, sequence] : newest[s]) {
      EXPECT_GE(state->responses[item].sequence, sequence);
    }
  }
}

}  // namespace
}  // namespace invigil::session
