#include "common/config/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <limits>

#include "common/error/error.h"
#include "common/testing/temp_dir.h"

namespace invigil::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class FlagsTest : public ::testing::Test {
 protected:
  FlagsTest() {
    flags.Section("Serving")
        .Text("listen", &listen, "HOST:PORT", "Where candidates are served.")
        .Number("workers", &workers, 1, 64, "Threads for blocking work.")
        .Toggle("reflection", &reflection, "Offers gRPC reflection.")
        .Section("Storage")
        .Text("database", &database, "PATH", "The event log.")
        .Required()
        .Span("lock-timeout", &lock_timeout, Millis(1), Minutes(1), "How long to wait for it.")
        .Real("ratio", &ratio, 0, 1, "Share of requests traced.")
        .List("replicas", &replicas, "HOST:PORT", "The other replicas.");
  }

  absl::Status Mistakes(const std::vector<std::string>& words) {
    const absl::Status status = flags.Parse(words).status();
    EXPECT_EQ(ReasonOf(status), "FLAGS_INVALID") << status;
    return status;
  }

  std::string WriteConfig(const std::string& text) {
    std::ofstream(dir.Path("x.conf")) << text;
    return dir.Path("x.conf");
  }

  std::string listen = "127.0.0.1:7001", database;
  int64_t workers = 8;
  bool reflection = true;
  Duration lock_timeout = Seconds(5);
  double ratio = 0.25;
  std::vector<std::string> replicas = {"old:1"};
  invigil::testing::TempDir dir;
  Flags flags{"invigil-session", "Keeps the sittings."};
};

TEST_F(FlagsTest, ReadsEveryKindInBothForms) {
  const auto rest = flags.Parse({"--listen=0.0.0.0:1", "--workers", "9", "--no-reflection",
                                 "--database", "/a=b", "--lock-timeout=1s500ms", "--ratio", "0.5",
                                 "--replicas", "a:1, b:2", "--replicas=c:3"});
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_THAT(*rest, IsEmpty());
  EXPECT_EQ(listen, "0.0.0.0:1");
  EXPECT_EQ(workers, 9);
  EXPECT_FALSE(reflection);
  EXPECT_EQ(database, "/a=b");
  EXPECT_EQ(lock_timeout, Millis(1500));
  EXPECT_EQ(ratio, 0.5);
  EXPECT_THAT(replicas, ElementsAre("a:1", "b:2", "c:3"));
}

TEST_F(FlagsTest, KeepsDefaults) {
  ASSERT_TRUE(flags.Parse({"--database=x"}).ok());
  EXPECT_EQ(workers, 8);
  EXPECT_TRUE(reflection);
  EXPECT_THAT(replicas, ElementsAre("old:1"));
}

TEST_F(FlagsTest, NamesEveryMistakeAtOnceAndChangesNothing) {
  const absl::Status status =
      Mistakes({"--listne", "x:1", "--workers=70", "--ratio=much", "--lock-timeout", "5",
                "--reflection=maybe", "-v", "extra", "--replicas"});
  const std::string message(status.message());
  EXPECT_THAT(message, HasSubstr("9 mistakes:"));
  EXPECT_THAT(message, HasSubstr("--listne is unknown; did you mean --listen?"));
  EXPECT_THAT(message, HasSubstr("--workers must be 1 to 64, not 70"));
  EXPECT_THAT(message, HasSubstr("--ratio must be a number, not \"much\""));
  EXPECT_THAT(message, HasSubstr("--lock-timeout must be a duration such as"));
  EXPECT_THAT(message, HasSubstr("--reflection must be true or false, not \"maybe\""));
  EXPECT_THAT(message, HasSubstr("-v is no flag"));
  EXPECT_THAT(message, HasSubstr("\"extra\" is not expected"));
  EXPECT_THAT(message, HasSubstr("--replicas needs a value: --replicas HOST:PORT,..."));
  EXPECT_THAT(message, HasSubstr("--database PATH is required"));
  EXPECT_EQ(ViewError(status).fields.size(), 9u);
  EXPECT_EQ(workers, 8);
}

TEST_F(FlagsTest, OneMistakeChangesNoVariable) {
  EXPECT_FALSE(Mistakes({"--workers=9", "--ratio=2", "--database=x"}).ok());
  EXPECT_EQ(workers, 8);
  EXPECT_THAT(database, IsEmpty());
}

TEST_F(FlagsTest, SuggestsNegationsAndPrefixesButNotStrangers) {
  EXPECT_THAT(std::string(Mistakes({"--no-reflextion", "--database=x"}).message()),
              HasSubstr("did you mean --no-reflection?"));
  EXPECT_THAT(std::string(Mistakes({"--lock", "1s", "--database=x"}).message()),
              HasSubstr("did you mean --lock-timeout?"));
  EXPECT_THAT(std::string(Mistakes({"--zzzzzz", "--database=x"}).message()),
              Not(HasSubstr("did you mean")));
}

TEST_F(FlagsTest, AValueIsNeverTakenFromTheNextFlag) {
  EXPECT_THAT(std::string(Mistakes({"--database", "--workers=2"}).message()),
              HasSubstr("--database needs a value: --database PATH"));
}

TEST_F(FlagsTest, RequiredMeansNotEmpty) {
  EXPECT_THAT(std::string(Mistakes({"--database="}).message()),
              HasSubstr("--database must not be empty"));
}

