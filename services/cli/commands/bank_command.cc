#include <cstdio>
#include <fstream>

#include "common/base/ids.h"
#include "common/error/error.h"
#include "services/cli/api/retry.h"
#include "services/cli/api/suite.h"
#include "services/cli/bank/bank_folder.h"
#include "services/cli/bank/fetch_bank.h"
#include "services/cli/bank/local_check.h"
#include "services/cli/commands/arguments.h"
#include "services/cli/commands/commands.h"
#include "services/cli/core/failure.h"
#include "services/cli/core/json.h"
#include "services/cli/core/text.h"

namespace invigil::cli {
namespace {

namespace pb = itembank::v1;
using Findings = std::vector<pb::BankFinding>;

constexpr Duration kPatience = Seconds(20);

Retrier MakeRetrier(const Suite& suite) { return {suite.clock(), SleepFor, 1, kPatience}; }

void Append(Findings& findings, Findings more) {
  findings.insert(findings.end(), std::make_move_iterator(more.begin()),
                  std::make_move_iterator(more.end()));
}

// Returns how many block.
int PrintFindings(const Findings& findings, FILE* out) {
  int blocking = 0;
  for (const pb::BankFinding& finding : findings) {
    blocking += finding.blocking() ? 1 : 0;
    std::string where = Printable(finding.item_id());
    if (!finding.field().empty()) where += (where.empty() ? "" : " ") + Printable(finding.field());
    std::fprintf(out, "%s  %s: %s\n", finding.blocking() ? "ERROR " : "advice", where.c_str(),
                 Printable(finding.description()).c_str());
  }
  return blocking;
}

// The suite's findings, when one can be asked; else says why not.
absl::StatusOr<Findings> CheckInSuite(const pb::Bank& bank, const Settings& given) {
  auto suite = Suite::Open(given);
  if (!suite.ok()) return suite.status();
  pb::ImportBankRequest request;
  *request.mutable_bank() = bank;
  request.set_validate_only(true);
  auto reply = suite->api().ImportBank(request, suite->OperatorToken());
  if (!reply.ok()) {
    const ErrorView view = ViewError(reply.status());
    if (view.fields.empty()) return reply.status();
    Findings findings;
    for (const auto& [path, description] : view.fields) {
      pb::BankFinding& finding = findings.emplace_back();
      finding.set_field(path);
      finding.set_description(description);
      finding.set_blocking(true);
    }
    return findings;
  }
  return Findings(reply->findings().begin(), reply->findings().end());
}

bool MeansNoSuite(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  return reason == "SUITE_NOT_FOUND" || reason == "GATEWAY_UNREACHABLE";
}

absl::Status Publish(Suite& suite, const pb::ExamDefinition& exam) {
  pb::PublishExamRequest request;
  *request.mutable_exam() = exam;
  request.set_request_id(NewId(suite.clock().Now()));
  const auto reply = MakeRetrier(suite).Run(
      [&] { return suite.api().PublishExam(request, suite.OperatorToken()); });
  if (!reply.ok()) return reply.status();
  std::printf("exam %s: version %u\n", Printable(reply->exam().exam_id()).c_str(),
              reply->exam().version());
  return absl::OkStatus();
}

absl::Status Import(Suite& suite, const pb::Bank& bank) {
  pb::ImportBankRequest request;
  *request.mutable_bank() = bank;
  // A new id every time: with a hash of the content, going back to an earlier content would get the
  // answer of that earlier import and change nothing.
  request.set_request_id(NewId(suite.clock().Now()));
  const auto reply = MakeRetrier(suite).Run(
      [&] { return suite.api().ImportBank(request, suite.OperatorToken()); });
  if (!reply.ok()) return reply.status();
  std::printf("bank %s: %d created, %d updated, %d unchanged\n", Printable(bank.bank_id()).c_str(),
              reply->created_count(), reply->updated_count(), reply->unchanged_count());
  PrintFindings({reply->findings().begin(), reply->findings().end()}, stdout);
  return absl::OkStatus();
}

}  // namespace

int BankCheck(const Words& words) {
  Settings given;
  config::Flags flags("invigil bank check",
                      "Looks for faults in a bank file, an exam definition, or a folder with both, "
                      "and asks the suite too when one is there. Nothing is stored. Ends with 1 "
                      "when something blocks an import.");
  flags.Positional("FILE|FOLDER");
  DeclareSettings(flags, &given);
  const auto path = ParseWithArgument(flags, words, "bank file or folder");
  if (!path.ok()) return Fail(path.status());
  const auto content = ReadBankContent(*path);
  if (!content.ok()) return Fail(content.status());

  Findings findings;
  if (content->exam) Append(findings, CheckExamLocally(*content->exam));
  if (content->exam && content->bank)
    Append(findings, CheckTogether(*content->exam, *content->bank));
  std::string checked_by = "checked here; exam definitions are checked again when published";
  if (content->bank) {
    auto suite_findings = CheckInSuite(*content->bank, given);
    if (suite_findings.ok()) {
      Append(findings, *std::move(suite_findings));
      checked_by = "checked by the suite";
    } else if (MeansNoSuite(suite_findings.status()) && given.gateway.empty()) {
      Append(findings, CheckBankLocally(*content->bank));
      checked_by = "checked here only, because no suite is running";
    } else {
      return Fail(suite_findings.status());
    }
  }
  const int blocking = PrintFindings(findings, stdout);
  std::printf("%s: %d items, %d errors, %zu pieces of advice (%s)\n", path->c_str(),
              content->bank ? content->bank->items_size() : 0, blocking,
              findings.size() - static_cast<size_t>(blocking), checked_by.c_str());
  return blocking == 0 ? kOk : kFailed;
}

int BankImport(const Words& words) {
  Settings given;
  config::Flags flags("invigil bank import",
                      "Publishes exam.json of a folder, if there is one, and imports its other "
                      "*.json files as one bank; or does so with a single file. What is already "
                      "there as given stays as it is.");
  flags.Positional("FILE|FOLDER");
  DeclareSettings(flags, &given);
  const auto path = ParseWithArgument(flags, words, "bank file or folder");
  if (!path.ok()) return Fail(path.status());
  const auto content = ReadBankContent(*path);
  if (!content.ok()) return Fail(content.status());
  auto suite = Suite::Open(given);
  if (!suite.ok()) return Fail(suite.status());
  if (content->exam) {
    if (const absl::Status status = Publish(*suite, *content->exam); !status.ok()) {
      return Fail(status);
    }
  }
  if (content->bank) {
    if (const absl::Status status = Import(*suite, *content->bank); !status.ok()) {
      return Fail(status);
    }
  }
  return kOk;
}

int BankExport(const Words& words) {
  std::string output;
  Settings given;
  config::Flags flags("invigil bank export",
                      "Writes the newest version of every item of a bank as JSON that bank import "
                      "takes.");
  flags.Positional("BANK");
  flags.Text("output", &output, "FILE", "Where to write; without it, to stdout. Also -o FILE.");
  DeclareSettings(flags, &given);
  Words long_form = words;
  for (std::string& word : long_form) {
    if (word == "-o") word = "--output";
  }
  const auto bank_id = ParseWithArgument(flags, long_form, "bank");
  if (!bank_id.ok()) return Fail(bank_id.status());
  auto suite = Suite::Open(given);
  if (!suite.ok()) return Fail(suite.status());
  const auto bank = FetchBank(suite->api(), suite->OperatorToken(), *bank_id);
  if (!bank.ok()) return Fail(bank.status());
  const std::string json = ToJson(*bank);
  if (output.empty()) {
    std::fputs(json.c_str(), stdout);
    return kOk;
  }
  std::ofstream file(output, std::ios::binary);
  file << json;
  file.close();
  if (!file) {
    return Fail(FailedPrecondition("FILE_NOT_WRITTEN",
                                   "can't write " + output + "; choose another with -o"));
  }
  std::printf("wrote %d items to %s\n", bank->items_size(), output.c_str());
  return kOk;
}

}  // namespace invigil::cli
