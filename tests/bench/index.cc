// bench-index [--sessions 100000] [--store LOCATION]
//
// What the deadline index costs: starts that many sessions through the engine on a store of its own
// (an SQLite file in a temporary folder, unless told otherwise) beside a redis-server of its own,
// and prints bytes per live session in Redis and in this process, and how fast the index is loaded
// again after Redis forgot everything, and after a failover.
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <semaphore>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/config/flags.h"
#include "common/redis/client.h"
#include "common/testing/redis_server.h"
#include "common/testing/temp_dir.h"
#include "common/testing/wait_until.h"
#include "services/session/domain/fixtures_for_test.h"
#include "services/session/engine/session_engine.h"
#include "services/session/timers/metrics.h"
#include "services/session/timers/timers.h"

namespace invigil::session {
namespace {

using testing::WaitUntil;

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "bench-index: %s\n", why.c_str());
  std::exit(1);
}

int64_t UsedMemory(redis::Client& client) {
  const auto info = CallAndWait(client, {"INFO", "memory"}, Seconds(5));
  if (!info.ok()) Die(std::string(info.status().message()));
  const size_t at = info->text.find("used_memory:");
  return std::stoll(info->text.substr(at + 12));
}

int64_t ResidentBytes() {
  int64_t pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

int64_t Indexed(redis::Client& client) {
  const auto count = CallAndWait(client,
                                 {"EVAL",
                                  "local n = 0 for _, k in ipairs(redis.call('KEYS', 'z:*')) do n "
                                  "= n + redis.call('ZCARD', k) end return n",
                                  "0"},
                                 Seconds(5));
  return count.ok() ? count->integer : -1;
}

void StartSessions(SessionEngine& engine, int count) {
  std::counting_semaphore<> room(256);
  const auto form = fixtures::MakeForm(65, Minutes(90));
  std::vector<Content> contents;
  for (int i = 0; i < 65; ++i) contents.push_back({"content-" + std::to_string(i), "text"});
  for (int i = 0; i < count; ++i) {
    room.acquire();
    StartRequest request{"candidate-" + std::to_string(i), "CLF-C02", "bench", false};
    engine.FindOrReserve(std::move(request), [&](absl::StatusOr<Outcome> reserved) {
      if (!reserved.ok()) Die(std::string(reserved.status().message()));
      engine.StartClock(reserved->session, "", Start{form, {}, {}}, contents,
                        [&](absl::StatusOr<Outcome> o) {
                          if (!o.ok()) Die(std::string(o.status().message()));
                          room.release();
                        });
    });
  }
  for (int i = 0; i < 256; ++i) room.acquire();
}

// When a load asked the database for its first rows, and when for the next: then the first were in.
struct Reads {
  std::atomic<int64_t> first_us{0}, second_us{0};
  void Reset() { first_us = second_us = 0; }
  void Note(bool first, int64_t now_us) {
    int64_t none = 0;
    (first ? first_us : second_us).compare_exchange_strong(none, now_us);
  }
};

void Run(int sessions, std::string store) {
  const SystemClock local;
  DisciplinedClock clock(local);
  const testing::TempDir dir;
  testing::RedisServer server;
  redis::ClientOptions options;
  options.address = *redis::ParseAddress(server.unix_address());
  options.name = "timers";
  redis::Client client(options);

  SessionEngine* engine = nullptr;
  Reads reads;
  TimerHooks hooks;
  hooks.expire = [](const SessionId&, const ExpireDone& done) { done(absl::OkStatus()); };
  hooks.list = [&](std::optional<Timer> after, Time until,
                   size_t limit) -> absl::StatusOr<std::vector<Timer>> {
    // A load begins at the beginning and has no end; the scan has one.
    if (until > clock.Now() + Minutes(1)) reads.Note(!after, local.Monotonic().count());
    std::optional<Scheduled> start;
    if (after) start = Scheduled{.deadline = after->deadline, .session = after->session};
    const auto due = engine->ListScheduled(start, until, limit);
    if (!due.ok()) return due.status();
    std::vector<Timer> timers;
    for (const Scheduled& one : *due) timers.push_back({one.deadline, one.session});
    return timers;
  };
  Timers timers(client, clock, local, hooks);
  EngineHooks engine_hooks;
  engine_hooks.on_scheduled = [&](const SessionId& session, Time deadline) {
    timers.Schedule(session, deadline);
  };
  if (store.empty()) store = dir.Path("session.db");
  auto opened = SessionEngine::Open(store, clock, {}, std::move(engine_hooks));
  if (!opened.ok()) Die(std::string(opened.status().message()));
  engine = opened->get();
  timers.Start();
  if (!WaitUntil([&] { return timers.IndexHealthy(); })) Die("the index does not become healthy");

  const int64_t redis_before = UsedMemory(client), resident_before = ResidentBytes();
  const Duration begun = local.Monotonic();
  StartSessions(*engine, sessions);
  if (!WaitUntil([&] { return client.in_flight() == 0 && Indexed(client) == sessions; })) {
    Die("not every session is in the index");
  }
  const double starting = double((local.Monotonic() - begun).count()) / 1e6;
  const int64_t redis_bytes = UsedMemory(client) - redis_before;
  printf("%d sessions started in %.1f s (%.0f/s)\n", sessions, starting, sessions / starting);
  printf("Redis: %.1f bytes per live session\n", double(redis_bytes) / sessions);
  printf("this process: %.0f bytes per live session\n",
         double(ResidentBytes() - resident_before) / sessions);

  // Both ways in which Redis comes to lack something; `whole`: what it has is left.
  for (const bool whole : {false, true}) {
    const double rebuilt = TimerMetrics::Get().rebuilds.Value();
    reads.Reset();
    const Duration forgot = local.Monotonic();
    if (whole) {
      (void)CallAndWait(client,
                        {"EVAL",
                         "for _, k in ipairs(redis.call('KEYS', 'g:*')) do redis.call('SET', k, "
                         "'ready:another') end",
                         "0"},
                        Seconds(5));
    } else {
      (void)CallAndWait(client, {"FLUSHALL"}, Seconds(30));
    }
    if (!WaitUntil([&] { return TimerMetrics::Get().rebuilds.Value() >= rebuilt + 64; },
                   Seconds(120))) {
      Die("the index is not loaded again");
    }
    const int64_t done_us = local.Monotonic().count();
    const double seconds = double(done_us - reads.first_us) / 1e6;
    if (Indexed(client) != sessions) Die("the loaded index lacks sessions");
    printf(
        "%s: loaded again in %.2f s (%.0f sessions/s), the %zu most urgent in %.0f ms; whole %.2f "
        "s after the loss\n",
        whole ? "failover, nothing missing" : "FLUSHALL", seconds, sessions / seconds,
        RebuilderOptions().batch, double(reads.second_us - reads.first_us) / 1e3,
        double(done_us - forgot.count()) / 1e6);
  }
  timers.Stop();
  engine->Stop();
}

}  // namespace
}  // namespace invigil::session

int main(int argc, char** argv) {
  int64_t sessions = 100'000;
  std::string store;
  invigil::config::Flags flags("bench-index", "What the deadline index in Redis costs.");
  flags.Number("sessions", &sessions, 1000, 10'000'000, "Live sessions.")
      .Text("store", &store, "LOCATION", "An empty session store; as invigil-session takes it.");
  flags.ParseOrExit(argc, argv);
  invigil::session::Run(static_cast<int>(sessions), store);
}
