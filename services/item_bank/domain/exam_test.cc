#include "services/item_bank/domain/exam.h"

#include <gtest/gtest.h>

#include <functional>

#include "services/item_bank/domain/iso_date.h"
#include "services/item_bank/domain/samples.h"

namespace invigil::item_bank {
namespace {

struct Spoiled {
  const char* name;
  std::function<void(Exam&)> spoil;
  const char* field;
};

TEST(CheckExam, EachRuleNamesItsField) {
  ASSERT_TRUE(CheckExam(samples::ClfExam()).empty());
  const std::vector<Spoiled> cases = {
      {"id", [](Exam& e) { e.exam_id = "CLF C02"; }, "exam_id"},
      {"title", [](Exam& e) { e.title = ""; }, "title"},
      {"bank", [](Exam& e) { e.bank_id = "CLF"; }, "bank_id"},
      {"disclaimer", [](Exam& e) { e.disclaimer = ""; }, "disclaimer"},
      {"no items", [](Exam& e) { e.operational_item_count = 0; }, "operational_item_count"},
      {"many items", [](Exam& e) { e.pretest_item_count = 4'000'000'000; },
       "operational_item_count"},
      {"duration", [](Exam& e) { e.duration = Millis(999); }, "duration"},
      {"days", [](Exam& e) { e.duration = Minutes(24 * 60 + 1); }, "duration"},
      {"no domains", [](Exam& e) { e.domains.clear(); }, "domains"},
      {"domain twice", [](Exam& e) { e.domains[1].domain_id = "1"; }, "domains[1].domain_id"},
      {"weights", [](Exam& e) { e.domains[0].weight_percent = 25; }, "domains"},
      {"zero weight", [](Exam& e) { e.domains[0].weight_percent = 0; },
       "domains[0].weight_percent"},
      {"counts", [](Exam& e) { e.domains[0].operational_item_count = 13; }, "domains"},
      {"shifted counts",
       [](Exam& e) {
         e.domains[0].operational_item_count = 13;
         e.domains[1].operational_item_count = 14;
       },
       "domains[0].operational_item_count"},
      {"no tasks", [](Exam& e) { e.domains[2].tasks.clear(); }, "domains[2].tasks"},
      {"task twice", [](Exam& e) { e.domains[1].tasks[0].task_id = "1.1"; },
       "domains[1].tasks[0].task_id"},
      {"scale", [](Exam& e) { e.scale.cut = 1000; }, "scale"},
      {"scale low", [](Exam& e) { e.scale.min = 700; }, "scale"},
      {"method", [](Exam& e) { e.standard->method = ""; }, "standard.method"},
      {"base form", [](Exam& e) { e.standard->base_form.pop_back(); }, "standard.base_form"},
      {"base irt", [](Exam& e) { e.standard->base_form[3].slope = -1; },
       "standard.base_form[3].slope"},
      {"cut by guessing", [](Exam& e) { e.standard->base_cut_raw = 9; }, "standard.base_cut_raw"},
      {"cut of all", [](Exam& e) { e.standard->base_cut_raw = 50; }, "standard.base_cut_raw"},
      {"no types", [](Exam& e) { e.item_types.clear(); }, "item_types"},
      {"type twice", [](Exam& e) { e.item_types[1] = e.item_types[0]; }, "item_types[1]"},
      {"no sources", [](Exam& e) { e.sources.clear(); }, "sources"},
      {"one uncovered", [](Exam& e) { e.sources[0].fields.erase(e.sources[0].fields.begin()); },
       "sources"},
      {"unknown field", [](Exam& e) { e.sources[0].fields.push_back("price"); },
       "sources[0].fields[10]"},
      {"no page", [](Exam& e) { e.sources[0].source = ""; }, "sources[0].source"},
      {"no such day", [](Exam& e) { e.sources[0].date_checked = "2026-02-30"; },
       "sources[0].date_checked"},
      {"review first", [](Exam& e) { e.sources[0].review_by = "2026-11-23"; },
       "sources[0].review_by"},
  };
  for (const Spoiled& test : cases) {
    Exam exam = samples::ClfExam();
    test.spoil(exam);
    bool found = false;
    for (const Finding& f : CheckExam(exam)) found = found || f.field == test.field;
    EXPECT_TRUE(found) << test.name << " gave no finding at " << test.field;
  }
}

// A drill of seconds is an exam too; the system tests see sessions expire with one.
TEST(CheckExam, AnExamMayLastASecond) {
  Exam exam = samples::ClfExam();
  exam.duration = Seconds(1);
  EXPECT_TRUE(CheckExam(exam).empty());
}

TEST(CheckExam, AnExamWithoutAStandardMayBePublished) {
  Exam exam = samples::ClfExam();
  exam.standard.reset();
  EXPECT_TRUE(CheckExam(exam).empty());
}

TEST(CheckExam, SharesThatAreNotWholeMayBeRoundedEitherWay) {
  Exam exam = samples::ClfExam();
  exam.standard.reset();
  exam.operational_item_count = 10;  // exact shares 2.4, 3.0, 3.4, 1.2
  const auto with = [&](std::vector<uint32_t> counts) {
    for (size_t d = 0; d < 4; ++d) exam.domains[d].operational_item_count = counts[d];
    return CheckExam(exam).empty();
  };
  EXPECT_TRUE(with({2, 3, 4, 1}));
  EXPECT_TRUE(with({3, 3, 3, 1}));
  EXPECT_FALSE(with({4, 2, 3, 1}));
}

TEST(CheckExam, AFactStatedIsAFactCovered) {
  Exam exam = samples::ClfExam();
  exam.retake_wait_days = 0;
  std::erase(exam.sources[0].fields, "retake_wait_days");
  EXPECT_TRUE(CheckExam(exam).empty());
  exam.retake_wait_days = 14;
  EXPECT_FALSE(CheckExam(exam).empty());
  exam.sources[0].fields.push_back("retake_wait_days.zone");  // part of a fact is not the fact
  EXPECT_FALSE(CheckExam(exam).empty());
}

TEST(StaleFacts, AreNamedTheDayAfter) {
  const Exam exam = samples::ClfExam();
  EXPECT_TRUE(StaleFacts(exam, "2027-05-23").empty());
  const auto stale = StaleFacts(exam, "2027-05-24");
  ASSERT_EQ(stale.size(), 1u);
  EXPECT_NE(stale[0].find("duration"), std::string::npos);
  EXPECT_NE(stale[0].find("2026-11-23"), std::string::npos);
}

TEST(IsoDate, KnowsTheCalendar) {
  EXPECT_TRUE(IsIsoDate("2028-02-29"));
  EXPECT_FALSE(IsIsoDate("2027-02-29"));
  EXPECT_FALSE(IsIsoDate("2027-2-3"));
  EXPECT_FALSE(IsIsoDate("2027-02-0x"));
  EXPECT_EQ(IsoDateOf(FromUnixMicros(0)), "1970-01-01");
  EXPECT_EQ(IsoDateOf(FromUnixMicros(-1)), "1969-12-31");
  EXPECT_EQ(IsoDateOf(FromUnixMicros(1'800'000'000'000'000)), "2027-01-15");
}

TEST(AbilityAtCut, IsWhereTheBaseFormExpectsTheCut) {
  const Standard standard = *samples::ClfExam().standard;
  const double theta = AbilityAtCut(standard);
  double expected = 0;
  for (const IrtParameters& irt : standard.base_form) expected += ProbabilityRight(irt, theta);
  EXPECT_NEAR(expected, 35, 1e-9);
}

}  // namespace
}  // namespace invigil::item_bank
