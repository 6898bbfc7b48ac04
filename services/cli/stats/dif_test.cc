#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "common/testing/temp_dir.h"
#include "services/cli/core/failure.h"
#include "services/cli/stats/subcommands.h"

namespace invigil::cli::stats {
namespace {

using ::testing::HasSubstr;

class DifCommand : public ::testing::Test {
 protected:
  // Two items; of those with one right, 3 of 4 in the reference and 1 of 4 in the focal group had
  // A.
  static constexpr char kTable[] =
      "A,B,sex\n1,0,0\n1,0,0\n1,0,0\n0,1,0\n1,0,1\n0,1,1\n0,1,1\n0,1,1\n";

  std::string Write(const std::string& text) {
    const std::string path = dir_.path() + "/r.csv";
    std::ofstream(path) << text;
    return path;
  }
  int Run(std::vector<std::string> words) {
    words.insert(words.begin(), "dif");
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int code = RunStats(words, {Dif()});
    out_ = ::testing::internal::GetCapturedStdout();
    err_ = ::testing::internal::GetCapturedStderr();
    return code;
  }

  testing::TempDir dir_;
  std::string out_, err_;
};

TEST_F(DifCommand, MantelHaenszel) {
  ASSERT_EQ(Run({"--responses", Write(kTable), "--group", "sex", "--method", "mantel-haenszel",
                 "--json"}),
            kOk)
      << err_;
  const Json json = Json::parse(out_);
  EXPECT_EQ(json["reference"], 4);
  EXPECT_EQ(json["focal"], 4);
  ASSERT_EQ(json["items"].size(), 2u);
  EXPECT_EQ(json["items"][0]["item"], "A");
  EXPECT_DOUBLE_EQ(json["items"][0]["oddsRatio"], 9);
  EXPECT_DOUBLE_EQ(json["items"][0]["chiSquare"], 0.4375);
  EXPECT_EQ(json["items"][0]["class"], "A");
  EXPECT_EQ(json["items"][0]["effectClass"], "C");
  EXPECT_DOUBLE_EQ(json["items"][1]["oddsRatio"], 1.0 / 9);
}

TEST_F(DifCommand, LogisticSaysWhyAValueIsMissing) {
  ASSERT_EQ(Run({"--responses", Write(kTable), "--group", "sex", "--method", "logistic", "--json"}),
            kOk)
      << err_;
  const Json json = Json::parse(out_);
  EXPECT_EQ(json["type"], "both");
  EXPECT_TRUE(json["items"][0]["oddsRatio"].is_null());
  EXPECT_EQ(json["items"][0]["reason"], "SCORE_WITHOUT_VARIANCE");
}

TEST_F(DifCommand, BadInput) {
  const std::string file = Write(kTable);
  EXPECT_EQ(Run({"--responses", file, "--group", "age", "--method", "logistic"}), kFailed);
  EXPECT_THAT(err_, HasSubstr("CSV_COLUMN_MISSING"));
  EXPECT_EQ(Run({"--responses", file, "--group", "sex", "--method", "mantle-haenszel"}), kUsage);
  EXPECT_THAT(err_, HasSubstr("mantel-haenszel"));
  EXPECT_EQ(Run({"--responses", Write("A,B,sex\n1,,0\n0,1,1\n"), "--group", "sex", "--method",
                 "logistic"}),
            kFailed);
  EXPECT_THAT(err_, HasSubstr("DIF_RESPONSE_MISSING"));
  EXPECT_EQ(Run({"--responses", Write("A,B,sex\n1,,0\n0,1,1\n"), "--group", "sex", "--method",
                 "logistic", "--omitted", "wrong"}),
            kOk)
      << err_;
  EXPECT_EQ(Run({"--responses", Write("A,B,sex\n1,1,m\n0,1,f\n"), "--group", "sex", "--method",
                 "logistic"}),
            kFailed);
  EXPECT_THAT(err_, HasSubstr("DIF_GROUP_INVALID"));
  EXPECT_EQ(Run({"--responses", Write("A,B,sex\n1,1,1\n0,1,1\n"), "--group", "sex", "--method",
                 "logistic"}),
            kFailed);
  EXPECT_THAT(err_, HasSubstr("DIF_GROUP_EMPTY"));
}

}  // namespace
}  // namespace invigil::cli::stats
