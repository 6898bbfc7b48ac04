#include <cstdio>

#include "services/cli/api/retry.h"
#include "services/cli/api/suite.h"
#include "services/cli/commands/arguments.h"
#include "services/cli/commands/commands.h"
#include "services/cli/core/failure.h"
#include "services/cli/core/json.h"
#include "services/cli/report/report_text.h"

namespace invigil::cli {
namespace {

constexpr Duration kPatience = Seconds(10);

}  // namespace

int ReportCommand(const Words& words) {
  bool json = false, explain = false;
  Settings given;
  config::Flags flags("invigil report",
                      "Prints the score report of a session. A score that is still being made is "
                      "waited for, for a few seconds.");
  flags.Positional("SESSION");
  flags.Toggle("json", &json,
               "As JSON (GetScoreReportResponse; with --explain an object of report and "
               "explanation).");
  flags.Toggle("explain", &explain, "Also how the score came about, with the form's conversion.");
  DeclareSettings(flags, &given);
  const auto session = ParseWithArgument(flags, words, "session");
  if (!session.ok()) return Fail(session.status());
  auto suite = Suite::Open(given);
  if (!suite.ok()) return Fail(suite.status());
  Retrier retrier(suite->clock(), SleepFor, 1, kPatience);

  session::v1::GetScoreReportRequest request;
  request.set_session_id(*session);
  const auto report =
      retrier.Run([&] { return suite->api().GetScoreReport(request, suite->OperatorToken()); });
  if (!report.ok()) return Fail(report.status());
  if (!explain) {
    std::fputs((json ? ToJson(*report) : ReportText(*report)).c_str(), stdout);
    return kOk;
  }
  scoring::v1::ExplainScoreRequest explain_request;
  explain_request.set_session_id(*session);
  const auto explanation = retrier.Run(
      [&] { return suite->api().ExplainScore(explain_request, suite->OperatorToken()); });
  if (!explanation.ok()) return Fail(explanation.status());
  const std::string out = json ? "{\"report\":" + ToCompactJson(*report) +
                                     ",\"explanation\":" + ToCompactJson(*explanation) + "}\n"
                               : ReportText(*report) + "\n" + ExplanationText(*explanation);
  std::fputs(out.c_str(), stdout);
  return kOk;
}

}  // namespace invigil::cli
