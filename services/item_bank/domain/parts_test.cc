// The rules of parts and of retakes: each names its field.
#include "services/item_bank/domain/parts.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "services/item_bank/domain/check.h"
#include "services/item_bank/domain/opaque_id.h"
#include "services/item_bank/domain/samples.h"

namespace invigil::item_bank {
namespace {

using samples::TwoSectionExam;

struct Case {
  const char* name;
  std::function<void(Exam&)> spoil;
  const char* field;
};

void ExpectEachFound(const std::vector<Case>& cases, const Exam& good) {
  ASSERT_TRUE(CheckExam(good).empty()) << CheckExam(good)[0].field;
  for (const Case& test : cases) {
    Exam exam = good;
    test.spoil(exam);
    std::string said;
    bool found = false;
    for (const Finding& f : CheckExam(exam)) {
      found = found || f.field == test.field;
      EXPECT_TRUE(f.blocking) << test.name;
      said += f.field + " " + f.description + "\n";
    }
    EXPECT_TRUE(found) << test.name << " gave no finding at " << test.field << " but\n" << said;
  }
}

Part& At(Exam& exam, size_t i) { return exam.parts[i]; }
Section& SectionAt(Exam& exam, size_t i) { return *exam.parts[i].section; }

// Parts of the sample: 0 agreement, 1 tutorial, 2 section, 3 break, 4 section, 5 survey.
TEST(CheckParts, EachRuleNamesItsField) {
  ExpectEachFound(
      {
          {"window", [](Exam& e) { e.window_policy = static_cast<WindowPolicy>(7); },
           "window_policy"},
          {"many parts", [](Exam& e) { e.parts.resize(51, e.parts[0]); }, "parts"},
          {"no kind", [](Exam& e) { At(e, 0).kind = PartKind::kUnspecified; }, "parts[0].kind"},
          {"unknown kind", [](Exam& e) { At(e, 0).kind = static_cast<PartKind>(6); },
           "parts[0].kind"},
          {"no name", [](Exam& e) { At(e, 2).name = ""; }, "parts[2].name"},
          {"negative limit", [](Exam& e) { At(e, 1).limit = Seconds(-1); }, "parts[1].limit"},
          {"limit of days", [](Exam& e) { At(e, 1).limit = Minutes(1441); }, "parts[1].limit"},
          {"limit of nothing", [](Exam& e) { At(e, 1).limit = Millis(10); }, "parts[1].limit"},
          {"agreement of nothing", [](Exam& e) { At(e, 0).text = ""; }, "parts[0].text"},
          {"long text", [](Exam& e) { At(e, 1).text = std::string(16'001, 'x'); }, "parts[1].text"},
          {"text of a break", [](Exam& e) { At(e, 3).text = "Rest."; }, "parts[3].text"},
          {"text of a section", [](Exam& e) { At(e, 2).text = "Go."; }, "parts[2].text"},
          {"agreement for ever", [](Exam& e) { At(e, 0).limit = {}; }, "parts[0].limit"},
          {"break for ever", [](Exam& e) { At(e, 3).limit = {}; }, "parts[3].limit"},
          {"survey for ever", [](Exam& e) { At(e, 5).limit = {}; }, "parts[5].limit"},
          {"items in a tutorial", [](Exam& e) { At(e, 1).section = At(e, 2).section; },
           "parts[1].section"},
          {"break first", [](Exam& e) { std::swap(At(e, 0), At(e, 3)); }, "parts[0].kind"},
          {"break last", [](Exam& e) { std::swap(At(e, 3), At(e, 5)); }, "parts[5].kind"},
          {"two breaks", [](Exam& e) { e.parts.insert(e.parts.begin() + 3, e.parts[3]); },
           "parts[3].kind"},
          {"late agreement", [](Exam& e) { std::swap(At(e, 0), At(e, 5)); }, "parts[5].kind"},
          {"section of nothing", [](Exam& e) { At(e, 2).section.reset(); }, "parts[2].section"},
          {"no section",
           [](Exam& e) { std::erase_if(e.parts, [](const Part& p) { return p.section; }); },
           "parts"},
          {"section id", [](Exam& e) { SectionAt(e, 2).section_id = "section 1"; },
           "parts[2].section.section_id"},
          {"section id twice", [](Exam& e) { SectionAt(e, 4).section_id = "s1"; },
           "parts[4].section.section_id"},
          {"unscored alone", [](Exam& e) { SectionAt(e, 2).operational_item_count = 0; },
           "parts[2].section.operational_item_count"},
          {"no navigation", [](Exam& e) { SectionAt(e, 2).navigation = Navigation::kUnspecified; },
           "parts[2].section.navigation"},
          {"unknown navigation",
           [](Exam& e) { SectionAt(e, 4).navigation = static_cast<Navigation>(3); },
           "parts[4].section.navigation"},
          {"huge quota", [](Exam& e) { SectionAt(e, 4).edit_quota = 1001; },
           "parts[4].section.edit_quota"},
          {"one names domains",
           [](Exam& e) {
             SectionAt(e, 4).domains = {{"1", 25, 7}};
           },
           "parts[4].section.domains"},
          {"scored", [](Exam& e) { ++SectionAt(e, 2).operational_item_count; }, "parts"},
          {"unscored", [](Exam& e) { --SectionAt(e, 4).pretest_item_count; }, "parts"},
          {"wraps around", [](Exam& e) { SectionAt(e, 4).operational_item_count = 4'294'967'295; },
           "parts"},
          {"sum of limits", [](Exam& e) { At(e, 2).limit += Seconds(1); }, "duration"},
          {"no time left", [](Exam& e) { At(e, 2).limit = {}, At(e, 4).limit = Minutes(90); },
           "duration"},
          {"no source", [](Exam& e) { std::erase(e.sources[0].fields, "parts"); }, "sources"},
          {"no source for breaks",
           [](Exam& e) {
             e.unscheduled_breaks = true;
             std::erase(e.sources[0].fields, "unscheduled_breaks");
           },
           "sources"},
      },
      TwoSectionExam());
}

TEST(CheckParts, DomainsOfSectionsAddUp) {
  ExpectEachFound(
      {
          {"another domain", [](Exam& e) { SectionAt(e, 2).domains[0].domain_id = "9"; },
           "parts[2].section.domains[0].domain_id"},
          {"domain twice", [](Exam& e) { SectionAt(e, 2).domains[1].domain_id = "1"; },
           "parts[2].section.domains[1].domain_id"},
          {"unscored alone",
           [](Exam& e) {
             SectionAt(e, 2).domains[0].operational_item_count = 0;
             SectionAt(e, 2).operational_item_count -= 12;
           },
           "parts[2].section.domains[0].operational_item_count"},
          {"section's count", [](Exam& e) { ++SectionAt(e, 2).domains[0].operational_item_count; },
           "parts[2].section.operational_item_count"},
          {"section's unscored", [](Exam& e) { ++SectionAt(e, 4).domains[1].pretest_item_count; },
           "parts[4].section.pretest_item_count"},
          {"blueprint",
           [](Exam& e) {  // each section still adds up, the domains do not
             ++SectionAt(e, 2).domains[0].operational_item_count;
             --SectionAt(e, 2).domains[1].operational_item_count;
           },
           "parts"},
          {"only the second names none", [](Exam& e) { SectionAt(e, 4).domains.clear(); },
           "parts[4].section.domains"},
      },
      samples::NamedDomainsExam());
}

TEST(CheckParts, LimitsMayStandAloneOrShareTheExamsTime) {
  Exam exam = TwoSectionExam();
  EXPECT_TRUE(CheckExam(exam).empty());  // 40 + 50 minutes of 90
  At(exam, 2).limit = At(exam, 4).limit = {};
  EXPECT_TRUE(CheckExam(exam).empty()) << "only the exam's duration";
  At(exam, 2).limit = Minutes(40);
  EXPECT_TRUE(CheckExam(exam).empty()) << "the second has what is left";
  At(exam, 3).limit = Minutes(600);
  EXPECT_TRUE(CheckExam(exam).empty()) << "breaks take nothing of the exam's time";
}

TEST(CheckRetakes, EachRuleNamesItsField) {
  Exam good = samples::ClfExam();
  good.retake_wait_days = 0;
  good.retake_policy = RetakePolicy{"America/Los_Angeles", {0, 14}, 365, {{4, 730}, {5, 365}}};
  ExpectEachFound(
      {
          {"both", [](Exam& e) { e.retake_wait_days = 14; }, "retake_wait_days"},
          {"no zone", [](Exam& e) { e.retake_policy->time_zone = ""; }, "retake_policy.time_zone"},
          {"abbreviation", [](Exam& e) { e.retake_policy->time_zone = "PST"; },
           "retake_policy.time_zone"},
          {"path", [](Exam& e) { e.retake_policy->time_zone = "../../etc/passwd"; },
           "retake_policy.time_zone"},
          {"many waits", [](Exam& e) { e.retake_policy->wait_days.assign(11, 1); },
           "retake_policy.wait_days"},
          {"wait of decades", [](Exam& e) { e.retake_policy->wait_days[1] = 3651; },
           "retake_policy.wait_days[1]"},
          {"wait after pass", [](Exam& e) { e.retake_policy->wait_days_after_pass = 3651; },
           "retake_policy.wait_days_after_pass"},
          {"many caps",
           [](Exam& e) {
             e.retake_policy->caps.assign(11, {1, 1});
           },
           "retake_policy.caps"},
          {"no attempts", [](Exam& e) { e.retake_policy->caps[1].max_attempts = 0; },
           "retake_policy.caps[1].max_attempts"},
          {"no window", [](Exam& e) { e.retake_policy->caps[0].window_days = 0; },
           "retake_policy.caps[0].window_days"},
          {"no source", [](Exam& e) { std::erase(e.sources[0].fields, "retake_policy"); },
           "sources"},
          {"days of a decade", [](Exam& e) { e.retake_policy.reset(), e.retake_wait_days = 3651; },
           "retake_wait_days"},
      },
      good);
}

TEST(SameContent, SeesEveryNewField) {
  const Exam exam = TwoSectionExam();
  const std::vector<std::function<void(Exam&)>> changes = {
      [](Exam& e) { e.parts[0].text += "!"; },
      [](Exam& e) { e.parts[2].section->edit_quota = 3; },
      [](Exam& e) { e.check_in_required = true; },
      [](Exam& e) { e.unscheduled_breaks = true; },
      [](Exam& e) { e.window_policy = WindowPolicy::kLimitsEnd; },
      [](Exam& e) {
        e.retake_policy = RetakePolicy{"UTC", {}, {}, {}};
      },
  };
  EXPECT_TRUE(exam.SameContent(exam));
  for (size_t i = 0; i < changes.size(); ++i) {
    Exam other = exam;
    changes[i](other);
    EXPECT_FALSE(exam.SameContent(other)) << "change " << i;
  }
}

TEST(PartContentId, NamesTheTextAndNothingElse) {
  EXPECT_EQ(PartContentId("s", "Read this."), PartContentId("s", "Read this."));
  EXPECT_NE(PartContentId("s", "Read this."), PartContentId("s", "Read that."));
  EXPECT_NE(PartContentId("s", "Read this."), PartContentId("t", "Read this."));
  EXPECT_EQ(PartContentId("s", "").size(), 24u);
}

}  // namespace
}  // namespace invigil::item_bank
