// How many durable saves a second the engine takes, and how large its transactions get.
//
//   engine_bench [--threads 2] [--inflight 64] [--sessions 2000] [--seconds 3] [--file STORE]
//
// STORE is a path or postgresql://...; without it a file that goes with the run. Each thread keeps
// `inflight` saves waiting. Prints one line of JSON.
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "common/base/ids.h"
#include "common/base/random.h"
#include "services/session/domain/fixtures_for_test.h"
#include "services/session/engine/session_engine.h"

namespace invigil::session {
namespace {

struct Flags {
  int threads = 2, inflight = 64, sessions = 2000, seconds = 3;
  std::string file;
};

std::vector<SessionId> StartSessions(SessionEngine& engine, int count) {
  std::vector<SessionId> ids(static_cast<size_t>(count));
  std::counting_semaphore<> room(256);
  const auto form = fixtures::MakeForm(65);
  std::vector<Content> contents;
  for (int i = 0; i < 65; ++i) contents.push_back({"content-" + std::to_string(i), "text"});
  // A store that was used before has the sessions of earlier runs, whose sequences are taken.
  const std::string run = "run-" + RandomHex(8) + "-";
  for (int i = 0; i < count; ++i) {
    room.acquire();
    StartRequest request{run + std::to_string(i), "CLF-C02", "bench", false};
    engine.FindOrReserve(std::move(request), [&, i](absl::StatusOr<Outcome> reserved) {
      if (!reserved.ok()) std::abort();
      ids[static_cast<size_t>(i)] = reserved->session;
      engine.StartClock(reserved->session, "", Start{form, {}, {}}, contents,
                        [&](absl::StatusOr<Outcome> o) {
                          if (!o.ok()) std::abort();
                          room.release();
                        });
    });
  }
  for (int i = 0; i < 256; ++i) room.acquire();
  return ids;
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void Run(const Flags& flags) {
  SystemClock clock;
  auto engine = SessionEngine::Open(flags.file, clock);
  if (!engine.ok()) {
    std::fprintf(stderr, "%s\n", std::string(engine.status().message()).c_str());
    std::exit(1);
  }
  const std::vector<SessionId> ids = StartSessions(**engine, flags.sessions);
  const EngineStats before = (*engine)->Stats();
  const double cpu_before = CpuSeconds();
  const auto begun = std::chrono::steady_clock::now();
  const auto end = begun + std::chrono::seconds(flags.seconds);
  std::atomic<uint32_t> sequence{0};
  std::atomic<uint64_t> stored{0}, refused{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < flags.threads; ++t) {
    threads.emplace_back([&, t] {
      Random random(static_cast<uint64_t>(t) + 1);
      std::counting_semaphore<> room(flags.inflight);
      while (std::chrono::steady_clock::now() < end) {
        room.acquire();
        SaveResponses save{1, {}};
        save.responses.push_back(fixtures::Write(random.Below(65), ++sequence, {"B"}));
        (*engine)->Execute(ids[random.Below(ids.size())], {"", std::move(save)},
                           [&](absl::StatusOr<Outcome> outcome) {
                             (outcome.ok() ? stored : refused).fetch_add(1);
                             room.release();
                           });
      }
      for (int i = 0; i < flags.inflight; ++i) room.acquire();
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  const double cpu = CpuSeconds() - cpu_before;
  const EngineStats after = (*engine)->Stats();
  const auto saves = static_cast<double>(stored.load());
  const auto commits = static_cast<double>(after.commits - before.commits);
  std::printf(
      "{\"threads\":%d,\"inflight\":%d,\"sessions\":%d,\"saves_per_s\":%.0f,"
      "\"saves_per_commit\":%.1f,\"commits_per_s\":%.0f,\"cpu_us_per_save\":%.1f,"
      "\"refused\":%llu,\"batches\":[",
      flags.threads, flags.inflight, flags.sessions, saves / seconds, saves / commits,
      commits / seconds, cpu / saves * 1e6, static_cast<unsigned long long>(refused.load()));
  for (size_t i = 0; i < after.batch_sizes.size(); ++i) {
    std::printf("%s%llu", i ? "," : "",
                static_cast<unsigned long long>(after.batch_sizes[i] - before.batch_sizes[i]));
  }
  std::printf("]}\n");
}

}  // namespace
}  // namespace invigil::session

int main(int argc, char** argv) {
  invigil::session::Flags flags;
  const std::map<std::string, int*> numbers = {{"--threads", &flags.threads},
                                               {"--inflight", &flags.inflight},
                                               {"--sessions", &flags.sessions},
                                               {"--seconds", &flags.seconds}};
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string(argv[i]) == "--file") {
      flags.file = argv[i + 1];
    } else if (const auto it = numbers.find(argv[i]); it != numbers.end()) {
      *it->second = std::max(1, std::atoi(argv[i + 1]));
    } else {
      std::fprintf(stderr, "unknown flag %s\n", argv[i]);
      return 2;
    }
  }
  char folder[] = "/tmp/engine_bench.XXXXXX";
  const bool own = flags.file.empty();
  if (own) {
    if (!mkdtemp(folder)) return 1;
    flags.file = std::string(folder) + "/sessions.db";
  }
  invigil::session::Run(flags);
  if (own) {
    for (const char* end : {"", "-wal", "-shm"}) (void)unlink((flags.file + end).c_str());
    (void)rmdir(folder);
  }
  return 0;
}
