// The definitions under testdata: they keep every rule, fill forms from a made-up bank, and give
// delivery the plan that is meant. Runs in the source folder.
#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "services/item_bank/domain/samples.h"
#include "services/item_bank/rpc/answers.h"
#include "services/item_bank/wire/convert.h"

namespace invigil::item_bank {
namespace {

using ::testing::ElementsAre;

constexpr char kSecret[] = "secret";

v1::ExamDefinition ReadExam(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  v1::ExamDefinition message;
  const auto status = google::protobuf::util::JsonStringToMessage(text.str(), &message);
  EXPECT_TRUE(status.ok()) << path << ": " << status.ToString();
  return message;
}

Exam Fixture(const std::string& name) {
  return FromProto(ReadExam("services/item_bank/testdata/" + name + ".json"));
}

const std::vector<std::string>& Names() {
  static const std::vector<std::string> names = {"pmp-2026", "gre-like", "ccna-like", "gmat-like"};
  return names;
}

// A form as the store gives it back.
IssuedForm Issued(const Exam& exam, uint64_t seed) {
  auto pool = std::make_shared<StoredPool>(PoolRow{"p", exam.exam_id, 1, {}},
                                           samples::MakePool(exam, samples::Items(exam, 18, 3)));
  auto form = Assemble(pool->pool, seed, kSecret);
  EXPECT_TRUE(form.ok()) << exam.exam_id << ": " << form.status();
  return {{"f", "s", "ann", "p", exam.exam_id, 1, *std::move(form), Time{}}, pool};
}

v1::FormPlan PlanOf(const std::string& name) {
  v1::IssueFormResponse response;
  Answer(Issued(Fixture(name), 1), kSecret, &response);
  EXPECT_TRUE(response.has_plan());
  return response.plan();
}

// "kind first+count limit" of every part.
std::vector<std::string> Outline(const v1::FormPlan& plan) {
  std::vector<std::string> lines;
  for (const v1::FormPart& part : plan.parts()) {
    std::string line = v1::PartKind_Name(part.kind()).substr(sizeof("PART_KIND_") - 1);
    if (part.item_count() > 0) {
      line += " " + std::to_string(part.first_position()) + "+" + std::to_string(part.item_count());
    }
    if (part.has_limit()) line += " " + std::to_string(part.limit().seconds() / 60) + "min";
    lines.push_back(line);
  }
  return lines;
}

TEST(FixtureExams, KeepEveryRuleAndSurviveTheWire) {
  for (const std::string& name : Names()) {
    v1::ExamDefinition read = ReadExam("services/item_bank/testdata/" + name + ".json"), back;
    const Exam exam = FromProto(read);
    for (const Finding& f : CheckExam(exam))
      ADD_FAILURE() << name << ": " << f.field << " " << f.description;
    ToProto(exam, &back);
    back.clear_publish_time();
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(read, back)) << name;
    EXPECT_GE(exam.sources.size(), 3u) << name;
  }
}

// Many seeds: each section shows its domains and no other, and unscored items change sections'
// sizes by nothing that can be seen.
TEST(FixtureExams, FillFormsFromAMadeUpBank) {
  for (const std::string& name : Names()) {
    const Exam exam = Fixture(name);
    const Pool pool = samples::MakePool(exam, samples::Items(exam, 18, 3));
    ASSERT_TRUE(pool.feasible().ok()) << pool.feasible();
    for (uint64_t seed = 0; seed < 100; ++seed) {
      const auto form = Assemble(pool, seed, kSecret);
      ASSERT_TRUE(form.ok()) << form.status();
      std::set<std::string> ids;
      std::map<std::string, uint32_t> blueprint;
      size_t place = 0;
      for (const Section* section : exam.Sections()) {
        uint32_t scored = 0;
        for (uint32_t i = 0; i < section->ItemCount(); ++i, ++place) {
          const PoolItem& item = pool.items()[form->places[place].pool_index];
          ASSERT_TRUE(ids.insert(item.item->item_id).second);
          if (item.operational) ++scored, ++blueprint[item.item->domain_id];
          if (section->domains.empty()) continue;
          ASSERT_EQ(item.item->domain_id, section->domains[0].domain_id) << name;
        }
        ASSERT_EQ(scored, section->operational_item_count) << name;
      }
      ASSERT_EQ(place, form->places.size());
      for (const Domain& domain : exam.domains) {
        ASSERT_EQ(blueprint[domain.domain_id], domain.operational_item_count) << name;
      }
    }
  }
}

TEST(FixtureExams, GiveThePlansThatAreMeant) {
  const v1::FormPlan pmp = PlanOf("pmp-2026");
  EXPECT_THAT(Outline(pmp), ElementsAre("SECTION 1+60", "BREAK 10min", "SECTION 61+60",
                                        "BREAK 10min", "SECTION 121+60"));
  EXPECT_EQ(pmp.window_policy(), v1::WINDOW_POLICY_LIMITS_START);

  const v1::FormPlan gre = PlanOf("gre-like");
  EXPECT_THAT(Outline(gre),
              ElementsAre("AGREEMENT 5min", "TUTORIAL 10min", "SECTION 1+12 18min",
                          "SECTION 13+12 21min", "SECTION 25+15 23min", "SECTION 40+15 26min"));
  EXPECT_TRUE(gre.check_in());

  const v1::FormPlan ccna = PlanOf("ccna-like");
  EXPECT_THAT(Outline(ccna), ElementsAre("SECTION 1+100", "SURVEY 5min"));
  EXPECT_EQ(ccna.parts(0).navigation(), v1::NAVIGATION_FORWARD_ONLY);
  EXPECT_EQ(ccna.window_policy(), v1::WINDOW_POLICY_LIMITS_END);

  const v1::FormPlan gmat = PlanOf("gmat-like");
  EXPECT_THAT(Outline(gmat), ElementsAre("SECTION 1+21 45min", "BREAK 10min", "SECTION 22+23 45min",
                                         "SECTION 45+20 45min"));
  for (const int section : {0, 2, 3}) {
    EXPECT_EQ(gmat.parts(section).edit_quota(), 3u);
    EXPECT_EQ(gmat.parts(section).navigation(), v1::NAVIGATION_FREE);
  }
  EXPECT_FALSE(pmp.parts(0).has_edit_quota());
}

TEST(FixtureExams, TextsOfPartsComeWithTheContents) {
  const IssuedForm form = Issued(Fixture("gre-like"), 1);
  v1::IssueFormResponse issued;
  v1::GetFormContentResponse content;
  Answer(form, kSecret, &issued);
  Answer(form, kSecret, &content);
  std::map<std::string, std::string> texts;
  std::string before;
  for (const v1::ItemContent& c : content.contents()) {
    EXPECT_LT(before, c.content_id()) << "sorted by an id that says nothing";
    before = c.content_id();
    if (c.options_size() == 0) texts[c.content_id()] = c.stem();
  }
  EXPECT_EQ(content.items_size(), 54);
  EXPECT_EQ(content.contents_size(), 56);
  ASSERT_EQ(texts.size(), 2u);
  EXPECT_THAT(texts[issued.plan().parts(0).content_id()], ::testing::HasSubstr("not disclose"));
  EXPECT_THAT(texts[issued.plan().parts(1).content_id()], ::testing::HasSubstr("clock"));
  EXPECT_EQ(issued.plan().parts(2).content_id(), "");
}

// The exam that was there before: its definition and its answers are what they were, to the byte.
TEST(ExamsWithoutParts, AreAsBeforeOnTheWire) {
  v1::ExamDefinition read = ReadExam("deploy/banks/clf-c02/exam.json"), back;
  ToProto(FromProto(read), &back);
  back.clear_publish_time();
  EXPECT_EQ(back.SerializeAsString(), read.SerializeAsString());
  const IssuedForm form = Issued(FromProto(read), 1);
  v1::IssueFormResponse issued;
  v1::GetFormContentResponse content;
  Answer(form, kSecret, &issued);
  Answer(form, kSecret, &content);
  EXPECT_FALSE(issued.has_plan());
  EXPECT_EQ(content.contents_size(), 65);
  Exam checked_in = FromProto(read);
  checked_in.check_in_required = true;
  Answer(Issued(checked_in, 1), kSecret, &issued);
  EXPECT_TRUE(issued.plan().check_in());
  EXPECT_EQ(issued.plan().parts_size(), 0);
}

}  // namespace
}  // namespace invigil::item_bank
