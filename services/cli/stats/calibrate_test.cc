#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "common/testing/temp_dir.h"
#include "services/cli/core/failure.h"
#include "services/cli/stats/subcommands.h"
#include "services/scoring/domain/calibration/simulate.h"

namespace invigil::cli::stats {
namespace {

namespace simulate = scoring::simulate;
using ::testing::HasSubstr;

class CalibrateCommand : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = dir_.path() + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  // `persons` answers to the items.
  std::string Simulate(size_t persons, bool guessing) {
    simulate::Chance chance(3);
    items_ = simulate::Items(chance, 12, guessing);
    const auto cells =
        simulate::Answers(chance, items_, simulate::Abilities(chance, persons, 0.3, 1));
    std::string text;
    for (size_t i = 0; i < 12; ++i) text += (i == 0 ? "i" : ",i") + std::to_string(i + 1);
    for (size_t at = 0; at < cells.size(); ++at) {
      text += (at % 12 == 0 ? "\n" : ",") + std::to_string(int{cells[at]});
    }
    return Write("r.csv", text + "\n");
  }
  int Run(std::vector<std::string> words) {
    words.insert(words.begin(), "calibrate");
    words.push_back("--json");
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int code = RunStats(words, {Calibrate()});
    out_ = ::testing::internal::GetCapturedStdout();
    err_ = ::testing::internal::GetCapturedStderr();
    return code;
  }

  testing::TempDir dir_;
  std::vector<scoring::ItemParameters> items_;
  std::string out_, err_;
};

TEST_F(CalibrateCommand, EveryModelGivesTheFieldsPromised) {
  const std::string path = Simulate(800, false);
  double last = -1e300;
  for (const char* model : {"rasch", "1pl", "2pl"}) {
    ASSERT_EQ(Run({"--model", model, "--responses", path}), kOk) << err_;
    const Json json = Json::parse(out_);
    EXPECT_EQ(json["converged"], true);
    EXPECT_GT(json["iterations"], 0);
    EXPECT_GE(json["logLikelihood"].get<double>(), last - 0.05) << model;
    last = json["logLikelihood"];
    ASSERT_EQ(json["items"].size(), 12u);
    const Json& item = json["items"][4];
    EXPECT_EQ(item["item"], "i5");
    EXPECT_EQ(item["g"], 0.0);
    EXPECT_EQ(item["se"]["a"].is_null(), std::string(model) == "rasch");
    EXPECT_GT(item["se"]["b"], 0.0);
    EXPECT_TRUE(item["se"]["g"].is_null());
    EXPECT_GT(item["fit"]["p"], 1e-6);
  }
}

TEST_F(CalibrateCommand, ThreeParameterWithAPrior) {
  const std::string path = Simulate(1500, true);
  ASSERT_EQ(Run({"--model", "3pl", "--responses", path, "--prior-logit-g", "-1.4,0.5",
                 "--quadrature", "41,-5,5"}),
            kOk)
      << err_;
  const Json item = Json::parse(out_)["items"][0];
  EXPECT_GT(item["g"], 0.02);
  EXPECT_GT(item["se"]["g"], 0.0);
  ASSERT_EQ(Run({"--responses", path, "--quick"}), kOk) << err_;
  EXPECT_EQ(Json::parse(out_)["standardErrorsReason"], "NOT_REQUESTED");
}

TEST_F(CalibrateCommand, FixedItemsKeepTheirParameters) {
  const std::string path = Simulate(1500, false);
  std::string fixed = "item,a,b\nelsewhere,1,0\n";
  for (size_t i = 0; i < 8; ++i) {
    fixed += "i" + std::to_string(i + 1) + "," + std::to_string(items_[i].slope) + "," +
             std::to_string(items_[i].difficulty) + "\n";
  }
  ASSERT_EQ(Run({"--responses", path, "--fixed", Write("f.csv", fixed)}), kOk) << err_;
  const Json json = Json::parse(out_);
  EXPECT_EQ(json["items"][0]["fixed"], true);
  EXPECT_TRUE(json["items"][0]["se"]["b"].is_null());
  EXPECT_NEAR(json["items"][0]["a"], items_[0].slope, 1e-5);
  EXPECT_EQ(json["items"][11]["fixed"], false);
  EXPECT_NEAR(json["items"][11]["b"].get<double>(), items_[11].difficulty, 0.5);
  EXPECT_NEAR(json["ability"]["mean"].get<double>(), 0.3, 0.15);
  EXPECT_THAT(json["notes"][0].get<std::string>(), HasSubstr("elsewhere"));
  EXPECT_EQ(Run({"--responses", path, "--fixed", Write("g.csv", "item,a,b\nx,1,0\n")}), kFailed);
  EXPECT_THAT(err_, HasSubstr("(FIXED_ABSENT)"));
}

TEST_F(CalibrateCommand, DataErrorsNameTheItem) {
  EXPECT_EQ(Run({"--responses", Write("a.csv", "x,y\n1,1\n0,1\n")}), kFailed);
  EXPECT_THAT(err_, HasSubstr("item \"y\""));
  EXPECT_THAT(err_, HasSubstr("(ITEM_NO_VARIANCE)"));
  EXPECT_EQ(Run({"--responses", Write("b.csv", "x,y\n1,\n0,\n,1\n,0\n")}), kFailed);
  EXPECT_THAT(err_, HasSubstr("(DESIGN_DISCONNECTED)"));
  EXPECT_EQ(Run({"--responses", Write("c.csv", "x\n1\n0\n")}), kFailed);
  EXPECT_THAT(err_, HasSubstr("(CALIBRATION_ONE_ITEM)"));
  EXPECT_EQ(Run({"--responses", Write("d.csv", "x,y\n1,a\n")}), kFailed);
  EXPECT_THAT(err_, HasSubstr("(RESPONSE_NOT_BINARY)"));
  EXPECT_EQ(Run({"--responses", Write("d.csv", "x,y\n1,0\n"), "--model", "4pl"}), kUsage);
  EXPECT_EQ(Run({"--responses", Write("d.csv", "x,y\n1,0\n"), "--quadrature", "61,6,-6"}), kUsage);
  EXPECT_EQ(Run({"--responses", Write("d.csv", "x,y\n1,0\n"), "--prior-logit-g", "1"}), kUsage);
}

}  // namespace
}  // namespace invigil::cli::stats
