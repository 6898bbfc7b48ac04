// The commands of `invigil`. Each takes the words behind its name, talks to stdout and stderr, and
// returns the exit code (core/failure.h).
#pragma once

#include <string>
#include <vector>

namespace invigil::cli {

using Words = std::vector<std::string>;

int AuditTimeline(const Words& words);
int AuditVerify(const Words& words);
int BankCheck(const Words& words);
int BankExport(const Words& words);
int BankImport(const Words& words);
int EventsTail(const Words& words);
int Exams(const Words& words);
int KeysCreate(const Words& words);
int PlanCommand(const Words& words);
int PrivacyErase(const Words& words);
int PrivacyExport(const Words& words);
int PrivacyRetention(const Words& words);
int ProctorCheckIn(const Words& words);
int ProctorGrant(const Words& words);
int ProctorHold(const Words& words);
int ProctorIncident(const Words& words);
int ProctorMessage(const Words& words);
int ProctorPause(const Words& words);
int ProctorRelease(const Words& words);
int ProctorReopen(const Words& words);
int ProctorReport(const Words& words);
int ProctorResume(const Words& words);
int ProctorRetry(const Words& words);
int ProctorRoster(const Words& words);
int ProctorSeen(const Words& words);
int ProctorShow(const Words& words);
int ProctorTerminate(const Words& words);
int ProctorUnscored(const Words& words);
int ProctorVoid(const Words& words);
int ProctorWatch(const Words& words);
int ReadinessCommand(const Words& words);
int ReportCommand(const Words& words);
int RescoreApprove(const Words& words);
int RescoreCancel(const Words& words);
int RescoreCreate(const Words& words);
int RescoreList(const Words& words);
int RescorePreview(const Words& words);
int RescoreStatus(const Words& words);
int RescoreVerify(const Words& words);
int Simulate(const Words& words);
int StatsCommand(const Words& words);
int TakeCommand(const Words& words);
int TokenCommand(const Words& words);
int WebhookCreate(const Words& words);
int WebhookDeadLetters(const Words& words);
int WebhookDelete(const Words& words);
int WebhookList(const Words& words);
int WebhookReplay(const Words& words);
int WebhookRotate(const Words& words);

struct Command {
  std::string name;     // one to three words
  std::string usage;    // what stands behind the name in the list
  std::string summary;  // one line
  int (*run)(const Words& words);
};
const std::vector<Command>& Commands();

// Finds the command and runs it; `words` without the program's name.
int RunCommand(const Words& words);

}  // namespace invigil::cli
