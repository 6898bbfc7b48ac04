#include "common/auth/bearer.h"

#include <gtest/gtest.h>

namespace invigil::auth {
namespace {

TEST(BearerToken, TheSchemeInAnyCase) {
  EXPECT_EQ(BearerToken("Bearer a.b.c"), "a.b.c");
  EXPECT_EQ(BearerToken("bearer a.b.c"), "a.b.c");
  EXPECT_EQ(BearerToken("BEARER a.b.c"), "a.b.c");
}

TEST(BearerToken, NothingElseIsOne) {
  for (const char* none :
       {"", "Bearer", "Bearer ", "a.b.c", "Basic a.b.c", "Bearer\ta.b.c", "Beare"})
    EXPECT_EQ(BearerToken(none), "") << none;
  // Refused later: no token begins with a blank.
  EXPECT_EQ(BearerToken("Bearer  a.b.c"), " a.b.c");
}

}  // namespace
}  // namespace invigil::auth