TEST_F(FlagsTest, CommandLineWinsOverConfigFile) {
  const std::string path = WriteConfig(
      "# storage\n"
      "database = /from/file   # a remark\n"
      "\n"
      "workers = 3\n"
      "reflection = no\n"
      "listen = host#1:2\n"
      "replicas = x:1\n");
  ASSERT_TRUE(flags.Parse({"--workers=4", "--config", path, "--replicas=y:2"}).ok());
  EXPECT_EQ(database, "/from/file");
  EXPECT_EQ(workers, 4);
  EXPECT_FALSE(reflection);
  EXPECT_EQ(listen, "host#1:2");
  EXPECT_THAT(replicas, ElementsAre("y:2"));
}

TEST_F(FlagsTest, ConfigMistakesNameTheLine) {
  const std::string path = WriteConfig("database = x\nwrokers = 3\nratio\nworkers = 0\n");
  const std::string message(Mistakes({"--config", path}).message());
  EXPECT_THAT(message, HasSubstr(path + ":2: wrokers is unknown; did you mean workers?"));
  EXPECT_THAT(message, HasSubstr(path + ":3: write \"name = value\""));
  EXPECT_THAT(message, HasSubstr(path + ":4: workers must be 1 to 64, not 0"));
}

TEST_F(FlagsTest, UnreadableConfigIsTheOnlyMistake) {
  for (const std::string& path : {dir.Path("absent"), dir.path()}) {
    const std::string message(Mistakes({"--config=" + path}).message());
    EXPECT_THAT(message, HasSubstr("--config: cannot read " + path + ": "));
    EXPECT_THAT(message, Not(HasSubstr("required")));
  }
}

TEST_F(FlagsTest, AnEmptyConfigFileIsFine) {
  EXPECT_TRUE(flags.Parse({"--config=" + WriteConfig(""), "--database=x"}).ok());
}

TEST_F(FlagsTest, PositionalWordsEndTheFlags) {
  flags.Positional("COMMAND [ARGUMENT...]");
  auto rest = flags.Parse({"--database=x", "import", "--dry-run", "--workers=99"});
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_THAT(*rest, ElementsAre("import", "--dry-run", "--workers=99"));
  EXPECT_EQ(workers, 8);
  rest = flags.Parse({"--database=x", "--", "--odd"});
  ASSERT_TRUE(rest.ok());
  EXPECT_THAT(*rest, ElementsAre("--odd"));
}

TEST_F(FlagsTest, HelpWinsOverMistakes) {
  const absl::Status status = flags.Parse({"--nonsense", "--help"}).status();
  EXPECT_EQ(ReasonOf(status), "HELP_REQUESTED");
  EXPECT_EQ(std::string(status.message()), flags.Help());
}

TEST_F(FlagsTest, HelpReadsWell) {
  flags.Positional("[FILE...]");
  std::string token;
  flags.Text("a-flag-whose-name-is-long", &token, "PATH", "Stands on a line of its own.");
  EXPECT_EQ(flags.Help(), R"(Usage: invigil-session --database PATH [FLAG...] [FILE...]

Keeps the sittings.

Serving:
  --listen HOST:PORT        Where candidates are served.
                            [default: 127.0.0.1:7001]
  --workers N               Threads for blocking work. [default: 8; 1 to 64]
  --[no-]reflection         Offers gRPC reflection. [default: on]

Storage:
  --database PATH           The event log. [required]
  --lock-timeout TIME       How long to wait for it. [default: 5s; 1ms to 1m]
  --ratio X                 Share of requests traced. [default: 0.25; 0 to 1]
  --replicas HOST:PORT,...  The other replicas. [default: old:1]
  --a-flag-whose-name-is-long PATH
                            Stands on a line of its own.

Help:
  --config FILE             Reads flags from lines "name = value"; # starts a
                            comment. Flags given here win over the file.
  --help                    Shows this.
)");
}

TEST_F(FlagsTest, HelpStaysWithin80Columns) {
  std::string value, help;
  for (int i = 0; i < 60; ++i) help += std::string(1 + i % 11, 'w') + " ";
  flags.Text("long", &value, "VALUE", help);
  std::string line;
  for (std::istringstream lines(flags.Help()); std::getline(lines, line);) {
    EXPECT_LE(line.size(), 80u) << line;
    EXPECT_THAT(line, Not(::testing::EndsWith(" ")));
  }
}

using FlagsDeathTest = FlagsTest;

TEST_F(FlagsDeathTest, MistakesExitWith2AndPointToHelp) {
  EXPECT_EXIT(flags.ParseOrExit({"--workers=0", "--database=x"}), ::testing::ExitedWithCode(2),
              "invigil-session: --workers must be 1 to 64, not 0\nTry \"invigil-session --help\"");
}

TEST_F(FlagsDeathTest, HelpExitsWith0) {
  EXPECT_EXIT(flags.ParseOrExit({"-h"}), ::testing::ExitedWithCode(0), "");
}

TEST_F(FlagsDeathTest, DeclaringANameTwiceAborts) {
  EXPECT_DEATH(flags.Toggle("workers", &reflection, ""), "--workers is declared twice");
}

}  // namespace
}  // namespace invigil::config
