#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "common/testing/temp_dir.h"
#include "services/cli/core/failure.h"
#include "services/cli/stats/subcommands.h"

namespace invigil::cli::stats {
namespace {

using ::testing::HasSubstr;

class EquateCommand : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = dir_.path() + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  int Run(const std::string& design, const std::string& method,
          std::vector<std::string> more = {}) {
    std::vector<std::string> words = {"equate", "--design", design, "--method", method,
                                      "--x",    x_,         "--y",  y_,         "--json"};
    words.insert(words.end(), more.begin(), more.end());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int code = RunStats(words, {Equate()});
    out_ = ::testing::internal::GetCapturedStdout();
    err_ = ::testing::internal::GetCapturedStderr();
    json_ = code == kOk ? Json::parse(out_) : Json();
    return code;
  }

  testing::TempDir dir_;
  std::string x_ = Write("x.csv", "total,anchor\n2,1\n4,2\n6,2\n8,4\n5,3\n3,1\n");
  std::string y_ = Write("y.csv", "total,anchor\n3,1\n5,3\n7,3\n9,4\n4,2\n6,2\n");
  std::string out_, err_;
  Json json_;
};

TEST_F(EquateCommand, TheTable) {
  ASSERT_EQ(Run("random-groups", "mean", {"--items-x", "10", "--items-y", "10"}), kOk) << err_;
  ASSERT_EQ(json_["table"].size(), 11u);
  EXPECT_EQ(json_["table"][4]["raw"], 4);
  EXPECT_DOUBLE_EQ(json_["table"][4]["equated"].get<double>(), 4 + 34.0 / 6 - 28.0 / 6);
  EXPECT_GT(json_["table"][4]["se"].get<double>(), 0);
  EXPECT_EQ(json_["groups"]["x"]["persons"], 6);
  EXPECT_THAT(json_["recommendation"]["reason"].get<std::string>(), HasSubstr("6 persons"));
  // Without the flag the highest score is the number of items.
  ASSERT_EQ(Run("random-groups", "mean"), kOk);
  EXPECT_EQ(json_["table"].size(), 9u);
  EXPECT_EQ(json_["groups"]["y"]["items"], 9);
  EXPECT_EQ(json_["groups"]["y"]["itemsGuessed"], true);
  ASSERT_EQ(Run("random-groups", "mean", {"--items-x", "10"}), kOk);
  EXPECT_FALSE(json_["groups"]["x"].contains("itemsGuessed"));
}

// An arc that ends at the highest total anybody had is another arc, and nobody would see it.
TEST_F(EquateCommand, WhatRestsOnTheNumberOfItemsAsksForIt) {
  EXPECT_EQ(Run("random-groups", "circle-arc"), kUsage);
  EXPECT_THAT(err_, HasSubstr("--items-x"));
  EXPECT_EQ(Run("random-groups", "circle-arc", {"--items-x", "10"}), kUsage);
  EXPECT_THAT(err_, HasSubstr("--items-y"));
  EXPECT_EQ(Run("neat-external", "mean", {"--center", "nominal"}), kUsage);
  std::string many = "total\n";
  for (int i = 0; i < 60; ++i) many += std::to_string(3 + i % 7) + "\n";
  x_ = y_ = Write("many.csv", many);
  EXPECT_EQ(Run("random-groups", "recommended"), kUsage);
  EXPECT_THAT(err_, HasSubstr("circle-arc"));
  ASSERT_EQ(Run("random-groups", "recommended", {"--items-x", "12", "--items-y", "12"}), kOk)
      << err_;
  EXPECT_EQ(json_["method"], "circle-arc");
  EXPECT_EQ(json_["table"].size(), 13u);
}

// Nobody has the highest total: the items are those beside the anchor and the anchor's.
TEST_F(EquateCommand, ItemsWhereTheAnchorCounts) {
  x_ = Write("x.csv", "total,anchor\n2,2\n7,1\n6,3\n5,2\n");
  y_ = Write("y.csv", "total,anchor\n3,1\n5,3\n7,2\n4,2\n");
  ASSERT_EQ(Run("neat-internal", "chained-linear"), kOk) << err_;
  EXPECT_EQ(json_["groups"]["x"]["items"], 9);  // six right beside the anchor, and its three
  EXPECT_EQ(json_["groups"]["y"]["items"], 8);
}

TEST_F(EquateCommand, WeightsAndBootstrap) {
  ASSERT_EQ(Run("neat-external", "tucker", {"--items-x", "10", "--items-y", "10"}), kOk) << err_;
  EXPECT_DOUBLE_EQ(json_["weightX"].get<double>(), 0.5);
  ASSERT_EQ(Run("neat-external", "tucker", {"--weight-x", "1"}), kOk) << err_;
  EXPECT_EQ(json_["weightX"], 1);
  ASSERT_EQ(Run("random-groups", "linear", {"--bootstrap", "50", "--seed", "9"}), kOk) << err_;
  EXPECT_EQ(json_["seMethod"], "bootstrap");
  EXPECT_EQ(json_["bootstrap"]["replications"], 50);
  const std::string first = out_;
  ASSERT_EQ(Run("random-groups", "linear", {"--bootstrap", "50", "--seed", "9", "--threads", "3"}),
            kOk);
  EXPECT_EQ(out_, first);
}

TEST_F(EquateCommand, Smoothing) {
  ASSERT_EQ(Run("random-groups", "equipercentile", {"--smooth", "loglinear:2"}), kOk) << err_;
  EXPECT_EQ(json_["smoothing"]["degree"], 2);
  ASSERT_EQ(Run("neat-external", "frequency-estimation", {"--smooth=loglinear:2,1"}), kOk) << err_;
  EXPECT_EQ(json_["smoothing"]["cross"], 1);
  for (const char* wrong :
       {"loglinear:2,1", "loglinear:0", "loglinear", "spline:3", "loglinear:x"}) {
    EXPECT_EQ(Run("random-groups", "equipercentile", {"--smooth", wrong}), kUsage) << wrong;
    EXPECT_THAT(err_, HasSubstr("loglinear:DEGREE"));
  }
  EXPECT_EQ(Run("random-groups", "linear", {"--smooth", "loglinear:2"}), kUsage);
}

TEST_F(EquateCommand, AMethodThatDoesNotFitNamesThoseThatDo) {
  EXPECT_EQ(Run("random-groups", "tucker"), kUsage);
  EXPECT_THAT(err_, HasSubstr("identity, mean, linear, equipercentile, circle-arc"));
  EXPECT_EQ(Run("neat-internal", "equipercentile"), kUsage);
  EXPECT_THAT(err_, HasSubstr("frequency-estimation, chained-equipercentile"));
  EXPECT_EQ(Run("random-groups", "liner"), kUsage);
  EXPECT_THAT(err_, HasSubstr("linear"));
}

TEST_F(EquateCommand, TheRecommendedMethod) {
  ASSERT_EQ(Run("random-groups", "recommended"), kOk) << err_;
  EXPECT_EQ(json_["method"], "identity");
  EXPECT_EQ(json_["recommendation"]["method"], "identity");
  EXPECT_EQ(json_["table"][3]["se"], 0);
}

TEST_F(EquateCommand, BadScores) {
  EXPECT_EQ(Run("random-groups", "linear", {"--items-x", "7"}), kFailed);
  EXPECT_THAT(err_, HasSubstr("SCORE_OUT_OF_RANGE"));
  x_ = Write("x.csv", "total\n2\n3.5\n");
  EXPECT_EQ(Run("random-groups", "linear"), kFailed);
  EXPECT_THAT(err_, HasSubstr("SCORE_NOT_INTEGER"));
  EXPECT_EQ(Run("neat-internal", "tucker"), kFailed);
  EXPECT_THAT(err_, HasSubstr("CSV_COLUMN_MISSING"));
  x_ = Write("x.csv", "total\n");
  EXPECT_EQ(Run("random-groups", "linear"), kFailed);
  EXPECT_THAT(err_, HasSubstr("SCORES_EMPTY"));
  x_ = Write("x.csv", "total\n4\n4\n");
  EXPECT_EQ(Run("random-groups", "linear"), kFailed);
  EXPECT_THAT(err_, HasSubstr("ZERO_VARIANCE"));
  x_ = Write("x.csv", "total\n-1\n4\n");
  EXPECT_EQ(Run("random-groups", "mean"), kFailed);
  EXPECT_THAT(err_, HasSubstr("SCORE_OUT_OF_RANGE"));
}

}  // namespace
}  // namespace invigil::cli::stats
