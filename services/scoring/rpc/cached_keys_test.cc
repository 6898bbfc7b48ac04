#include "services/scoring/rpc/cached_keys.h"

#include <gtest/gtest.h>

#include "common/error/error.h"

namespace invigil::scoring {
namespace {

class CountingSource final : public KeySource {
 public:
  void Fetch(const std::string& form_id, Duration, const telemetry::TraceContext&,
             Done done) override {
    ++fetches;
    if (down) return done(Unavailable("ITEM_BANK_UNAVAILABLE", "down"));
    auto key = std::make_shared<ScoringKey>();
    key->form_id = form_id;
    key->key_version = ++version;
    done(std::shared_ptr<const ScoringKey>(std::move(key)));
  }
  int fetches = 0;
  uint32_t version = 0;
  bool down = false;
};

class CachedKeysTest : public ::testing::Test {
 protected:
  // The key's version; 0: an error.
  uint32_t Get(const std::string& form_id) {
    uint32_t version = 99;
    keys_.Fetch(form_id, Seconds(1), {},
                [&](auto key) { version = key.ok() ? (*key)->key_version : 0; });
    return version;
  }
  CountingSource source_;
  ManualClock clock_;
  CachedKeys keys_{source_, clock_, Seconds(30), 2};
};

TEST_F(CachedKeysTest, AsksOnceUntilTheLifetimeEnds) {
  EXPECT_EQ(Get("a"), 1u);
  clock_.Advance(Seconds(29));
  EXPECT_EQ(Get("a"), 1u);
  clock_.Advance(Seconds(1));
  EXPECT_EQ(Get("a"), 2u);
  EXPECT_EQ(Get("a"), 2u);  // kept anew
  EXPECT_EQ(source_.fetches, 2);
}

TEST_F(CachedKeysTest, ForgetsTheOldestBeyondItsCapacity) {
  Get("a");
  Get("b");
  Get("c");
  EXPECT_EQ(source_.fetches, 3);
  Get("b");
  Get("c");
  EXPECT_EQ(source_.fetches, 3);
  Get("a");
  EXPECT_EQ(source_.fetches, 4);
}

TEST_F(CachedKeysTest, ErrorsAreNotRemembered) {
  source_.down = true;
  EXPECT_EQ(Get("a"), 0u);
  source_.down = false;
  EXPECT_EQ(Get("a"), 1u);
}

}  // namespace
}  // namespace invigil::scoring
