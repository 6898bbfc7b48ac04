#include "services/cli/proctor/roster_text.h"

#include <google/protobuf/duration.pb.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/cli/core/names.h"
#include "services/cli/core/text.h"

namespace invigil::cli {
namespace {

namespace ses = session::v1;
using Rows = std::vector<std::vector<std::string>>;

std::string State(ses::SessionState state) {
  return NameWord(ses::SessionState_Name(state), "SESSION_STATE_");
}

std::string Problems(const ses::RosterEntry& entry) {
  std::vector<std::string> words;
  for (const int problem : entry.problems()) {
    std::string word = NameWord(ses::RosterProblem_Name(static_cast<ses::RosterProblem>(problem)),
                                "ROSTER_PROBLEM_");
    if (problem == ses::ROSTER_PROBLEM_UNSAVED_CHANGES) {
      absl::StrAppend(&word, " (", entry.unsaved_changes(), ")");
    }
    words.push_back(std::move(word));
  }
  if (entry.score_held()) words.push_back("score-held");
  return absl::StrJoin(words, ", ");
}

std::vector<std::string> Row(const ses::RosterEntry& entry) {
  const bool granted = ToDuration(entry.granted()) != Duration(0);
  return {Printable(entry.session_id()),
          Printable(entry.candidate_id()),
          Printable(entry.exam_id()),
          State(entry.state()),
          SpanText(entry.remaining()),
          granted ? SpanText(entry.granted()) : "",
          absl::StrCat(entry.part() + 1),
          entry.has_heartbeat_age() ? absl::StrCat(entry.heartbeat_age().seconds(), " s") : "-",
          Problems(entry)};
}

const std::vector<std::string> kHeading = {"session", "candidate", "exam",      "state",   "left",
                                           "granted", "part",      "last seen", "problems"};

std::string Sessions(size_t count) {
  return absl::StrCat(count, count == 1 ? " session" : " sessions");
}

// What refused, below a sentence that says how many.
template <typename Results>
std::string Refused(const Results& results, bool (*done)(const typename Results::value_type&)) {
  Rows rows{{"session", "refused", "because"}};
  for (const auto& result : results) {
    if (done(result)) continue;
    rows.push_back(
        {Printable(result.session_id()), Printable(result.refusal()), Printable(result.message())});
  }
  return rows.size() == 1 ? "" : "\n" + Table(rows);
}

}  // namespace

std::string RosterText(const std::vector<ses::RosterEntry>& entries) {
  if (entries.empty()) return "no session\n";
  Rows rows{kHeading};
  for (const ses::RosterEntry& entry : entries) rows.push_back(Row(entry));
  return Table(rows, {4, 5, 6, 7});
}

std::string RosterLine(const ses::RosterEntry& entry) {
  std::string line =
      absl::StrCat(Printable(entry.session_id()), "  ", Printable(entry.candidate_id()), "  ",
                   Printable(entry.exam_id()), "  ", State(entry.state()), "  ",
                   SpanText(entry.remaining()), " left");
  if (ToDuration(entry.granted()) != Duration(0)) {
    absl::StrAppend(&line, "  ", SpanText(entry.granted()), " granted");
  }
  const std::string problems = Problems(entry);
  if (!problems.empty()) absl::StrAppend(&line, "  ! ", problems);
  return line + "\n";
}

std::string EntryText(const ses::GetRosterEntryResponse& session) {
  std::string out = RosterText({session.entry()});
  if (session.messages_size() > 0) absl::StrAppend(&out, "\nMessages\n");
  for (const ses::RosterMessage& message : session.messages()) {
    absl::StrAppend(&out, "  ", ClockTime(message.send_time()), "  ",
                    message.from_candidate() ? "candidate" : Printable(message.actor()), " [",
                    Printable(message.message_id()), message.confirmed() ? ", seen" : ", not seen",
                    "]\n", WrapIndented(Printable(message.text()), 80, 4));
  }
  if (session.grants_size() > 0) absl::StrAppend(&out, "\nGrants\n");
  for (const ses::RosterGrant& grant : session.grants()) {
    absl::StrAppend(&out, "  ", SpanText(grant.amount()), "  ", Printable(grant.grant_id()), "\n");
  }
  if (session.report_ids_size() > 0) absl::StrAppend(&out, "\nReports\n");
  for (const std::string& id : session.report_ids()) {
    absl::StrAppend(&out, "  ", Printable(id), "\n");
  }
  return out;
}

std::string GrantsText(const std::vector<ses::GrantResult>& results) {
  const auto granted = std::count_if(results.begin(), results.end(),
                                     [](const ses::GrantResult& r) { return r.granted(); });
  const auto reopened = std::count_if(results.begin(), results.end(),
                                      [](const ses::GrantResult& r) { return r.reopened(); });
  std::string out = absl::StrCat(granted, " of ", Sessions(results.size()),
                                 granted == 1 ? " has" : " have", " the time");
  if (reopened > 0) absl::StrAppend(&out, ", ", reopened, " of them reopened");
  return out + ".\n" + Refused(results, [](const ses::GrantResult& r) { return r.granted(); });
}

std::string SentText(const std::vector<ses::SendMessageToManyResponse::Result>& results) {
  using Result = ses::SendMessageToManyResponse::Result;
  const auto sent =
      std::count_if(results.begin(), results.end(), [](const Result& r) { return r.sent(); });
  return absl::StrCat(sent, " of ", Sessions(results.size()), sent == 1 ? " has" : " have",
                      " the message.\n",
                      Refused(results, [](const Result& r) { return r.sent(); }));
}

std::string IncidentText(const std::vector<ses::IncidentSession>& sessions,
                         const std::vector<std::string>& unreadable) {
  Rows rows{{"session", "candidate", "exam", "state", "ran", "lost", "unsaved", "time was up"}};
  Duration lost{0};
  size_t losers = 0;
  for (const ses::IncidentSession& session : sessions) {
    lost += ToDuration(session.lost());
    losers += ToDuration(session.lost()) > Duration(0) ? 1 : 0;
    rows.push_back({Printable(session.session_id()), Printable(session.candidate_id()),
                    Printable(session.exam_id()), State(session.state()), SpanText(session.ran()),
                    SpanText(session.lost()),
                    session.unsaved_changes() == 0 ? "" : absl::StrCat(session.unsaved_changes()),
                    session.expired() ? "yes" : ""});
  }
  std::string out = rows.size() == 1 ? "" : Table(rows, {4, 5, 6}) + "\n";
  absl::StrAppend(&out, Sessions(losers), " lost ", ClockText(lost.count()), " together.\n");
  for (const std::string& id : unreadable) {
    absl::StrAppend(&out, "The log of ", Printable(id), " can't be read.\n");
  }
  return out;
}

std::string UnscoredText(const std::vector<ses::ListUnscoredResponse::Unscored>& sessions) {
  if (sessions.empty()) return "Nothing waits for its score.\n";
  Rows rows{{"session", "seal", "sealed"}};
  for (const auto& session : sessions) {
    rows.push_back({Printable(session.session_id()), absl::StrCat(session.attempt_version()),
                    ClockTime(session.seal_time())});
  }
  return Table(rows, {1});
}

}  // namespace invigil::cli
