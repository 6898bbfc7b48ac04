// The real program as a person meets it: words in, text and exit code out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/testing/process.h"
#include "common/testing/temp_dir.h"

namespace invigil::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

struct Result {
  int code = 0;
  std::string text;  // both streams
};

class CommandsTest : public ::testing::Test {
 protected:
  Result Run(std::vector<std::string> words, const std::string& data = "absent") {
    static int number = 0;
    const std::string output = dir_.Path("out" + std::to_string(++number));
    words.insert(words.begin(), INVIGIL_PROGRAM);
    testing::Process process(
        {.argv = words, .env = {{"INVIGIL_DATA", dir_.Path(data)}}, .output_path = output});
    Result result;
    result.code = process.Wait(Seconds(30));
    std::ostringstream text;
    text << std::ifstream(output).rdbuf();
    result.text = text.str();
    return result;
  }
  std::vector<std::string> KeyWords(const std::string& name, const std::string& roles) {
    return {"keys", "create",    "--name",           name,     "--roles",
            roles,  "--private", dir_.Path("k.pem"), "--jwks", dir_.Path("k.json")};
  }
  testing::TempDir dir_;
};

TEST_F(CommandsTest, HelpListsEveryCommandAndEachHasItsOwn) {
  const Result overview = Run({"help"});
  EXPECT_EQ(overview.code, 0);
  const std::vector<std::vector<std::string>> commands = {{"exams"},
                                                          {"take"},
                                                          {"report"},
                                                          {"readiness"},
                                                          {"plan"},
                                                          {"simulate"},
                                                          {"bank", "check"},
                                                          {"bank", "import"},
                                                          {"bank", "export"},
                                                          {"stats"},
                                                          {"token"},
                                                          {"keys", "create"},
                                                          {"proctor", "roster"},
                                                          {"proctor", "grant"},
                                                          {"proctor", "incident"},
                                                          {"proctor", "pause"},
                                                          {"events", "tail"}};
  for (std::vector<std::string> words : commands) {
    const std::string name = words.size() == 1 ? words[0] : words[0] + " " + words[1];
    EXPECT_THAT(overview.text, HasSubstr("  " + name + " "));
    words.push_back("--help");
    const Result help = Run(words);
    EXPECT_EQ(help.code, 0) << name;
    EXPECT_THAT(help.text, StartsWith("Usage: invigil " + name));
    std::istringstream lines(help.text);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
  }
  EXPECT_EQ(Run({"help", "bank", "check"}).text, Run({"bank", "check", "--help"}).text);
}

TEST_F(CommandsTest, WrongWordsGetTheNearestRightOne) {
  const Result none = Run({});
  EXPECT_EQ(none.code, 2);
  EXPECT_THAT(none.text, StartsWith("Usage: invigil"));
  const Result typo = Run({"simulat"});
  EXPECT_EQ(typo.code, 2);
  EXPECT_THAT(typo.text, HasSubstr("did you mean \"simulate\"?"));
  EXPECT_THAT(Run({"bank", "chek", "x"}).text, HasSubstr("did you mean \"bank check\"?"));
  EXPECT_THAT(Run({"bank"}).text, HasSubstr("bank check, bank import, bank export"));
  EXPECT_THAT(Run({"events"}).text, HasSubstr("events tail, events webhook create"));
  EXPECT_THAT(Run({"events", "webhook"}).text, HasSubstr("events webhook rotate"));
  EXPECT_THAT(Run({"events", "webhook", "rotat", "w"}).text,
              HasSubstr("did you mean \"events webhook rotate\"?"));
  EXPECT_EQ(Run({"events", "webhook", "rotate", "--help"}).code, 0);
  EXPECT_THAT(Run({"quux"}).text, HasSubstr("\"invigil help\" lists them"));
  EXPECT_THAT(Run({"exams", "--jsn"}).text, HasSubstr("--json"));
}

