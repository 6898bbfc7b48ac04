#include "services/cli/take/draw.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/cli/take/test_session.h"

namespace invigil::cli::take {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Key Character(char c) { return {Key::Kind::kCharacter, c}; }

TEST(Draw, AQuestionAt80By24) {
  State state = Begin(TestSession(), Duration(0));
  for (char c : std::string("nfAC")) Press(state, Character(c), Duration(0));
  EXPECT_EQ(Draw(state, {24, 80}, Seconds(30)).Text(),
            R"( EX-1  An Example Exam                                          Time left 09:30
 Question 2 of 40  FLAGGED                       1 answered, 1 flagged   saving

  What is the answer to question 2?

  Choose 2 of 6:

  [x] A  Option number 1
  [ ] B  Option number 2
  [x] C  Option number 3
  [ ] D  Option number 4
  [ ] E  Option number 5
  [ ] F  Option number 6

  F as a small letter flags: choose option F with Shift-F or 6.







--------------------------------------------------------------------------------
 A-F choose  N/P next/previous  f flag  G go to  R review  S submit  Q leave  ?
)");
}

TEST(Draw, LongItemsWrapAndScroll) {
  auto session = TestSession();
  std::string stem;
  for (int i = 0; i < 300; ++i) stem += "word" + std::to_string(i) + " ";
  session.mutable_items(0)->set_stem(stem);
  State state = Begin(session, Duration(0));
  std::string text = Draw(state, {24, 80}, Duration(0)).Text();
  EXPECT_THAT(text, HasSubstr("word0 "));
  EXPECT_THAT(text, HasSubstr("more below (Down, PgDn)"));
  EXPECT_THAT(text, Not(HasSubstr("( ) D")));
  for (int i = 0; i < 50; ++i) Press(state, {Key::Kind::kPageDown}, Duration(0));
  text = Draw(state, {24, 80}, Duration(0)).Text();
  EXPECT_THAT(text, HasSubstr("( ) D  Option number 4"));
  EXPECT_THAT(text, Not(HasSubstr("more below")));
  // The scroll stopped at the end: one page up moves at once.
  Press(state, {Key::Kind::kPageUp}, Duration(0));
  EXPECT_THAT(Draw(state, {24, 80}, Duration(0)).Text(), HasSubstr("more below"));
  Press(state, Character('n'), Duration(0));
  EXPECT_EQ(state.scroll, 0);
}

TEST(Draw, TheReviewKeepsItsCursorInSight) {
  State state = Begin(TestSession(), Duration(0));
  Press(state, Character('r'), Duration(0));
  Draw(state, {24, 80}, Duration(0));
  Press(state, {Key::Kind::kEnd}, Duration(0));
  EXPECT_THAT(Draw(state, {24, 80}, Duration(0)).Text(), HasSubstr(">  40  unanswered"));
  Press(state, {Key::Kind::kHome}, Duration(0));
  EXPECT_THAT(Draw(state, {24, 80}, Duration(0)).Text(), HasSubstr(">   1  unanswered"));
}

TEST(Draw, EveryViewFitsEverySize) {
  for (const Size size : {Size{3, 10}, Size{10, 40}, Size{24, 80}, Size{60, 200}}) {
    for (const View view :
         {View::kQuestion, View::kReview, View::kGoTo, View::kConfirmSubmit, View::kConfirmLeave,
          View::kHelp, View::kClosing, View::kReport, View::kEnded}) {
      State state = Begin(TestSession(), Duration(0));
      state.view = view;
      state.message = "A message that is longer than a narrow window is wide, by some words.";
      state.report.emplace().set_scale_max(1000);
      const std::string text = Draw(state, size, Duration(0)).Text();
      EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), size.rows);
    }
  }
  State state = Begin(TestSession(), Duration(0));
  EXPECT_THAT(Draw(state, {5, 79}, Duration(0)).Text(), HasSubstr("Make the window larger"));
}

TEST(Draw, ASectionAt80By24) {
  State state = Begin(PartsSession(2), Duration(0));
  for (char c : std::string("anf")) Press(state, Character(c), Duration(0));
  EXPECT_EQ(Draw(state, {24, 80}, Seconds(30)).Text(),
            R"( EX-2  Part 3 of 7: Verbal                              Section time left 01:30
 Question 2 of 4  FLAGGED                        1 answered, 1 flagged   saving

  What is the answer to question 2?

  Choose one:

  ( ) A  Option number 1
  ( ) B  Option number 2
  ( ) C  Option number 3
  ( ) D  Option number 4











--------------------------------------------------------------------------------
 A-D choose  N/P next/previous  f flag  G go to  R review  S end section  ?
)");
}

