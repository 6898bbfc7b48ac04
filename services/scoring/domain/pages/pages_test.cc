#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "services/scoring/domain/pages/html.h"
#include "services/scoring/domain/pages/plots.h"
#include "services/scoring/domain/pages/score_page.h"

namespace invigil::scoring::reports {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ScoreFacts Facts(int32_t score = 742) {
  return {
      .session_id = "0123456789abcdef0123456789abcdef",
      .title = "An Example Exam",
      .passed = score >= 700,
      .scaled_score = score,
      .scale_min = 100,
      .scale_max = 1000,
      .cut_score = 700,
      .standard_error = 28.4,
      .domains = {{"1", "First", 24, 1, "Stronger."}, {"2", "Second & last", 76, -1, "Weaker."}},
      .disclaimer = "A practice estimate, not an official result.",
      .basis = "Authors' judgement.",
      .scored_at = "2026-11-24 05:52 UTC",
      .explanation = {}};
}

// Every opened element is closed in order. Void elements apart, of which pages have `meta` only.
void ExpectWellFormed(const std::string& html) {
  std::vector<std::string> open;
  for (size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    const size_t end = html.find('>', at);
    ASSERT_NE(end, std::string::npos);
    const std::string tag = html.substr(at + 1, end - at - 1);
    if (tag[0] == '!' || tag.starts_with("meta") || tag.back() == '/') continue;
    const std::string name = tag.substr(tag[0] == '/' ? 1 : 0, tag.find(' ') - (tag[0] == '/'));
    if (tag[0] != '/') {
      open.push_back(name);
      continue;
    }
    ASSERT_FALSE(open.empty()) << name;
    EXPECT_EQ(open.back(), name);
    open.pop_back();
  }
  EXPECT_TRUE(open.empty());
}

TEST(ScorePage, SaysWhatACandidateMaySee) {
  const std::string page = ScorePage(Facts());
  ExpectWellFormed(page);
  for (const char* text :
       {"<h1>An Example Exam</h1>", "742", "pass\">Pass", "42 points above what just passes",
        "from 714 to 770", "Practice estimate", "not an official result", "Authors&#39; judgement",
        "Above just passing", "Below just passing", "24\u00a0%", "no percentage",
        "<th scope=\"col\">Domain</th>", "<html lang=\"en\">", "@page { size: A4"}) {
    EXPECT_THAT(page, HasSubstr(text));
  }
  for (const char* text :
       {"<script", "http:", "https:", "url(", "@import", "src=", "theta", "raw"}) {
    EXPECT_THAT(page, Not(HasSubstr(text)));
  }
  EXPECT_EQ(page, ScorePage(Facts())) << "the same facts give the same bytes";
}

TEST(ScorePage, PassOrFailOnlyTellsNoNumber) {
  ScoreFacts facts = Facts();
  facts.pass_fail_only = true;
  facts.explanation = "36 of 50 questions.";
  const std::string page = ScorePage(facts);
  ExpectWellFormed(page);
  const std::string body = page.substr(page.find("<body>"));
  for (const char* text : {"742", "700", "714", "770", "28", "36 of 50", "Scaled", "percentage"}) {
    EXPECT_THAT(body, Not(HasSubstr(text)));
  }
  EXPECT_THAT(body, HasSubstr("pass\">Pass"));
  EXPECT_THAT(body, HasSubstr("not an official result"));
}

TEST(ScorePage, LetsNothingThroughThatIsNotText) {
  ScoreFacts facts = Facts();
  facts.title = "<script>alert(1)</script>\x01";
  facts.domains[0].name = "\"><img src=x>";
  const std::string page = ScorePage(facts);
  ExpectWellFormed(page);
  EXPECT_THAT(page, Not(HasSubstr("<script>")));
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;"));
}

TEST(ScorePage, StaysOnTheScaleAtItsEnds) {
  EXPECT_THAT(ScorePage(Facts(100)), HasSubstr("from 100 to 128"));
  EXPECT_THAT(ScorePage(Facts(1000)), HasSubstr("from 972 to 1000"));
  EXPECT_THAT(ScorePage(Facts(700)), HasSubstr("exactly what just passes"));
  EXPECT_THAT(ScorePage(Facts(699)), HasSubstr("1 point below"));
  EXPECT_THAT(ScorePage(Facts(699)), HasSubstr("fail\">Fail"));
}

TEST(ScorePage, TellsStaffHowItCameAbout) {
  ScoreFacts facts = Facts();
  facts.explanation = "36 of 50 questions were right.";
  EXPECT_THAT(ScorePage(facts), HasSubstr("36 of 50 questions were right."));
}

TEST(Html, NumbersHaveNoZerosBehindThePoint) {
  EXPECT_EQ(Number(12), "12");
  EXPECT_EQ(Number(12.50, 2), "12.5");
  EXPECT_EQ(Number(-0.001, 2), "0");
  EXPECT_EQ(Number(100, 2), "100");
  EXPECT_EQ(Percent(0.125, 1), "12.5\u00a0%");
}

TEST(Plots, AreNamedForWhoCannotSeeThem) {
  for (const std::string& svg :
       {Draw(ScalePlot{
            .min = 100, .max = 1000, .cut = 700, .score = 1000, .low = 970, .high = 1000}),
        DrawZones(-1, "Below: \"First\""),
        Draw(HistogramPlot{.bars = {{100, 149, 3}, {150, 199, 0}}, .cut = 150, .title = "Scores"}),
        Draw(RatePlot{
            .points = {{"2026-11-24", 0.5, 0.2, 0.8}}, .overall = 0.5, .title = "Rate"})}) {
    EXPECT_THAT(svg, HasSubstr("role=\"img\""));
    EXPECT_THAT(svg, HasSubstr("<title>"));
    EXPECT_THAT(svg, Not(HasSubstr("nan")));
    ExpectWellFormed(svg);
  }
  EXPECT_EQ(Draw(HistogramPlot()), "");
  EXPECT_EQ(Draw(RatePlot()), "");
}

}  // namespace
}  // namespace invigil::scoring::reports
