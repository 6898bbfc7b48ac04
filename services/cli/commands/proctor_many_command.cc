// invigil proctor grant|message: for one session, some, or everyone.
#include <cstdio>
#include <string>

#include "services/cli/commands/commands.h"
#include "services/cli/commands/staff.h"
#include "services/cli/core/names.h"
#include "services/cli/proctor/roster_text.h"

namespace invigil::cli {
namespace {

namespace ses = session::v1;

// Whom a command for many is about.
struct Target {
  Words sessions;
  std::string exam;
  bool everyone = false;

  void Declare(config::Flags& flags) {
    flags.Positional("[SESSION...]");
    flags.Section("Who (sessions by name, or one of these)")
        .Text("exam", &exam, "EXAM", "Everybody who sits this exam.")
        .Toggle("everyone", &everyone, "Everybody who sits an exam.");
  }
  // Errors: USAGE when nobody or more than one kind of target is named.
  absl::Status Check() const {
    const int kinds = (sessions.empty() ? 0 : 1) + (exam.empty() ? 0 : 1) + (everyone ? 1 : 0);
    if (kinds != 1) return UsageError("name sessions, or --exam, or --everyone: one of them");
    if (sessions.size() > 500) return UsageError("name at most 500 sessions");
    return absl::OkStatus();
  }
  template <typename Request>
  void Fill(Request* request) const {
    if (everyone) {
      request->set_everyone(true);
    } else if (!exam.empty()) {
      request->set_exam_id(exam);
    } else {
      request->mutable_sessions()->mutable_session_ids()->Assign(sessions.begin(), sessions.end());
    }
  }
};

// Nobody was there: a mistake in --exam shows so.
int NobodyThere() {
  std::printf("Nobody was sitting.\n");
  return kOk;
}

}  // namespace

int ProctorGrant(const Words& words) {
  bool json = false;
  Duration more{0}, less{0};
  Target target;
  Act act;
  std::string id;
  Settings given;
  config::Flags flags("invigil proctor grant",
                      "Gives time to sessions that run, or takes it back. Everybody who runs gets "
                      "it, page by page, and nobody twice.");
  flags.Span("by", &more, Duration(0), Minutes(24 * 60), "Time to give, such as 5m.")
      .Span("take-back", &less, Duration(0), Minutes(24 * 60), "Time to take back instead.");
  target.Declare(flags);
  act.Declare(flags);
  DeclareRequestId(flags, &id);
  flags.Toggle("json", &json, "As JSON (one GrantResult a line).");
  DeclareSettings(flags, &given);
  target.sessions = ParseWithWords(flags, words);
  if (absl::Status status = target.Check(); !status.ok()) return Fail(status);
  if ((more == Duration(0)) == (less == Duration(0))) {
    return Fail(UsageError("say how much: --by or --take-back"));
  }
  auto connection = Connect(given, act.who);
  if (!connection.ok()) return Fail(connection.status());

  ses::GrantTimeToManyRequest request;
  request.set_reason(act.reason);
  request.set_grant_id(id);
  SetDuration(more - less, request.mutable_amount());
  target.Fill(&request);
  std::vector<ses::GrantResult> results;
  const absl::Status status = EveryPage(
      *connection, request,
      [&](Api& api, const auto& page) { return api.GrantTimeToMany(page, connection->token); },
      [&](const ses::GrantTimeToManyResponse& page) {
        results.insert(results.end(), page.results().begin(), page.results().end());
        return true;
      });
  if (!status.ok()) return FailRepeatable(status, id);
  bool all = true;
  for (const ses::GrantResult& result : results) {
    all = all && result.granted();
    if (json) std::printf("%s\n", ToCompactJson(result).c_str());
  }
  if (json) return all ? kOk : kFailed;
  if (results.empty()) return NobodyThere();
  std::fputs(GrantsText(results).c_str(), stdout);
  return all ? kOk : kFailed;
}

int ProctorMessage(const Words& words) {
  bool json = false;
  Target target;
  std::string who, text, id;
  Settings given;
  config::Flags flags("invigil proctor message",
                      "Writes to candidates; `invigil proctor show` tells whether it was seen.");
  flags.Text("text", &text, "TEXT", "What to say, up to 2,000 characters.")
      .Required()
      .Text("as", &who, "NAME", "Your name, as it is recorded.")
      .Required();
  target.Declare(flags);
  DeclareRequestId(flags, &id);
  flags.Toggle("json", &json, "As JSON (one result a line).");
  DeclareSettings(flags, &given);
  target.sessions = ParseWithWords(flags, words);
  if (absl::Status status = target.Check(); !status.ok()) return Fail(status);
  auto connection = Connect(given, who);
  if (!connection.ok()) return Fail(connection.status());

  ses::SendMessageToManyRequest request;
  request.set_message_id(id);
  request.set_text(text);
  target.Fill(&request);
  std::vector<ses::SendMessageToManyResponse::Result> results;
  const absl::Status status = EveryPage(
      *connection, request,
      [&](Api& api, const auto& page) { return api.SendMessageToMany(page, connection->token); },
      [&](const ses::SendMessageToManyResponse& page) {
        results.insert(results.end(), page.results().begin(), page.results().end());
        return true;
      });
  if (!status.ok()) return FailRepeatable(status, id);
  bool all = true;
  for (const auto& result : results) {
    all = all && result.sent();
    if (json) std::printf("%s\n", ToCompactJson(result).c_str());
  }
  if (json) return all ? kOk : kFailed;
  if (results.empty()) return NobodyThere();
  std::fputs(SentText(results).c_str(), stdout);
  return all ? kOk : kFailed;
}

}  // namespace invigil::cli