TEST(Draw, EveryPartFitsEverySize) {
  for (const Size size : {Size{3, 10}, Size{10, 40}, Size{24, 80}, Size{60, 200}}) {
    for (uint32_t part = 0; part < 7; ++part) {
      for (const View view : {View::kReading, View::kBreak, View::kMoving, View::kConfirmDecline,
                              View::kHelp, View::kConfirmLeave, View::kEnded}) {
        State state = Begin(PartsSession(part), Duration(0));
        state.view = view;
        const std::string text = Draw(state, size, Duration(0)).Text();
        EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), size.rows);
      }
    }
    for (const uint32_t section : {2, 4, 5}) {
      for (const View view : {View::kQuestion, View::kReview, View::kGoTo, View::kConfirmSubmit,
                              View::kConfirmPart, View::kConfirmBreak, View::kConfirmNext}) {
        State state = Begin(PartsSession(section), Duration(0));
        state.view = view;
        const std::string text = Draw(state, size, Duration(0)).Text();
        EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), size.rows);
      }
    }
  }
}

TEST(Draw, TextsOfTheBankCantDriveTheTerminal) {
  auto session = TestSession();
  session.mutable_items(0)->set_stem("evil \x1b[31m stem");
  session.mutable_items(0)->mutable_options(0)->set_text("\x1b]0;title\x07");
  session.set_title("\x1b[2J");
  State state = Begin(session, Duration(0));
  EXPECT_THAT(Draw(state, {24, 80}, Duration(0)).Text(), Not(HasSubstr("\x1b")));
  session = PartsSession(0);
  session.mutable_parts(0)->set_name("\x1b[2J");
  session.mutable_parts(0)->set_text("\x1b]0;title\x07");
  session.set_title("\x1b[2J");
  state = Begin(session, Duration(0));
  EXPECT_THAT(Draw(state, {24, 80}, Duration(0)).Text(), Not(HasSubstr("\x1b")));
}

TEST(Screen, SendsOnlyTheRowsThatChanged) {
  Screen before({3, 10});
  before.Put(0, 0, "same");
  Screen after = before;
  after.Put(1, 2, "new", Style::kBold);
  EXPECT_EQ(after.Ansi(&before, true), "\x1b[2;1H\x1b[0m  \x1b[0;1mnew\x1b[0m     \x1b[0m");
  EXPECT_EQ(after.Ansi(&after, true), "");
  EXPECT_THAT(after.Ansi(nullptr, true), HasSubstr("\x1b[2J"));
  EXPECT_EQ(Screen({1, 1}).Ansi(&before, true), "\x1b[0m\x1b[2J\x1b[1;1H\x1b[0m \x1b[0m");
}

TEST(Screen, CutsAtTheRightEdge) {
  Screen screen({1, 5});
  screen.Put(0, 3, "\xe6\xbc\xa2\xe6\xbc\xa2");  // two columns each: the second does not fit
  EXPECT_EQ(screen.Text(), "   \xe6\xbc\xa2\n");
}

TEST(KeyReader, PutsSequencesTogether) {
  KeyReader reader;
  reader.Feed("a\x1b");
  EXPECT_EQ(reader.Next(false), Character('a'));
  EXPECT_EQ(reader.Next(false), std::nullopt);
  reader.Feed("[");
  EXPECT_EQ(reader.Next(false), std::nullopt);
  reader.Feed("5~\r");
  EXPECT_EQ(reader.Next(false), Key{Key::Kind::kPageUp});
  EXPECT_EQ(reader.Next(false), Key{Key::Kind::kEnter});
  EXPECT_FALSE(reader.waiting());
}

TEST(KeyReader, ALoneEscapeIsAKeyOnceNothingFollows) {
  KeyReader reader;
  reader.Feed("\x1b");
  EXPECT_EQ(reader.Next(false), std::nullopt);
  EXPECT_EQ(reader.Next(true), Key{Key::Kind::kEscape});
  reader.Feed("\x1b\x1b[A");
  EXPECT_EQ(reader.Next(false), Key{Key::Kind::kEscape});
  EXPECT_EQ(reader.Next(false), Key{Key::Kind::kUp});
}

TEST(KeyReader, DropsWhatIsNoKeyOfOurs) {
  KeyReader reader;
  reader.Feed("\x1b[15~\x1b[1;5C\xc3\xa4\tb\x03");
  EXPECT_EQ(reader.Next(false), Character('b'));
  EXPECT_EQ(reader.Next(false), Key{Key::Kind::kInterrupt});
  EXPECT_EQ(reader.Next(false), std::nullopt);
}

}  // namespace
}  // namespace invigil::cli::take
