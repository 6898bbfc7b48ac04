#include "common/base/time_zone_name.h"

#include <gtest/gtest.h>

#include <string>

namespace invigil {
namespace {

TEST(IsTimeZoneName, TakesIanaNamesAlone) {
  for (const char* good :
       {"UTC", "America/New_York", "America/Argentina/Salta", "Etc/GMT+5", "Asia/Ho_Chi_Minh"}) {
    EXPECT_TRUE(IsTimeZoneName(good)) << good;
  }
  for (const char* bad : {"", "utc", "EST5EDT", "/etc/localtime", "America/", "a/b", "Asia//Aden",
                          "Europe/Zurich ", "Localtime/../x"}) {
    EXPECT_FALSE(IsTimeZoneName(bad)) << bad;
  }
}

TEST(IsTimeZoneName, TakesNothingThatIsAnotherZoneOnAnotherMachine) {
  for (const char* bad : {"localtime", "file:Europe/Berlin", "file:/etc/localtime",
                          "/usr/share/zoneinfo/Europe/Berlin", "../etc/localtime"}) {
    EXPECT_FALSE(IsTimeZoneName(bad)) << bad;
  }
  EXPECT_TRUE(IsTimeZoneName("E/" + std::string(62, 'x')));
  EXPECT_FALSE(IsTimeZoneName("E/" + std::string(63, 'x')));
}

}  // namespace
}  // namespace invigil
