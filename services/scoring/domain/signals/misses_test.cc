#include "services/scoring/domain/signals/misses.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/error/error.h"

namespace invigil::scoring {
namespace {

using Options = std::vector<std::string>;

std::optional<NearMiss> Note(const Options& key, const Options& chosen,
                             KeyExposure exposure = KeyExposure::kFull) {
  return NearMissOf(key, chosen, exposure).value();
}

TEST(NearMiss, OneOptionAway) {
  const auto exchanged = Note({"A", "C", "D"}, {"D", "B", "A"});
  ASSERT_TRUE(exchanged.has_value());
  EXPECT_TRUE(exchanged->near);
  EXPECT_EQ(exchanged->right_chosen, 2u);
  EXPECT_EQ(exchanged->wrong_chosen, 1u);
  EXPECT_EQ(exchanged->missed, 1u);
  EXPECT_EQ(exchanged->missed_options, (Options{"C"}));
  EXPECT_EQ(exchanged->own_wrong, (Options{"B"}));
  EXPECT_TRUE(Note({"A", "C"}, {"A"})->near);
  EXPECT_TRUE(Note({"A", "C"}, {"A", "B", "C"})->near);
  EXPECT_FALSE(Note({"A", "C"}, {"B", "D"})->near);
}

TEST(NearMiss, NothingToNote) {
  EXPECT_FALSE(Note({"A", "C"}, {"C", "A"}).has_value());  // right
  EXPECT_FALSE(Note({"A", "C"}, {}).has_value());
  EXPECT_FALSE(Note({"A"}, {"B"}).has_value());
}

// What an exposure hides must not be anywhere in what is returned.
TEST(NearMiss, ShowsOfTheKeyOnlyWhatTheModeAllows) {
  EXPECT_FALSE(Note({"A", "C"}, {"A", "B"}, KeyExposure::kNothing).has_value());
  const auto counts = Note({"Alpha", "Gamma"}, {"Alpha", "Beta"}, KeyExposure::kCounts);
  ASSERT_TRUE(counts.has_value());
  EXPECT_TRUE(counts->own_right.empty() && counts->own_wrong.empty() &&
              counts->missed_options.empty());
  EXPECT_EQ(counts->note,
            "You chose 1 of the 2 right options and 1 that is not right; one option away, and the "
            "item gives no partial credit.");
  const auto own = Note({"Alpha", "Gamma"}, {"Alpha", "Beta"}, KeyExposure::kOwnChoices);
  EXPECT_EQ(own->own_right, (Options{"Alpha"}));
  EXPECT_TRUE(own->missed_options.empty());
  EXPECT_EQ(own->note.find("Gamma"), std::string::npos);
}

TEST(NearMiss, BadInputIsANamedError) {
  const auto reason = [](const Options& key, const Options& chosen) {
    return ReasonOf(NearMissOf(key, chosen, KeyExposure::kFull).status());
  };
  EXPECT_EQ(reason({}, {"A"}), "KEY_INVALID");
  EXPECT_EQ(reason({"A", "A"}, {"A"}), "KEY_INVALID");
  EXPECT_EQ(reason({"A", "B"}, {"A", "A"}), "RESPONSE_INVALID");
}

// A typical item: half a minute to a minute.
MissTrail Trail() { return {.seconds = 45, .log_mean = std::log(45.0), .log_deviation = 0.5}; }

TEST(MissKinds, EachByItsSign) {
  const auto kind = [](MissTrail miss) { return KindOf(miss).value(); };
  EXPECT_EQ(kind(Trail()), MissKind::kGap);
  MissTrail miss = Trail();
  miss.reached = false;
  EXPECT_EQ(kind(miss), MissKind::kNotReached);
  miss = Trail();
  miss.answered = false;
  EXPECT_EQ(kind(miss), MissKind::kOmitted);
  miss = Trail();
  miss.wanted = 3;
  EXPECT_EQ(kind(miss), MissKind::kIncomplete);
  miss = Trail();
  miss.seconds = 4.4;  // below a tenth of the typical time
  EXPECT_EQ(kind(miss), MissKind::kRapidGuess);
  miss.seconds = 4.6;
  EXPECT_EQ(kind(miss), MissKind::kGap);
  miss = Trail();
  miss.was_right = true;
  EXPECT_EQ(kind(miss), MissKind::kChangedAway);
  miss = Trail();
  miss.near = true;
  EXPECT_EQ(kind(miss), MissKind::kNearMiss);
  miss = Trail();
  miss.seconds_left = 20;
  EXPECT_EQ(kind(miss), MissKind::kRushed);
  miss = Trail();
  miss.seconds = 45 * std::exp(0.5 * 1.7);
  EXPECT_EQ(kind(miss), MissKind::kStruggled);
  miss = Trail();
  miss.confident = true;
  EXPECT_EQ(kind(miss), MissKind::kConfident);
  // Without typical times only what nobody can read in is a guess.
  EXPECT_EQ(kind({.seconds = 1.9}), MissKind::kRapidGuess);
  EXPECT_EQ(kind({.seconds = 2.1}), MissKind::kGap);
}

TEST(MissKinds, CountsAndBadInput) {
  MissTrail fast = Trail();
  fast.seconds = 1;
  const auto counts = CountKinds(std::vector{Trail(), Trail(), fast});
  ASSERT_TRUE(counts.ok());
  EXPECT_EQ((*counts)[static_cast<size_t>(MissKind::kGap)], 2u);
  EXPECT_EQ((*counts)[static_cast<size_t>(MissKind::kRapidGuess)], 1u);
  for (MissTrail bad :
       {MissTrail{.seconds = -1}, MissTrail{.seconds = std::nan("")},
        MissTrail{.log_mean = 1, .log_deviation = 0}, MissTrail{.seconds_left = -2}}) {
    EXPECT_EQ(ReasonOf(KindOf(bad).status()), "MISS_INVALID");
    EXPECT_EQ(ReasonOf(CountKinds(std::vector{bad}).status()), "MISS_INVALID");
  }
  EXPECT_EQ(NameOf(MissKind::kChangedAway), "CHANGED_AWAY");
  EXPECT_EQ(NameOf(MissKind::kGap), "GAP");
}

}  // namespace
}  // namespace invigil::scoring
