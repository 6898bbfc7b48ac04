#include "services/session/rpc/proctor_incident.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "common/error/error.h"
#include "services/session/domain/apply.h"
#include "services/session/domain/clock.h"

namespace invigil::session {
namespace {

Duration Overlap(const Span& a, const Span& b) {
  return std::max(Duration(0), std::min(a.to, b.to) - std::max(a.from, b.from));
}

// When it happened, which may be before it was written.
Time MomentOf(const Event& event, Time at) {
  if (const auto* entered = std::get_if<PartEntered>(&event)) return entered->at;
  if (const auto* ended = std::get_if<BreakEnded>(&event)) return ended->at;
  if (const auto* sealed = std::get_if<Sealed>(&event)) return sealed->ended_at;
  return at;
}

}  // namespace

absl::StatusOr<Outage> MakeOutage(Span window, std::vector<Span> gaps, Time now) {
  Error error = InvalidArgument("INCIDENT_INVALID", "nothing was looked at; see the fields");
  bool valid = true;
  const auto wrong = [&](const std::string& field, const char* why) {
    error.Field(field, why);
    valid = false;
  };
  if (window.from >= window.to || window.to - window.from > kMaxWindow) {
    wrong("incident.window", "must end after it begins, at most 24 hours later");
  } else if (window.to > now) {
    wrong("incident.window.end_time", "must be over: what is still going on can't be counted");
  }
  if (gaps.size() > kMaxGaps) wrong("incident.gaps", "may be 20 at most");
  for (size_t i = 0; i < gaps.size() && i < kMaxGaps; ++i) {
    if (gaps[i].from >= gaps[i].to || gaps[i].from < window.from || gaps[i].to > window.to) {
      wrong("incident.gaps[" + std::to_string(i) + "]",
            "must end after it begins and lie within the window");
    }
  }
  if (!valid) return error;
  Outage outage{window, {}};
  if (gaps.empty()) gaps.push_back(window);
  std::sort(gaps.begin(), gaps.end(), [](const Span& a, const Span& b) { return a.from < b.from; });
  for (const Span& gap : gaps) {
    if (!outage.gaps.empty() && gap.from <= outage.gaps.back().to) {
      outage.gaps.back().to = std::max(outage.gaps.back().to, gap.to);
    } else {
      outage.gaps.push_back(gap);
    }
  }
  return outage;
}

std::optional<Time> LogReading::RunningSince() const {
  if (!state_.part_since || !state_.form || !state_.current_part().is_section()) {
    return std::nullopt;
  }
  return state_.part_since;
}

absl::Status LogReading::Add(uint64_t seq, Time at, const Event& event) {
  if (seq != state_.version + 1) {
    return Error(absl::StatusCode::kDataLoss, "LOG_CORRUPT",
                 "the log has no event " + std::to_string(state_.version + 1));
  }
  INVIGIL_RETURN_IF_ERROR(Apply(at, event));
  if (!std::holds_alternative<ResponsesStored>(event)) return absl::OkStatus();
  if (at < outage_->window.from) {
    last_save_before_ = at;
  } else if (at < outage_->window.to) {
    ++saves_within_;
  } else if (!first_save_after_) {
    first_save_after_ = at;
  }
  return absl::OkStatus();
}

absl::Status LogReading::Apply(Time at, const Event& event) {
  const auto before = RunningSince();
  INVIGIL_RETURN_IF_ERROR(session::Apply(state_, event, at));
  if (const auto* sealed = std::get_if<Sealed>(&event)) sealed_as_ = sealed->as;
  const auto after = RunningSince();
  if (before && before != after) Count({*before, MomentOf(event, at)});
  return absl::OkStatus();
}

absl::Status LogReading::Finish(Time now) {
  for (auto due = NextDue(state_); due && due->at <= now; due = NextDue(state_)) {
    INVIGIL_RETURN_IF_ERROR(Apply(due->at, due->event));
  }
  if (const auto since = RunningSince()) Count({*since, std::max(*since, now)});
  return absl::OkStatus();
}

void LogReading::Count(const Span& ran) {
  ran_ += Overlap(ran, outage_->window);
  for (const Span& gap : outage_->gaps) lost_ += Overlap(ran, gap);
}

}  // namespace invigil::session
