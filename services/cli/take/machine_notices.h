// What the staff do while the exam runs: messages, time, pauses. Private to this room.
#pragma once

#include "services/cli/take/machine.h"

namespace invigil::cli::take {

// Takes up messages of the staff that nobody has confirmed and this screen has not had.
void TakeMessages(State& state, const std::vector<session::v1::SessionMessage>& messages);
// How many messages the server waits for to be confirmed: asks for the whole session when this
// screen does not have them all.
void CountMessages(State& state, uint32_t unconfirmed, Outbox& out);
// The server knows that this one was read.
void MessageConfirmed(State& state, const std::string& message_id);
// A message covers the screen: the key confirms it, or does nothing.
void PressNotice(State& state, const Key& key, Outbox& out);

// Says that time was given or taken, if `granted` is news.
void TakeGranted(State& state, Duration granted);
// Says that the clock was stopped, or goes on, if `now` is news.
void SayPause(State& state, session::v1::SessionState now);

// Takes up a session as a whole: its messages and what was granted, without a word about the latter
// when it is the first.
void TakeNotices(State& state, const session::v1::Session& session, bool first);

}  // namespace invigil::cli::take
