// What must hold for every link and every IRT equating, and named errors.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "common/base/random.h"
#include "common/error/error.h"
#include "services/scoring/domain/linking/chain.h"
#include "services/scoring/domain/linking/drift.h"
#include "services/scoring/domain/linking/irt_equating.h"
#include "services/scoring/domain/linking/link_errors.h"

namespace invigil::scoring::linking {
namespace {

std::vector<ItemParameters> RandomItems(Random& random, size_t n, double guess = 0.2) {
  std::vector<ItemParameters> items(n);
  for (ItemParameters& item : items) {
    item = {0.6 + random.Uniform(), random.Normal(), guess * random.Uniform()};
  }
  return items;
}

// `items` as a calibration on another scale would have them, without error.
std::vector<CommonItem> OnScales(const std::vector<ItemParameters>& items,
                                 const ScaleTransformation& link) {
  std::vector<CommonItem> common;
  for (const ItemParameters& item : items) {
    common.push_back({Transform(item, Inverse(link)), item});
  }
  return common;
}

TEST(Linking, EveryMethodFindsTheScaleWhenThereIsNoError) {
  Random random(1);
  for (int trial = 0; trial < 40; ++trial) {
    const ScaleTransformation truth{0.5 + 1.5 * random.Uniform(), 2 * random.Normal()};
    const auto common = OnScales(RandomItems(random, 2 + random.Below(15)), truth);
    for (LinkMethod method : kLinkMethods) {
      for (const AbilityNodes& nodes : {GaussHermite(30), Uniform(161, -4, 4)}) {
        const auto result = Link(method, common, nodes);
        ASSERT_TRUE(result.ok()) << result.status();
        EXPECT_NEAR(result->link.a, truth.a, 1e-8) << NameOf(method);
        EXPECT_NEAR(result->link.b, truth.b, 1e-8) << NameOf(method);
        EXPECT_NEAR(result->criterion, 0, 1e-16);
      }
    }
  }
}

TEST(Linking, MomentMethodsAreSymmetricAndChainsGoBack) {
  Random random(2);
  std::vector<CommonItem> there, back;
  for (int i = 0; i < 12; ++i) {
    const auto pair = RandomItems(random, 2);
    there.push_back({pair[0], pair[1]});
    back.push_back({pair[1], pair[0]});
  }
  for (LinkMethod method :
       {LinkMethod::kMeanMean, LinkMethod::kMeanGeometricMean, LinkMethod::kMeanSigma}) {
    const auto first = Link(method, there, {}), second = Link(method, back, {});
    ASSERT_TRUE(first.ok() && second.ok());
    const ScaleTransformation round = Compose(first->link, second->link);
    EXPECT_NEAR(round.a, 1, 1e-12);
    EXPECT_NEAR(round.b, 0, 1e-12);
    const ScaleTransformation inverse = Inverse(first->link);
    EXPECT_NEAR(inverse.a, second->link.a, 1e-12);
    EXPECT_NEAR(inverse.b, second->link.b, 1e-12);
  }
}

TEST(Linking, RaschKeepsItsUnit) {
  const std::vector<CommonItem> common = {{{1, -1, 0}, {1, -0.4, 0}}, {{1, 1, 0}, {1, 1.8, 0}}};
  for (LinkMethod method : kLinkMethods) {
    const auto result = Link(method, common, GaussHermite(30));
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result->link.a, 1);
    EXPECT_NEAR(result->link.b, 0.7, 0.05);
  }
  EXPECT_TRUE(Link(LinkMethod::kMeanSigma, {{{{1, 0, 0}, {1, 1, 0}}}}, {}).ok());
}

TEST(Linking, GaussHermiteIntegratesPolynomials) {
  for (int count : {1, 2, 5, 30, 100, 200}) {
    const AbilityNodes nodes = GaussHermite(count);
    double moments[7] = {};
    for (size_t q = 0; q < nodes.points.size(); ++q) {
      if (q > 0) {
        EXPECT_GT(nodes.points[q], nodes.points[q - 1]);
      }
      double power = 1;
      for (double& moment : moments) {
        moment += nodes.weights[q] * power;
        power *= nodes.points[q];
      }
    }
    const double exact[7] = {1, 0, 1, 0, 3, 0, 15};
    for (int k = 0; k <= std::min(6, 2 * count - 1); ++k) {
      EXPECT_NEAR(moments[k], exact[k], 1e-11) << count << " " << k;
    }
  }
}

// What links a Rasch calibration also has errors: they differentiate difficulties, never one slope.
TEST(Linking, ErrorsOfARaschLinkOfOneAnchor) {
  const std::vector<CommonItem> one = {{{1, -1, 0}, {1, -0.4, 0}}};
  std::vector<double> none(9, 0.0), difficulty(9, 0.0);
  difficulty[1 * 3 + 1] = 0.04;
  const std::vector<CommonItem> level = {{{1, 0.5, 0}, {1, 0.9, 0}}, {{1, 0.5, 0}, {1, 0.9, 0}}};
  std::vector<double> none_of_two(36, 0.0), first_of_two(36, 0.0);
  first_of_two[1 * 6 + 1] = 0.04;
  for (LinkMethod method : {LinkMethod::kMeanMean, LinkMethod::kMeanSigma}) {
    ASSERT_TRUE(Link(method, one, {}).ok()) << NameOf(method);
    const auto errors = LinkStandardErrors(method, one, {}, none, difficulty);
    ASSERT_TRUE(errors.ok()) << errors.status();
    EXPECT_EQ(errors->se_a, 0);
    EXPECT_NEAR(errors->se_b, 0.2, 1e-9);
    const auto of_two = LinkStandardErrors(method, level, {}, none_of_two, first_of_two);
    ASSERT_TRUE(of_two.ok()) << of_two.status();
    EXPECT_NEAR(of_two->se_b, 0.1, 1e-9);
  }
}

// Numbers that the errors must give: A scales with a slope alone, B moves with a difficulty alone.
TEST(Linking, ErrorsOfOneParameterAreItsShare) {
  const std::vector<CommonItem> common = {{{1, -1, 0}, {1.2, -0.4, 0}},
                                          {{1.1, 1, 0}, {0.9, 1.8, 0}}};
  std::vector<double> none(36, 0.0), difficulty(36, 0.0), slope(36, 0.0);
  difficulty[1 * 6 + 1] = 0.04;  // variance of b of the first item
  slope[0] = 0.04;               // of a of the first item
  const auto moved = LinkStandardErrors(LinkMethod::kMeanMean, common, {}, none, difficulty);
  ASSERT_TRUE(moved.ok());
  EXPECT_NEAR(moved->se_a, 0, 1e-9);
  EXPECT_NEAR(moved->se_b, 0.1, 1e-9);  // the mean of two
  const auto scaled = LinkStandardErrors(LinkMethod::kMeanMean, common, {}, slope, none);
  ASSERT_TRUE(scaled.ok());
  EXPECT_NEAR(scaled->se_a, 0.2 / 2.1, 1e-8);
  EXPECT_EQ(ReasonOf(LinkStandardErrors(LinkMethod::kMeanMean, common, {}, slope, {}).status()),
            "COVARIANCE_INVALID");
}

TEST(Linking, BadInputIsNamed) {
  const CommonItem good{{1, 0, 0}, {1.1, 0.2, 0}}, other{{0.9, 1, 0}, {1.2, 1.1, 0}};
  const auto reason = [](LinkMethod method, const std::vector<CommonItem>& items,
                         const AbilityNodes& nodes = GaussHermite(30)) {
    return ReasonOf(Link(method, items, nodes).status());
  };
  for (LinkMethod method : kLinkMethods) {
    EXPECT_EQ(reason(method, {}), "ANCHOR_TOO_FEW");
    EXPECT_EQ(reason(method, {good}), "ANCHOR_TOO_FEW");
    for (const ItemParameters& bad :
         {ItemParameters{0, 0, 0}, ItemParameters{-1, 0, 0}, ItemParameters{1, 0, 1},
          ItemParameters{1, std::numeric_limits<double>::quiet_NaN(), 0}}) {
      EXPECT_EQ(reason(method, {good, {bad, {1, 0, 0}}}), "ITEM_PARAMETERS_INVALID");
      EXPECT_EQ(reason(method, {good, {{1, 0, 0}, bad}}), "ITEM_PARAMETERS_INVALID");
    }
  }
  EXPECT_EQ(reason(LinkMethod::kMeanSigma, {good, {{0.9, 0, 0}, {1.2, 1.1, 0}}}),
            "ANCHOR_WITHOUT_SPREAD");
  EXPECT_EQ(reason(LinkMethod::kHaebara, {good, other}, {}), "NODES_INVALID");
  EXPECT_EQ(reason(LinkMethod::kHaebara, {good, other}, {{0, 1}, {1, -1}}), "NODES_INVALID");
  EXPECT_EQ(reason(LinkMethod::kStockingLord, {good, other}, {{0, 1}, {0, 0}}), "NODES_INVALID");
}

TEST(IrtEquating, AFormOnItselfIsIdentityAndTablesRise) {
  Random random(3);
  const Populations populations{.from = GaussHermite(30), .to = GaussHermite(30)};
  for (int trial = 0; trial < 30; ++trial) {
    const auto form = RandomItems(random, 1 + random.Below(40));
    const auto other = RandomItems(random, 1 + random.Below(40));
    const auto same_true = TrueScoreEquating(form, form);
    const auto same_observed = ObservedScoreEquating(form, form, populations);
    ASSERT_TRUE(same_true.ok() && same_observed.ok());
    for (size_t x = 0; x <= form.size(); ++x) {
      EXPECT_NEAR((*same_true)[x].equated, static_cast<double>(x), 1e-9);
      EXPECT_NEAR((*same_observed)[x].equated, static_cast<double>(x), 1e-9);
    }
    for (const auto& table :
         {TrueScoreEquating(form, other), ObservedScoreEquating(form, other, populations)}) {
      ASSERT_TRUE(table.ok());
      for (size_t x = 1; x < table->size(); ++x) {
        EXPECT_GE((*table)[x].equated, (*table)[x - 1].equated);
      }
    }
    EXPECT_EQ(TrueScoreEquating(form, other)->front().equated, 0);
    EXPECT_EQ(TrueScoreEquating(form, other)->back().equated, static_cast<double>(other.size()));
  }
}

TEST(IrtEquating, BadInputIsNamed) {
  const std::vector<ItemParameters> good = {{1, 0, 0}}, bad = {{1, 0, -0.1}};
  EXPECT_EQ(ReasonOf(TrueScoreEquating({}, good).status()), "ITEMS_EMPTY");
  EXPECT_EQ(ReasonOf(TrueScoreEquating(good, bad).status()), "ITEM_PARAMETERS_INVALID");
  const AbilityNodes nodes = GaussHermite(5);
  EXPECT_EQ(ReasonOf(ObservedScoreEquating(good, good, {nodes, nodes, 1.1}).status()),
            "WEIGHT_INVALID");
  EXPECT_EQ(ReasonOf(ObservedScoreEquating(good, good, {nodes, {}, 0.5}).status()),
            "NODES_INVALID");
}

// Requirement R10: an anchor 0.6 logit harder than before is found and taken out.
TEST(Drift, OneDriftedAnchorIsRemovedAndTheLinkIsRight) {
  Random random(4);
  for (int trial = 0; trial < 30; ++trial) {
    const ScaleTransformation truth{1.1, -0.3};
    auto common = OnScales(RandomItems(random, 20, 0), truth);
    for (CommonItem& item : common) item.from.difficulty += 0.05 * random.Normal();
    const size_t drifted = random.Below(20);
    common[drifted].from.difficulty += 0.6 / truth.a;
    for (LinkMethod method : {LinkMethod::kMeanMean, LinkMethod::kStockingLord}) {
      const auto screening = ScreenAnchors(method, common, GaussHermite(30));
      ASSERT_TRUE(screening.ok());
      EXPECT_EQ(screening->kept, 19u);
      EXPECT_FALSE(screening->stopped_at_bound);
      for (size_t i = 0; i < 20; ++i) EXPECT_EQ(screening->anchors[i].removed, i == drifted);
      EXPECT_NEAR(screening->anchors[drifted].displacement, 0.6, 0.25);
      EXPECT_NEAR(screening->link.link.b, truth.b, 0.05);
    }
  }
}

TEST(Drift, SmallMovesOfLargeSamplesStay) {
  Random random(5);
  auto common = OnScales(RandomItems(random, 20, 0), {1, 0});
  for (CommonItem& item : common) item.from.difficulty += 0.001 * random.Normal();
  common[3].from.difficulty += 0.1;  // a hundred deviations, and of no consequence
  const auto screening = ScreenAnchors(LinkMethod::kMeanMean, common, {});
  ASSERT_TRUE(screening.ok());
  EXPECT_EQ(screening->kept, 20u);
  EXPECT_GT(std::abs(screening->anchors[3].robust_z.value()), 10);
  EXPECT_GT(std::abs(screening->anchors[3].distance.value()), 3);
}

TEST(Drift, NeverBelowTheBound) {
  Random random(6);
  const auto drifting = [&](size_t anchors, size_t bad) {
    auto common = OnScales(RandomItems(random, anchors, 0), {1, 0});
    for (size_t i = 0; i < bad; ++i) common[i].from.difficulty += i % 2 == 0 ? 2 : -2;
    return ScreenAnchors(LinkMethod::kMeanMean, common, {}).value();
  };
  const DriftScreening large = drifting(40, 14);  // 80 % of 40
  EXPECT_EQ(large.kept, 32u);
  EXPECT_TRUE(large.stopped_at_bound);
  const DriftScreening small = drifting(17, 6);  // 15 at the least
  EXPECT_EQ(small.kept, 15u);
  EXPECT_TRUE(small.stopped_at_bound);
  const DriftScreening few = drifting(8, 2);  // all of them
  EXPECT_EQ(few.kept, 8u);
  EXPECT_TRUE(few.stopped_at_bound);
  const DriftScreening none = drifting(40, 0);
  EXPECT_EQ(none.kept, 40u);
  EXPECT_FALSE(none.stopped_at_bound);
}

}  // namespace
}  // namespace invigil::scoring::linking
