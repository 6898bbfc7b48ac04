#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "common/testing/temp_dir.h"
#include "services/cli/core/failure.h"
#include "services/cli/stats/subcommands.h"

namespace invigil::cli::stats {
namespace {

using ::testing::HasSubstr;

class AnalyzeCommand : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = dir_.path() + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  int Run(const std::string& responses, const std::string& key,
          const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"analyze", "--responses",       Write("r.csv", responses),
                                      "--key",   Write("k.csv", key), "--json"};
    words.insert(words.end(), more.begin(), more.end());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int code = RunStats(words, {Analyze()});
    out_ = ::testing::internal::GetCapturedStdout();
    err_ = ::testing::internal::GetCapturedStderr();
    json_ = code == kOk ? Json::parse(out_) : Json();
    return code;
  }

  testing::TempDir dir_;
  std::string out_, err_;
  Json json_;
};

constexpr char kKey[] = "item,key\ni2,B\ni1,A\ni3,C\n";
// Totals 3, 2, 1, 0.
constexpr char kResponses[] = "person,i1,i2,i3\n1,A,B,C\n2,A,B,\n3,B,B,D\n4,C,A,D\n";

TEST_F(AnalyzeCommand, ByName) {
  ASSERT_EQ(Run(kResponses, kKey), kOk) << err_;
  EXPECT_NEAR(json_["alpha"].get<double>(), 0.75, 1e-12);
  EXPECT_EQ(json_["alpha"], json_["kr20"]);
  EXPECT_EQ(json_["persons"], 4);
  EXPECT_EQ(json_["ignoredColumns"], Json::array({"person"}));
  ASSERT_EQ(json_["items"].size(), 3u);
  const Json& item = json_["items"][0];
  EXPECT_EQ(item["item"], "i1");
  EXPECT_EQ(item["p"], 0.5);
  EXPECT_NEAR(item["correctedPointBiserial"].get<double>(), 0.25 / std::sqrt(0.125), 1e-12);
  EXPECT_TRUE(item["flags"].is_array());
  ASSERT_EQ(item["options"].size(), 3u);
  EXPECT_EQ(item["options"][1]["option"], "B");
  EXPECT_EQ(item["options"][1]["count"], 1);
  EXPECT_EQ(item["options"][1]["share"], 0.25);
  EXPECT_TRUE(item["options"][1]["pointBiserialRest"].is_number());
  EXPECT_EQ(json_["items"][2]["omitted"], 1);
  EXPECT_EQ(json_["conditionalSem"].size(), 4u);
}

TEST_F(AnalyzeCommand, WhatHasNoVarianceIsNullWithAReason) {
  ASSERT_EQ(Run("i1,i2,i3\nA,B,C\nA,B,NA\nA,C,C\n", kKey), kOk) << err_;
  EXPECT_TRUE(json_["items"][0]["pointBiserial"].is_null());
  EXPECT_EQ(json_["items"][0]["reason"], "NO_VARIANCE");
  EXPECT_THAT(json_["items"][0]["flags"].dump(), HasSubstr("NO_VARIANCE"));
}

TEST_F(AnalyzeCommand, TimesAndRules) {
  const std::string times = Write("t.csv", "i1,i2\n10,20\n30,\n20,40\n20,60\n");
  ASSERT_EQ(Run(kResponses, kKey, {"--times", times, "--p-review", "0.6,0.9"}), kOk) << err_;
  EXPECT_EQ(json_["items"][0]["time"]["median"], 20);
  EXPECT_EQ(json_["items"][1]["time"]["count"], 3);
  EXPECT_FALSE(json_["items"][2].contains("time"));
  EXPECT_THAT(json_["items"][0]["flags"].dump(), HasSubstr("P_REVIEW"));
  EXPECT_EQ(Run(kResponses, kKey, {"--p-hold", "0.5,0.4"}), kFailed);
  EXPECT_THAT(err_, HasSubstr("FLAG_RULES_INVALID"));
}

TEST_F(AnalyzeCommand, BadInput) {
  EXPECT_EQ(Run("i1,i2\nA,B\nB,A\n", kKey), kFailed);
  EXPECT_THAT(err_, HasSubstr("KEY_ITEM_MISSING"));
  EXPECT_EQ(Run(kResponses, "item,key\ni1,A\ni1,B\n"), kFailed);
  EXPECT_THAT(err_, HasSubstr("ITEM_REPEATED"));
  EXPECT_EQ(Run(kResponses, "item,key\ni1,\n"), kFailed);
  EXPECT_THAT(err_, HasSubstr("KEY_EMPTY"));
  EXPECT_EQ(Run(kResponses, "item,key\ni1,A\n"), kFailed);
  EXPECT_THAT(err_, HasSubstr("ITEMS_TOO_FEW"));
  EXPECT_EQ(Run("i1,i2,i3\n", kKey), kFailed);
  EXPECT_THAT(err_, HasSubstr("RESPONSES_EMPTY"));
  EXPECT_EQ(Run("i1,i2,i3\nA,B,C\n", kKey), kFailed);
  EXPECT_THAT(err_, HasSubstr("PERSONS_TOO_FEW"));
  EXPECT_EQ(Run("i1,i2,i3\nA,B,C\nA,B,C\n", kKey), kFailed);
  EXPECT_THAT(err_, HasSubstr("ZERO_VARIANCE"));
}

}  // namespace
}  // namespace invigil::cli::stats
