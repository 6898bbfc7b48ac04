#include "services/cli/stats/stats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "common/error/error.h"
#include "services/cli/core/failure.h"

namespace invigil::cli::stats {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::vector<Subcommand> kRows = {{
    "double",
    "give twice a number",
    "Doubles.",
    {{"of", "X", "The number.", "", true}, {"fail", "", "Fails.", ""}},
    [](const Arguments& arguments, Report& report) -> absl::Status {
      if (arguments.On("fail")) return FailedPrecondition("NOT_NOW", "it failed; try again");
      const auto value = arguments.Real("of", -100, 100);
      if (!value.ok()) return value.status();
      report.json()["result"] = *value * 2;
      return absl::OkStatus();
    },
}};

struct Result {
  int code;
  std::string out, err;
};

Result RunWords(const std::vector<std::string>& words) {
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const int code = RunStats(words, kRows);
  return {code, ::testing::internal::GetCapturedStdout(), ::testing::internal::GetCapturedStderr()};
}

TEST(Stats, JsonOrTable) {
  EXPECT_EQ(RunWords({"double", "--of=-2.25", "--json"}).out, "{\"result\":-4.5}\n");
  const Result table = RunWords({"double", "--of", "3"});
  EXPECT_EQ(table.code, kOk);
  EXPECT_EQ(table.out, "result  6.0000\n");
}

TEST(Stats, ExitCodesTellDataFromUsage) {
  const Result data = RunWords({"double", "--of", "3", "--fail", "--json"});
  EXPECT_EQ(data.code, kFailed);
  EXPECT_EQ(data.out, "");
  EXPECT_EQ(data.err, "invigil: it failed; try again (NOT_NOW)\n");
  EXPECT_EQ(RunWords({"double", "--of", "3000"}).code, kUsage);
  EXPECT_EQ(RunWords({}).code, kUsage);
  const Result typo = RunWords({"doubel"});
  EXPECT_EQ(typo.code, kUsage);
  EXPECT_THAT(typo.err, HasSubstr("did you mean \"double\"?"));
  EXPECT_THAT(RunWords({"help"}).out, HasSubstr("  double  give twice a number\n"));
}

TEST(StatsDeathTest, WrongFlagsEndWithTwo) {
  EXPECT_EXIT(RunStats({"double", "--off", "3"}, kRows), ::testing::ExitedWithCode(2), "--of");
  EXPECT_EXIT(RunStats({"double"}, kRows), ::testing::ExitedWithCode(2), "--of");
}

TEST(Stats, EveryRowIsFitToPrint) {
  std::set<std::string> names;
  size_t width = 0;
  for (const Subcommand& row : Subcommands()) width = std::max(width, row.name.size());
  for (const Subcommand& row : Subcommands()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_LE(width + 4 + row.summary.size(), 80u) << row.name;
    EXPECT_NE(row.run, nullptr) << row.name;
    std::set<std::string> flags = {"json", "help", "config"};
    for (const FlagRow& flag : row.flags) {
      EXPECT_TRUE(flags.insert(flag.name).second) << row.name << " --" << flag.name;
    }
  }
}

}  // namespace
}  // namespace invigil::cli::stats
