#include <algorithm>
#include <cstdio>
#include <set>

#include "common/config/nearest.h"
#include "services/cli/commands/commands.h"
#include "services/cli/core/failure.h"
#include "services/cli/core/text.h"

namespace invigil::cli {
namespace {

std::string Overview() {
  std::string out =
      "Usage: invigil COMMAND [FLAG...]\n\n"
      "Timed exams on an Invigil suite: sit them, simulate them, read their reports, and\n"
      "look after item banks.\n\n";
  size_t width = 0;
  for (const Command& command : Commands()) {
    width = std::max(width, command.name.size() + 1 + command.usage.size());
  }
  for (const Command& command : Commands()) {
    out +=
        "  " + PadRight(command.name + " " + command.usage, width) + "  " + command.summary + "\n";
  }
  return out +
         "\n\"invigil COMMAND --help\" tells the rest. The suite is found through .data/cli.conf,\n"
         "which deploy/up writes; --gateway and --key name another one.\n"
         "Exit codes: 0 done, 1 refused or failed, 2 wrong usage.\n";
}

const Command* Find(const std::string& name) {
  for (const Command& command : Commands()) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

// "keys", "bank" and "events webhook" are no commands but have some.
std::vector<std::string> Under(const std::string& group) {
  std::vector<std::string> names;
  for (const Command& command : Commands()) {
    if (command.name.starts_with(group + " ")) names.push_back(command.name);
  }
  return names;
}

// The first `count` words as a command's name would have them.
std::string Joined(const Words& words, size_t count) {
  std::string name;
  for (size_t i = 0; i < count; ++i) name += (i == 0 ? "" : " ") + words[i];
  return name;
}

int Unknown(const Words& words) {
  for (const size_t length : {size_t{2}, size_t{1}}) {
    if (words.size() < length) continue;
    const std::vector<std::string> group = Under(Joined(words, length));
    if (group.empty()) continue;
    std::string list;
    for (const std::string& name : group) list += (list.empty() ? "" : ", ") + name;
    if (words.size() == length || words[length].starts_with("-")) {
      return Fail(UsageError("\"" + Printable(Joined(words, length)) +
                             "\" needs another word; there are: " + list));
    }
    const std::string typed = Joined(words, length + 1);
    const std::string near = config::NearestName(typed, group);
    return Fail(
        UsageError("there is no command \"" + Printable(typed) + "\"; " +
                   (near.empty() ? "there are: " + list : "did you mean \"" + near + "\"?")));
  }
  std::vector<std::string> names;
  std::set<std::string> first_words;
  for (const Command& command : Commands()) {
    first_words.insert(command.name.substr(0, command.name.find(' ')));
  }
  names.assign(first_words.begin(), first_words.end());
  names.push_back("help");
  const std::string near = config::NearestName(words[0], names);
  return Fail(UsageError(
      "there is no command \"" + Printable(words[0]) + "\"" +
      (near.empty() ? "; \"invigil help\" lists them" : "; did you mean \"" + near + "\"?")));
}

}  // namespace

const std::vector<Command>& Commands() {
  static const auto* commands = new std::vector<Command>{
      {"exams", "", "list the exams of the suite", Exams},
      {"take", "--exam ID", "sit an exam in this terminal", TakeCommand},
      {"report", "SESSION|--cohort EXAM", "print a score report, or a cohort's", ReportCommand},
      {"readiness", "CANDIDATE --exam ID", "tell how probable a pass is, and why",
       ReadinessCommand},
      {"plan", "CANDIDATE --exam ID", "split study time where it pays", PlanCommand},
      {"simulate", "--exam ID", "let simulated candidates sit an exam", Simulate},
      {"bank check", "FILE|FOLDER", "look for faults in a bank or exam definition", BankCheck},
      {"bank import", "FILE|FOLDER", "publish a definition and load a bank", BankImport},
      {"bank export", "BANK", "write a bank as JSON", BankExport},
      {"proctor roster", "", "list the sessions that run, problems first", ProctorRoster},
      {"proctor show", "SESSION", "show a session's messages, grants, reports", ProctorShow},
      {"proctor watch", "", "show sessions as they change", ProctorWatch},
      {"proctor check-in", "SESSION", "let a candidate begin", ProctorCheckIn},
      {"proctor pause", "SESSION", "stop a session's clocks", ProctorPause},
      {"proctor resume", "SESSION", "let them run on", ProctorResume},
      {"proctor grant", "[SESSION...]", "give time to some or to everyone", ProctorGrant},
      {"proctor message", "[SESSION...]", "write to some or to everyone", ProctorMessage},
      {"proctor seen", "SESSION", "confirm a candidate's message", ProctorSeen},
      {"proctor report", "SESSION", "write an irregularity down", ProctorReport},
      {"proctor terminate", "SESSION", "end a session", ProctorTerminate},
      {"proctor reopen", "SESSION", "let an ended session run again", ProctorReopen},
      {"proctor void", "SESSION", "make a session count for nothing", ProctorVoid},
      {"proctor hold", "SESSION", "hold a result back", ProctorHold},
      {"proctor release", "SESSION", "let a candidate see a held result", ProctorRelease},
      {"proctor unscored", "", "list what waits for its score", ProctorUnscored},
      {"proctor retry", "SESSION", "send one of those to scoring now", ProctorRetry},
      {"proctor incident", "", "who lost time in an outage; give it back", ProctorIncident},
      {"events tail", "", "show what happens to sessions, as it happens", EventsTail},
      {"events webhook create", "", "have events posted to an address", WebhookCreate},
      {"events webhook list", "", "list such addresses", WebhookList},
      {"events webhook delete", "", "end such deliveries", WebhookDelete},
      {"events webhook rotate", "", "give one a new secret", WebhookRotate},
      {"events webhook replay", "", "deliver events again", WebhookReplay},
      {"events webhook dead-letters", "", "list events that were given up", WebhookDeadLetters},
      {"audit verify", "", "check that nobody changed the journal of acts", AuditVerify},
      {"audit timeline", "SESSION", "tell all that happened in a session", AuditTimeline},
      {"privacy export", "CANDIDATE", "write all that is kept of a candidate", PrivacyExport},
      {"privacy erase", "CANDIDATE", "take a candidate out of everything", PrivacyErase},
      {"privacy retention", "", "take out what was kept long enough", PrivacyRetention},
      {"stats", "SUBCOMMAND", "calibrate, equate and analyse from files", StatsCommand},
      {"rescore create", "--exam ID", "decide about items and preview whom it changes",
       RescoreCreate},
      {"rescore preview", "RESCORING", "show whom a rescoring changes", RescorePreview},
      {"rescore approve", "RESCORING", "let a rescoring happen, as a second person",
       RescoreApprove},
      {"rescore cancel", "RESCORING", "give a rescoring up", RescoreCancel},
      {"rescore status", "RESCORING", "show where a rescoring stands", RescoreStatus},
      {"rescore list", "", "list rescorings", RescoreList},
      {"rescore verify", "[RESCORING]", "check that scores come out again, byte for byte",
       RescoreVerify},
      {"token", "--role R --subject NAME", "make a token for calling the API", TokenCommand},
      {"keys create", "--name N --roles R,...", "make a signing key", KeysCreate},
  };
  return *commands;
}

int RunCommand(const Words& words) {
  if (words.empty()) {
    std::fputs(Overview().c_str(), stderr);
    return kUsage;
  }
  const bool asks = words[0] == "help" || words[0] == "--help" || words[0] == "-h";
  if (asks && words.size() == 1) {
    std::fputs(Overview().c_str(), stdout);
    return kOk;
  }
  Words rest(words.begin() + (asks ? 1 : 0), words.end());
  for (const size_t length : {size_t{3}, size_t{2}, size_t{1}}) {
    if (rest.size() < length) continue;
    const Command* command = Find(Joined(rest, length));
    if (command == nullptr) continue;
    rest.erase(rest.begin(), rest.begin() + static_cast<ptrdiff_t>(length));
    if (asks) rest.push_back("--help");  // behind the words, which may name a subcommand
    return command->run(rest);
  }
  return Unknown(rest);
}

}  // namespace invigil::cli
