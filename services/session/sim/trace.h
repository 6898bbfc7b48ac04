// What happened, line by line, for a reader who replays a seed. Costs nothing while it is off.
#pragma once

#include <cstdio>
#include <string>

#include "absl/strings/str_format.h"
#include "common/base/time.h"
#include "services/session/domain/session_id.h"

namespace invigil::session::sim {

// When every history begins, by true time.
inline constexpr Time kBegin{Micros(1'800'000'000'000'000)};

// "+1.250000": seconds since the history began.
inline std::string Moment(Time t) { return absl::StrFormat("%+.6f", (t - kBegin).count() / 1e6); }
// Ids end in the number the history gave them.
inline std::string Short(const SessionId& id) { return "s" + id.ToHex().substr(28); }

class Trace {
 public:
  explicit Trace(bool on) : on_(on) {}
  bool on() const { return on_; }
  template <typename... Args>
  void Line(Time now, const absl::FormatSpec<Args...>& format, const Args&... args) const {
    if (on_) {
      std::printf("%s %s\n", Moment(now).c_str(), absl::StrFormat(format, args...).c_str());
    }
  }

 private:
  const bool on_;
};

}  // namespace invigil::session::sim
