#include "services/scoring/domain/scoring.h"

#include <gtest/gtest.h>

#include "common/error/error.h"
#include "services/scoring/domain/testing.h"

namespace invigil::scoring {
namespace {

using testing::Answers;
using testing::MakeKey;
using testing::RandomItems;

class ScoringTest : public ::testing::Test {
 protected:
  Score Of(const std::vector<SealedResponse>& responses) const {
    auto score = ScoreResponses(responses, key_, conversion_);
    EXPECT_TRUE(score.ok()) << score.status();
    return *score;
  }
  static bool Same(const Score& a, const Score& b) {
    return a.raw_score == b.raw_score && a.scaled_score == b.scaled_score &&
           a.scaled_score_unrounded == b.scaled_score_unrounded && a.passed == b.passed &&
           a.standard_error == b.standard_error && a.domains == b.domains && a.basis == b.basis &&
           a.conversion_hash == b.conversion_hash && a.raw_max == b.raw_max;
  }

  Random random_{21};
  const std::vector<ItemParameters> items_ = RandomItems(random_, 50);
  ScoringKey key_ = MakeKey(items_, items_, 35, 15);
  Conversion conversion_ = BuildConversion(key_).value();
};

TEST_F(ScoringTest, EveryRawScoreReadsItsRow) {
  for (uint32_t right = 0; right <= 50; ++right) {
    const Score score = Of(Answers(key_, right));
    EXPECT_EQ(score.raw_score, right);
    EXPECT_EQ(score.raw_max, 50u);
    EXPECT_EQ(score.scaled_score, conversion_.rows[right].scaled_score);
    EXPECT_EQ(score.passed, right >= 35);
    EXPECT_EQ(score.conversion_hash, HashOf(conversion_));
    EXPECT_EQ(score.disclaimer, "Practice estimate.");
  }
}

// R24: pretest items never touch a result.
TEST_F(ScoringTest, FlippingEveryPretestResponseChangesNothing) {
  for (uint32_t right = 0; right <= 50; ++right) {
    auto omitted = Answers(key_, right);
    for (const KeyedItem& item : key_.items) {
      if (item.operational) continue;
      std::erase_if(omitted, [&](const auto& r) { return r.item_id == item.item_id; });
    }
    const Score with = Of(Answers(key_, right, true));
    EXPECT_TRUE(Same(with, Of(Answers(key_, right, false))));
    EXPECT_TRUE(Same(with, Of(omitted)));
  }
}

TEST_F(ScoringTest, NothingAnsweredIsTheLowestScore) {
  const Score score = Of({});
  EXPECT_EQ(score.raw_score, 0u);
  EXPECT_EQ(score.scaled_score, 100);
  EXPECT_FALSE(score.passed);
  for (const DomainScore& domain : score.domains) EXPECT_EQ(domain.band, Band::kBelow);
}

TEST_F(ScoringTest, MultipleResponseIsAllOrNothing) {
  const auto two = std::find_if(key_.items.begin(), key_.items.end(), [](const KeyedItem& item) {
    return item.operational && item.key_option_ids.size() == 2;
  });
  ASSERT_NE(two, key_.items.end());
  EXPECT_EQ(Of({{two->item_id, {"B", "E"}}}).raw_score, 1u);
  EXPECT_EQ(Of({{two->item_id, {"B"}}}).raw_score, 0u);
  EXPECT_EQ(Of({{two->item_id, {"B", "D", "E"}}}).raw_score, 0u);
  EXPECT_EQ(Of({{two->item_id, {"B", "D"}}}).raw_score, 0u);
  EXPECT_EQ(Of({{two->item_id, {}}}).raw_score, 0u);
}

TEST_F(ScoringTest, DomainsAddUpAndKeepTheBlueprintsOrder) {
  const Score score = Of(Answers(key_, 29));
  ASSERT_EQ(score.domains.size(), 4u);
  uint32_t right = 0, most = 0;
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(score.domains[i].domain_id, key_.domains[i].domain_id);
    EXPECT_EQ(score.domains[i].name, key_.domains[i].name);
    right += score.domains[i].raw_score;
    most += score.domains[i].raw_max;
  }
  EXPECT_EQ(right, 29u);
  EXPECT_EQ(most, 50u);
  // The first 29 right: domains 1 and 2 whole, 2 of 17 in the third, none of the fourth.
  EXPECT_EQ(score.domains[1].raw_score, 15u);
  EXPECT_EQ(score.domains[2].raw_score, 2u);
  EXPECT_EQ(score.domains[2].band, Band::kBelow);
  EXPECT_EQ(score.domains[3].raw_score, 0u);
}

TEST_F(ScoringTest, AConversionOfAnotherFormIsRefused) {
  Conversion other = conversion_;
  other.form_id = "form-2";
  EXPECT_EQ(ScoreResponses({}, key_, other).status().code(), absl::StatusCode::kInternal);
  other = conversion_;
  other.rows.pop_back();
  EXPECT_EQ(ScoreResponses({}, key_, other).status().code(), absl::StatusCode::kInternal);
}

TEST_F(ScoringTest, ForeignResponsesAreRefused) {
  EXPECT_EQ(ReasonOf(ScoreResponses({{"other", {"A"}}}, key_, conversion_).status()),
            "RESPONSE_INVALID");
}

TEST_F(ScoringTest, ReplayFromTheStoredConversionIsTheSameToTheLastBit) {
  const Conversion stored = ParseConversion(Serialize(conversion_)).value();
  for (uint32_t right = 0; right <= 50; right += 5) {
    const auto responses = Answers(key_, right);
    EXPECT_TRUE(Same(Of(responses), ScoreResponses(responses, key_, stored).value()));
  }
}

TEST(Bands, NeedMoreThanOneAndAHalfDeviations) {
  const DomainStandard standard{
      .domain_id = "1", .raw_max = 12, .expected_at_cut = 8, .deviation = 2};
  EXPECT_EQ(BandOf(4, standard), Band::kBelow);
  EXPECT_EQ(BandOf(5, standard), Band::kNotEnoughEvidence);  // exactly 1.5
  EXPECT_EQ(BandOf(8, standard), Band::kNotEnoughEvidence);
  EXPECT_EQ(BandOf(11, standard), Band::kNotEnoughEvidence);
  EXPECT_EQ(BandOf(12, standard), Band::kAbove);
  EXPECT_EQ(BandOf(0, {.domain_id = "2"}), Band::kNotEnoughEvidence);
}

// A candidate who just passes should rarely be called weak or strong anywhere.
TEST(Bands, SeldomCallAJustPassingCandidateWeak) {
  Random random(22);
  const auto items = RandomItems(random, 50);
  const ScoringKey key = MakeKey(items, items, 35);
  const Conversion conversion = BuildConversion(key).value();
  int called = 0;
  constexpr int kCandidates = 2000;
  for (int i = 0; i < kCandidates; ++i) {
    std::vector<SealedResponse> responses;
    for (const KeyedItem& item : key.items) {
      if (random.Uniform() < Probability(item.irt, conversion.theta_cut)) {
        responses.push_back({item.item_id, item.key_option_ids});
      }
    }
    const Score score = ScoreResponses(responses, key, conversion).value();
    for (const DomainScore& domain : score.domains) {
      called += domain.band != Band::kNotEnoughEvidence;
    }
  }
  EXPECT_LT(called, 0.2 * 4 * kCandidates);
  EXPECT_GT(called, 0);
}

TEST(Sentences, GiveNoNumbersAway) {
  for (Band band : {Band::kBelow, Band::kNotEnoughEvidence, Band::kAbove}) {
    EXPECT_EQ(BandSentence(band).find_first_of("0123456789"), std::string::npos);
  }
  EXPECT_NE(BasisSentence(false).find("authors' judgement, not calibrated on responses"),
            std::string::npos);
  EXPECT_EQ(BasisSentence(true).find("judgement"), std::string::npos);
}

}  // namespace
}  // namespace invigil::scoring
