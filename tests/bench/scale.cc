// bench-scale [--sizes 1000,100000,1000000] [--rounds 3] [--seconds 3] [--dir DIR] [--csv FILE]
//
// Whether a save costs the same however many sessions are live. Stores of each size are seeded
// (tests/bench/seed.h); then one engine each is opened, and in rounds, size after size, saves to
// sessions drawn uniformly are kept in flight. Two cases: all sessions in memory, and no more of
// them than by default, so that most saves have to read their session first. Prints medians, each
// against the smallest size, what a session takes in memory, how fast sessions are read from the
// store, and how long opening it takes. CPU is this process's, load included, which is the same at
// every size.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/config/flags.h"
#include "common/testing/temp_dir.h"
#include "services/session/engine/session_engine.h"
#include "services/session/store/open.h"
#include "tests/bench/seed.h"

namespace invigil::session::bench {
namespace {

constexpr int kInFlight = 256, kAnswered = 8;
constexpr size_t kDefaultCache = 50'000;

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "bench-scale: %s\n", why.c_str());
  std::exit(1);
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Bytes given to write calls.
double WrittenBytes() {
  std::ifstream file("/proc/self/io");
  std::string name;
  for (double value = 0; file >> name >> value;) {
    if (name == "wchar:") return value;
  }
  return 0;
}

double ResidentBytes() {
  int64_t pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return static_cast<double>(resident * sysconf(_SC_PAGESIZE));
}

struct Store {
  std::string path;
  std::vector<SessionId> sessions;
};

// One measured run.
struct Figure {
  double saves_per_s = 0, cpu_us = 0, saves_per_commit = 0, written_kb = 0;
};

// What is kept over rounds for one size and one case.
struct Row {
  std::vector<Figure> figures;
  double session_bytes = 0;
  double reads_per_s = 0;  // of sessions that are in no memory
  double open_ms = 0;      // a restart, before the index
};

class Load {
 public:
  Load(SessionEngine& engine, const std::vector<SessionId>& sessions)
      : engine_(engine), sessions_(sessions) {}

  // Reads the first sessions into memory.
  void Read(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      room_.acquire();
      engine_.Get(sessions_[i], "", false, [this](absl::StatusOr<Outcome> o) { Answered(o); });
    }
    Wait();
  }

  // Saves to sessions drawn uniformly, for so long.
  Figure Save(double seconds, uint64_t seed) {
    Random random(seed);
    const EngineStats before = engine_.Stats();
    const double cpu = CpuSeconds(), written = WrittenBytes();
    const SystemClock clock;
    const Duration begun = clock.Monotonic();
    const Duration end = begun + Millis(static_cast<int64_t>(seconds * 1000));
    uint64_t saves = 0;
    for (; clock.Monotonic() < end; ++saves) {
      room_.acquire();
      ResponseWrite write{SeededItem(static_cast<int>(random.Below(kItems))), ++sequence_, {}};
      write.options.Add(OptionId(random.Below(4)));
      SaveResponses save{1, {}};
      save.responses.push_back(std::move(write));
      engine_.Execute(sessions_[random.Below(sessions_.size())], {"", std::move(save)},
                      [this](absl::StatusOr<Outcome> o) { Answered(o); });
    }
    Wait();
    const auto count = static_cast<double>(saves);
    const double took = static_cast<double>((clock.Monotonic() - begun).count()) * 1e-6;
    return {count / took, (CpuSeconds() - cpu) / count * 1e6,
            count / static_cast<double>(engine_.Stats().commits - before.commits),
            (WrittenBytes() - written) / count / 1024};
  }

 private:
  void Answered(const absl::StatusOr<Outcome>& outcome) {
    if (!outcome.ok()) Die(std::string(outcome.status().message()));
    room_.release();
  }
  void Wait() {
    for (int i = 0; i < kInFlight; ++i) room_.acquire();
    room_.release(kInFlight);
  }

  SessionEngine& engine_;
  const std::vector<SessionId>& sessions_;
  std::counting_semaphore<> room_{kInFlight};
  uint32_t sequence_ = 1;
};

// The sessions of a store that an earlier run left.
std::vector<SessionId> ReadSessions(const std::string& path) {
  auto reader = OpenEventLogReader(path);
  if (!reader.ok()) Die(std::string(reader.status().message()));
  constexpr size_t kPage = 10'000;
  std::vector<SessionId> sessions;
  std::optional<SessionId> before;
  for (;;) {
    const auto page = (*reader)->ListNewest(before, kPage);
    if (!page.ok()) Die(std::string(page.status().message()));
    for (const SessionRow& row : *page) sessions.push_back(row.session);
    if (page->size() < kPage) return sessions;
    before = sessions.back();
  }
}

Store MakeStore(const std::string& dir, int sessions) {
  Store store{dir + "/sessions-" + std::to_string(sessions) + ".db", {}};
  if (std::filesystem::exists(store.path)) {
    store.sessions = ReadSessions(store.path);
    std::printf("found %zu sessions\n", store.sessions.size());
    return store;
  }
  const SystemClock clock;
  const Time now = clock.Now();
  const Duration begun = clock.Monotonic();
  // As if they had come in over the last half hour.
  auto seeded = Seed({.store = store.path,
                      .name = "scale",
                      .sessions = sessions,
                      .answered = kAnswered,
                      .started_at =
                          [now, sessions](int k) {
                            return now - Minutes(30) + Micros(Minutes(20).count() / sessions * k);
                          },
                      .length = Minutes(600)});
  if (!seeded.ok()) Die(std::string(seeded.status().message()));
  store.sessions = *std::move(seeded);
  const double seconds = static_cast<double>((clock.Monotonic() - begun).count()) * 1e-6;
  std::printf("seeded %d sessions in %.1f s\n", sessions, seconds);
  std::fflush(stdout);
  return store;
}

