#include "common/config/value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "common/base/random.h"
#include "common/config/nearest.h"

namespace invigil::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Value, WholeTextMustBeTheValue) {
  EXPECT_EQ(ParseNumber("-9223372036854775808"), std::numeric_limits<int64_t>::min());
  for (const char* wrong : {"", " 1", "1 ", "1x", "0x10", "1.0", "9223372036854775808", "+1"}) {
    EXPECT_EQ(ParseNumber(wrong), std::nullopt) << wrong;
  }
  EXPECT_EQ(ParseReal("1e-3"), 0.001);
  for (const char* wrong : {"", "nan", "inf", "1,5", "1e999"}) {
    EXPECT_EQ(ParseReal(wrong), std::nullopt) << wrong;
  }
}

TEST(Value, Durations) {
  EXPECT_EQ(ParseDuration("250ms"), Millis(250));
  EXPECT_EQ(ParseDuration("1h30m"), Minutes(90));
  EXPECT_EQ(ParseDuration("-2s"), Seconds(-2));
  EXPECT_EQ(ParseDuration("0"), Duration(0));
  EXPECT_EQ(ParseDuration("7us"), Micros(7));
  for (const char* wrong : {"", "-", "5", "s", "5 s", "1.5s", "5sec", "1h30", "5s-1s",
                            "9223372036854775807s", "106751991d106751991d"}) {
    EXPECT_EQ(ParseDuration(wrong), std::nullopt) << wrong;
  }
}

TEST(Value, FormattedDurationsReadBackTheSame) {
  EXPECT_EQ(FormatDuration(Millis(250)), "250ms");
  EXPECT_EQ(FormatDuration(Minutes(90)), "1h30m");
  EXPECT_EQ(FormatDuration(Duration(0)), "0s");
  EXPECT_EQ(FormatDuration(Millis(-1500)), "-1s500ms");
  Random random(7);
  for (int i = 0; i < 2000; ++i) {
    const auto bits = random.Below(62);
    const Duration value(static_cast<int64_t>(random.Next() >> (1 + bits)) * (i % 2 ? 1 : -1));
    EXPECT_EQ(ParseDuration(FormatDuration(value)), value) << FormatDuration(value);
  }
}

TEST(Value, Lists) {
  EXPECT_THAT(SplitList(" a, b ,,c"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(SplitList(""), IsEmpty());
}

TEST(Nearest, FindsSlipsOnly) {
  const std::vector<std::string> names = {"listen", "database", "redis-address", "workers"};
  EXPECT_EQ(NearestName("lisetn", names), "listen");     // swapped
  EXPECT_EQ(NearestName("databse", names), "database");  // missing
  EXPECT_EQ(NearestName("redis_address", names), "redis-address");
  EXPECT_EQ(NearestName("work", names), "workers");  // begun
  EXPECT_EQ(NearestName("frobnicate", names), "");
  EXPECT_EQ(NearestName("x", names), "");
  EXPECT_EQ(NearestName(std::string(100'000, 'l'), names), "");
}

}  // namespace
}  // namespace invigil::config
