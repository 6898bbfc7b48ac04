// What an event says of persons, and how it is taken out: an erasure leaves the event, its time and
// its place in the chain, and the rest of it stays provable (journal.h).
#pragma once

#include <string>
#include <string_view>

#include "services/session/domain/events.h"

namespace invigil::session {

// Stands where somebody's own words stood.
inline constexpr char kErased[] = "[erased]";

// Whether events of its kind can name a candidate or quote anybody.
bool HoldsPersonal(const Event& event);

// The event with `name` instead of the candidate `who`: the candidate of a reservation or claim
// whoever that is, an actor who is `who`, and every mention in an id; and with kErased instead of
// all that people wrote (messages, reports, notes, reasons, the request id of a start). Doing it
// again, with `name` for both, changes nothing.
Event Redact(const Event& event, std::string_view who, std::string_view name);

// An id with `name` in the place of every mention of `who`, as in an event.
std::string RedactId(std::string id, std::string_view who, std::string_view name);

// A hash of all but that, in hexadecimal: the same before and after Redact(event, who, name), if
// `name` is given for `who` afterwards.
std::string RestHash(const Event& event, std::string_view who);

}  // namespace invigil::session
