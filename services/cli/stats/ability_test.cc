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

class AbilityCommand : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = dir_.path() + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  int Run(const std::string& items, const std::string& responses, const std::string& method) {
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int code = RunStats({"ability", "--items", Write("i.csv", items), "--responses",
                               Write("r.csv", responses), "--method", method, "--json"},
                              {Ability()});
    out_ = ::testing::internal::GetCapturedStdout();
    err_ = ::testing::internal::GetCapturedStderr();
    return code;
  }

  testing::TempDir dir_;
  std::string out_, err_;
};

constexpr char kItems[] = "item,a,b,g\nx,1,0,0\ny,1,0,0\nz,2,1,0\n";

TEST_F(AbilityCommand, RowsInOrderAndItemsByName) {
  ASSERT_EQ(Run(kItems, "y,x\n1,0\n1,1\n0,0\n", "ml"), kOk) << err_;
  const Json persons = Json::parse(out_)["persons"];
  ASSERT_EQ(persons.size(), 3u);
  EXPECT_NEAR(persons[0]["theta"].get<double>(), 0, 1e-9);
  EXPECT_NEAR(persons[0]["se"].get<double>(), std::sqrt(2.0), 1e-9);
  EXPECT_TRUE(persons[1]["theta"].is_null() && persons[1]["se"].is_null());
  EXPECT_EQ(persons[1]["reason"], "ALL_RIGHT");
  EXPECT_EQ(persons[1]["limit"], "+infinity");
  EXPECT_EQ(persons[2]["reason"], "ALL_WRONG");
}

TEST_F(AbilityCommand, EveryMethodGivesAnErrorAndSkipsWhatWasNotPresented) {
  double before = 0;
  for (const char* method : {"eap", "map", "ml", "wle"}) {
    ASSERT_EQ(Run(kItems, "x,y,z\n1,0,\n1,0,0\n,,\n", method), kOk) << err_;
    const Json persons = Json::parse(out_)["persons"];
    EXPECT_NEAR(persons[0]["theta"].get<double>(), 0, 1e-9) << method;
    EXPECT_LT(persons[1]["theta"].get<double>(), 0.2) << method;  // Warm pulls towards z
    EXPECT_GT(persons[1]["se"].get<double>(), 0.5) << method;
    EXPECT_NE(persons[1]["theta"].get<double>(), before);
    before = persons[1]["theta"].get<double>();
    const std::string name = method;
    EXPECT_EQ(persons[2].contains("reason"), name == "ml" || name == "wle") << name;
  }
}

TEST_F(AbilityCommand, NumberCorrectNeedsEveryItem) {
  ASSERT_EQ(Run(kItems, "x,y\n1,0\n1,1\n", "number-correct"), kOk) << err_;
  EXPECT_NEAR(Json::parse(out_)["persons"][0]["theta"].get<double>(), 0, 1e-9);
  EXPECT_EQ(Json::parse(out_)["persons"][1]["reason"], "ABOVE_FORM");
  EXPECT_EQ(Run(kItems, "x,y\n1,\n", "number-correct"), kFailed);
  EXPECT_THAT(err_, HasSubstr("(RESPONSES_INCOMPLETE)"));
}

TEST_F(AbilityCommand, WhatIsWrongIsNamed) {
  EXPECT_EQ(Run(kItems, "x,w\n1,0\n", "eap"), kFailed);
  EXPECT_THAT(err_, HasSubstr("\"w\""));
  EXPECT_THAT(err_, HasSubstr("(ITEM_UNKNOWN)"));
  EXPECT_EQ(Run("item,a,b\nx,-1,0\n", "x\n1\n", "eap"), kFailed);
  EXPECT_THAT(err_, HasSubstr("(ITEM_PARAMETERS_INVALID)"));
  EXPECT_EQ(Run(kItems, "x\n2\n", "eap"), kFailed);
  EXPECT_THAT(err_, HasSubstr("(RESPONSE_NOT_BINARY)"));
  EXPECT_EQ(Run(kItems, "x\n1\n", "eab"), kUsage);
  EXPECT_THAT(err_, HasSubstr("did you mean \"eap\"?"));
}

}  // namespace
}  // namespace invigil::cli::stats
