// What can be asked of a session.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
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

struct ItemSequence {
  std::string item_id;
  uint32_t sequence = 0;
};

// Makes the session. Refused when it exists with another identity.
struct Reserve {
  Identity identity;
};

// Attaches the form and begins the sitting, each once: repeating it, with whatever form, changes
// nothing.
struct Start {
  std::shared_ptr<const Form> form;
  std::shared_ptr<const Accommodation> accommodation;  // null: none
  // Where the window's end limits the end and not the start: when whatever is left is lost.
  std::optional<Time> window_end;
};

// Leaves a part for the next one; after the last, seals as Submit does. Repeated for a part that
// was left already, it changes nothing.
struct LeavePart {
  uint32_t epoch = 0;
  uint32_t part = 0;               // which is left
  std::vector<ItemSequence> seen;  // as Submit
  bool accept = false;             // an agreement is accepted; false declines it, which ends all
};

// A break of the candidate's own.
struct TakeBreak {
  uint32_t epoch = 0;
  bool pooled = false;               // from the accommodation's pool: the clock stands still
  std::vector<std::string> seen;     // items to lock: what the candidate has been shown
  uint32_t number = 0;               // 1: the session's first, scheduled ones counted; 0: not said
  std::vector<ItemSequence> held{};  // refused while these are not stored
};
struct EndBreak {
  uint32_t epoch = 0;
  uint32_t number = 0;  // as TakeBreak
};

// Flags, times and the item on the screen; never touches a response.
struct SaveProgress {
  struct Entry {
    std::string item_id;
    uint32_t sequence = 0;  // of this report for the item, 1 or more; the newest wins
    bool flagged = false;
    uint32_t shown_ms = 0;  // altogether
  };
  uint32_t epoch = 0;
  std::vector<Entry> entries;
  std::string shown_item_id;  // empty: not said. Forward-only: what comes before it is locked
  std::vector<ItemSequence> held{};  // refused while these are not stored
};

// Raises the epoch: from now on only those who know the new one may write.
struct TakeOver {};

struct ResponseWrite {
  std::string item_id;
  uint32_t sequence = 0;  // 1 to kMaxSequence
  Selection options;      // empty only with `cleared`
  bool cleared = false;
};

// Stores all or, when any is invalid, none.
struct SaveResponses {
  uint32_t epoch = 0;
  absl::InlinedVector<ResponseWrite, 1> responses;  // 1 to kMaxResponses, each item once
};
inline constexpr size_t kMaxResponses = 100;
inline constexpr uint32_t kMaxSequence = 2'147'483'647;

// Seals, if what the candidate saw is stored.
struct Submit {
  uint32_t epoch = 0;
  std::vector<ItemSequence> seen;
  // The client's countdown is over, nobody asked to end. Only the session's own clock ends it so.
  bool time_up = false;
};

// Seals if the deadline has passed; what a timer sends.
struct Expire {};

// Stops every clock of a session that has begun, and lets them run on with the exact remainder.
// Pausing what is paused and resuming what runs changes nothing.
struct Pause {
  std::string actor;  // these two: for the audit; required
  std::string reason;
  // Of the session that the actor saw; refused when it is another by now. 0: not said.
  uint32_t deadline_version = 0;
};
struct Resume {
  std::string actor;
  std::string reason;
  uint32_t deadline_version = 0;
};

// Seals for the candidate, with what is stored.
struct Terminate {
  std::string actor;
  std::string reason;
  uint32_t deadline_version = 0;
};

// Lets a sealed session run again, once per grant id: with the time it had left and `grant.amount`.
struct Reopen {
  Grant grant;  // 0 when time was left
  std::string actor;
  std::string reason;
};

// Adds responses that were found elsewhere to a sealed session, once per id; it is scored again.
struct RecoverResponses {
  std::string id;
  std::string actor;
  std::string reason;
  std::vector<ResponseWrite> responses;  // sequences are not looked at
};

struct CheckIn {
  std::string actor;
  std::string note;  // may be empty
};

// Once per id.
struct SendMessage {
  std::string id;
  std::string actor;
  std::string text;
  bool from_candidate = false;
};
// The other side has shown it.
struct ConfirmMessage {
  std::string id;
  bool by_candidate = false;
  std::string actor{};
};

// Once per id.
struct ReportIrregularity {
  std::string id;
  std::string category;
  std::string text;
  std::string actor;
};

// Makes a sealed diagnostic an account's, once.
struct Claim {
  std::string candidate_id;
};

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
  // Which seal was scored; 0: not said. An answer for an earlier seal changes nothing.
  uint32_t attempt_version = 0;
};

// Holds the result back: scored or not, the candidate does not see it. Not once it was released.
struct HoldScore {
  std::string actor;
  std::string reason;
};
// Ends a hold: the result is seen now, or once there is one.
struct Release {
  std::string actor;
  std::string reason;
};

struct Void {
  std::string reason;  // for the audit; required
  // Only a session whose clock never started; any other stays as it is, and that is no error.
  bool if_not_started = false;
  std::string actor{};  // empty: the suite itself
};

// Changes nothing of itself; like every command it first seals an overdue session.
struct Read {};

using Action =
    std::variant<Read, SaveResponses, Submit, Expire, Reserve, Start, TakeOver, GrantTime,
                 RecordScore, Release, Void, LeavePart, TakeBreak, EndBreak, SaveProgress, Pause,
                 Resume, Terminate, Reopen, RecoverResponses, CheckIn, SendMessage, ConfirmMessage,
                 ReportIrregularity, Claim, HoldScore>;

struct Command {
  // On whose behalf: must be the session's candidate. Empty: the suite itself, or an operator.
  std::string candidate_id;
  Action action;
};

}  // namespace invigil::session