// Saves in rounds, size after size. `cached`: 0 means all.
std::vector<Row> Measure(const std::vector<Store>& stores, size_t cached, int rounds,
                         double seconds) {
  const SystemClock clock;
  std::vector<Row> rows(stores.size());
  std::vector<std::unique_ptr<SessionEngine>> engines;
  std::vector<std::unique_ptr<Load>> loads;
  for (size_t i = 0; i < stores.size(); ++i) {
    const size_t room = cached == 0 ? stores[i].sessions.size() * 2 : cached;
    const double before = ResidentBytes();
    const Duration begun = clock.Monotonic();
    auto engine = SessionEngine::Open(stores[i].path, clock, {.cached_sessions = room});
    if (!engine.ok()) Die(std::string(engine.status().message()));
    const Duration open = clock.Monotonic();
    engines.push_back(*std::move(engine));
    loads.push_back(std::make_unique<Load>(*engines[i], stores[i].sessions));
    const size_t count = std::min(room, stores[i].sessions.size());
    loads[i]->Read(count);
    const auto read = static_cast<double>((clock.Monotonic() - open).count()) * 1e-6;
    rows[i].open_ms = static_cast<double>((open - begun).count()) * 1e-3;
    rows[i].reads_per_s = static_cast<double>(count) / read;
    rows[i].session_bytes = (ResidentBytes() - before) / static_cast<double>(count);
  }
  for (auto& load : loads) (void)load->Save(1, 7);  // warm: pages, the allocator
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < loads.size(); ++i) {
      rows[i].figures.push_back(loads[i]->Save(seconds, static_cast<uint64_t>(round) + 11));
    }
  }
  return rows;
}

double Median(const Row& row, double Figure::*field) {
  std::vector<double> values;
  for (const Figure& figure : row.figures) values.push_back(figure.*field);
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

void Report(const char* what, const std::vector<Store>& stores, const std::vector<Row>& rows,
            std::FILE* csv) {
  std::printf("\n%-16s %8s %8s %8s %6s %8s %8s %9s %8s %8s\n", what, "live", "saves/s", "cpu us",
              "ratio", "a commit", "KB/save", "B/session", "reads/s", "open ms");
  const double base = Median(rows[0], &Figure::cpu_us);
  for (size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    const auto live = static_cast<double>(stores[i].sessions.size());
    const double rate = Median(row, &Figure::saves_per_s), cpu = Median(row, &Figure::cpu_us);
    const double commit = Median(row, &Figure::saves_per_commit);
    const double written = Median(row, &Figure::written_kb);
    std::printf("%-16s %8.0f %8.0f %8.1f %6.2f %8.1f %8.2f %9.0f %8.0f %8.1f\n", "", live, rate,
                cpu, cpu / base, commit, written, row.session_bytes, row.reads_per_s, row.open_ms);
    if (csv) {
      std::fprintf(csv, "\"%s\",%.0f,%.0f,%.2f,%.3f,%.1f,%.2f,%.0f,%.0f,%.1f\n", what, live, rate,
                   cpu, cpu / base, commit, written, row.session_bytes, row.reads_per_s,
                   row.open_ms);
    }
  }
  std::fflush(stdout);
}

void Run(const std::vector<std::string>& sizes, int rounds, double seconds, std::string dir,
         const std::string& csv_path) {
  const testing::TempDir own;
  if (dir.empty()) dir = own.path();
  std::vector<Store> stores;
  for (const std::string& size : sizes) stores.push_back(MakeStore(dir, std::atoi(size.c_str())));
  std::FILE* csv = csv_path.empty() ? nullptr : std::fopen(csv_path.c_str(), "w");
  if (csv) {
    std::fprintf(csv,
                 "case,live,saves_per_s,cpu_us_per_save,ratio,saves_per_commit,kb_written_per_save,"
                 "bytes_per_session,cold_reads_per_s,open_ms\n");
  }
  Report("all in memory", stores, Measure(stores, 0, rounds, seconds), csv);
  Report("50,000 in memory", stores, Measure(stores, kDefaultCache, rounds, seconds), csv);
  if (csv) std::fclose(csv);
}

}  // namespace
}  // namespace invigil::session::bench

int main(int argc, char** argv) {
  std::vector<std::string> sizes = {"1000", "100000", "1000000"};
  int64_t rounds = 3;
  double seconds = 3;
  std::string dir, csv;
  invigil::config::Flags flags("bench-scale",
                               "What a durable save costs with few and with many live sessions.");
  flags.List("sizes", &sizes, "N", "Live sessions, the smallest first.")
      .Number("rounds", &rounds, 1, 100, "Rounds; medians are printed.")
      .Real("seconds", &seconds, 0.1, 600, "Seconds of one run.")
      .Text("dir", &dir, "DIR", "Where stores are kept, and found again by the next run.")
      .Text("csv", &csv, "FILE", "Also write the table here.");
  flags.ParseOrExit(argc, argv);
  invigil::session::bench::Run(sizes, static_cast<int>(rounds), seconds, dir, csv);
}
