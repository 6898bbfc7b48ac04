// Plays whole histories of a simulated suite. Everything a history does follows from its seed.
//
//   const History history = PlayHistory({.seed = 7});
//   EXPECT_EQ(history.failure, "");
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "services/session/sim/faults.h"

namespace invigil::session::sim {

struct HistoryOptions {
  uint64_t seed = 1;
  bool trace = false;  // tell everything on standard output
  Bug bug = Bug::kNone;
};

struct History {
  std::string failure;  // empty: all promises were kept
  uint64_t exams = 0;   // sessions played to their end
  uint64_t commands = 0, events = 0, steps = 0, deaths = 0, lost_races = 0;
  std::array<uint64_t, kAwaitPoints> crashes{};  // by await point
  uint64_t fingerprint = 0;                      // of the log; the same for the same seed
};

// One thread; histories in several threads don't meet.
History PlayHistory(const HistoryOptions& options);

}  // namespace invigil::session::sim
