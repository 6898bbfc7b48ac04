// What is asked of a session, in plain words: the vocabulary that candidates, operators, the
// reference model and the code under test share. One row of kAskNames, one case of ToAction and one
// rule of the model for each kind.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "services/session/engine/job.h"

namespace invigil::session::sim {

enum class Kind : uint8_t {
  kStart,  // which session? `id` is the request, `flag` take over
  kBegin,  // the sitting, with `form`, `accommodation`, and a window that ends at `amount`, if any
  kRead,
  kSave,       // `writes`
  kProgress,   // `writes`: sequences, `cleared` a flag; `part`: the item shown, -1 none; `seen`
  kSubmit,     // `seen`; `flag`: the countdown is over
  kLeave,      // `part`, `seen`; `flag`: an agreement is accepted
  kTakeBreak,  // `flag`: from the pool; `seen`: items to lock, or to be there; `version`: its
               // number
  kEndBreak,   // `version`: its number
  kTakeOver,
  kExpire,
  kGrant,  // `id`, `amount`
  kPause,  // these three: `version`, the deadline's as it was seen
  kResume,
  kTerminate,
  kReopen,   // `id`, `amount`
  kRecover,  // `id`, `writes`
  kCheckIn,
  kMessage,       // `id`; `flag`: from the candidate
  kConfirm,       // `id`; `flag`: by the candidate
  kIrregularity,  // `id`
  kVoid,          // `flag`: only when not started
  kRecord,        // a score: `version`, `report`, `attempt`, `flag` release
  kRelease,
  kHold,
};
inline constexpr std::array kAskNames = {"start",     "begin",      "read",
                                         "save",      "progress",   "submit",
                                         "leave",     "take break", "end break",
                                         "take over", "expire",     "grant",
                                         "pause",     "resume",     "terminate",
                                         "reopen",    "recover",    "check in",
                                         "message",   "confirm",    "report irregularity",
                                         "void",      "record",     "release",
                                         "hold"};
inline constexpr size_t kKinds = kAskNames.size();
static_assert(kKinds == static_cast<size_t>(Kind::kHold) + 1);

struct Write {
  int item = 0;  // past the form's last: an item of nobody
  uint32_t sequence = 0;
  uint32_t options = 0;  // bit k: the k-th
  bool cleared = false;
};

struct Ask {
  Kind kind = Kind::kRead;
  std::string candidate;  // empty: an operator or the suite itself
  SessionId session;      // not of kStart
  uint32_t epoch = 0;
  absl::InlinedVector<Write, 2> writes;
  std::vector<std::pair<int, uint32_t>> seen;
  std::string id;
  int64_t amount = 0;
  int form = 0, accommodation = 0, part = 0;
  uint32_t version = 0, attempt = 0;
  std::shared_ptr<const std::string> report;
  bool flag = false;
};

inline constexpr char kExam[] = "CLF-C02";

// As the code under test takes it.
decltype(Job::work) ToWork(const Ask& ask);
// For the trace.
std::string Describe(const Ask& ask);

}  // namespace invigil::session::sim
