#include "services/session/events/cursor.h"

#include <gtest/gtest.h>

#include <string>

namespace invigil::session {
namespace {

std::string HashOf(const std::string& begin) { return begin + std::string(64 - begin.size(), '7'); }

TEST(CursorTest, ReadsBackNumberAndMark) {
  for (const uint64_t n : {uint64_t{1}, uint64_t{41}, uint64_t{1} << 20, uint64_t{1} << 40}) {
    EXPECT_EQ(ParseCursor(CursorAt(n, HashOf("abcde"))), (Cursor{n, 0xabcde}));
    EXPECT_EQ(ParseCursor(CursorAt(n, HashOf("fffff"))), (Cursor{n, 0xfffff}));
    EXPECT_EQ(ParseCursor(CursorAt(n, HashOf("00000"))), (Cursor{n, 1})) << "0 means not known";
    EXPECT_EQ(ParseCursor(CursorAt(n, "")), (Cursor{n, 0}));
    EXPECT_EQ(ParseCursor(CursorAt(n, "no hash")), (Cursor{n, 0}));
  }
  EXPECT_EQ(CursorAt(0, HashOf("abcde")), 0u);
  EXPECT_EQ(ParseCursor(0), (Cursor{0, 0}));
}

TEST(CursorTest, RisesWithTheNumberWhateverTheMarks) {
  for (uint64_t n = 1; n < 100; ++n) {
    EXPECT_LT(CursorAt(n, HashOf("fffff")), CursorAt(n + 1, ""));
  }
}

TEST(CursorTest, NumbersOfTheFirstReleaseAreThemselvesAndFitEveryHistory) {
  EXPECT_EQ(ParseCursor(41), (Cursor{41, 0}));
  EXPECT_LT(41u, CursorAt(1, ""));
  EXPECT_TRUE(MarksAgree(ParseCursor(41).mark, 5));
  EXPECT_TRUE(MarksAgree(5, 5));
  EXPECT_FALSE(MarksAgree(5, 6));
}

}  // namespace
}  // namespace invigil::session
