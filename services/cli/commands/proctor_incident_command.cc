// invigil proctor incident: who lost time while the suite was away, and giving it back.
#include <cstdio>
#include <string>

#include "common/base/hash.h"
#include "services/cli/commands/commands.h"
#include "services/cli/commands/staff.h"
#include "services/cli/proctor/roster_text.h"
#include "services/cli/rescore/decisions.h"

namespace invigil::cli {
namespace {

namespace ses = session::v1;

// "FROM/UNTIL". Errors: USAGE.
absl::Status ParseGap(const std::string& text, ses::Interval* gap) {
  const size_t slash = text.find('/');
  if (slash == std::string::npos) return UsageError("--gap wants FROM/UNTIL");
  auto from = ParseInstant(text.substr(0, slash), "gap");
  if (!from.ok()) return from.status();
  auto until = ParseInstant(text.substr(slash + 1), "gap");
  if (!until.ok()) return until.status();
  *gap->mutable_start_time() = *from;
  *gap->mutable_end_time() = *until;
  return absl::OkStatus();
}

// The same for the same incident, so that repeating the command gives nobody time twice.
std::string IncidentId(const ses::Incident& incident) {
  return "cli-" + Sha256Hex(incident.SerializeAsString()).substr(0, 32);
}

}  // namespace

int ProctorIncident(const Words& words) {
  bool json = false, apply = false, reopen = false;
  std::string from, until, who, reason, id;
  std::vector<std::string> gaps;
  ses::Incident incident;
  Settings given;
  config::Flags flags("invigil proctor incident",
                      "Shows who was sitting while the suite was away and how much time they lost, "
                      "by the log. With --apply it gives exactly that back, to nobody twice.");
  flags.Text("from", &from, "TIME", "When to begin looking, such as 2026-11-24T10:30:00Z.")
      .Required()
      .Text("until", &until, "TIME", "Where to end: at most 24 hours later, and over by now.")
      .Required()
      .List("gap", &gaps, "FROM/UNTIL,...",
            "When the suite gave no service in between. Without: all the time.")
      .Text("exam", incident.mutable_exam_id(), "EXAM", "Only sessions of this exam.")
      .Toggle("json", &json, "As JSON (one IncidentSession or GrantResult a line).");
  flags.Section("Giving it back")
      .Toggle("apply", &apply, "Give it back. Look without this first.")
      .Toggle("reopen", &reopen, "Sessions whose time was up meanwhile run again.")
      .Text("as", &who, "NAME", "Your name, as it is recorded; needed for --apply.")
      .Text("reason", &reason, "TEXT", "Why, for the audit; needed for --apply.")
      .Text("incident-id", &id, "ID",
            "The same id gives nobody time twice. Without: one that follows from the times.");
  DeclareSettings(flags, &given);
  flags.ParseOrExit(words);
  if (apply && (who.empty() || reason.empty())) {
    return Fail(UsageError("--apply needs --as and --reason"));
  }
  if (absl::Status status = ParseGap(from + "/" + until, incident.mutable_window()); !status.ok()) {
    return Fail(status);
  }
  for (const std::string& gap : gaps) {
    if (absl::Status status = ParseGap(gap, incident.add_gaps()); !status.ok()) return Fail(status);
  }
  auto connection = Connect(given, who);
  if (!connection.ok()) return Fail(connection.status());

  std::vector<std::string> unreadable;
  const auto note = [&](const auto& page) {
    const auto& ids = page.unreadable_session_ids();
    unreadable.insert(unreadable.end(), ids.begin(), ids.end());
  };
  if (!apply) {
    ses::IncidentReportRequest request;
    *request.mutable_incident() = incident;
    std::vector<ses::IncidentSession> sessions;
    const absl::Status status = EveryPage(
        *connection, request,
        [&](Api& api, const auto& page) { return api.IncidentReport(page, connection->token); },
        [&](const ses::IncidentReportResponse& page) {
          note(page);
          sessions.insert(sessions.end(), page.sessions().begin(), page.sessions().end());
          return true;
        });
    if (!status.ok()) return Fail(status);
    for (const ses::IncidentSession& session : sessions) {
      if (json) std::printf("%s\n", ToCompactJson(session).c_str());
    }
    if (!json) std::fputs(IncidentText(sessions, unreadable).c_str(), stdout);
    return unreadable.empty() ? kOk : kFailed;
  }

  if (id.empty()) id = IncidentId(incident);
  ses::CompensateIncidentRequest request;
  *request.mutable_incident() = incident;
  request.set_incident_id(id);
  request.set_reason(reason);
  request.set_reopen_expired(reopen);
  std::vector<ses::GrantResult> results;
  const absl::Status status = EveryPage(
      *connection, request,
      [&](Api& api, const auto& page) { return api.CompensateIncident(page, connection->token); },
      [&](const ses::CompensateIncidentResponse& page) {
        note(page);
        results.insert(results.end(), page.results().begin(), page.results().end());
        return true;
      });
  if (!status.ok()) {
    const int code = Fail(status);
    if (IsRetryable(status)) {
      std::fprintf(stderr,
                   "  Part of it may be done. Repeat the command: nobody gets time twice.\n");
    }
    return code;
  }
  bool all = unreadable.empty();
  for (const ses::GrantResult& result : results) {
    all = all && result.granted();
    if (json) std::printf("%s\n", ToCompactJson(result).c_str());
  }
  if (!json) {
    std::fputs(GrantsText(results).c_str(), stdout);
    for (const std::string& session : unreadable) {
      std::printf("The log of %s can't be read.\n", Printable(session).c_str());
    }
  }
  return all ? kOk : kFailed;
}

}  // namespace invigil::cli
