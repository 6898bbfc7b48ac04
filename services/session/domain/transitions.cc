#include "services/session/domain/transitions.h"

#include <array>

namespace invigil::session {
namespace {

using S = SessionState;
using T = Trigger;

constexpr Transition kTable[] = {
    {S::kNone, T::kReserve, S::kReady},

    {S::kReady, T::kAttachForm, S::kReady},
    {S::kReady, T::kCheckIn, S::kReady},
    {S::kReady, T::kTakeOver, S::kReady},
    {S::kReady, T::kGrant, S::kReady},
    {S::kReady, T::kStart, S::kActive},

    {S::kActive, T::kStore, S::kActive},
    {S::kActive, T::kProgress, S::kActive},
    {S::kActive, T::kTakeOver, S::kActive},
    {S::kActive, T::kGrant, S::kActive},
    {S::kActive, T::kEnterPart, S::kActive},
    {S::kActive, T::kEnterBreak, S::kOnBreak},
    {S::kActive, T::kTakeBreak, S::kOnBreak},
    {S::kActive, T::kPause, S::kPaused},
    {S::kActive, T::kSubmit, S::kSubmitted},
    {S::kActive, T::kExpire, S::kExpired},
    {S::kActive, T::kTerminate, S::kTerminated},

    {S::kOnBreak, T::kTakeOver, S::kOnBreak},
    {S::kOnBreak, T::kGrant, S::kOnBreak},
    {S::kOnBreak, T::kEnterPart, S::kActive},
    // An unscheduled break ran until the section's time was up, and a scheduled one follows.
    {S::kOnBreak, T::kEnterBreak, S::kOnBreak},
    {S::kOnBreak, T::kEndBreak, S::kActive},
    {S::kOnBreak, T::kPause, S::kPaused},
    {S::kOnBreak, T::kExpire, S::kExpired},
    {S::kOnBreak, T::kTerminate, S::kTerminated},

    {S::kPaused, T::kTakeOver, S::kPaused},
    {S::kPaused, T::kGrant, S::kPaused},
    {S::kPaused, T::kResume, S::kActive},
    {S::kPaused, T::kResumeBreak, S::kOnBreak},
    {S::kPaused, T::kTerminate, S::kTerminated},

    {S::kSubmitted, T::kScore, S::kScored},
    {S::kExpired, T::kScore, S::kScored},
    {S::kTerminated, T::kScore, S::kScored},
    // A rescore replaces the report and leaves it as visible as it was.
    {S::kScored, T::kScore, S::kScored},
    {S::kScored, T::kRelease, S::kReleased},
    {S::kReleased, T::kScore, S::kReleased},

    {S::kSubmitted, T::kReopen, S::kActive},
    {S::kExpired, T::kReopen, S::kActive},
    {S::kTerminated, T::kReopen, S::kActive},
    {S::kScored, T::kReopen, S::kActive},
    {S::kReleased, T::kReopen, S::kActive},

    // Scored again from the start.
    {S::kSubmitted, T::kRecover, S::kSubmitted},
    {S::kExpired, T::kRecover, S::kExpired},
    {S::kTerminated, T::kRecover, S::kTerminated},
    {S::kScored, T::kRecover, S::kSubmitted},
    {S::kReleased, T::kRecover, S::kSubmitted},

    {S::kReady, T::kVoid, S::kVoided},
    {S::kActive, T::kVoid, S::kVoided},
    {S::kPaused, T::kVoid, S::kVoided},
    {S::kOnBreak, T::kVoid, S::kVoided},
    {S::kSubmitted, T::kVoid, S::kVoided},
    {S::kExpired, T::kVoid, S::kVoided},
    {S::kTerminated, T::kVoid, S::kVoided},
    {S::kScored, T::kVoid, S::kVoided},
    {S::kReleased, T::kVoid, S::kVoided},

    {S::kReady, T::kMessage, S::kReady},
    {S::kActive, T::kMessage, S::kActive},
    {S::kPaused, T::kMessage, S::kPaused},
    {S::kOnBreak, T::kMessage, S::kOnBreak},
    {S::kReady, T::kConfirm, S::kReady},
    {S::kActive, T::kConfirm, S::kActive},
    {S::kPaused, T::kConfirm, S::kPaused},
    {S::kOnBreak, T::kConfirm, S::kOnBreak},

    {S::kReady, T::kIrregularity, S::kReady},
    {S::kActive, T::kIrregularity, S::kActive},
    {S::kPaused, T::kIrregularity, S::kPaused},
    {S::kOnBreak, T::kIrregularity, S::kOnBreak},
    {S::kSubmitted, T::kIrregularity, S::kSubmitted},
    {S::kExpired, T::kIrregularity, S::kExpired},
    {S::kTerminated, T::kIrregularity, S::kTerminated},
    {S::kScored, T::kIrregularity, S::kScored},
    {S::kReleased, T::kIrregularity, S::kReleased},

    {S::kSubmitted, T::kClaim, S::kSubmitted},
    {S::kExpired, T::kClaim, S::kExpired},
    {S::kTerminated, T::kClaim, S::kTerminated},
    {S::kScored, T::kClaim, S::kScored},
    {S::kReleased, T::kClaim, S::kReleased},

    // What was seen can't be held back.
    {S::kReady, T::kHold, S::kReady},
    {S::kActive, T::kHold, S::kActive},
    {S::kPaused, T::kHold, S::kPaused},
    {S::kOnBreak, T::kHold, S::kOnBreak},
    {S::kSubmitted, T::kHold, S::kSubmitted},
    {S::kExpired, T::kHold, S::kExpired},
    {S::kTerminated, T::kHold, S::kTerminated},
    {S::kScored, T::kHold, S::kScored},
};

using Dense = std::array<std::array<S, kTriggers>, kSessionStates>;

// kNone where there is no transition: nothing leads back to it.
constexpr Dense MakeDense() {
  Dense dense{};
  for (const Transition& t : kTable) {
    dense[static_cast<size_t>(t.from)][static_cast<size_t>(t.on)] = t.to;
  }
  return dense;
}
constexpr Dense kDense = MakeDense();

struct TriggerVisitor {
  std::optional<T> operator()(const Reserved&) const { return T::kReserve; }
  std::optional<T> operator()(const FormAttached&) const { return T::kAttachForm; }
  std::optional<T> operator()(const Started&) const { return T::kStart; }
  std::optional<T> operator()(const ResponsesStored&) const { return T::kStore; }
  std::optional<T> operator()(const TakenOver&) const { return T::kTakeOver; }
  std::optional<T> operator()(const TimeGranted&) const { return T::kGrant; }
  std::optional<T> operator()(const Sealed& sealed) const {
    switch (sealed.as) {
      case S::kSubmitted:
        return T::kSubmit;
      case S::kExpired:
        return T::kExpire;
      case S::kTerminated:
        return T::kTerminate;
      default:
        return std::nullopt;
    }
  }
  std::optional<T> operator()(const Scored&) const { return T::kScore; }
  std::optional<T> operator()(const Released&) const { return T::kRelease; }
  std::optional<T> operator()(const Voided&) const { return T::kVoid; }
  std::optional<T> operator()(const PartEntered& e) const {
    return e.is_break ? T::kEnterBreak : T::kEnterPart;
  }
  std::optional<T> operator()(const BreakStarted&) const { return T::kTakeBreak; }
  std::optional<T> operator()(const BreakEnded&) const { return T::kEndBreak; }
  std::optional<T> operator()(const Paused&) const { return T::kPause; }
  std::optional<T> operator()(const Resumed& e) const {
    return e.to_break ? T::kResumeBreak : T::kResume;
  }
  std::optional<T> operator()(const Reopened&) const { return T::kReopen; }
  std::optional<T> operator()(const ResponsesRecovered&) const { return T::kRecover; }
  std::optional<T> operator()(const ProgressStored&) const { return T::kProgress; }
  std::optional<T> operator()(const CheckedIn&) const { return T::kCheckIn; }
  std::optional<T> operator()(const MessageSent&) const { return T::kMessage; }
  std::optional<T> operator()(const MessageConfirmed&) const { return T::kConfirm; }
  std::optional<T> operator()(const IrregularityReported&) const { return T::kIrregularity; }
  std::optional<T> operator()(const Claimed&) const { return T::kClaim; }
  std::optional<T> operator()(const HoldChanged&) const { return T::kHold; }
};

}  // namespace

std::span<const Transition> Transitions() { return kTable; }

std::optional<SessionState> Next(SessionState from, Trigger on) {
  const auto row = static_cast<size_t>(from);
  if (row >= kSessionStates) return std::nullopt;
  const S to = kDense[row][static_cast<size_t>(on)];
  return to == S::kNone ? std::nullopt : std::optional(to);
}

std::optional<Trigger> TriggerOf(const Event& event) { return std::visit(TriggerVisitor{}, event); }

}  // namespace invigil::session
