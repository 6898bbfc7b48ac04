// Which event may follow in which state, and where it leads. The only statement of it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "services/session/domain/events.h"

namespace invigil::session {

// What moves a session. A seal counts as three, by how it ended; the beginning of a part and the
// end of a pause as two, by whether they lead into a break.
enum class Trigger : uint8_t {
  kReserve,
  kAttachForm,
  kStart,
  kStore,
  kTakeOver,
  kGrant,
  kSubmit,
  kExpire,
  kTerminate,
  kScore,
  kRelease,
  kVoid,
  kEnterPart,
  kEnterBreak,
  kTakeBreak,
  kEndBreak,
  kPause,
  kResume,
  kResumeBreak,
  kReopen,
  kRecover,
  kProgress,
  kCheckIn,
  kMessage,
  kConfirm,
  kIrregularity,
  kClaim,
  kHold,
};
inline constexpr size_t kTriggers = 28;

struct Transition {
  SessionState from;
  Trigger on;
  SessionState to;
};

// Every transition there is.
std::span<const Transition> Transitions();
// Where `on` leads from `from`; nullopt when it may not happen there.
std::optional<SessionState> Next(SessionState from, Trigger on);
// The trigger an event is; nullopt for a seal that ends in no sealed state.
std::optional<Trigger> TriggerOf(const Event& event);

}  // namespace invigil::session
