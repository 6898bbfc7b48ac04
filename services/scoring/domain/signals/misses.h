// What a wrong answer tells: how near it was, and what kind of miss it looks like. Notes for
// learners and authors; never part of a score.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace invigil::scoring {

// What a practice mode may show of a key that learners may meet again.
enum class KeyExposure {
  kNothing,     // the item stays secret: no note at all
  kCounts,      // how many of the right options were chosen, not which
  kOwnChoices,  // also which of the learner's own choices were right
  kFull,        // also which right options were missed
};

// Of a multiple-response item answered wrong; no credit, but a note.
struct NearMiss {
  bool near = false;  // one option away: one missed, one too many, or one exchanged
  size_t right_chosen = 0, wrong_chosen = 0, missed = 0;
  std::vector<std::string> own_right, own_wrong;  // kOwnChoices and kFull
  std::vector<std::string> missed_options;        // kFull
  std::string note;                               // a sentence for the learner
};

// nullopt when there is nothing to note: a right answer, an empty one, a single-answer item, or
// kNothing. Options may come in any order.
// Errors, INVALID_ARGUMENT: KEY_INVALID (no option, or one twice), RESPONSE_INVALID (one twice).
absl::StatusOr<std::optional<NearMiss>> NearMissOf(std::span<const std::string> key,
                                                   std::span<const std::string> chosen,
                                                   KeyExposure exposure);

// Kinds of misses, in the order in which they are looked for: the first that fits names the miss.
enum class MissKind {
  kNotReached,   // the clock ended before the learner got there
  kOmitted,      // seen and left empty
  kIncomplete,   // fewer options than the item asks for
  kRapidGuess,   // answered faster than it can be read
  kChangedAway,  // the right answer was there and was changed
  kNearMiss,     // multiple response, one option away: often a misread word
  kRushed,       // answered in the last moments of the sitting
  kStruggled,    // took unusually long
  kConfident,    // sure and wrong: a misconception
  kGap,          // none of these: not known
};
inline constexpr size_t kMissKinds = 10;
std::string NameOf(MissKind kind);  // UPPER_SNAKE, stable

struct MissRules {
  // A rapid guess takes less than this share of the item's typical time (the 10 % rule of Wise & Ma
  // 2012), between the bounds in seconds.
  double rapid_share = 0.10, rapid_least = 2, rapid_most = 10;
  // Unusually long: so many deviations of log time above its mean (lognormal times: van der Linden
  // 2006); 1.645 is the slowest 5 %.
  double struggle_deviations = 1.645;
  double rushed_seconds = 60;  // before the end of the sitting
};

// A wrong answer with its trail. Times are server times in seconds.
struct MissTrail {
  bool reached = true;
  bool answered = true;           // an option was chosen in the end
  size_t wanted = 1, chosen = 1;  // options the item asks for, options chosen
  bool near = false;              // NearMiss::near
  bool was_right = false;         // an earlier, replaced answer was right
  double seconds = 0;             // spent on the item in all
  // Mean and deviation of log seconds of this item over persons; unset: not known yet.
  std::optional<double> log_mean, log_deviation;
  std::optional<double> seconds_left;  // on the clock at the last answer; unset: untimed
  bool confident = false;              // the learner had marked it as sure
};

// Errors, INVALID_ARGUMENT: MISS_INVALID (a time that is negative or not a number, a deviation not
// above 0).
absl::StatusOr<MissKind> KindOf(const MissTrail& miss, const MissRules& rules = {});

// How often each kind occurs, by its place in MissKind.
absl::StatusOr<std::array<size_t, kMissKinds>> CountKinds(std::span<const MissTrail> misses,
                                                          const MissRules& rules = {});

}  // namespace invigil::scoring
