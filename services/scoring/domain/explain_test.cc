#include "services/scoring/domain/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/scoring/domain/testing.h"

namespace invigil::scoring {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ExplainTest : public ::testing::Test {
 protected:
  Random random_{31};
  const std::vector<ItemParameters> items_ = testing::RandomItems(random_, 50);
  const Conversion conversion_ = BuildConversion(testing::MakeKey(items_, items_, 35)).value();
};

// R05: 17.1 points a question below the cut, 20 above.
TEST_F(ExplainTest, StatesTheDistanceInPointsAndInQuestions) {
  const Explanation below = Explain(conversion_, 32);
  EXPECT_NEAR(below.points_from_cut, -3 * 600.0 / 35, 1e-9);
  EXPECT_EQ(below.questions_from_cut, -3);
  EXPECT_NEAR(below.points_per_question_up, 17.142857, 1e-6);
  EXPECT_NEAR(below.points_per_question_down, 17.142857, 1e-6);
  EXPECT_THAT(below.text, HasSubstr("32 of 50 scored questions"));
  EXPECT_THAT(below.text, HasSubstr("51.4 points and 3 questions below what just passes"));
  EXPECT_THAT(below.text, HasSubstr("One more right would have added 17.1 points"));
  EXPECT_THAT(below.text, HasSubstr("35 right (70% of the scored questions)"));
  EXPECT_THAT(below.text, HasSubstr("chance alone could have put the result on the other side"));

  const Explanation above = Explain(conversion_, 40);
  EXPECT_NEAR(above.points_from_cut, 100, 1e-9);
  EXPECT_EQ(above.questions_from_cut, 5);
  EXPECT_NEAR(above.points_per_question_up, 20, 1e-9);
  EXPECT_THAT(above.text, HasSubstr("100.0 points and 5 questions above"));
}

TEST_F(ExplainTest, AtTheCutThereIsNoQuestionToSpare) {
  const Explanation e = Explain(conversion_, 35);
  EXPECT_EQ(e.questions_from_cut, 0);
  EXPECT_NEAR(e.points_per_question_down, 600.0 / 35, 1e-9);
  EXPECT_NEAR(e.points_per_question_up, 20, 1e-9);
  EXPECT_THAT(e.text, HasSubstr("passes with no question to spare"));
  EXPECT_THAT(Explain(conversion_, 34).text, HasSubstr("and 1 question below"));
}

TEST_F(ExplainTest, TheEndsHaveNoNextQuestion) {
  const Explanation none = Explain(conversion_, 0), all = Explain(conversion_, 50);
  EXPECT_EQ(none.points_per_question_down, 0);
  EXPECT_THAT(none.text, Not(HasSubstr("One fewer")));
  EXPECT_THAT(none.text, HasSubstr("would hardly have put"));
  EXPECT_EQ(all.points_per_question_up, 0);
  EXPECT_THAT(all.text, Not(HasSubstr("One more")));
  EXPECT_THAT(all.text, HasSubstr("printed as 1000"));
}

}  // namespace
}  // namespace invigil::scoring
