// Live sessions put straight into a store, by the domain's own rules and the store's own code: a
// hundred thousand starts over RPC would take longer than what is measured afterwards.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "services/session/domain/session_id.h"

namespace invigil::session::bench {

inline constexpr int kItems = 65;
// The item at a place of a seeded form; the same in all sessions.
std::string SeededItem(int place);

struct Seeding {
  std::string store;  // as invigil-session takes it; made when absent
  std::string name;   // before the numbers of candidates: another name, other candidates
  int sessions = 0;
  int answered = 8;  // places that hold a response, each of sequence 1
  // When the clock of the session started, by number. Ids are in the order of starts.
  std::function<Time(int)> started_at;
  Duration length = Minutes(90);
};

// The candidate of a seeded session.
std::string CandidateOf(const Seeding& seeding, int number);

// Sessions of 65 items, each with a form of its own that is as large as those of the shipped bank.
absl::StatusOr<std::vector<SessionId>> Seed(const Seeding& seeding);

}  // namespace invigil::session::bench
