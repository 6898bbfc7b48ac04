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

// A form whose sections have these times of their own (0: none), with an agreement before them.
std::shared_ptr<const Form> SectionsOf(const std::vector<Duration>& limits, Duration duration) {
  Plan plan;
  plan.parts.resize(limits.size() + 1);
  plan.parts[0].kind = PartKind::kAgreement;
  plan.parts[0].limit = Minutes(5);
  std::vector<PlaceSpec> places;
  for (size_t i = 0; i < limits.size(); ++i) {
    Part& part = plan.parts[i + 1];
    part.limit = limits[i];
    part.first_place = static_cast<uint32_t>(i);
    part.place_count = 1;
    places.push_back({fixtures::ItemId(i), "content-" + std::to_string(i), {0, 1}, 1});
  }
  return *Form::Create({"form-3", "Sections", 1, duration, plan}, places);
}

TEST(Accommodate, TheExamGetsWhatItsSectionsGetTogether) {
  const std::vector<Duration> thirds(3, Seconds(61));
  // A quarter of 183 s is 46 s, and of 61 s 16 s.
  Accommodation given = Accommodate(*SectionsOf(thirds, Seconds(183)), {125, 0, 0});
  EXPECT_EQ(given.part_extra,
            (std::vector<Duration>{Seconds(0), Seconds(16), Seconds(16), Seconds(16)}));
  EXPECT_EQ(given.exam_extra, Seconds(48));
  // With a section that has none of its own the exam's time is the exam's alone.
  given =
      Accommodate(*SectionsOf({Seconds(61), Seconds(61), Duration(0)}, Seconds(183)), {125, 0, 0});
  EXPECT_EQ(given.exam_extra, Seconds(46));
  given = Accommodate(
      *SectionsOf({std::chrono::hours(12), std::chrono::hours(12)}, std::chrono::hours(24)),
      {400, 480, 0});
  EXPECT_EQ(given.exam_extra, kMaxExtra) << "nobody gets more than a day";
}

TEST(Accommodate, NoSectionIsCutByWhatOthersWereRoundedUpBy) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto upto = [&](int64_t n) { return std::uniform_int_distribution<int64_t>(0, n)(random); };
  for (int round = 0; round < 500; ++round) {
    std::vector<Duration> limits(static_cast<size_t>(1 + upto(7)));
    Duration duration{0};
    for (Duration& limit : limits) duration += limit = Micros(1 + upto(3'600'000'000));
    const Terms terms{static_cast<uint32_t>(100 + upto(100)), static_cast<uint32_t>(upto(60)), 0};
    const Accommodation given = Accommodate(*SectionsOf(limits, duration), terms);
    Duration together{0};
    for (const Duration extra : given.part_extra) together += extra;
    ASSERT_LE(together, given.exam_extra) << round;
    // And by no more than a second for each section, which both roundings are below.
    const Duration fair =
        duration * (terms.time_percent - 100) / 100 + Minutes(terms.extra_minutes);
    ASSERT_LE(given.exam_extra, fair + Seconds(2 * limits.size() + 1)) << round;
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
