// What the staff see of sessions, as text for a terminal. Pure.
#pragma once

#include <string>
#include <vector>

#include "invigil/session/v1/proctor.pb.h"

namespace invigil::cli {

// A table with one session a line, problems in the last column; "no session" where there is none.
std::string RosterText(const std::vector<session::v1::RosterEntry>& entries);

// One session on one line, for what changes as one watches.
std::string RosterLine(const session::v1::RosterEntry& entry);

// One session with its messages, grants and reports.
std::string EntryText(const session::v1::GetRosterEntryResponse& session);

// How many of many got their time, and a table of those that did not.
std::string GrantsText(const std::vector<session::v1::GrantResult>& results);

// How many of many got a message, and a table of those that did not.
std::string SentText(const std::vector<session::v1::SendMessageToManyResponse::Result>& results);

// Who lost how much, and the sum; those whose log can't be read are named.
std::string IncidentText(const std::vector<session::v1::IncidentSession>& sessions,
                         const std::vector<std::string>& unreadable);

// What waits for its score.
std::string UnscoredText(const std::vector<session::v1::ListUnscoredResponse::Unscored>& sessions);

}  // namespace invigil::cli
