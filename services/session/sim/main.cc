// invigil-sim: plays histories of a simulated suite until something is wrong.
#include <cstdio>
#include <random>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/config/flags.h"
#include "common/log/log.h"
#include "services/session/sim/history.h"

namespace invigil::session::sim {
namespace {

struct Settings {
  int64_t seed = -1, histories = 10'000;
  Duration seconds{0};
  bool trace = false, verify = false;
  std::string bug = "none";
};

Settings ReadFlags(int argc, char** argv) {
  Settings settings;
  config::Flags flags(
      "invigil-sim",
      "Plays whole exams of a simulated suite under faults and checks every promise. "
      "A failure names its seed; the same seed fails the same way.");
  flags
      .Number("seed", &settings.seed, -1, INT64_MAX / 2,
              "Of the first history; the next ones count up. -1: drawn.")
      .Number("histories", &settings.histories, 1, INT64_MAX / 4, "How many to play.")
      .Span("seconds", &settings.seconds, Duration(0), std::chrono::hours(24),
            "Stop after so long, however many were played; 0s: never.")
      .Toggle("trace", &settings.trace, "Tell everything that happens; best with --histories 1.")
      .Toggle("verify", &settings.verify, "Play each history twice and compare.")
      .Text("bug", &settings.bug, "NAME", "Put in a bug on purpose, to see it found.");
  flags.ParseOrExit(argc, argv);
  if (settings.seed < 0) settings.seed = static_cast<int64_t>(std::random_device()());
  return settings;
}

// kNone when there is no such bug.
Bug BugNamed(std::string_view name) {
  for (size_t i = 0; i < kBugNames.size(); ++i) {
    if (name == kBugNames[i]) return static_cast<Bug>(i);
  }
  return Bug::kNone;
}

void Add(const History& one, History& sum) {
  sum.exams += one.exams;
  sum.commands += one.commands;
  sum.events += one.events;
  sum.steps += one.steps;
  sum.deaths += one.deaths;
  sum.lost_races += one.lost_races;
  for (size_t i = 0; i < kAwaitPoints; ++i) sum.crashes[i] += one.crashes[i];
}

void Report(const History& sum, int64_t histories, Duration took) {
  const double seconds = static_cast<double>(took.count()) / 1e6;
  std::printf("%lld histories, %llu exams in %.1f s: %.0f histories/s, %.0f exams/s\n",
              static_cast<long long>(histories), static_cast<unsigned long long>(sum.exams),
              seconds, static_cast<double>(histories) / seconds,
              static_cast<double>(sum.exams) / seconds);
  std::printf(
      "%llu commands judged, %llu events logged, %llu steps, %llu deaths, %llu lost races\n",
      static_cast<unsigned long long>(sum.commands), static_cast<unsigned long long>(sum.events),
      static_cast<unsigned long long>(sum.steps), static_cast<unsigned long long>(sum.deaths),
      static_cast<unsigned long long>(sum.lost_races));
  std::printf("deaths by await point:");
  for (size_t i = 0; i < kAwaitPoints; ++i) {
    std::printf("%s %s %llu", i == 0 ? "" : ",", kAwaitNames[i],
                static_cast<unsigned long long>(sum.crashes[i]));
  }
  std::printf("\n");
}

int Run(const Settings& settings) {
  const SystemClock clock;
  const Duration begun = clock.Monotonic();
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // long runs are watched
  std::printf("seed %lld\n", static_cast<long long>(settings.seed));
  History sum;
  int64_t played = 0;
  while (played < settings.histories) {
    HistoryOptions options{static_cast<uint64_t>(settings.seed + played), settings.trace,
                           BugNamed(settings.bug)};
    const History history = PlayHistory(options);
    ++played;
    Add(history, sum);
    std::string failure = history.failure;
    if (failure.empty() && settings.verify &&
        PlayHistory(options).fingerprint != history.fingerprint) {
      failure = "the same seed played differently";
    }
    if (!failure.empty()) {
      std::printf(
          "FAILED in history %lld: %s\nreplay: invigil-sim --seed %llu --histories 1 --trace\n",
          static_cast<long long>(played), failure.c_str(),
          static_cast<unsigned long long>(options.seed));
      return 1;
    }
    if (played % 100'000 == 0) Report(sum, played, clock.Monotonic() - begun);
    if (settings.seconds > Duration(0) && clock.Monotonic() - begun > settings.seconds) break;
  }
  Report(sum, played, clock.Monotonic() - begun);
  return 0;
}

}  // namespace
}  // namespace invigil::session::sim

int main(int argc, char** argv) {
  using namespace invigil;  // NOLINT: the program's own namespace
  const session::sim::Settings settings = session::sim::ReadFlags(argc, argv);
  // The code under test warns of every fault; here they are all on purpose.
  log::Init({.service = "sim", .level = log::Level::kError, .path = "/dev/null"});
  const int status = session::sim::Run(settings);
  log::Shutdown();
  return status;
}
