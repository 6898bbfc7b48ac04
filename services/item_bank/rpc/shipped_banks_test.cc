// The banks and exam definitions under deploy/banks keep every rule. Runs in the source folder.
#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "services/item_bank/domain/assembly.h"
#include "services/item_bank/domain/check.h"
#include "services/item_bank/domain/opaque_id.h"
#include "services/item_bank/wire/convert.h"

namespace invigil::item_bank {
namespace {

namespace fs = std::filesystem;

template <typename Message>
Message ReadJson(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  Message message;
  const auto status = google::protobuf::util::JsonStringToMessage(text.str(), &message);
  EXPECT_TRUE(status.ok()) << path << ": " << status.ToString();
  return message;
}

std::string Describe(const Findings& findings) {
  std::string text;
  for (const Finding& f : findings) text += f.item_id + " " + f.field + " " + f.description + "\n";
  return text;
}

Exam ShippedExam(const std::string& folder) {
  return FromProto(ReadJson<v1::ExamDefinition>("deploy/banks/" + folder + "/exam.json"));
}

TEST(ShippedExams, KeepEveryRule) {
  std::map<std::string, Exam> exams;
  for (const char* folder : {"clf-c02", "saa-c03", "aif-c01"}) {
    const Exam exam = ShippedExam(folder);
    EXPECT_EQ(Describe(CheckExam(exam)), "") << folder;
    EXPECT_EQ(exam.bank_id, folder);
    EXPECT_THAT(exam.disclaimer, ::testing::HasSubstr("estimate"));
    exams[folder] = exam;
  }
  const auto counts = [&](const char* folder) {
    std::vector<uint32_t> list;
    for (const Domain& d : exams[folder].domains) list.push_back(d.operational_item_count);
    return list;
  };
  using ::testing::ElementsAre;
  EXPECT_THAT(counts("clf-c02"), ElementsAre(12, 15, 17, 6));
  EXPECT_THAT(counts("saa-c03"), ElementsAre(15, 13, 12, 10));
  EXPECT_THAT(counts("aif-c01"), ElementsAre(10, 12, 14, 7, 7));
  EXPECT_EQ(exams["saa-c03"].scale.cut, 720);
  EXPECT_EQ(exams["saa-c03"].duration, Minutes(130));
  EXPECT_TRUE(exams["clf-c02"].standard.has_value());
}

TEST(ShippedBank, KeepsEveryRuleAndCoversTheBlueprint) {
  const Exam exam = ShippedExam("clf-c02");
  Bank whole;
  for (const auto& entry : fs::directory_iterator("deploy/banks/clf-c02")) {
    if (entry.path().filename().string().rfind("domain-", 0) != 0) continue;
    Bank part = FromProto(ReadJson<v1::Bank>(entry.path()));
    for (Item& item : part.items) Normalise(item, part.header.bank_id);
    // Each file imports alone, in any order: at most it names enemies of files to come.
    EXPECT_FALSE(AnyBlocking(CheckBank(part, &exam, {}))) << entry.path();
    whole.header = part.header;
    for (Item& item : part.items) whole.items.push_back(std::move(item));
  }
  EXPECT_EQ(Describe(CheckBank(whole, &exam, {})), "");
  EXPECT_GE(whole.items.size(), 130u);
  std::map<std::string, int> by_task;
  for (const Item& item : whole.items) ++by_task[item.task_id];
  EXPECT_EQ(by_task.size(), 19u);
  for (const Item& item : whole.items) {
    for (const std::string& enemy : item.enemy_item_ids) {
      bool back = false;
      for (const Item& other : whole.items) {
        back = back || (other.item_id == enemy &&
                        std::count(other.enemy_item_ids.begin(), other.enemy_item_ids.end(),
                                   item.item_id) == 1);
      }
      EXPECT_TRUE(back) << enemy << " does not name " << item.item_id;
    }
  }
}

// Whatever statuses the reviewers give, forms can be filled.
TEST(ShippedBank, FillsForms) {
  const Exam exam = ShippedExam("clf-c02");
  std::vector<Pool::Member> members;
  for (int d = 1; d <= 4; ++d) {
    const Bank part =
        FromProto(ReadJson<v1::Bank>("deploy/banks/clf-c02/domain-" + std::to_string(d) + ".json"));
    for (const Item& item : part.items) {
      members.push_back({std::make_shared<Item>(item), ContentId("s", item.item_id, 1)});
    }
  }
  const Pool pool(std::make_shared<Exam>(exam), members);
  ASSERT_TRUE(pool.feasible().ok()) << pool.feasible();
  double squares = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const auto form = Assemble(pool, seed, "s");
    ASSERT_TRUE(form.ok()) << form.status();
    double off = -static_cast<double>(pool.target_points()) / 1e6;
    for (const Place& place : form->places) {
      off += static_cast<double>(pool.items()[place.pool_index].points_at_cut) / 1e6;
    }
    squares += off * off;
  }
  EXPECT_LT(std::sqrt(squares / 200), 1.0);  // within a point of the base form at the cut
}

}  // namespace
}  // namespace invigil::item_bank
