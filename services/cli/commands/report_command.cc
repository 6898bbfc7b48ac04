#include <cstdio>
#include <fstream>
#include <string>

#include "services/cli/api/connection.h"
#include "services/cli/commands/arguments.h"
#include "services/cli/commands/commands.h"
#include "services/cli/core/failure.h"
#include "services/cli/core/json.h"
#include "services/cli/core/text.h"
#include "services/cli/learner/learner_text.h"
#include "services/cli/report/report_text.h"

namespace invigil::cli {
namespace {

struct Wanted {
  bool json = false, explain = false, pass_fail_only = false;
  std::string html, cohort, form;
};

int Write(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  return file ? kOk : Fail(UsageError("can't write " + path));
}

int Print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  return kOk;
}

int Cohort(Connection& connection, const Wanted& wanted) {
  scoring::v1::GetCohortReportRequest request;
  request.set_exam_id(wanted.cohort);
  request.set_form_id(wanted.form);
  request.set_html(!wanted.html.empty());
  const auto report =
      connection.Run([&](Api& api) { return api.GetCohortReport(request, connection.token); });
  if (!report.ok()) return Fail(report.status());
  if (!wanted.html.empty()) return Write(wanted.html, report->html());
  return Print(wanted.json ? ToJson(report->report()) : CohortText(report->report()));
}

int OneReport(Connection& connection, const std::string& session, const Wanted& wanted) {
  session::v1::GetScoreReportRequest request;
  request.set_session_id(session);
  const auto report =
      connection.Run([&](Api& api) { return api.GetScoreReport(request, connection.token); });
  if (!report.ok()) return Fail(report.status());
  if (!wanted.html.empty()) {
    // A result that is held back has no report, and then no page either.
    scoring::v1::RenderScoreReportRequest render;
    render.set_session_id(session);
    render.set_score_version(report->score_version());
    render.set_pass_fail_only(wanted.pass_fail_only);
    const auto page =
        connection.Run([&](Api& api) { return api.RenderScoreReport(render, connection.token); });
    return page.ok() ? Write(wanted.html, page->html()) : Fail(page.status());
  }
  scoring::v1::ExplainScoreResponse explanation;
  if (wanted.explain) {
    scoring::v1::ExplainScoreRequest explain;
    explain.set_session_id(session);
    auto answer =
        connection.Run([&](Api& api) { return api.ExplainScore(explain, connection.token); });
    if (!answer.ok()) return Fail(answer.status());
    explanation = *std::move(answer);
  }
  if (!wanted.explain) return Print(wanted.json ? ToJson(*report) : ReportText(*report));
  return Print(wanted.json ? "{\"report\":" + ToCompactJson(*report) +
                                 ",\"explanation\":" + ToCompactJson(explanation) + "}\n"
                           : ReportText(*report) + "\n" + ExplanationText(explanation));
}

}  // namespace

int ReportCommand(const Words& words) {
  Wanted wanted;
  Settings given;
  config::Flags flags("invigil report",
                      "Prints the score report of a session. A score that is still being made is "
                      "waited for, for a few seconds. With --cohort the report of everybody who "
                      "sat an exam.");
  flags.Positional("[SESSION]");
  flags
      .Toggle("json", &wanted.json,
              "As JSON (GetScoreReportResponse; with --explain an object of report and "
              "explanation; with --cohort CohortReport).")
      .Toggle("explain", &wanted.explain,
              "Also how the score came about, with the form's conversion.")
      .Text("html", &wanted.html, "FILE", "Write a page to read or print instead.")
      .Toggle("pass-fail-only", &wanted.pass_fail_only, "Without any number on that page.")
      .Text("cohort", &wanted.cohort, "EXAM", "Of everybody who sat this exam.")
      .Text("form", &wanted.form, "FORM", "With --cohort: of one form.");
  DeclareSettings(flags, &given);
  const Words rest = ParseWithWords(flags, words);
  if (wanted.explain && !wanted.html.empty()) {
    return Fail(UsageError("--explain is text or JSON; leave --html out"));
  }
  const size_t most = wanted.cohort.empty() ? 1 : 0;
  if (rest.size() < most) return Fail(UsageError("name the session, or an exam with --cohort"));
  if (rest.size() > most) {
    return Fail(UsageError("name one session, or an exam with --cohort: \"" +
                           Printable(rest[most]) + "\" is one too many"));
  }
  auto connection = Connect(given);
  if (!connection.ok()) return Fail(connection.status());
  return wanted.cohort.empty() ? OneReport(*connection, rest[0], wanted)
                               : Cohort(*connection, wanted);
}

}  // namespace invigil::cli
