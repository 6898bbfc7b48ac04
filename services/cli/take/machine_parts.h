// The machine's steps between parts, into breaks and forward. Private to this room.
#pragma once

#include "services/cli/take/machine.h"

namespace invigil::cli::take {

// Shows where the session is: a question, a text or a break.
void ShowPart(State& state);
// Takes up what the server holds, keeping what it does not hold yet. Gives how many answers can't
// arrive any more: the screen shows what counts instead.
size_t TakeUp(State& state, const session::v1::Session& session);

// Ends the current part; the last one ends the exam. `accept`: an agreement is accepted.
void LeaveCurrentPart(State& state, bool accept, Outbox& out);
// Declines the agreement.
void Decline(State& state, Outbox& out);
void TakeOwnBreak(State& state, bool pooled, Outbox& out);
void EndCurrentBreak(State& state, Outbox& out);
// The move on its way, once more or for the first time.
void AskMove(State& state, Outbox& out);
// The move was refused: back to where it was asked, with `message`.
void GiveUpMove(State& state, std::string message, Outbox& out);

// Forward-only: locks the question on the screen and shows the next.
void StepForward(State& state, Outbox& out);
// Turns the flag of the question on the screen.
void ToggleFlag(State& state, Outbox& out);
// Marks that were not stored, if there are any.
void TellMarks(State& state, Outbox& out);

// Whether choosing an option now would be the change of a given answer, and there is none left or
// it was not confirmed by pressing the letter twice; `message` says so.
bool ChangeIsRefused(State& state, size_t option);
// The newest selection that was given; while it is on its way the server may hold an older one.
const std::vector<std::string>& Given(const Answer& answer);
// Where changes are counted, a choice is given when it is complete, or when the candidate goes on.
void GiveHeldBack(State& state, Outbox& out);

// Keys of the views that only exams with parts have.
void PressReading(State& state, const Key& key, Outbox& out);
void PressBreak(State& state, const Key& key, Outbox& out);

}  // namespace invigil::cli::take
