// invigil proctor pause|resume|terminate|reopen|check-in|hold|release|void|retry|report|seen: one
// act on one session.
#include <cstdio>
#include <string>
#include <utility>

#include "services/cli/commands/commands.h"
#include "services/cli/commands/staff.h"
#include "services/cli/core/names.h"
#include "services/cli/proctor/roster_text.h"

namespace invigil::cli {
namespace {

namespace ses = session::v1;

// What every act has: the words, the connection, and what is printed afterwards.
template <typename Request>
struct ActCommand {
  ActCommand(const std::string& name, const std::string& summary)
      : flags("invigil proctor " + name, summary) {
    flags.Positional("SESSION");
  }

  // `call` is a method of Api. `request_id` empty: the act is one that may be repeated anyway.
  template <typename Response>
  int Run(const Words& words,
          absl::StatusOr<Response> (ProctorApi::*call)(const Request&, const std::string&),
          const std::string* request_id = nullptr) {
    return RunWith(
        words, [&](Api& api, const std::string& token) { return (api.*call)(request, token); },
        request_id);
  }

  template <typename Call>
  int RunWith(const Words& words, Call call, const std::string* request_id = nullptr) {
    flags.Toggle("json", &json, "As JSON (RosterEntry).");
    DeclareSettings(flags, &given);
    const auto session = ParseWithArgument(flags, words, "session");
    if (!session.ok()) return Fail(session.status());
    request.set_session_id(*session);
    if constexpr (requires { request.set_reason(act.reason); }) request.set_reason(act.reason);
    if (prepare) prepare();
    auto connection = Connect(given, act.who);
    if (!connection.ok()) return Fail(connection.status());
    const auto done = connection->Run([&](Api& api) { return call(api, connection->token); });
    if (!done.ok()) {
      return request_id == nullptr ? Fail(done.status())
                                   : FailRepeatable(done.status(), *request_id);
    }
    std::fputs((json ? ToJson(done->entry()) : RosterText({done->entry()})).c_str(), stdout);
    return kOk;
  }

  config::Flags flags;
  Act act;
  Request request;
  std::function<void()> prepare;  // takes what the flags say into the request

 private:
  bool json = false;
  Settings given;
};

void DeclareVersion(config::Flags& flags, int64_t* version) {
  flags.Section("How").Number("deadline-version", version, 0, 0xFFFFFFFFll,
                              "Only if the session's clock is as you saw it (deadlineVersion of "
                              "its entry). 0: whatever it is.");
}

}  // namespace

int ProctorPause(const Words& words) {
  ActCommand<ses::PauseSessionRequest> command("pause", "Stops every clock of a session.");
  int64_t version = 0;
  command.act.Declare(command.flags);
  DeclareVersion(command.flags, &version);
  command.prepare = [&] { command.request.set_deadline_version(static_cast<uint32_t>(version)); };
  return command.Run(words, &ProctorApi::PauseSession);
}

int ProctorResume(const Words& words) {
  ActCommand<ses::ResumeSessionRequest> command("resume",
                                                "Lets the clocks run on with what was left.");
  int64_t version = 0;
  command.act.Declare(command.flags);
  DeclareVersion(command.flags, &version);
  command.prepare = [&] { command.request.set_deadline_version(static_cast<uint32_t>(version)); };
  return command.Run(words, &ProctorApi::ResumeSession);
}

int ProctorTerminate(const Words& words) {
  ActCommand<ses::TerminateSessionRequest> command(
      "terminate", "Ends a session for the candidate, with what is stored.");
  int64_t version = 0;
  command.act.Declare(command.flags);
  DeclareVersion(command.flags, &version);
  command.prepare = [&] { command.request.set_deadline_version(static_cast<uint32_t>(version)); };
  return command.Run(words, &ProctorApi::TerminateSession);
}

int ProctorReopen(const Words& words) {
  ActCommand<ses::ReopenSessionRequest> command(
      "reopen",
      "Lets a session that has ended run again, with the time it had left and what is added. It is "
      "scored again.");
  Duration added{0};
  std::string id;
  command.flags.Span("by", &added, Duration(0), Minutes(24 * 60),
                     "Time to add; may be 0 when some was left.");
  command.act.Declare(command.flags);
  DeclareRequestId(command.flags, &id);
  command.prepare = [&] {
    command.request.set_grant_id(id);
    SetDuration(added, command.request.mutable_amount());
  };
  return command.Run(words, &ProctorApi::ReopenSession, &id);
}

int ProctorCheckIn(const Words& words) {
  ActCommand<ses::CheckInRequest> command(
      "check-in", "The candidate was seen and may begin; the reason says which document was seen.");
  command.act.Declare(command.flags);
  return command.RunWith(words, [&](Api& api, const std::string& token) {
    return api.CheckIn(command.request, token);
  });
}

int ProctorHold(const Words& words) {
  ActCommand<ses::HoldScoreRequest> command(
      "hold", "Holds a result back, whether or not there is one yet.");
  command.act.Declare(command.flags);
  return command.Run(words, &ProctorApi::HoldScore);
}

int ProctorRelease(const Words& words) {
  ActCommand<ses::ReleaseScoreRequest> command("release",
                                               "Lets a candidate see a result that was held back.");
  command.act.Declare(command.flags);
  return command.Run(words, &ProctorApi::ReleaseScore);
}

int ProctorVoid(const Words& words) {
  ActCommand<ses::VoidSessionRequest> command("void", "Makes a session count for nothing.");
  command.act.Declare(command.flags);
  return command.Run(words, &ProctorApi::VoidSession);
}

int ProctorRetry(const Words& words) {
  ActCommand<ses::RetryScoringRequest> command(
      "retry", "Sends a session that waits for its score to scoring now.");
  command.act.Declare(command.flags);
  return command.Run(words, &ProctorApi::RetryScoring);
}

int ProctorReport(const Words& words) {
  ActCommand<ses::ReportIrregularityRequest> command(
      "report", "Writes down that something was not as it should be; the reason says what.");
  std::string category, id;
  command.flags.Text("category", &category, "WORD", "Such as phone or power, up to 64 characters.")
      .Required();
  command.act.Declare(command.flags);
  DeclareRequestId(command.flags, &id);
  command.prepare = [&] {
    command.request.set_category(category);
    command.request.set_report_id(id);
  };
  return command.Run(words, &ProctorApi::ReportIrregularity, &id);
}

int ProctorSeen(const Words& words) {
  ActCommand<ses::ProctorServiceConfirmMessageRequest> command(
      "seen", "Confirms that a candidate's message was seen; `invigil proctor show` lists them.");
  std::string id;
  command.flags.Text("message", &id, "ID", "The message.")
      .Required()
      .Text("as", &command.act.who, "NAME", "Your name, as it is recorded.")
      .Required();
  command.prepare = [&] { command.request.set_message_id(id); };
  return command.Run(words, &ProctorApi::ConfirmCandidateMessage);
}

}  // namespace invigil::cli
