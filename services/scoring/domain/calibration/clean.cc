#include "services/scoring/domain/calibration/clean.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "common/error/error.h"

namespace invigil::scoring {
namespace {

using State = RawResponse::State;

absl::Status Check(const std::vector<RawSession>& sessions, const CleaningRules& rules) {
  const auto share = [](double value) { return value >= 0 && value <= 1; };
  if (!share(rules.rapid_share) || !share(rules.least_effort) ||
      !std::isfinite(rules.rapid_most_seconds) || rules.rapid_most_seconds < 0) {
    return InvalidArgument("CLEANING_RULES_INVALID",
                           "shares lie between 0 and 1 and seconds are not below 0");
  }
  for (size_t s = 0; s < sessions.size(); ++s) {
    const std::string where = "session " + std::to_string(s + 1);
    if (sessions[s].responses.size() != sessions[0].responses.size()) {
      return InvalidArgument("SESSIONS_SHAPE",
                             where + " has another number of items than the first");
    }
    for (const RawResponse& response : sessions[s].responses) {
      if (response.seconds && !(std::isfinite(*response.seconds) && *response.seconds >= 0)) {
        return InvalidArgument("SESSION_TIME_INVALID", where + " has a time that cannot be");
      }
    }
  }
  return absl::OkStatus();
}

bool Excluded(const RawSession& session, const CleaningRules& rules) {
  return rules.drop_breached && session.breached;
}

std::vector<double> Thresholds(const std::vector<RawSession>& sessions, size_t items,
                               const CleaningRules& rules) {
  std::vector<double> thresholds(items, 0.0);
  std::vector<double> times;
  for (size_t i = 0; i < items; ++i) {
    times.clear();
    for (const RawSession& session : sessions) {
      const RawResponse& response = session.responses[i];
      if (Excluded(session, rules) || response.state != State::kAnswered || !response.seconds) {
        continue;
      }
      times.push_back(*response.seconds);
    }
    if (times.empty() || times.size() < rules.rapid_least_times) continue;
    std::sort(times.begin(), times.end());
    const double median = 0.5 * (times[(times.size() - 1) / 2] + times[times.size() / 2]);
    thresholds[i] = std::min(rules.rapid_share * median, rules.rapid_most_seconds);
  }
  return thresholds;
}

bool IsRapid(const RawResponse& response, double threshold) {
  return response.state == State::kAnswered && response.seconds && *response.seconds < threshold;
}

int8_t Cell(CleaningRules::As as) { return as == CleaningRules::As::kWrong ? 0 : -1; }

}  // namespace

void MarkNotReached(RawSession& session, const std::vector<size_t>& order) {
  size_t end = order.size();  // behind the last answer
  while (end > 0 && session.responses[order[end - 1]].state != State::kAnswered) --end;
  bool first = true;
  for (size_t at = end; at < order.size(); ++at) {
    RawResponse& response = session.responses[order[at]];
    if (response.state != State::kOmitted) continue;
    if (!first) response.state = State::kNotReached;
    first = false;
  }
}

absl::StatusOr<CleanedData> CleanResponses(const std::vector<RawSession>& sessions,
                                           const CleaningRules& rules) {
  INVIGIL_RETURN_IF_ERROR(Check(sessions, rules));
  CleanedData data;
  data.items = sessions.empty() ? 0 : sessions[0].responses.size();
  data.thresholds = Thresholds(sessions, data.items, rules);
  std::vector<int8_t> row(data.items);
  for (size_t s = 0; s < sessions.size(); ++s) {
    if (Excluded(sessions[s], rules)) {
      ++data.breached_sessions;
      continue;
    }
    size_t answered = 0, rapid = 0, omitted = 0, not_reached = 0, used = 0;
    for (size_t i = 0; i < data.items; ++i) {
      const RawResponse& response = sessions[s].responses[i];
      row[i] = -1;
      if (response.state == State::kOmitted) {
        ++omitted;
        row[i] = Cell(rules.omitted);
      } else if (response.state == State::kNotReached) {
        ++not_reached;
        row[i] = Cell(rules.not_reached);
      } else if (response.state == State::kAnswered) {
        ++answered;
        const bool guess = IsRapid(response, data.thresholds[i]);
        rapid += guess ? 1 : 0;
        row[i] = guess ? Cell(rules.rapid) : static_cast<int8_t>(response.right);
      }
      used += row[i] >= 0 ? 1 : 0;
    }
    if (answered > 0 && static_cast<double>(answered - rapid) <
                            rules.least_effort * static_cast<double>(answered)) {
      ++data.low_effort_sessions;
      continue;
    }
    if (used == 0) {
      ++data.empty_sessions;
      continue;
    }
    data.sessions.push_back(s);
    data.cells.insert(data.cells.end(), row.begin(), row.end());
    data.rapid_guesses += rapid;
    data.omitted += omitted;
    data.not_reached += not_reached;
  }
  return data;
}

}  // namespace invigil::scoring
