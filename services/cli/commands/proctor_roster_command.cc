// invigil proctor roster|show|watch|unscored: what the staff look at.
#include <algorithm>
#include <cstdio>
#include <string>

#include "services/cli/commands/commands.h"
#include "services/cli/commands/staff.h"
#include "services/cli/core/names.h"
#include "services/cli/proctor/roster_text.h"

namespace invigil::cli {
namespace {

namespace ses = session::v1;

// Pages of many sessions, so that a long list does not make many calls.
constexpr uint32_t kPage = 500;

void PrintLines(const google::protobuf::Message& message) {
  std::printf("%s\n", ToCompactJson(message).c_str());
}

}  // namespace

int ProctorRoster(const Words& words) {
  bool json = false, problems = false, ended = false;
  int64_t limit = 1000;
  std::vector<std::string> states;
  ses::ListRosterRequest request;
  Settings given;
  config::Flags flags("invigil proctor roster",
                      "Lists the sessions that run, those with problems first.");
  flags.Text("exam", request.mutable_exam_id(), "EXAM", "Only sessions of this exam.")
      .Text("candidate", request.mutable_candidate_id(), "NAME", "Only sessions of this candidate.")
      .List("state", &states, "STATE,...",
            "Only those that are ready, active, paused, on-break, submitted, expired, terminated, "
            "scored, released or voided.")
      .Toggle("problems", &problems, "Only those that somebody should look at.")
      .Toggle("ended", &ended, "Ended sessions too; the newest first then.")
      .Number("limit", &limit, 1, 1'000'000, "Sessions to show at most.")
      .Toggle("json", &json, "As JSON (one RosterEntry a line).");
  DeclareSettings(flags, &given);
  flags.ParseOrExit(words);
  for (const std::string& word : states) {
    ses::SessionState state = ses::SESSION_STATE_UNSPECIFIED;
    if (!ses::SessionState_Parse(EnumName(word, "SESSION_STATE_"), &state) ||
        state == ses::SESSION_STATE_UNSPECIFIED) {
      return Fail(UsageError("there is no state \"" + Printable(word) + "\"; see --help"));
    }
    request.add_states(state);
  }
  request.set_only_problems(problems);
  request.set_include_ended(ended);
  request.set_page_size(static_cast<uint32_t>(std::min<int64_t>(limit, kPage)));
  auto connection = Connect(given);
  if (!connection.ok()) return Fail(connection.status());
  std::vector<ses::RosterEntry> entries;
  const absl::Status status = EveryPage(
      *connection, request,
      [&](Api& api, const auto& page) { return api.ListRoster(page, connection->token); },
      [&](const ses::ListRosterResponse& page) {
        for (const ses::RosterEntry& entry : page.entries()) {
          if (static_cast<int64_t>(entries.size()) < limit) entries.push_back(entry);
        }
        return static_cast<int64_t>(entries.size()) < limit;
      });
  if (!status.ok()) return Fail(status);
  if (json) {
    for (const ses::RosterEntry& entry : entries) PrintLines(entry);
  } else {
    std::fputs(RosterText(entries).c_str(), stdout);
  }
  return kOk;
}

int ProctorShow(const Words& words) {
  bool json = false;
  Settings given;
  config::Flags flags("invigil proctor show",
                      "Shows one session with its messages, grants and reports.");
  flags.Positional("SESSION");
  flags.Toggle("json", &json, "As JSON (GetRosterEntryResponse).");
  DeclareSettings(flags, &given);
  const auto session = ParseWithArgument(flags, words, "session");
  if (!session.ok()) return Fail(session.status());
  auto connection = Connect(given);
  if (!connection.ok()) return Fail(connection.status());
  ses::GetRosterEntryRequest request;
  request.set_session_id(*session);
  const auto shown =
      connection->Run([&](Api& api) { return api.GetRosterEntry(request, connection->token); });
  if (!shown.ok()) return Fail(shown.status());
  std::fputs((json ? ToJson(*shown) : EntryText(*shown)).c_str(), stdout);
  return kOk;
}

int ProctorWatch(const Words& words) {
  bool json = false, once = false;
  ses::WatchRosterRequest request;
  Settings given;
  config::Flags flags("invigil proctor watch",
                      "Shows the sessions that run, those with problems first, and then each one "
                      "that changes, as it changes, until you end it with Ctrl-C.");
  flags.Text("exam", request.mutable_exam_id(), "EXAM", "Only sessions of this exam.")
      .Toggle("once", &once, "End after the first list.")
      .Toggle("json", &json, "As JSON (one RosterEntry a line).");
  DeclareSettings(flags, &given);
  flags.ParseOrExit(words);
  auto connection = Connect(given);
  if (!connection.ok()) return Fail(connection.status());
  Stopper stopper;
  const absl::Status ended = KeepOpen(*connection, [&](bool* came) {
    if (stopper.stopped()) return absl::Status(absl::CancelledError());
    std::vector<ses::RosterEntry> first;
    bool complete = false;
    return connection->suite.api().WatchRoster(
        request, connection->token, stopper, [&](const ses::WatchRosterResponse& news) {
          *came = true;
          for (const ses::RosterEntry& entry : news.entries()) {
            if (json) {
              PrintLines(entry);
            } else if (complete) {
              std::fputs(RosterLine(entry).c_str(), stdout);
            } else {
              first.push_back(entry);
            }
          }
          if (news.complete()) {
            complete = true;
            if (!json) std::printf("%s\n", RosterText(first).c_str());
            if (once) stopper.Stop();
          }
          std::fflush(stdout);
        });
  });
  return stopper.stopped() ? kOk : Fail(ended);
}

int ProctorUnscored(const Words& words) {
  bool json = false;
  Settings given;
  config::Flags flags("invigil proctor unscored",
                      "Lists what was sealed and has no score yet, the oldest first.");
  flags.Toggle("json", &json, "As JSON (one a line).");
  DeclareSettings(flags, &given);
  flags.ParseOrExit(words);
  auto connection = Connect(given);
  if (!connection.ok()) return Fail(connection.status());
  ses::ListUnscoredRequest request;
  request.set_page_size(kPage);
  std::vector<ses::ListUnscoredResponse::Unscored> waiting;
  const absl::Status status = EveryPage(
      *connection, request,
      [&](Api& api, const auto& page) { return api.ListUnscored(page, connection->token); },
      [&](const ses::ListUnscoredResponse& page) {
        waiting.insert(waiting.end(), page.sessions().begin(), page.sessions().end());
        return true;
      });
  if (!status.ok()) return Fail(status);
  if (json) {
    for (const auto& session : waiting) PrintLines(session);
  } else {
    std::fputs(UnscoredText(waiting).c_str(), stdout);
  }
  return kOk;
}

}  // namespace invigil::cli
