#include <gtest/gtest.h>

#include <cmath>

#include "common/base/random.h"
#include "common/error/error.h"
#include "services/scoring/domain/decisions/angoff.h"
#include "services/scoring/domain/decisions/bookmark.h"
#include "services/scoring/domain/decisions/compromise.h"

namespace invigil::scoring {
namespace {

// Three judges, four items; the second round is closer together.
std::vector<AngoffRating> Panel() {
  const double first[3][4] = {{0.9, 0.7, 0.5, 0.3}, {0.8, 0.6, 0.6, 0.2}, {0.7, 0.8, 0.4, 0.1}};
  const double second[3][4] = {{0.9, 0.7, 0.5, 0.2}, {0.8, 0.7, 0.5, 0.2}, {0.8, 0.7, 0.5, 0.1}};
  std::vector<AngoffRating> ratings;
  for (int judge = 0; judge < 3; ++judge) {
    for (int item = 0; item < 4; ++item) {
      const std::string j(1, static_cast<char>('a' + judge)), i = std::to_string(item);
      ratings.push_back({1, j, i, first[judge][item]});
      ratings.push_back({2, j, i, second[judge][item]});
    }
  }
  return ratings;
}

TEST(Angoff, CutAndItsErrorByHand) {
  const auto result = Angoff(Panel());
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->rounds.size(), 2u);
  const AngoffRound& round = result->rounds[0];
  EXPECT_NEAR(round.judges[0].cut, 2.4, 1e-12);
  EXPECT_NEAR(round.judges[1].cut, 2.2, 1e-12);
  EXPECT_NEAR(round.judges[2].cut, 2.0, 1e-12);
  EXPECT_NEAR(round.cut, 2.2, 1e-12);
  EXPECT_NEAR(round.sd, 0.2, 1e-12);
  EXPECT_NEAR(round.se, 0.2 / std::sqrt(3.0), 1e-12);
  EXPECT_NEAR(round.judges[0].mean_difference, (2.4 - 2.1) / 4, 1e-12);
  EXPECT_GT(round.judges[0].agreement.value(), 0.9);
  EXPECT_FALSE(round.judges[0].difficulty_correlation.has_value());
  EXPECT_NEAR(result->cut(), (2.3 + 2.2 + 2.1) / 3, 1e-12);
  EXPECT_LT(result->se(), round.se);
}

TEST(Angoff, ComponentsReproduceTheErrorOverJudges) {
  // items x sqrt(judge variance / n + residual / (n items)) is sd / sqrt(n) unless a component was
  // cut off at 0.
  Random random(5);
  int checked = 0;
  for (int trial = 0; trial < 50; ++trial) {
    std::vector<AngoffRating> ratings;
    for (int j = 0; j < 8; ++j) {
      const double strict = 0.1 * random.Normal();
      for (int i = 0; i < 15; ++i) {
        const double rating = 0.3 + 0.03 * i + strict + 0.05 * random.Normal();
        ratings.push_back({1, std::to_string(j), std::to_string(i), std::clamp(rating, 0.0, 1.0)});
      }
    }
    const auto result = Angoff(ratings);
    ASSERT_TRUE(result.ok());
    const AngoffRound& round = result->rounds[0];
    if (round.judge_variance == 0) continue;
    const double rebuilt =
        15 * std::sqrt(round.judge_variance / 8 + round.residual_variance / (8 * 15));
    EXPECT_NEAR(rebuilt, round.se, 1e-9);
    EXPECT_GE(round.se_judges_and_items, round.se);
    EXPECT_GT(round.dependability.value(), 0);
    EXPECT_LT(round.dependability.value(), 1);
    ++checked;
  }
  EXPECT_GT(checked, 40);
}

TEST(Angoff, JudgesAgainstDifficulties) {
  const auto result = Angoff(Panel(), {{"0", 0.95}, {"1", 0.7}, {"2", 0.5}, {"3", 0.2}});
  ASSERT_TRUE(result.ok());
  EXPECT_GT(result->rounds[0].judges[0].difficulty_correlation.value(), 0.97);
  // A judge who gives every item the same rating agrees with nobody; that is no number.
  std::vector<AngoffRating> flat = Panel();
  for (AngoffRating& rating : flat) {
    if (rating.judge == "c") rating.rating = 0.5;
  }
  const auto other = Angoff(flat);
  ASSERT_TRUE(other.ok());
  EXPECT_FALSE(other->rounds[0].judges[2].agreement.has_value());
}

// A second round over the items that were discussed is a usual way to write it down, and its sum a
// cut of nothing.
TEST(Angoff, ARoundOverOtherItemsIsRefused) {
  auto ratings = Panel();
  std::erase_if(ratings, [](const AngoffRating& r) { return r.round == 2 && r.item == "0"; });
  const auto result = Angoff(ratings);
  EXPECT_EQ(ReasonOf(result.status()), "ANGOFF_ROUND_ITEMS");
  EXPECT_NE(result.status().message().find("round 2"), std::string::npos);
}

TEST(Angoff, BadInputIsANamedError) {
  const auto reason = [](std::vector<AngoffRating> ratings,
                         const std::map<std::string, double>& p = {}) {
    return ReasonOf(Angoff(ratings, p).status());
  };
  EXPECT_EQ(reason({}), "ANGOFF_EMPTY");
  EXPECT_EQ(reason({{1, "a", "1", 0.5}, {1, "a", "2", 0.5}}), "ANGOFF_ONE_JUDGE");
  EXPECT_EQ(reason({{1, "a", "1", 0.5}, {1, "b", "1", 0.5}}), "ANGOFF_ONE_ITEM");
  auto ratings = Panel();
  ratings[0].rating = 1.01;
  EXPECT_EQ(reason(ratings), "ANGOFF_RATING_RANGE");
  ratings[0].rating = std::nan("");
  EXPECT_EQ(reason(ratings), "ANGOFF_RATING_RANGE");
  ratings = Panel();
  ratings.push_back(ratings[3]);
  EXPECT_EQ(reason(ratings), "ANGOFF_RATING_REPEATED");
  ratings = Panel();
  ratings.pop_back();
  EXPECT_EQ(reason(ratings), "ANGOFF_RATING_MISSING");
  EXPECT_EQ(reason(Panel(), {{"0", 0.5}}), "ANGOFF_DIFFICULTY");
  EXPECT_EQ(reason(Panel(), {{"0", 0.5}, {"1", 7}, {"2", 0}, {"3", 1}}), "ANGOFF_DIFFICULTY");
}

// 0, 1, ..., 10 once each: the pass rate at cut k is (11 - k) / 11.
std::vector<double> Flat() { return {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}; }

TEST(Beuk, ByHand) {
  // Means 6 and 0.5, standard deviations sqrt(2) and 0.1 sqrt(2): slope 0.1.
  const auto result = Beuk(std::vector<BeukJudgement>{{"a", 5, 0.4}, {"b", 7, 0.6}}, Flat(), 10);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_NEAR(result->slope, 0.1, 1e-12);
  // 0.5 + 0.1 (k - 6) = 1 - k / 11.
  EXPECT_NEAR(result->cut, 1.1 / (0.1 + 1.0 / 11), 1e-9);
  EXPECT_NEAR(result->pass_rate, 1 - result->cut / 11, 1e-9);
}

TEST(Beuk, GivesWayWhereJudgesDisagree) {
  // All agree on the cut: it stays. All agree on the pass rate: that stays.
  const auto cut = Beuk(std::vector<BeukJudgement>{{"a", 6, 0.2}, {"b", 6, 0.9}}, Flat(), 10);
  ASSERT_TRUE(cut.ok());
  EXPECT_NEAR(cut->cut, 6, 1e-9);
  EXPECT_TRUE(std::isinf(cut->slope));
  const auto rate = Beuk(std::vector<BeukJudgement>{{"a", 3, 0.5}, {"b", 8, 0.5}}, Flat(), 10);
  ASSERT_TRUE(rate.ok());
  EXPECT_NEAR(rate->pass_rate, 0.5, 1e-9);
}

TEST(Hofstee, ByHandAndInsideTheBounds) {
  const auto result = Hofstee(
      std::vector<HofsteeJudgement>{{"a", 4, 7, 0.1, 0.5}, {"b", 4, 9, 0.3, 0.9}}, Flat(), 10);
  ASSERT_TRUE(result.ok()) << result.status();
  // From (4, 0.7) to (8, 0.2): fail = 0.7 - 0.125 (k - 4) = k / 11.
  EXPECT_NEAR(result->cut, 1.2 / (0.125 + 1.0 / 11), 1e-9);
  EXPECT_NEAR(1 - result->pass_rate, result->cut / 11, 1e-9);
  EXPECT_GT(result->cut, 4);
  EXPECT_LT(result->cut, 8);
}

TEST(Hofstee, ACurveThatMissesTheBoundsIsAnErrorThatSaysWhere) {
  const std::vector<double> strong(20, 10), weak(20, 0);
  const std::vector<HofsteeJudgement> judges = {{"a", 4, 7, 0.1, 0.5}};
  const auto easy = Hofstee(judges, strong, 10).status();
  EXPECT_EQ(ReasonOf(easy), "COMPROMISE_NO_CROSSING");
  EXPECT_NE(easy.message().find("fewer"), std::string::npos);
  const auto hard = Hofstee(judges, weak, 10).status();
  EXPECT_EQ(ReasonOf(hard), "COMPROMISE_NO_CROSSING");
  EXPECT_NE(hard.message().find("more"), std::string::npos);
}

TEST(Compromise, BadInputIsANamedError) {
  const std::vector<BeukJudgement> good = {{"a", 5, 0.4}, {"b", 7, 0.6}};
  EXPECT_EQ(ReasonOf(Beuk(good, {}, 10).status()), "SCORES_EMPTY");
  EXPECT_EQ(ReasonOf(Beuk(good, Flat(), 0).status()), "SCALE_INVALID");
  EXPECT_EQ(ReasonOf(Beuk(good, Flat(), 9).status()), "SCORE_OUTSIDE_SCALE");
  EXPECT_EQ(ReasonOf(Beuk(good, std::vector<double>{0.5}, 9).status()), "SCORE_OUTSIDE_SCALE");
  EXPECT_EQ(ReasonOf(Beuk({}, Flat(), 10).status()), "JUDGEMENTS_EMPTY");
  EXPECT_EQ(
      ReasonOf(Beuk(std::vector<BeukJudgement>{{"a", 5, 40}, {"b", 7, 60}}, Flat(), 10).status()),
      "JUDGEMENT_RANGE");
  EXPECT_EQ(
      ReasonOf(Beuk(std::vector<BeukJudgement>{{"a", 5, 0.4}, {"b", 5, 0.4}}, Flat(), 10).status()),
      "BEUK_NO_SPREAD");
  EXPECT_EQ(ReasonOf(Hofstee({}, Flat(), 10).status()), "JUDGEMENTS_EMPTY");
  EXPECT_EQ(
      ReasonOf(Hofstee(std::vector<HofsteeJudgement>{{"a", 7, 4, 0.1, 0.5}}, Flat(), 10).status()),
      "JUDGEMENT_RANGE");
}

TEST(Bookmark, LocationsOrderAndCut) {
  // P = .67 lies ln(.67 / .33) / a above b; guessing brings it nearer.
  const std::vector<ItemParameters> items = {{1, 1, 0}, {2, 0, 0}, {1, -1, 0.2}, {1, 2, 0}};
  const auto result = Bookmark(items, std::vector<int>{3, 3, 4});
  ASSERT_TRUE(result.ok()) << result.status();
  const double away = std::log(0.67 / 0.33);
  EXPECT_EQ(result->booklet[0].item, 2u);
  EXPECT_NEAR(result->booklet[0].location, -1 + std::log(0.47 / 0.33), 1e-12);
  EXPECT_NEAR(result->booklet[1].location, away / 2, 1e-12);
  EXPECT_NEAR(result->theta_cut, 1 + away, 1e-12);  // the median of 1, 1, 2 plus away
  EXPECT_NEAR(result->raw_cut, ExpectedNumberCorrect(items, 1 + away), 1e-12);
  EXPECT_NEAR(result->sd, std::sqrt(1.0 / 3), 1e-12);
  EXPECT_NEAR(result->se, 1.0 / 3, 1e-12);
  for (const OrderedItem& ordered : result->booklet) {
    EXPECT_NEAR(Probability(items[ordered.item], ordered.location), 0.67, 1e-12);
  }
}

TEST(Bookmark, PlacesMeansAndD) {
  const std::vector<ItemParameters> items = {{1, 0, 0}, {1, 1, 0}, {1, 3, 0}};
  const std::vector<int> pages = {2, 3, 3};
  const auto at = [&](BookmarkPlace place, double rp, bool median, double d = 1) {
    return Bookmark(items, pages,
                    {.response_probability = rp, .d = d, .place = place, .median = median})
        ->theta_cut;
  };
  EXPECT_NEAR(at(BookmarkPlace::kMarked, 0.5, true), 3, 1e-12);
  EXPECT_NEAR(at(BookmarkPlace::kPrevious, 0.5, true), 1, 1e-12);
  EXPECT_NEAR(at(BookmarkPlace::kMidpoint, 0.5, true), 2, 1e-12);
  EXPECT_NEAR(at(BookmarkPlace::kMarked, 0.5, false), 7.0 / 3, 1e-12);
  EXPECT_NEAR(at(BookmarkPlace::kMarked, 0.67, true, 1.7), 3 + std::log(0.67 / 0.33) / 1.7, 1e-12);
}

TEST(Bookmark, BadInputIsANamedError) {
  const std::vector<ItemParameters> items = {{1, 0, 0}, {1, 1, 0.25}};
  const auto reason = [&](std::vector<int> pages, BookmarkOptions options = {}) {
    return ReasonOf(Bookmark(items, pages, options).status());
  };
  EXPECT_EQ(ReasonOf(Bookmark({}, std::vector<int>{1, 1}).status()), "ITEMS_EMPTY");
  EXPECT_EQ(reason({1}), "BOOKMARKS_EMPTY");
  EXPECT_EQ(reason({0, 1}), "BOOKMARK_PAGE");
  EXPECT_EQ(reason({1, 3}), "BOOKMARK_PAGE");
  EXPECT_EQ(reason({1, 2}, {.place = BookmarkPlace::kPrevious}), "BOOKMARK_PAGE");
  EXPECT_EQ(reason({2, 3}, {.place = BookmarkPlace::kPrevious}), "");
  EXPECT_EQ(reason({1, 2}, {.response_probability = 1}), "BOOKMARK_OPTIONS");
  EXPECT_EQ(reason({1, 2}, {.d = 0}), "BOOKMARK_OPTIONS");
  EXPECT_EQ(reason({1, 2}, {.response_probability = 0.25}), "BOOKMARK_UNREACHABLE");
  EXPECT_EQ(
      ReasonOf(Bookmark(std::vector<ItemParameters>{{-1, 0, 0}}, std::vector<int>{1, 1}).status()),
      "ITEM_PARAMETERS_INVALID");
}

}  // namespace
}  // namespace invigil::scoring
