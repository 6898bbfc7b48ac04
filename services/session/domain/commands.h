// What can be asked of a session.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "services/session/domain/session.h"

namespace invigil::session {

// The options a write selects, gathered one id at a time without allocating.
class Selection {
 public:
  void Add(std::string_view option_id) {
    const int index = OptionIndex(option_id);
    if (index < 0) {
      malformed_ = true;
    } else if (bits_ >> index & 1) {
      repeated_ = true;
    } else {
      bits_ |= 1u << index;
    }
  }
  uint32_t bits() const { return bits_; }
  bool malformed() const { return malformed_; }  // an id that no option can have was added
  bool repeated() const { return repeated_; }    // an id was added twice
  bool empty() const { return bits_ == 0 && !malformed_; }

 private:
  uint32_t bits_ = 0;
  bool malformed_ = false, repeated_ = false;
};

// Makes the session. Refused when it exists with another identity.
struct Reserve {
  Identity identity;
};

// Attaches the form and starts the clock, each once: repeating it, with whatever form, changes
// nothing.
struct Start {
  std::shared_ptr<const Form> form;
};

// Raises the epoch: from now on only those who know the new one may write.
struct TakeOver {};

struct ResponseWrite {
  std::string item_id;
  uint32_t sequence = 0;  // 1 or more
  Selection options;      // empty only with `cleared`
  bool cleared = false;
};

// Stores all or, when any is invalid, none.
struct SaveResponses {
  uint32_t epoch = 0;
  absl::InlinedVector<ResponseWrite, 1> responses;  // 1 to kMaxResponses, each item once
};
inline constexpr size_t kMaxResponses = 100;

struct ItemSequence {
  std::string item_id;
  uint32_t sequence = 0;
};

// Seals, if what the candidate saw is stored.
struct Submit {
  uint32_t epoch = 0;
  std::vector<ItemSequence> seen;
};

// Seals if the deadline has passed; what a timer sends.
struct Expire {};

// Moves the deadline. Idempotent by grant id.
struct GrantTime {
  Grant grant;
  std::string actor;   // for the audit; required
  std::string reason;  // for the audit; required
};
// Of one grant, either way, and of all grants of a session together.
inline constexpr Duration kMaxGrant = std::chrono::hours(24);
inline constexpr Duration kMaxGranted = std::chrono::hours(48);
inline constexpr size_t kMaxGrants = 100;

// Takes scoring's answer. Idempotent by version; a higher version replaces the report.
struct RecordScore {
  uint32_t score_version = 0;  // 1 or more
  std::shared_ptr<const std::string> report;
  bool release = false;  // let the candidate see it at once
};

struct Release {};

struct Void {
  std::string reason;  // for the audit; required
  // Only a session whose clock never started; any other stays as it is, and that is no error.
  bool if_not_started = false;
};

// Changes nothing of itself; like every command it first seals an overdue session.
struct Read {};

using Action = std::variant<Read, SaveResponses, Submit, Expire, Reserve, Start, TakeOver,
                            GrantTime, RecordScore, Release, Void>;

struct Command {
  // On whose behalf: must be the session's candidate. Empty: the suite itself, or an operator.
  std::string candidate_id;
  Action action;
};

}  // namespace invigil::session
