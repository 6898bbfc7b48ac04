#include "services/session/domain/transitions.h"

#include <array>

namespace invigil::session {
namespace {

using S = SessionState;
using T = Trigger;

constexpr Transition kTable[] = {
    {S::kNone, T::kReserve, S::kReady},

    {S::kReady, T::kAttachForm, S::kReady},
    {S::kReady, T::kTakeOver, S::kReady},
    {S::kReady, T::kGrant, S::kReady},
    {S::kReady, T::kStart, S::kActive},
    {S::kReady, T::kVoid, S::kVoided},

    {S::kActive, T::kStore, S::kActive},
    {S::kActive, T::kTakeOver, S::kActive},
    {S::kActive, T::kGrant, S::kActive},
    {S::kActive, T::kSubmit, S::kSubmitted},
    {S::kActive, T::kExpire, S::kExpired},
    {S::kActive, T::kTerminate, S::kTerminated},
    {S::kActive, T::kVoid, S::kVoided},

    {S::kSubmitted, T::kScore, S::kScored},
    {S::kSubmitted, T::kVoid, S::kVoided},
    {S::kExpired, T::kScore, S::kScored},
    {S::kExpired, T::kVoid, S::kVoided},
    {S::kTerminated, T::kScore, S::kScored},
    {S::kTerminated, T::kVoid, S::kVoided},

    // A rescore replaces the report and leaves it as visible as it was.
    {S::kScored, T::kScore, S::kScored},
    {S::kScored, T::kRelease, S::kReleased},
    {S::kScored, T::kVoid, S::kVoided},
    {S::kReleased, T::kScore, S::kReleased},
    {S::kReleased, T::kVoid, S::kVoided},
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
