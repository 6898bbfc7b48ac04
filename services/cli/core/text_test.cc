#include "services/cli/core/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/random.h"

namespace invigil::cli {
namespace {

using ::testing::ElementsAre;

TEST(Wrap, BreaksAtSpacesAndKeepsLineBreaks) {
  EXPECT_THAT(Wrap("one two three", 7), ElementsAre("one two", "three"));
  EXPECT_THAT(Wrap("a\n\nb", 5), ElementsAre("a", "", "b"));
  EXPECT_THAT(Wrap("", 5), ElementsAre(""));
}

TEST(Wrap, CutsWordsLongerThanALine) {
  EXPECT_THAT(Wrap("x abcdefgh y", 3), ElementsAre("x", "abc", "def", "gh", "y"));
}

TEST(Wrap, NeverPassesTheWidthAndLosesNoLetter) {
  Random random(11);
  const std::vector<std::string> letters = {"a", " ", "\xc3\xa9", "\xe6\xbc\xa2", "e\xcc\x81", "-"};
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (uint64_t i = random.Below(60); i > 0; --i) text += letters[random.Below(letters.size())];
    const size_t width = 2 + random.Below(20);  // a wide letter needs two columns
    std::string joined;
    for (const std::string& line : Wrap(text, width)) {
      EXPECT_LE(DisplayWidth(line), width) << text;
      joined += line;
    }
    std::erase(joined, ' ');
    std::erase(text, ' ');
    EXPECT_EQ(joined, text);
  }
}

TEST(Printable, TakesOutWhatATerminalWouldActOn) {
  EXPECT_EQ(Printable("a\x1b[2Jb"), "a [2Jb");
  EXPECT_EQ(Printable("a\r\tb\nc"), "a  b\nc");
  EXPECT_EQ(Printable("\xe2\x80\xae"
                      "evil"),
            " evil");  // turns the writing around
  EXPECT_EQ(Printable("\xff\xc3"), "\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(Printable("caf\xc3\xa9"), "caf\xc3\xa9");
}

TEST(DisplayWidth, CountsColumns) {
  EXPECT_EQ(DisplayWidth("abc"), 3u);
  EXPECT_EQ(DisplayWidth("e\xcc\x81"), 1u);
  EXPECT_EQ(DisplayWidth("\xe6\xbc\xa2"), 2u);
}

TEST(Shorten, EndsInDotsOnlyWhenCut) {
  EXPECT_EQ(Shorten("abcdef", 6), "abcdef");
  EXPECT_EQ(Shorten("abcdefg", 6), "abc...");
}

TEST(Table, AlignsNumbersRightAndTrimsLines) {
  EXPECT_EQ(Table({{"Name", "N"}, {"a", "10"}, {"bcdef", ""}}, {1}),
            "Name    N\n"
            "-----  --\n"
            "a      10\n"
            "bcdef\n");
}

TEST(ClockText, RoundsUpSoThatZeroMeansNone) {
  EXPECT_EQ(ClockText(1), "00:01");
  EXPECT_EQ(ClockText(0), "00:00");
  EXPECT_EQ(ClockText(-5), "00:00");
  EXPECT_EQ(ClockText(3'661'000'000), "1:01:01");
}

}  // namespace
}  // namespace invigil::cli
