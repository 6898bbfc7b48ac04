#pragma once

#include "common/base/clock.h"

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

// Follows the source as far as ClockGuard believes it, and knows whether exams may be ended by this
// clock: not until the source has confirmed it or has been out of reach for `patience`, and not
// while the first reading is disputed, be it the first after such patience. Once confirmed it stays
// trusted: a clock that was right runs on. One thread.
class ClockTrust {
 public:
  // Both outlive this; `local` is the clock that `clock` was made on.
  ClockTrust(DisciplinedClock& clock, const Clock& local) : clock_(clock), local_(local) {}

  // What one reading said; see ClockGuard.
  struct Reading {
    bool slow = false;  // too slow to say anything exact: a stopped process or a full queue
    ClockGuard::Verdict verdict = ClockGuard::Verdict::kBelieve;
    bool believed = false;
    Duration correction{0}, from_wall{0};
  };
  Reading Take(Time source, Duration sent, Duration received) {
    const Duration round_trip = received - sent;
    if (round_trip < Duration(0) || round_trip > DisciplinedClock::kMaxRoundTrip) {
      return {.slow = true};
    }
    heard_ = true;
    Reading reading;
    const Time source_now = source + (local_.Monotonic() - (sent + round_trip / 2));
    reading.correction = source_now - clock_.Now();
    reading.from_wall = source_now - local_.Now();
    reading.verdict = guard_.Judge(reading.correction, reading.from_wall);
    reading.believed = reading.verdict == ClockGuard::Verdict::kBelieve ||
                       reading.verdict == ClockGuard::Verdict::kBelieveJump;
    if (reading.believed && clock_.Sample(source, sent, received)) trusted_ = confirmed_ = true;
    // Trusted for want of anything better, and now somebody says otherwise.
    if (!confirmed_ && reading.verdict == ClockGuard::Verdict::kDispute) trusted_ = false;
    return reading;
  }

  // `period` more was waited for a reading. Without any for `patience` the clock is trusted: better
  // than ending no exam. Whether that happened just now. Counted in periods, not by a clock: a
  // process that stood still has heard nothing, but has not waited either.
  bool GiveUpWaiting(Duration period, Duration patience) {
    waited_ += period;
    if (trusted_ || heard_ || waited_ < patience) return false;
    return trusted_ = true;
  }

  bool trusted() const { return trusted_; }

 private:
  DisciplinedClock& clock_;
  const Clock& local_;
  Duration waited_{0};
  ClockGuard guard_;
  bool trusted_ = false;
  bool confirmed_ = false;
  bool heard_ = false;  // the source has told its time at least once
};

}  // namespace invigil::session
