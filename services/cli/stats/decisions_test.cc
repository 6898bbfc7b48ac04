// `classify` and `standard-setting` on files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "common/testing/temp_dir.h"
#include "services/cli/core/failure.h"
#include "services/cli/stats/subcommands.h"

namespace invigil::cli::stats {
namespace {

using ::testing::HasSubstr;

class DecisionCommands : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_.Path(name)) << text;
    return dir_.Path(name);
  }
  int Run(const std::vector<std::string>& words) {
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int code = RunStats(words, {Classify(), StandardSetting()});
    out_ = ::testing::internal::GetCapturedStdout();
    err_ = ::testing::internal::GetCapturedStderr();
    return code;
  }
  Json Ok(std::vector<std::string> words) {
    words.push_back("--json");
    EXPECT_EQ(Run(words), kOk) << err_;
    return err_.empty() ? Json::parse(out_) : Json();
  }

  testing::TempDir dir_;
  std::string out_, err_;
};

TEST_F(DecisionCommands, LivingstonLewisFromScores) {
  std::string scores = "total\n";
  for (int i = 0; i < 60; ++i) scores += std::to_string(8 + (i * 7) % 23) + "\n";
  const Json json = Ok({"classify", "--method", "livingston-lewis", "--cut", "24", "--scores",
                        Write("s.csv", scores), "--reliability", "0.85", "--max", "40"});
  EXPECT_GT(json["accuracy"], 0.7);
  EXPECT_LT(json["consistency"], json["accuracy"]);
  EXPECT_NEAR(json["accuracy"].get<double>() + json["falsePositive"].get<double>() +
                  json["falseNegative"].get<double>(),
              1, 1e-9);
  EXPECT_EQ(json["categories"].size(), 2u);
}

TEST_F(DecisionCommands, LivingstonLewisTakesAlphaFromResponses) {
  std::string responses = "a,b,c,d,e,f\n";
  for (int i = 0; i < 40; ++i) {
    for (int j = 0; j < 6; ++j) {
      responses += std::string(j == 0 ? "" : ",") + (i % 8 + i % 3 > j + 1 ? "1" : "0");
    }
    responses += "\n";
  }
  const Json json = Ok({"classify", "--method", "livingston-lewis", "--cut", "4", "--responses",
                        Write("r.csv", responses)});
  EXPECT_GT(json["reliability"], 0.5);
  EXPECT_LT(json["reliability"], 1);
}

TEST_F(DecisionCommands, LeeAndRudner) {
  const std::string items =
      Write("i.csv", "item,a,b,g\nA,1,-1,0\nB,1.2,0,0.2\nC,0.8,1,0\nD,1,0.5,0\n");
  const Json lee = Ok({"classify", "--method", "lee", "--cut", "2,3", "--items", items});
  EXPECT_EQ(lee["categories"].size(), 3u);
  EXPECT_EQ(lee["abilities"], "quadrature");
  const Json rudner = Ok({"classify", "--method", "rudner", "--cut", "0.5", "--items", items});
  EXPECT_GT(rudner["accuracy"], 0.5);
  const Json persons = Ok({"classify", "--method", "rudner", "--cut", "0.5", "--persons",
                           Write("p.csv", "theta,se\n0.5,0.3\n9,0.3\n")});
  EXPECT_NEAR(persons["accuracy"].get<double>(), 0.75, 1e-12);
}

TEST_F(DecisionCommands, ClassifyBadInput) {
  EXPECT_EQ(Run({"classify", "--method", "lee", "--cut", "2"}), kUsage);
  EXPECT_THAT(err_, HasSubstr("--items"));
  EXPECT_EQ(Run({"classify", "--method", "livingston-lewis", "--cut", "2"}), kUsage);
  const std::string scores = Write("s.csv", "total\n1\n2\n");
  EXPECT_EQ(Run({"classify", "--method", "livingston-lewis", "--cut", "2", "--scores", scores}),
            kUsage);
  EXPECT_EQ(Run({"classify", "--method", "livingston-lewis", "--cut", "9", "--scores", scores,
                 "--max", "4", "--reliability", "0.5"}),
            kFailed);
  EXPECT_THAT(err_, HasSubstr("CUT_OUTSIDE_SCALE"));
  EXPECT_EQ(Run({"classify", "--method", "livingston-lewis", "--cut", "x", "--scores", scores}),
            kUsage);
}

