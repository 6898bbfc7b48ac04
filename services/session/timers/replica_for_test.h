#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/redis/client.h"
#include "common/testing/wait_until.h"
#include "services/session/timers/fake_engine_for_test.h"
#include "services/session/timers/timers.h"

namespace invigil::session {

inline const SystemClock kSystem;

// One replica of the session service.
struct Replica {
  Replica(const std::string& address, FakeEngine& engine, TimersOptions options = {},
          TimerHooks hooks = {})
      : client([&] {
          redis::ClientOptions client_options;
          client_options.address = *redis::ParseEndpoint(address);
          client_options.name = "timers";
          client_options.watchdog = Seconds(1);
          return client_options;
        }()),
        clock(kSystem),
        timers(client, clock, kSystem, hooks.expire ? hooks : engine.Hooks(), options) {
    timers.Start();
  }
  bool Healthy() {
    return testing::WaitUntil([&] { return timers.IndexHealthy(); });
  }

  redis::Client client;
  DisciplinedClock clock;
  Timers timers;
};

// What a busy machine adds to the two seconds promised.
#ifdef __SANITIZE_THREAD__
inline constexpr Duration kBound = Seconds(30);  // instrumented code runs up to ten times as long
#else
inline constexpr Duration kBound = Seconds(2) + Millis(500);
#endif

// The database scan switched off, so that only the index can end a session.
inline TimersOptions IndexOnly() {
  TimersOptions options;
  options.reconciler.period = options.reconciler.urgent_period = Seconds(3600);
  return options;
}

inline void PrintLateness(const char* what, const std::vector<Duration>& sorted) {
  const auto at = [&](double q) {
    return sorted[size_t(q * double(sorted.size() - 1))].count() / 1e3;
  };
  printf("%s: %zu sessions, lateness ms p50 %.0f p99 %.0f max %.0f\n", what, sorted.size(), at(0.5),
         at(0.99), at(1));
}

}  // namespace invigil::session
