#include "services/cli/bank/bank_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "common/error/error.h"
#include "common/testing/temp_dir.h"
#include "services/cli/bank/local_check.h"
#include "services/cli/core/json.h"

namespace invigil::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class BankFolderTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_.Path(name)) << text;
    return dir_.Path(name);
  }
  // The named fields of a refusal, as one text.
  static std::string Fields(const absl::Status& status) {
    std::string all;
    for (const auto& [path, description] : ViewError(status).fields) {
      all.append(path).append(": ").append(description).append("\n");
    }
    return all;
  }
  testing::TempDir dir_;
};

TEST_F(BankFolderTest, MergesTheFilesOfAFolderAndTakesExamJsonApart) {
  Write("b.json", R"({"bankId":"x","title":"T","items":[{"itemId":"i2"}]})");
  Write("a.json", R"({"bankId":"x","examId":"E-1","items":[{"itemId":"i1"}]})");
  Write("exam.json", R"({"examId":"E-1","duration":"5400s"})");
  Write("notes.txt", "not JSON");
  const auto content = ReadBankContent(dir_.path());
  ASSERT_TRUE(content.ok()) << content.status();
  ASSERT_TRUE(content->bank.has_value());
  EXPECT_EQ(content->bank->title(), "T");
  EXPECT_EQ(content->bank->exam_id(), "E-1");
  ASSERT_EQ(content->bank->items_size(), 2);
  EXPECT_EQ(content->bank->items(0).item_id(), "i1");
  ASSERT_TRUE(content->exam.has_value());
  EXPECT_EQ(content->exam->duration().seconds(), 5400);
  EXPECT_THAT(content->files, SizeIs(3));
}

TEST_F(BankFolderTest, AFolderMayHoldADefinitionOnly) {
  Write("exam.json", R"({"examId":"E-1"})");
  const auto content = ReadBankContent(dir_.path());
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_FALSE(content->bank.has_value());
  EXPECT_TRUE(content->exam.has_value());
}

TEST_F(BankFolderTest, ASingleFileMayBeEither) {
  auto content = ReadBankContent(Write("some.json", R"({"bankId":"x","items":[]})"));
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_TRUE(content->bank.has_value());
  content = ReadBankContent(Write("other.json", R"({"examId":"E","operationalItemCount":50})"));
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_TRUE(content->exam.has_value());
  EXPECT_FALSE(content->bank.has_value());
}

TEST_F(BankFolderTest, NamesEveryFileThatIsWrong) {
  Write("a.json", R"({"bankId":"x","itms":[]})");
  Write("b.json", "{");
  const auto content = ReadBankContent(dir_.path());
  EXPECT_EQ(ReasonOf(content.status()), "FILE_INVALID");
  EXPECT_THAT(Fields(content.status()), HasSubstr("a.json: "));
  EXPECT_THAT(Fields(content.status()), HasSubstr("itms"));
  EXPECT_THAT(Fields(content.status()), HasSubstr("b.json: "));
}

TEST_F(BankFolderTest, PartsMustAgree) {
  Write("a.json", R"({"bankId":"x","items":[{"itemId":"i1"},{"itemId":"i1"}]})");
  Write("b.json", R"({"bankId":"y","items":[{"itemId":"i1"}]})");
  Write("c.json", R"({"items":[]})");
  const auto content = ReadBankContent(dir_.path());
  EXPECT_EQ(ReasonOf(content.status()), "FILE_INVALID");
  EXPECT_THAT(Fields(content.status()), HasSubstr("b.json: bankId is \"y\""));
  EXPECT_THAT(Fields(content.status()), HasSubstr("a.json: item \"i1\" stands in a.json twice"));
  EXPECT_THAT(Fields(content.status()), HasSubstr("b.json: item \"i1\" stands in a.json too"));
  EXPECT_THAT(Fields(content.status()), HasSubstr("c.json: bankId is missing"));
}

TEST_F(BankFolderTest, AbsentAndEmptyAreSaid) {
  EXPECT_EQ(ReasonOf(ReadBankContent(dir_.Path("no")).status()), "FILE_NOT_FOUND");
  EXPECT_EQ(ReasonOf(ReadBankContent(dir_.path()).status()), "FILE_NOT_FOUND");
}

// Tests run in the root of the repository.
TEST(ShippedBanks, AreWithoutFault) {
  for (const char* folder :
       {"deploy/banks/clf-c02", "deploy/banks/saa-c03", "deploy/banks/aif-c01"}) {
    const auto content = ReadBankContent(folder);
    ASSERT_TRUE(content.ok()) << folder << content.status();
    if (content->exam) {
      EXPECT_THAT(CheckExamLocally(*content->exam), IsEmpty()) << folder;
    }
    if (content->bank) {
      EXPECT_THAT(CheckBankLocally(*content->bank), IsEmpty()) << folder;
    }
    if (content->exam && content->bank) {
      EXPECT_THAT(CheckTogether(*content->exam, *content->bank), IsEmpty()) << folder;
    }
  }
}

TEST(LocalCheck, FindsFaultsOfAnItem) {
  itembank::v1::Bank bank;
  ASSERT_TRUE(FromJson(R"({"bankId":"x","examId":"E","items":[{"itemId":"i1","stem":"S",
    "type":"ITEM_TYPE_SINGLE_CHOICE","selectCount":1,"status":"ITEM_STATUS_OPERATIONAL",
    "options":[{"optionId":"a","text":"T","isKey":true,"rationale":"r"},
               {"optionId":"a","text":"T","isKey":true}]}]})",
                       &bank)
                  .ok());
  std::string all;
  int blocking = 0;
  for (const auto& finding : CheckBankLocally(bank)) {
    all += finding.field() + "; ";
    blocking += finding.blocking() ? 1 : 0;
  }
  EXPECT_EQ(all,
            "options[1].option_id; options[1].text; options[1].rationale; select_count; irt.slope; "
            "references; ");
  EXPECT_EQ(blocking, 4);
}

}  // namespace
}  // namespace invigil::cli
