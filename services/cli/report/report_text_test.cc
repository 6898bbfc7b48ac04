#include "services/cli/report/report_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "services/cli/core/json.h"
#include "services/cli/core/text.h"

namespace invigil::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

session::v1::GetScoreReportResponse Example() {
  session::v1::GetScoreReportResponse report;
  const absl::Status status = FromJson(R"({
    "sessionId": "0123456789abcdef0123456789abcdef", "examId": "EX-1", "title": "An Example Exam",
    "scaledScore": 742, "scaleMin": 100, "scaleMax": 1000, "cutScore": 700, "passed": true,
    "standardError": 28.4,
    "domains": [
      {"domainId": "1", "name": "First", "weightPercent": 24, "band": "DOMAIN_BAND_ABOVE",
       "explanation": "Stronger than just passing."},
      {"domainId": "2", "name": "Second", "weightPercent": 76.5,
       "band": "DOMAIN_BAND_NOT_ENOUGH_EVIDENCE"}],
    "practiceEstimate": true, "disclaimer": "Not an official result.",
    "basis": "Authors' judgement.", "scoreVersion": 1, "scoreTime": "2026-11-24T05:52:09Z"})",
                                       &report);
  EXPECT_TRUE(status.ok()) << status;
  return report;
}

TEST(ReportText, IsThisPage) {
  EXPECT_EQ(ReportText(Example()),
            R"(================================================================================
  An Example Exam                                            practice estimate
================================================================================

  Scaled score   742   PASS
                 on a scale from 100 to 1000; 700 passes

  100 |...........................................:==*==................| 1000
  * is the score, = one standard error around it, : what just passes

  Chance alone moves such a score by about 28 points either way (one standard
  error): from 714 to 770.

  Domain                                             Weight  Result
  ------------------------------------------------------------------------------
  1 First                                               24%  above just passing
      Stronger than just passing.
  2 Second                                            76.5%  not enough evidence

  Authors' judgement.

  Not an official result.

  Session 0123456789abcdef0123456789abcdef, scored 2026-11-24 05:52 UTC
)");
}

TEST(ReportText, FitsEveryWidth) {
  auto report = Example();
  report.set_title("A title that is so long that it does not fit beside its label by any means");
  report.mutable_domains(0)->set_name("A domain whose name is too long for its column as well");
  for (size_t width : {44, 60, 80, 132}) {
    std::istringstream lines(ReportText(report, width));
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(DisplayWidth(line), width) << line;
    }
  }
}

TEST(ReportText, SaysFailAndRescoreAndKeepsTheBandOnTheScale) {
  auto report = Example();
  report.set_scaled_score(110);
  report.set_passed(false);
  report.set_score_version(3);
  report.set_practice_estimate(false);
  const std::string text = ReportText(report);
  EXPECT_THAT(text, HasSubstr("110   FAIL"));
  EXPECT_THAT(text, HasSubstr("from 100 to 138"));
  EXPECT_THAT(text, HasSubstr("version 3"));
  EXPECT_THAT(text, Not(HasSubstr("practice estimate")));
}

TEST(ReportText, PrintsNoControlCharacters) {
  auto report = Example();
  report.set_disclaimer("a\x1b[2Jb");
  EXPECT_THAT(ReportText(report), Not(HasSubstr("\x1b")));
}

TEST(ScaleLine, PutsTheEndsAtTheEnds) {
  auto report = Example();
  report.set_standard_error(0);
  report.set_scaled_score(100);
  EXPECT_EQ(ScaleLine(report, 33), "100 |*.............:.......| 1000");
  report.set_scaled_score(1000);
  EXPECT_EQ(ScaleLine(report, 33), "100 |..............:......*| 1000");
}

TEST(ExplanationText, ShowsTheRowsNearTheScoreAndTheCut) {
  scoring::v1::ExplainScoreResponse explanation;
  explanation.set_text("Sentences.");
  explanation.mutable_score()->set_raw_score(2);
  explanation.set_cut_raw(8);
  for (uint32_t raw = 0; raw <= 10; ++raw) {
    auto* row = explanation.add_conversion();
    row->set_raw_score(raw);
    if (raw > 0 && raw < 10) row->set_theta(raw - 5.0);
    row->set_base_raw(raw);
    row->set_scaled_unrounded(raw * 100.0);
    row->set_scaled_score(static_cast<int>(raw) * 100);
    row->set_passed(raw >= 8);
    row->set_standard_error(30);
  }
  EXPECT_EQ(ExplanationText(explanation, 80, 1), R"(  Sentences.

    Correct  Theta  Base form  Unrounded  Scaled  Error  Result
--  -------  -----  ---------  ---------  ------  -----  -----------------------
          1  -4.00       1.00     100.00     100   30.0  fail
->        2  -3.00       2.00     200.00     200   30.0  fail
          3  -2.00       3.00     300.00     300   30.0  fail
        ...
          7   2.00       7.00     700.00     700   30.0  fail
          8   3.00       8.00     800.00     800   30.0  pass, least that passes
          9   4.00       9.00     900.00     900   30.0  pass
)");
}

}  // namespace
}  // namespace invigil::cli
