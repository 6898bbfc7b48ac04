// What a practice session may say about readiness: answers to operational items seen for the first
// time, in a full timed session. Everything else is practice, not evidence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/base/time.h"
#include "services/scoring/domain/irt.h"

namespace invigil::scoring {

struct PracticeResponse {
  ItemParameters irt;
  uint32_t sample_size = 0;  // responses behind `irt`; 0: the author's judgement
  size_t domain = 0;         // place of its domain in the blueprint
  size_t task = 0;           // place of its task statement in the domain, where there are tasks
  bool operational = true;   // pretest items never count
  bool first_seen = true;    // this learner had not seen the item before
  bool right = false;        // omitted and not reached are wrong
};

// A finished session and the verified properties that make it a full timed one.
struct PracticeSession {
  Time ended_at;
  bool full_length = false;
  bool timed = false;
  bool paused = false;
  bool revealed = false;  // an answer or explanation was shown before the end
  bool aided = false;     // hints, notes or other aids
  bool equated = false;   // the form has an accepted conversion
  // How far the whole form may lie off the exam's scale, as a standard deviation in logits: the
  // standard error of equating, or more for forms that rest on authors' judgement.
  double form_error = 0;
  std::vector<PracticeResponse> responses;
};

struct EvidenceRules {
  // Below this share of first-seen operational items a session is a repeat. The repeated items of
  // one that counts are left out.
  double least_first_seen_share = 0.8;
};

enum class Exclusion {
  kNone,
  kNotFullLength,
  kNotTimed,
  kPaused,
  kRevealed,
  kAided,
  kNotEquated,
  kRepeatedItems,
  kNoItems,      // no operational item
  kUnexplained,  // no ability gives such answers to such items: parameters must be wrong
};

// The first thing that keeps it from counting; kUnexplained is found by ReadinessModel only.
Exclusion ExclusionOf(const PracticeSession& session, const EvidenceRules& rules = {});
// UPPER_SNAKE, stable; "" for kNone.
std::string NameOf(Exclusion exclusion);

// First-seen operational responses.
std::vector<PracticeResponse> EvidenceOf(const PracticeSession& session);

// Errors, INVALID_ARGUMENT: ITEM_PARAMETERS_INVALID (names session and response),
// FORM_ERROR_INVALID (negative or not a number).
absl::Status Validate(std::span<const PracticeSession> sessions);

}  // namespace invigil::scoring
