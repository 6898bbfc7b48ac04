#include "services/scoring/domain/signals/misses.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "common/error/error.h"

namespace invigil::scoring {

absl::StatusOr<std::optional<NearMiss>> NearMissOf(std::span<const std::string> key,
                                                   std::span<const std::string> chosen,
                                                   KeyExposure exposure) {
  const std::set<std::string> right(key.begin(), key.end());
  const std::set<std::string> own(chosen.begin(), chosen.end());
  if (right.empty() || right.size() != key.size()) {
    return InvalidArgument("KEY_INVALID", "a key names one option or more, each once");
  }
  if (own.size() != chosen.size()) {
    return InvalidArgument("RESPONSE_INVALID", "a response names each option once");
  }
  if (exposure == KeyExposure::kNothing || right.size() < 2 || own.empty() || own == right) {
    return std::nullopt;
  }
  NearMiss miss;
  const bool own_shown = exposure == KeyExposure::kOwnChoices || exposure == KeyExposure::kFull;
  for (const std::string& option : own) {
    const bool is_right = right.count(option) == 1;
    ++(is_right ? miss.right_chosen : miss.wrong_chosen);
    if (own_shown) (is_right ? miss.own_right : miss.own_wrong).push_back(option);
  }
  miss.missed = right.size() - miss.right_chosen;
  if (exposure == KeyExposure::kFull) {
    for (const std::string& option : right) {
      if (own.count(option) == 0) miss.missed_options.push_back(option);
    }
  }
  miss.near = miss.missed <= 1 && miss.wrong_chosen <= 1;
  miss.note = "You chose " + std::to_string(miss.right_chosen) + " of the " +
              std::to_string(right.size()) + " right options";
  if (miss.wrong_chosen > 0) {
    miss.note += " and " + std::to_string(miss.wrong_chosen) + " that " +
                 (miss.wrong_chosen == 1 ? "is" : "are") + " not right";
  }
  miss.note += miss.near ? "; one option away, and the item gives no partial credit."
                         : "; the item gives no partial credit.";
  return miss;
}

std::string NameOf(MissKind kind) {
  static constexpr const char* kNames[kMissKinds] = {
      "NOT_REACHED", "OMITTED", "INCOMPLETE", "RAPID_GUESS", "CHANGED_AWAY",
      "NEAR_MISS",   "RUSHED",  "STRUGGLED",  "CONFIDENT",   "GAP"};
  return kNames[static_cast<size_t>(kind)];
}

absl::StatusOr<MissKind> KindOf(const MissTrail& miss, const MissRules& rules) {
  const bool good =
      std::isfinite(miss.seconds) && miss.seconds >= 0 &&
      std::isfinite(miss.log_mean.value_or(0)) && std::isfinite(miss.log_deviation.value_or(1)) &&
      miss.log_deviation.value_or(1) > 0 && std::isfinite(miss.seconds_left.value_or(0)) &&
      miss.seconds_left.value_or(0) >= 0;
  if (!good) {
    return InvalidArgument("MISS_INVALID",
                           "times must be 0 or more, and a deviation of log times above 0");
  }
  if (!miss.reached) return MissKind::kNotReached;
  if (!miss.answered) return MissKind::kOmitted;
  if (miss.chosen < miss.wanted) return MissKind::kIncomplete;
  // Without a typical time only the lower bound is certain.
  const double typical = miss.log_mean ? std::exp(*miss.log_mean) : 0;
  const double rapid = std::clamp(rules.rapid_share * typical, rules.rapid_least, rules.rapid_most);
  if (miss.seconds < rapid) return MissKind::kRapidGuess;
  if (miss.was_right) return MissKind::kChangedAway;
  if (miss.near) return MissKind::kNearMiss;
  if (miss.seconds_left && *miss.seconds_left < rules.rushed_seconds) return MissKind::kRushed;
  if (miss.log_mean && miss.log_deviation && miss.seconds > 0 &&
      (std::log(miss.seconds) - *miss.log_mean) / *miss.log_deviation > rules.struggle_deviations) {
    return MissKind::kStruggled;
  }
  return miss.confident ? MissKind::kConfident : MissKind::kGap;
}

absl::StatusOr<std::array<size_t, kMissKinds>> CountKinds(std::span<const MissTrail> misses,
                                                          const MissRules& rules) {
  std::array<size_t, kMissKinds> counts{};
  for (const MissTrail& miss : misses) {
    const auto kind = KindOf(miss, rules);
    if (!kind.ok()) return kind.status();
    ++counts[static_cast<size_t>(*kind)];
  }
  return counts;
}

}  // namespace invigil::scoring
