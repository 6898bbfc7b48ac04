#include "services/session/registration/domain/accommodate.h"

#include <algorithm>

namespace invigil::session::registration {
namespace {

constexpr int64_t kSecond = Duration(Seconds(1)).count();

// whole * numerator / denominator, up to the next whole second. No product here can overflow: times
// are at most a day, numerators at most a day, both in seconds or percent.
Duration Share(Duration whole, int64_t numerator, int64_t denominator) {
  const int64_t divisor = denominator * kSecond;
  const __int128 product = static_cast<__int128>(whole.count()) * numerator;
  return Seconds(static_cast<int64_t>((product + divisor - 1) / divisor));
}

Duration Extra(Duration time, const Terms& terms, Duration minutes) {
  const Duration by_percent = Share(time, terms.time_percent - 100, 100);
  return std::min<Duration>(by_percent + minutes, kMaxExtra);
}

}  // namespace

Terms Together(const Terms& a, const Terms& b) {
  return {std::max(a.time_percent, b.time_percent), std::max(a.extra_minutes, b.extra_minutes),
          std::max(a.break_minutes, b.break_minutes)};
}

Terms StandingAt(const Standing& standing, Time at) {
  return standing.expires && at >= *standing.expires ? Terms() : standing.terms;
}

Accommodation Accommodate(const Form& form, const Terms& terms) {
  Accommodation given;
  const Duration minutes = Minutes(terms.extra_minutes);
  given.exam_extra = Extra(form.duration(), terms, minutes);
  given.break_pool = Minutes(terms.break_minutes);
  const auto& parts = form.plan().parts;
  const auto timed = [](const Part& part) { return part.is_section() && part.limit > Duration(0); };
  if (given.exam_extra == Duration(0) || std::none_of(parts.begin(), parts.end(), timed)) {
    return given;
  }
  given.part_extra.resize(parts.size());
  Duration together{0};
  bool all_timed = true;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!timed(parts[i])) {
      all_timed = all_timed && !parts[i].is_section();
      continue;
    }
    const Duration share =
        std::min(minutes, Share(minutes, parts[i].limit.count(), form.duration().count()));
    given.part_extra[i] = Extra(parts[i].limit, terms, share);
    together += given.part_extra[i];
  }
  // Parts are rounded up one by one; the exam's clock must not end before theirs.
  if (all_timed) given.exam_extra = std::min(kMaxExtra, std::max(given.exam_extra, together));
  return given;
}

}  // namespace invigil::session::registration
