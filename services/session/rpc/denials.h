// Turns denied calls into rows of the journal, so few that nobody can fill the disk with them: each
// actor gets some rows a minute, all actors together some more, and of the rest a row with its
// number once the minute is over.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/base/clock.h"
#include "services/session/store/remark.h"

namespace invigil::session {

// Thread-safe. Nothing of it waits, if `write` does not.
class Denials {
 public:
  struct Options {
    uint32_t rows_of_one = 10;   // in a minute; those without a name count as one actor
    uint32_t rows_of_all = 200;  // in a minute
    size_t actors = 1000;        // counted apart; beyond it all others are one
  };
  // Takes a remark for the journal, soon.
  using Write = std::function<void(Remark)>;
  // `clock` outlives it, and is asked for its monotonic time only.
  Denials(Write write, const Clock& clock) : Denials(std::move(write), clock, Options()) {}
  Denials(Write write, const Clock& clock, Options options);

  // `session`: as the caller named it; what is no session's id is left out.
  void Add(std::string_view method, std::string_view reason, std::string_view actor,
           std::string_view session);
  // Writes the numbers of what got no rows, if the minute is over or `now`. Call every few seconds,
  // and at the end.
  void Settle(bool now = false);

 private:
  struct Actor {
    uint32_t rows = 0;
    uint64_t more = 0;
    SessionId session;  // of the newest without a row
    std::string reason;
  };
  // With `mutex_` held; what is to be written is written without it.
  void Settle(Duration at, bool now, std::vector<Remark>& out);

  const Write write_;
  const Clock& clock_;
  const Options options_;
  std::mutex mutex_;
  // Under mutex_, all of the minute that began at `begun_`.
  Duration begun_;
  uint32_t rows_ = 0;
  absl::flat_hash_map<std::string, Actor> actors_;
  uint64_t of_others_ = 0;  // more of actors who are not counted apart
};

}  // namespace invigil::session