TEST_F(CommandsTest, ArgumentsAreCheckedBeforeAnythingIsDone) {
  EXPECT_EQ(Run({"report"}).code, 2);
  EXPECT_THAT(Run({"report", "a", "--json", "b"}).text, HasSubstr("\"b\" is one too many"));
  EXPECT_EQ(Run({"simulate"}).code, 2);
  for (const char* ability : {"1", "a,b", "0,-1", "0,1,2", "50,1"}) {
    const Result result = Run({"simulate", "--exam", "E", "--ability", ability});
    EXPECT_EQ(result.code, 2) << ability;
    EXPECT_THAT(result.text, HasSubstr("MEAN,SD"));
  }
  EXPECT_EQ(Run({"simulate", "--exam", "E", "--workers", "0"}).code, 2);
  EXPECT_EQ(Run({"token", "--role", "service", "--subject", "x"}).code, 2);
  EXPECT_EQ(Run(KeyWords("a", "candidate,boss")).code, 2);
}

TEST_F(CommandsTest, WithoutASuiteOneSentenceSaysSo) {
  const Result result = Run({"exams"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.text, HasSubstr("no suite found"));
  EXPECT_THAT(result.text, HasSubstr("(SUITE_NOT_FOUND)"));
}

TEST_F(CommandsTest, AGatewayThatIsNotThereIsNamed) {
  ASSERT_EQ(Run(KeyWords("platform", "operator")).code, 0);
  const std::string gateway = "127.0.0.1:" + std::to_string(testing::FreePort());
  const Result result = Run({"exams", "--gateway", gateway, "--key", dir_.Path("k.pem")});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.text, HasSubstr(gateway));
  EXPECT_THAT(result.text, HasSubstr("(GATEWAY_UNREACHABLE)"));
}

TEST_F(CommandsTest, KeysAndTokens) {
  ASSERT_EQ(Run(KeyWords("platform", "candidate,author,operator")).code, 0);
  const Result again = Run(KeyWords("platform", "candidate"));
  EXPECT_EQ(again.code, 1);  // an existing key is never overwritten
  const Result token = Run({"token", "--role", "candidate", "--subject", "ann", "--key",
                            dir_.Path("k.pem"), "--lifetime", "10m"});
  EXPECT_EQ(token.code, 0) << token.text;
  EXPECT_THAT(token.text, MatchesRegex("[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\n"));
  EXPECT_EQ(Run({"token", "--role", "author", "--subject", "a", "--key", dir_.Path("no")}).code, 1);
}

TEST_F(CommandsTest, NobodyIsErasedByMistake) {
  EXPECT_THAT(Run({"privacy"}).text, HasSubstr("privacy export, privacy erase, privacy retention"));
  EXPECT_EQ(Run({"privacy", "erase", "ann"}).code, 2) << "a reason is needed";
  // Where nobody types the id, nobody is erased.
  const std::string command = std::string(INVIGIL_PROGRAM) + " privacy erase ann --reason asked";
  for (const char* typed : {": |", "echo bob |", "echo |"}) {
    testing::Process process({.argv = {"sh", "-c", std::string(typed) + " " + command},
                              .output_path = dir_.Path("typed")});
    EXPECT_EQ(process.Wait(Seconds(30)), 2) << typed;
  }
  std::ostringstream text;
  text << std::ifstream(dir_.Path("typed")).rdbuf();
  EXPECT_THAT(text.str(), HasSubstr("nothing was erased"));
  EXPECT_EQ(Run({"privacy", "export"}).code, 2);
  const Result told = Run({"privacy", "erase", "ann", "--reason", "asked", "--yes"});
  EXPECT_THAT(told.text, HasSubstr("(SUITE_NOT_FOUND)"));
}

TEST_F(CommandsTest, TakingAnExamNeedsATerminal) {
  const Result result = Run({"take", "--exam", "CLF-C02"});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.text, HasSubstr("needs a terminal"));
}

TEST_F(CommandsTest, BankCheckWorksWithoutASuite) {
  const Result good = Run({"bank", "check", "deploy/banks/clf-c02"});
  EXPECT_EQ(good.code, 0) << good.text;
  EXPECT_THAT(good.text, HasSubstr("no suite is running"));
  const std::string path = dir_.Path("bad.json");
  std::ofstream(path) << R"({"bankId":"x","items":[{"itemId":"i"}]})";
  const Result bad = Run({"bank", "check", path});
  EXPECT_EQ(bad.code, 1);
  EXPECT_THAT(bad.text, HasSubstr("ERROR   i stem: is empty"));
  EXPECT_EQ(Run({"bank", "check", dir_.Path("nothing")}).code, 1);
}

}  // namespace
}  // namespace invigil::cli
