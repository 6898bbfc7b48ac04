#include "services/cli/stats/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error/error.h"

namespace invigil::cli::stats {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Arguments With(const std::string& value) { return {{{"x", value}}, {{"on", true}}}; }

TEST(Arguments, NumbersWithinBounds) {
  EXPECT_EQ(With("0.5").Real("x", 0, 1).value(), 0.5);
  EXPECT_EQ(With("61").Number("x", 2, 1000).value(), 61);
  EXPECT_TRUE(With("x").On("on"));
  EXPECT_FALSE(With("").Has("x"));
  for (const char* wrong : {"", "1.5", "-1", "nan", "inf", "1x"}) {
    EXPECT_EQ(ReasonOf(With(wrong).Real("x", 0, 1).status()), "USAGE") << wrong;
    EXPECT_EQ(ReasonOf(With(wrong).Number("x", 0, 1).status()), "USAGE") << wrong;
  }
}

TEST(Arguments, ListsOfNumbers) {
  EXPECT_THAT(With("61,-6,6").Reals("x", 3).value(), ElementsAre(61, -6, 6));
  EXPECT_THAT(With("1, 2").Reals("x", 0).value(), ElementsAre(1, 2));
  for (const char* wrong : {"", "61,-6", "61,-6,6,", "61,,6", "61,-6,x", ","}) {
    EXPECT_EQ(ReasonOf(With(wrong).Reals("x", 3).status()), "USAGE") << wrong;
  }
}

TEST(Arguments, ChoicesSuggestTheNearest) {
  EXPECT_EQ(With("map").Choice("x", {"eap", "map"}).value(), 1u);
  EXPECT_THAT(std::string(With("rash").Choice("x", {"rasch", "2pl"}).status().message()),
              HasSubstr("did you mean \"rasch\"?"));
  EXPECT_THAT(std::string(With("zzz").Choice("x", {"rasch", "2pl"}).status().message()),
              HasSubstr("there are: rasch, 2pl"));
}

}  // namespace
}  // namespace invigil::cli::stats
