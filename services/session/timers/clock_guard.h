#pragma once

#include "common/base/time.h"

namespace invigil::session {

// Whether a reading of the shared time source is believed. Pure; one thread.
//
// A wrong clock in Redis would end every exam, or none. There are three witnesses: the source, our
// own clock (which runs on by the monotonic clock) and this machine's wall clock. A small
// correction is drift and believed at once. A jump needs `kAgreeing` readings in a row that agree.
// A jump beyond `kMaxJump` needs besides that the wall clock says the same as the source; without
// that, our own clock carries on and somebody is called.
class ClockGuard {
 public:
  static constexpr Duration kDrift = Millis(250);
  static constexpr Duration kMaxJump = Seconds(30);
  static constexpr Duration kAgreement = Millis(50);
  static constexpr Duration kWallAgreement = Seconds(5);
  static constexpr int kAgreeing = 3;

  enum class Verdict {
    kBelieve,      // drift
    kBelieveJump,  // a jump, confirmed
    kWait,         // a jump, not confirmed yet
    kDispute,      // a jump that nobody else saw
  };

  // `correction`: source minus our clock. `from_wall`: source minus the wall clock.
  Verdict Judge(Duration correction, Duration from_wall) {
    const auto size = [](Duration d) { return d < Duration(0) ? -d : d; };
    if (size(correction) <= kDrift) {
      agreeing_ = 0;
      return Verdict::kBelieve;
    }
    // Our clock is not corrected meanwhile, so equal jumps are equal corrections.
    agreeing_ = agreeing_ > 0 && size(correction - last_) <= kAgreement ? agreeing_ + 1 : 1;
    last_ = correction;
    const bool witnessed = size(correction) <= kMaxJump || size(from_wall) <= kWallAgreement;
    if (!witnessed) return Verdict::kDispute;
    if (agreeing_ < kAgreeing) return Verdict::kWait;
    agreeing_ = 0;
    return Verdict::kBelieveJump;
  }

 private:
  int agreeing_ = 0;
  Duration last_{0};
};

}  // namespace invigil::session
