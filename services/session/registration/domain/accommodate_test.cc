#include "services/session/registration/domain/accommodate.h"

#include <gtest/gtest.h>

#include <random>

#include "services/session/domain/fixtures_for_test.h"

namespace invigil::session::registration {
namespace {

using fixtures::MakeForm;
using fixtures::MakePlannedForm;

TEST(Accommodate, OneAndAHalfTimesNinetyMinutesAre135) {
  const Accommodation given = Accommodate(*MakeForm(65, Minutes(90)), {150, 0, 0});
  EXPECT_EQ(given.exam_extra, Minutes(45));
  EXPECT_TRUE(given.part_extra.empty()) << "the one section has no time of its own";
  EXPECT_EQ(given.break_pool, Duration(0));
}

TEST(Accommodate, NothingGrantedIsNothing) {
  EXPECT_TRUE(Accommodate(*MakeForm(), {}).none());
  EXPECT_TRUE(Accommodate(*MakePlannedForm(), {}).none());
}

TEST(Accommodate, SectionsWithTheirOwnTimeGetThePercentageToo) {
  // Sections of 10, 20 and 30 minutes; the agreement, tutorial, break and survey keep their time.
  const Accommodation given = Accommodate(*MakePlannedForm(), {150, 0, 15});
  EXPECT_EQ(given.exam_extra, Minutes(30));
  EXPECT_EQ(given.part_extra, (std::vector<Duration>{Minutes(0), Minutes(0), Minutes(5), Minutes(0),
                                                     Minutes(10), Minutes(15), Minutes(0)}));
  EXPECT_EQ(given.break_pool, Minutes(15));
}

TEST(Accommodate, MinutesComeAfterThePercentageAndAreSharedBySections) {
  const Accommodation given = Accommodate(*MakePlannedForm(), {150, 30, 0});
  EXPECT_EQ(given.exam_extra, Minutes(60));
  EXPECT_EQ(given.part_extra,
            (std::vector<Duration>{Minutes(0), Minutes(0), Minutes(10), Minutes(0), Minutes(20),
                                   Minutes(30), Minutes(0)}));
}

TEST(Accommodate, RoundsUpToWholeSecondsAndNeverPastADay) {
  EXPECT_EQ(Accommodate(*MakeForm(3, Seconds(61)), {125, 0, 0}).exam_extra, Seconds(16));
  EXPECT_EQ(Accommodate(*MakeForm(3, Seconds(60)), {125, 0, 0}).exam_extra, Seconds(15));
  EXPECT_EQ(Accommodate(*MakeForm(3, Micros(1)), {101, 0, 0}).exam_extra, Seconds(1));
  EXPECT_EQ(Accommodate(*MakeForm(3, std::chrono::hours(24)), {400, 480, 0}).exam_extra, kMaxExtra);
}

TEST(Accommodate, GivesTheLeastWholeSecondsThatAreEnough) {
  std::mt19937 random(std::random_device{}());
  for (int round = 0; round < 2000; ++round) {
    const int64_t us = std::uniform_int_distribution<int64_t>(1, 6LL * 3'600'000'000)(random);
    const auto percent = std::uniform_int_distribution<uint32_t>(100, 400)(random);
    const auto minutes = std::uniform_int_distribution<uint32_t>(0, 120)(random);
    const Duration extra =
        Accommodate(*MakeForm(3, Duration(us)), {percent, minutes, 0}).exam_extra;
    ASSERT_EQ(extra.count() % 1'000'000, 0);
    const int64_t by_percent = (extra - Minutes(minutes)).count() * 100;
    ASSERT_GE(by_percent, us * (percent - 100));
    ASSERT_LT(by_percent - 100'000'000, us * (percent - 100));
  }
}

TEST(Terms, OfTwoTheLargerOfEachCounts) {
  EXPECT_EQ(Together({150, 0, 10}, {125, 30, 5}), (Terms{150, 30, 10}));
  EXPECT_EQ(Together({}, {}), Terms());
}

TEST(Terms, StandingOnesEndWhenTheyExpire) {
  Standing standing{"ann", {150, 0, 0}, {}, "approved"};
  EXPECT_EQ(StandingAt(standing, fixtures::kStart), (Terms{150, 0, 0}));
  standing.expires = fixtures::kStart;
  EXPECT_EQ(StandingAt(standing, fixtures::kStart - Micros(1)), (Terms{150, 0, 0}));
  EXPECT_EQ(StandingAt(standing, fixtures::kStart), Terms());
}

}  // namespace
}  // namespace invigil::session::registration