TEST_F(DecisionCommands, Angoff) {
  const std::string ratings = Write("a.csv",
                                    "round,judge,item,rating\n1,x,A,0.9\n1,x,B,0.5\n1,y,A,0.7\n"
                                    "1,y,B,0.5\n2,x,A,0.8\n2,x,B,0.6\n2,y,A,0.8\n2,y,B,0.4\n");
  const Json json = Ok({"standard-setting", "--method", "angoff", "--ratings", ratings,
                        "--difficulty", Write("d.csv", "item,p\nA,0.9\nB,0.4\n")});
  EXPECT_NEAR(json["cut"].get<double>(), 1.3, 1e-12);
  EXPECT_NEAR(json["se"].get<double>(), 0.1, 1e-12);
  ASSERT_EQ(json["rounds"].size(), 2u);
  EXPECT_EQ(json["rounds"][0]["judges"][0]["judge"], "x");
  EXPECT_EQ(Run({"standard-setting", "--method", "angoff", "--ratings",
                 Write("b.csv", "judge,item,rating\nx,A,90\nx,B,5\n")}),
            kFailed);
  EXPECT_THAT(err_, HasSubstr("ANGOFF_RATING_RANGE"));
}

TEST_F(DecisionCommands, Bookmark) {
  const std::string items = Write("i.csv", "item,a,b\nhard,1,2\neasy,1,0\n");
  const std::string judges = Write("j.csv", "judge,page\nx,2\ny,2\n");
  const Json json = Ok({"standard-setting", "--method", "bookmark", "--items", items,
                        "--judgements", judges, "--rp", "0.5"});
  EXPECT_DOUBLE_EQ(json["thetaCut"], 2);
  EXPECT_EQ(json["booklet"][0]["item"], "easy");
  EXPECT_EQ(Run({"standard-setting", "--method", "bookmark", "--items", items, "--judgements",
                 Write("k.csv", "judge,page\nx,2.5\ny,2\n")}),
            kFailed);
  EXPECT_THAT(err_, HasSubstr("CSV_VALUE"));
}

TEST_F(DecisionCommands, Compromises) {
  const std::string scores = Write("s.csv", "total\n0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n");
  const Json beuk = Ok({"standard-setting", "--method", "beuk", "--judgements",
                        Write("j.csv", "judge,cut,passRate\nx,5,0.4\ny,7,0.6\n"), "--scores",
                        scores, "--max", "10"});
  EXPECT_NEAR(beuk["cut"].get<double>(), 1.1 / (0.1 + 1.0 / 11), 1e-9);
  const std::string bounds =
      Write("h.csv", "judge,leastCut,greatestCut,leastFailRate,greatestFailRate\nx,4,8,0.2,0.7\n");
  const Json hofstee = Ok({"standard-setting", "--method", "hofstee", "--judgements", bounds,
                           "--scores", scores, "--max", "10"});
  EXPECT_NEAR(hofstee["cut"].get<double>(), 1.2 / (0.125 + 1.0 / 11), 1e-9);
  EXPECT_EQ(Run({"standard-setting", "--method", "hofstee", "--judgements", bounds, "--scores",
                 Write("t.csv", "total\n10\n10\n"), "--max", "10"}),
            kFailed);
  EXPECT_THAT(err_, HasSubstr("COMPROMISE_NO_CROSSING"));
}

}  // namespace
}  // namespace invigil::cli::stats
