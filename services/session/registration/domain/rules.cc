#include "services/session/registration/domain/rules.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_join.h"
#include "absl/time/civil_time.h"
#include "common/error/error.h"

namespace invigil::session::registration {
namespace {

absl::Time ToAbsl(Time t) { return absl::FromUnixMicros(ToUnixMicros(t)); }

absl::CivilDay DayOf(Time t, const absl::TimeZone& zone) {
  return absl::ToCivilDay(ToAbsl(t), zone);
}

// Its first instant: where clocks skip midnight, the instant they skip to; where they repeat it,
// the earlier of the two.
Time BeginOf(absl::CivilDay day, const absl::TimeZone& zone) {
  return FromUnixMicros(absl::ToUnixMicros(absl::FromCivil(day, zone)));
}

std::string Instant(Time t) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", ToAbsl(t), absl::UTCTimeZone());
}

std::string ForPeople(Time t, const absl::TimeZone& zone) {
  return absl::FormatTime("%Y-%m-%d %H:%M %Z", ToAbsl(t), zone);
}

std::string Many(uint32_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

// A bound that later bounds only raise; `never` once it can't be met.
struct Bound {
  Time at;
  bool never = false;
  void Raise(const std::optional<Time>& to) {
    if (!to) {
      never = true;
    } else {
      at = std::max(at, *to);
    }
  }
};

// The latest wait that is not over at `at`.
std::optional<Ineligible> WaitAfter(const ExamPolicy& policy, const absl::TimeZone& zone,
                                    const std::vector<const Attempt*>& attempts, Time at) {
  std::optional<Ineligible> latest;
  for (const Attempt* attempt : attempts) {
    if (!attempt->ended) continue;
    const bool passed = attempt->passed.value_or(false);
    const uint32_t days = passed ? policy.wait_days_after_pass : policy.wait_days_after_fail;
    if (days == 0) continue;
    const Time over = BeginOf(DayOf(*attempt->ended, zone) + days, zone);
    if (over <= at || (latest && over <= *latest->earliest)) continue;
    latest = Ineligible{Reason::kRetakeTooEarly, over,
                        std::string("the exam was ") + (passed ? "passed" : "taken") + "; " +
                            Many(days, "calendar day") + " must pass before it is taken again"};
  }
  return latest;
}

std::optional<Ineligible> Exceeded(const Cap& cap, const absl::TimeZone& zone,
                                   const std::vector<const Attempt*>& newest_first, Time at) {
  if (newest_first.size() < cap.attempts) return std::nullopt;
  if (cap.days == 0) {
    return Ineligible{Reason::kAttemptsUsedUp, std::nullopt,
                      "the exam may be taken " + Many(cap.attempts, "time") + " at most"};
  }
  // The cap holds again when the last sitting that fills it leaves the rolling days.
  const Time filled = *newest_first[cap.attempts - 1]->started;
  const Time over = BeginOf(DayOf(filled, zone) + cap.days, zone);
  if (over <= at) return std::nullopt;
  return Ineligible{Reason::kAttemptsUsedUp, over,
                    "the exam may be taken " + Many(cap.attempts, "time") + " in " +
                        Many(cap.days, "calendar day") + " at most"};
}

bool ClosesFirst(const Registration& a, const Registration& b) {
  const Time x = a.closes.value_or(Time::max()), y = b.closes.value_or(Time::max());
  return x != y ? x < y : a.registration_id < b.registration_id;
}

// What stands against every registration at `at`, and the one to use.
struct Windows {
  std::optional<Ineligible> against;
  const Registration* open = nullptr;
  std::vector<const Registration*> usable;
};

Windows LookAt(const std::vector<Entitlement>& entitlements, const absl::TimeZone& zone, Time at) {
  Windows windows;
  bool any = false;
  for (const Entitlement& entitlement : entitlements) {
    const Registration& one = entitlement.registration;
    if (one.cancelled) continue;
    any = true;
    if (entitlement.used >= one.max_attempts) continue;
    windows.usable.push_back(&one);
    const bool open = (!one.opens || *one.opens <= at) && (!one.closes || at < *one.closes);
    if (open && (!windows.open || ClosesFirst(one, *windows.open))) windows.open = &one;
  }
  if (windows.open) return windows;
  if (windows.usable.empty()) {
    windows.against =
        any ? Ineligible{Reason::kAttemptsUsedUp, std::nullopt,
                         "the sittings of the registration are used up; register again"}
            : Ineligible{Reason::kNotRegistered, std::nullopt,
                         "the exam needs a registration, and there is none"};
    return windows;
  }
  std::optional<Time> opens;
  Time closed = Time::min();
  for (const Registration* one : windows.usable) {
    if (one->opens && *one->opens > at) opens = std::min(opens.value_or(Time::max()), *one->opens);
    if (one->closes && *one->closes <= at) closed = std::max(closed, *one->closes);
  }
  windows.against = opens ? Ineligible{Reason::kWindowNotOpen, opens,
                                       "the registration opens at " + ForPeople(*opens, zone)}
                          : Ineligible{Reason::kWindowClosed, std::nullopt,
                                       "the registration closed at " + ForPeople(closed, zone)};
  return windows;
}

}  // namespace

const char* ReasonName(Reason reason) {
  switch (reason) {
    case Reason::kNotRegistered:
      return "NOT_REGISTERED";
    case Reason::kWindowNotOpen:
      return "WINDOW_NOT_OPEN";
    case Reason::kWindowClosed:
      return "WINDOW_CLOSED";
    case Reason::kRetakeTooEarly:
      return "RETAKE_TOO_EARLY";
    case Reason::kAttemptsUsedUp:
      return "ATTEMPTS_USED_UP";
  }
  return "NOT_ELIGIBLE";
}

Verdict Judge(const ExamPolicy& policy, const absl::TimeZone& zone,
              const std::vector<Entitlement>& entitlements, const std::vector<Attempt>& attempts,
              Time at) {
  Verdict verdict;
  std::vector<const Attempt*> counted;
  for (const Attempt& attempt : attempts) {
    if (attempt.counts() && *attempt.started <= at) counted.push_back(&attempt);
  }
  std::sort(counted.begin(), counted.end(),
            [](const Attempt* a, const Attempt* b) { return *a->started > *b->started; });

  const Windows windows = LookAt(entitlements, zone, at);
  if (policy.registration_required && windows.against) verdict.reasons.push_back(*windows.against);
  if (windows.open) verdict.registration = *windows.open;
  Bound retake{at};
  if (auto wait = WaitAfter(policy, zone, counted, at)) {
    retake.Raise(wait->earliest);
    verdict.reasons.push_back(*std::move(wait));
  }
  for (const Cap& cap : policy.caps) {
    if (auto exceeded = Exceeded(cap, zone, counted, at)) {
      retake.Raise(exceeded->earliest);
      verdict.reasons.push_back(*std::move(exceeded));
    }
  }
  // What time does not heal comes first.
  std::stable_partition(verdict.reasons.begin(), verdict.reasons.end(),
                        [](const Ineligible& one) { return !one.earliest; });
  if (verdict.reasons.empty() || retake.never) return verdict;
  if (!policy.registration_required) {
    verdict.earliest = retake.at;
    return verdict;
  }
  for (const Registration* one : windows.usable) {
    const Time from = std::max(retake.at, one->opens.value_or(at));
    if (one->closes && from >= *one->closes) continue;
    verdict.earliest = std::min(verdict.earliest.value_or(Time::max()), from);
  }
  return verdict;
}

absl::Status Refusal(const Verdict& verdict, const absl::TimeZone& zone) {
  if (verdict.eligible()) return absl::OkStatus();
  const Ineligible& first = verdict.reasons.front();
  std::string message = first.message;
  if (verdict.earliest) message += "; start from " + ForPeople(*verdict.earliest, zone);
  Error error = FailedPrecondition(ReasonName(first.reason), std::move(message));
  error.With("reasons", absl::StrJoin(verdict.reasons, ",", [](std::string* out, const auto& one) {
               *out += ReasonName(one.reason);
             }));
  if (first.earliest) {
    error.With(first.reason == Reason::kWindowNotOpen ? "opens" : "earliest",
               Instant(*first.earliest));
  }
  if (verdict.earliest) error.With("start_from", Instant(*verdict.earliest));
  return error;
}

}  // namespace invigil::session::registration
