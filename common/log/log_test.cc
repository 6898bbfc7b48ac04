#include "common/log/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <limits>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "common/testing/temp_dir.h"

namespace invigil::log {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;

constexpr char kTime[] =
    R"(\{"time":"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z",)";

std::vector<std::string> Lines(std::istream&& in) {
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

class LogTest : public ::testing::Test {
 protected:
  void Start(Level level = Level::kInfo) { Init({"session", "s-1", level, dir.Path("log")}); }
  std::vector<std::string> Stop() {
    Shutdown();
    return Lines(std::ifstream(dir.Path("log")));
  }
  ~LogTest() override { Shutdown(); }

  invigil::testing::TempDir dir;
};

TEST_F(LogTest, OneObjectALine) {
  Start();
  const std::string name = "a\nb";
  Info("started \"well\"", {{"port", 7001},
                            {"name", name},
                            {"max", std::numeric_limits<uint64_t>::max()},
                            {"share", 0.5},
                            {"ok", true}});
  EXPECT_THAT(
      Stop(),
      ElementsAre(MatchesRegex(
          std::string(kTime) +
          R"("level":"info","service":"session","instance":"s-1","message":"started \\"well\\"",)"
          R"("port":7001,"name":"a\\nb","max":18446744073709551615,"share":0.5,"ok":true\})")));
}

TEST_F(LogTest, LinesOfOneThreadKeepTheirOrderAndLevelsAreKept) {
  Start(Level::kWarning);
  Debug("1");
  Info("2");
  Warning("3");
  Error("4");
  EXPECT_THAT(Stop(),
              ElementsAre(HasSubstr("\"level\":\"warning\""), HasSubstr("\"message\":\"4\"")));
}

TEST_F(LogTest, AuditIsNeverDroppedByLevel) {
  Start(Level::kError);
  Audit("foreign_session", "refused", {{"subject", "c-9"}});
  EXPECT_THAT(
      Stop(),
      ElementsAre(HasSubstr(R"("message":"refused","audit":"foreign_session","subject":"c-9"})")));
}

TEST_F(LogTest, FieldsCannotPoseAsTheLinesOwn) {
  Start();
  Info("x", {{"level", "error"}, {"audit", "y"}});
  EXPECT_THAT(Stop(), ElementsAre(HasSubstr(R"("message":"x","level_":"error","audit_":"y"})")));
}

TEST_F(LogTest, BeforeInitAndAfterShutdownLinesGoToStandardError) {
  ::testing::internal::CaptureStderr();
  Info("early");
  Start();
  Info("in the file");
  const auto lines = Stop();
  Info("late");
  const std::string errors = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(lines, ElementsAre(HasSubstr("in the file")));
  EXPECT_THAT(Lines(std::istringstream(errors)),
              ElementsAre(HasSubstr("early"), HasSubstr("late")));
}

TEST_F(LogTest, AFileThatCannotBeOpenedIsReportedOnStandardError) {
  ::testing::internal::CaptureStderr();
  Init({"session", "s-1", Level::kInfo, dir.Path("no/such/folder")});
  Info("still heard");
  Shutdown();
  const std::string errors = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(Lines(std::istringstream(errors)),
              ElementsAre(HasSubstr("cannot open the log file"), HasSubstr("still heard")));
}

TEST_F(LogTest, ThreadsDoNotTearLines) {
  constexpr int kThreads = 4, kEach = 500;
  Start();
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < kEach; ++i) Info("line", {{"n", t * kEach + i}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> seen;
  for (const std::string& line : Stop()) {
    EXPECT_THAT(line, MatchesRegex(std::string(kTime) + R"(.*"message":"line","n":[0-9]+\})"));
    seen.insert(line.substr(line.rfind(':')));
  }
  EXPECT_EQ(seen.size(), static_cast<size_t>(kThreads * kEach));
}

// A pipe that nobody reads: the writer of the log stands still, its callers must not.
TEST_F(LogTest, AStuckReaderDropsTheOldestAndCountsThem) {
  constexpr int kLines = 20'000;
  const std::string path = dir.Path("pipe");
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const int reader = open(path.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  const uint64_t before = DroppedLines();
  Init({"session", "s-1", Level::kInfo, path});
  for (int i = 0; i < kLines; ++i) Info("line", {{"n", i}});  // returns: this is the claim

  ASSERT_EQ(fcntl(reader, F_SETFL, 0), 0);
  std::string text;
  std::thread drain([&] {
    char buffer[4096];
    for (ssize_t n; (n = read(reader, buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<size_t>(n));
  });
  Shutdown();  // closes the pipe, which ends the reading
  drain.join();
  close(reader);

  uint64_t lines = 0, reported = 0;
  std::string last;
  for (const std::string& line : Lines(std::istringstream(text))) {
    if (line.find("\"message\":\"line\"") != std::string::npos) {
      ++lines;
      last = line;
    }
    const size_t at = line.find("\"dropped\":");
    if (at != std::string::npos) reported += std::stoull(line.substr(at + 10));
  }
  EXPECT_GT(reported, 0u);
  EXPECT_EQ(DroppedLines() - before, reported);
  EXPECT_EQ(lines + reported, static_cast<uint64_t>(kLines));
  EXPECT_THAT(last, HasSubstr("\"n\":19999"));
}

TEST(LogLevel, Parse) {
  Level level = Level::kInfo;
  EXPECT_TRUE(ParseLevel("warning", &level));
  EXPECT_EQ(level, Level::kWarning);
  EXPECT_FALSE(ParseLevel("WARN", &level));
  EXPECT_EQ(level, Level::kWarning);
}

}  // namespace
}  // namespace invigil::log
