#include "services/scoring/domain/signals/what_if.h"

#include <gtest/gtest.h>

#include "common/error/error.h"
#include "services/scoring/domain/signals/simulate.h"

namespace invigil::scoring {
namespace {

const std::vector<size_t> kItems = {12, 15, 17, 6};

class WhatIfTest : public ::testing::Test {
 protected:
  WhatIfTest()
      : model_(ReadinessModel::Create(SimulatedExam(2026)).value()),
        readiness_(SimulateLearner(model_, {}, random_).readiness) {}

  std::vector<WhatIf> Raised(double points) {
    return WhatIfRaised(model_, readiness_, kItems, points).value();
  }

  Random random_{17};
  ReadinessModel model_;
  Readiness readiness_;
};

TEST_F(WhatIfTest, MarginalEffectsAreInProportionToTheQuestions) {
  const auto changes = Raised(0.1);
  // Security counts 15 questions, billing 6: two and a half times.
  EXPECT_NEAR(changes[1].probability_change / changes[3].probability_change, 2.5, 0.01);
  EXPECT_NEAR(changes[1].scaled_change / changes[3].scaled_change, 2.5, 0.05);
  EXPECT_NEAR(changes[1].raw_change / changes[3].raw_change, 2.5, 0.02);
  EXPECT_GT(changes[3].probability_change, 0);
}

TEST_F(WhatIfTest, NothingRaisedChangesNothingAndLoweringLowers) {
  for (const WhatIf& change : Raised(0)) {
    EXPECT_EQ(change.raw_change, 0);
    EXPECT_EQ(change.scaled_change, 0);
    EXPECT_EQ(change.probability_change, 0);
  }
  double last = -1;
  for (double points : {-50.0, -10.0, -1.0, 1.0, 10.0, 50.0}) {
    const WhatIf change = Raised(points)[2];
    EXPECT_GT(change.probability_change, last);
    EXPECT_EQ(change.probability_change > 0, points > 0);
    last = change.probability_change;
  }
}

TEST_F(WhatIfTest, BadInputIsANamedError) {
  const auto reason = [&](std::vector<size_t> items, double points) {
    return ReasonOf(WhatIfRaised(model_, readiness_, items, points).status());
  };
  EXPECT_EQ(reason({}, 5), "WHAT_IF_INVALID");
  EXPECT_EQ(reason({12, 15, 17, 7}, 5), "WHAT_IF_INVALID");
  EXPECT_EQ(reason(kItems, 101), "WHAT_IF_INVALID");
  EXPECT_EQ(ReasonOf(WhatIfRaised(model_, {}, kItems, 5).status()), "WHAT_IF_INVALID");
}

}  // namespace
}  // namespace invigil::scoring
