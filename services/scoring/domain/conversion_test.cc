#include "services/scoring/domain/conversion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "common/base/hash.h"
#include "common/error/error.h"
#include "services/scoring/domain/testing.h"

namespace invigil::scoring {
namespace {

using testing::MakeKey;
using testing::RandomItems;

Conversion Build(const ScoringKey& key) {
  auto conversion = BuildConversion(key);
  EXPECT_TRUE(conversion.ok()) << conversion.status();
  return *conversion;
}

// R05's numbers: an identical form, cut 35 of 50.
TEST(Conversion, OneQuestionIsWorth17BelowTheCutAnd20AboveOnTheBaseForm) {
  Random random(1);
  const auto items = RandomItems(random, 50);
  const Conversion c = Build(MakeKey(items, items, 35));
  EXPECT_EQ(c.cut_raw, 35u);
  ASSERT_EQ(c.rows.size(), 51u);
  for (uint32_t x = 1; x <= 50; ++x) {
    EXPECT_NEAR(c.rows[x].scaled_unrounded - c.rows[x - 1].scaled_unrounded,
                x <= 35 ? 600.0 / 35 : 20.0, 1e-9);
  }
  EXPECT_EQ(c.rows[0].scaled_score, 100);
  EXPECT_EQ(c.rows[34].scaled_score, 683);  // 682.857...
  EXPECT_EQ(c.rows[35].scaled_score, 700);
  EXPECT_EQ(c.rows[36].scaled_score, 720);
  EXPECT_EQ(c.rows[50].scaled_score, 1000);
}

TEST(Conversion, OfAFormLikeTheBaseFormIsTheIdentity) {
  Random random(2);
  for (int i = 0; i < 20; ++i) {
    const auto items = RandomItems(random, 2 + random.Below(80), random.Normal());
    const double cut = static_cast<double>(items.size()) * 0.7;
    for (const ConversionRow& row : Build(MakeKey(items, items, cut)).rows) {
      EXPECT_NEAR(row.base_raw, row.raw_score, 1e-9);
    }
  }
}

TEST(Conversion, AHarderFormGivesMoreForTheSameNumberCorrect) {
  Random random(5);
  const auto base = RandomItems(random, 50);
  auto harder = base, easier = base;
  for (auto& item : harder) item.difficulty += 0.3;
  for (auto& item : easier) item.difficulty -= 0.3;
  const Conversion same = Build(MakeKey(base, base, 35)), hard = Build(MakeKey(harder, base, 35)),
                   easy = Build(MakeKey(easier, base, 35));
  EXPECT_LT(hard.cut_raw, 35u);
  EXPECT_GT(easy.cut_raw, 35u);
  for (uint32_t x = 15; x < 50; ++x) {
    EXPECT_GT(hard.rows[x].scaled_unrounded, same.rows[x].scaled_unrounded);
    EXPECT_LT(easy.rows[x].scaled_unrounded, same.rows[x].scaled_unrounded);
    // Exact shift of the scale: theta differs by 0.3, the base form's number correct follows.
    EXPECT_NEAR(*hard.rows[x].theta - *same.rows[x].theta, 0.3, 1e-9);
  }
}

// R02: what holds for every form, base form, cut and scale.
TEST(Conversion, PrintedScoreNeverContradictsTheDecision) {
  Random random(6);
  const Scale scales[] = {{100, 1000, 700}, {100, 1000, 720}, {100, 900, 750},
                          {0, 500, 499},    {-50, 50, 50},    {0, 3, 1}};
  for (int i = 0; i < 300; ++i) {
    auto items = RandomItems(random, 1 + random.Below(70), random.Normal());
    auto base = RandomItems(random, 1 + random.Below(70), random.Normal());
    if (i % 3 == 0) {
      for (auto& item : items) item.lower_asymptote = 0;
    }
    if (i % 7 == 0) base = items;
    const double floor = LowerAsymptoteSum(base), most = static_cast<double>(base.size());
    double cut = floor + (most - floor) * (0.02 + 0.96 * random.Uniform());
    if (i % 2 == 0) cut = std::min(std::ceil(cut), most - 0.5);
    ScoringKey key = MakeKey(items, base, cut);
    key.scale = scales[i % 6];
    const Conversion c = Build(key);
    ASSERT_EQ(c.rows.size(), items.size() + 1);
    EXPECT_EQ(c.rows.front().scaled_score, key.scale.min);
    EXPECT_EQ(c.rows.back().scaled_score, key.scale.max);
    for (uint32_t x = 0; x < c.rows.size(); ++x) {
      const ConversionRow& row = c.rows[x];
      EXPECT_EQ(row.raw_score, x);
      EXPECT_EQ(row.scaled_score >= key.scale.cut, row.passed) << "form " << i << " raw " << x;
      EXPECT_EQ(row.scaled_unrounded >= key.scale.cut, row.passed) << "form " << i << " raw " << x;
      EXPECT_EQ(row.passed, x >= c.cut_raw);
      EXPECT_GE(row.scaled_score, key.scale.min);
      EXPECT_LE(row.scaled_score, key.scale.max);
      EXPECT_LE(std::abs(row.scaled_score - row.scaled_unrounded), 1.0);
      EXPECT_GE(row.standard_error, 0);
      if (x == 0) continue;
      EXPECT_GE(row.scaled_score, c.rows[x - 1].scaled_score);
      EXPECT_GE(row.scaled_unrounded, c.rows[x - 1].scaled_unrounded);
    }
  }
}

TEST(Conversion, AFailThatRoundsToTheCutIsPrintedBelowIt) {
  // One scale point per question: raw 34 of a base cut of 34.3 is 699.7, a fail.
  const std::vector<ItemParameters> items(50, {1, 0, 0});
  ScoringKey key = MakeKey(items, items, 34.3);
  key.scale = {.min = 700 - 34, .max = 730, .cut = 700};
  const Conversion c = Build(key);
  EXPECT_NEAR(c.rows[34].scaled_unrounded, 699.7026, 1e-3);
  EXPECT_FALSE(c.rows[34].passed);
  EXPECT_EQ(c.rows[34].scaled_score, 699);
  EXPECT_TRUE(c.rows[35].passed);
}

// R08: halves go up, also below zero; not to the even neighbour.
TEST(Conversion, HalvesRoundUp) {
  const std::vector<ItemParameters> items(10, {1, 0, 0});
  ScoringKey key = MakeKey(items, items, 8);
  key.scale = {.min = 0, .max = 100, .cut = 4};  // half a point per question below the cut
  const Conversion up = Build(key);
  EXPECT_EQ(up.rows[1].scaled_score, 1);  // 0.5
  EXPECT_EQ(up.rows[3].scaled_score, 2);  // 1.5
  EXPECT_EQ(up.rows[5].scaled_score, 3);  // 2.5
  EXPECT_EQ(up.rows[7].scaled_score, 3);  // 3.5 would be the cut: a fail is printed below it
  key.scale = {.min = -4, .max = 100, .cut = 0};
  const Conversion below_zero = Build(key);
  EXPECT_EQ(below_zero.rows[1].scaled_score, -3);  // -3.5
  EXPECT_EQ(below_zero.rows[3].scaled_score, -2);  // -2.5
}

TEST(Conversion, ACutMissedByFloatingPointOnlyIsMet) {
  Random random(9);
  for (int i = 0; i < 100; ++i) {
    const auto base = RandomItems(random, 50);
    auto form = base;
    for (auto& item : form) item.difficulty += 0.4;
    // The cut as someone else computed it: the base form's expectation where the form gives 33.
    const double cut = ExpectedNumberCorrect(base, *AbilityAt(form, 33)) * (1 + 4e-16);
    const Conversion c = Build(MakeKey(form, base, cut));
    EXPECT_EQ(c.cut_raw, 33u);
    EXPECT_EQ(c.rows[33].scaled_score, 700);
  }
}

TEST(Conversion, BelowGuessingItIsTheLineFromZero) {
  const std::vector<ItemParameters> items(40, {1, 0.5, 0.25}), base(50, {1, 0, 0.2});
  const Conversion c = Build(MakeKey(items, base, 35));
  for (uint32_t x = 0; x <= 10; ++x) {  // both forms give 10 by guessing
    EXPECT_FALSE(c.rows[x].theta.has_value());
    EXPECT_DOUBLE_EQ(c.rows[x].base_raw, x);
  }
  EXPECT_TRUE(c.rows[11].theta.has_value());
  EXPECT_FALSE(c.rows[40].theta.has_value());
  EXPECT_EQ(c.rows[40].base_raw, 50);
}

TEST(Conversion, StandardErrorIsTheScatterOfSimulatedSittings) {
  Random random(10);
  const auto items = RandomItems(random, 50), base = RandomItems(random, 50);
  const Conversion c = Build(MakeKey(items, base, 33));
  for (uint32_t raw : {20u, 33u, 47u}) {
    double sum = 0, squares = 0;
    constexpr int kSittings = 20000;
    for (int i = 0; i < kSittings; ++i) {
      uint32_t right = 0;
      for (const auto& item : items)
        right += random.Uniform() < Probability(item, *c.rows[raw].theta);
      const double scaled = c.rows[right].scaled_score;
      sum += scaled;
      squares += scaled * scaled;
    }
    const double mean = sum / kSittings;
    const double scatter = std::sqrt(squares / kSittings - mean * mean);
    EXPECT_NEAR(c.rows[raw].standard_error / scatter, 1, 0.025)
        << raw;  // 5 sigma of the simulation
  }
}

TEST(Conversion, EvenThePerfectScoreHasAnError) {
  Random random(11);
  const auto items = RandomItems(random, 50);
  const Conversion c = Build(MakeKey(items, items, 35));
  EXPECT_GT(c.rows[50].standard_error, 5);
  EXPECT_GT(c.rows[0].standard_error, 5);
  EXPECT_LT(c.rows[50].standard_error, c.rows[35].standard_error);
  // All rows that have no ability of their own share one error.
  EXPECT_EQ(c.rows[0].standard_error, c.rows[1].standard_error);
}

TEST(Conversion, DomainStandardsAddUpToTheFormAtTheCut) {
  Random random(12);
  const auto items = RandomItems(random, 50), base = RandomItems(random, 50);
  const Conversion c = Build(MakeKey(items, base, 35));
  ASSERT_EQ(c.domains.size(), 4u);
  double expected = 0;
  uint32_t count = 0;
  for (const DomainStandard& domain : c.domains) {
    expected += domain.expected_at_cut;
    count += domain.raw_max;
    EXPECT_GT(domain.deviation, 0);
  }
  EXPECT_EQ(count, 50u);
  EXPECT_NEAR(expected, ExpectedNumberCorrect(items, c.theta_cut), 1e-9);
  EXPECT_NEAR(ExpectedNumberCorrect(base, c.theta_cut), 35, 1e-9);
  EXPECT_EQ(c.domains[0].raw_max, 12u);
  EXPECT_EQ(c.domains[3].raw_max, 6u);
}

TEST(Conversion, IsCalibratedOnlyWhenEveryItemIs) {
  Random random(13);
  const auto items = RandomItems(random, 10);
  ScoringKey key = MakeKey(items, items, 7, 3);
  EXPECT_FALSE(Build(key).calibrated);
  key.standard.base_sample_sizes.assign(10, 900);
  for (KeyedItem& item : key.items) item.sample_size = item.operational ? 400 : 0;
  EXPECT_TRUE(Build(key).calibrated);
  key.standard.base_sample_sizes[4] = 0;
  EXPECT_FALSE(Build(key).calibrated);
}

TEST(Conversion, TextReadsBackTheSameToTheLastBit) {
  Random random(14);
  for (int i = 0; i < 20; ++i) {
    ScoringKey key = MakeKey(RandomItems(random, 30), RandomItems(random, 25), 17.3, 5);
    key.domains[2].domain_id = "3 b";
    for (KeyedItem& item : key.items) {
      if (item.domain_id == "3") item.domain_id = "3 b";
    }
    const Conversion c = Build(key);
    const std::string text = Serialize(c);
    const auto read = ParseConversion(text);
    ASSERT_TRUE(read.ok()) << text;
    EXPECT_EQ(read->rows, c.rows);
    EXPECT_EQ(read->domains, c.domains);
    EXPECT_EQ(read->theta_cut, c.theta_cut);
    EXPECT_EQ(Serialize(*read), text);
    EXPECT_EQ(HashOf(*read), HashOf(c));
  }
}

TEST(Conversion, HashNoticesEveryChange) {
  Random random(15);
  const auto items = RandomItems(random, 10);
  const Conversion c = Build(MakeKey(items, items, 7));
  EXPECT_EQ(HashOf(c).size(), 64u);
  const std::vector<std::function<void(Conversion&)>> changes = {
      [](Conversion& x) { x.form_id = "form-2"; },
      [](Conversion& x) { x.key_version = 2; },
      [](Conversion& x) { x.rows[3].scaled_score += 1; },
      [](Conversion& x) {
        x.rows[3].scaled_unrounded = std::nextafter(x.rows[3].scaled_unrounded, 0);
      },
      [](Conversion& x) { x.domains[1].deviation += 1e-15; },
      [](Conversion& x) { x.calibrated = true; }};
  for (const auto& change : changes) {
    Conversion other = c;
    change(other);
    EXPECT_NE(HashOf(other), HashOf(c));
  }
}

TEST(Conversion, DamagedTextIsRefused) {
  Random random(16);
  const auto items = RandomItems(random, 6);
  const std::string text = Serialize(Build(MakeKey(items, items, 4)));
  EXPECT_FALSE(ParseConversion("").ok());
  for (size_t cut = 0; cut < text.size(); cut += 7) {
    const auto read = ParseConversion(text.substr(0, cut));
    if (read.ok()) {
      EXPECT_NE(HashOf(*read), Sha256Hex(text));
    }
  }
  std::string swapped = text;
  swapped.replace(swapped.find("row 2"), 5, "row 3");
  EXPECT_FALSE(ParseConversion(swapped).ok());
  EXPECT_FALSE(ParseConversion(text + "x\n").ok());
}

TEST(Conversion, UnsoundKeysAreRefusedByName) {
  Random random(17);
  const auto items = RandomItems(random, 10);
  const ScoringKey good = MakeKey(items, items, 7, 2);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  struct Case {
    const char* field;
    std::function<void(ScoringKey&)> spoil;
  };
  const std::vector<Case> cases = {
      {"items",
       [](ScoringKey& k) {
         for (auto& i : k.items) i.operational = false;
       }},
      {"items[0].irt", [](ScoringKey& k) { k.items[0].irt.slope = 0; }},
      {"items[0].irt", [&](ScoringKey& k) { k.items[0].irt.difficulty = nan; }},
      {"items[1].irt", [](ScoringKey& k) { k.items[1].irt.lower_asymptote = 1; }},
      {"items[0].rule", [](ScoringKey& k) { k.items[0].rule = Rule::kUnknown; }},
      {"items[0].domain_id", [](ScoringKey& k) { k.items[0].domain_id = "9"; }},
      {"items[0].key_option_ids", [](ScoringKey& k) { k.items[0].key_option_ids.clear(); }},
      {"items[0].key_option_ids",
       [](ScoringKey& k) {
         k.items[0].key_option_ids = {"B", "A"};
       }},
      {"items[0].key_option_ids", [](ScoringKey& k) { k.items[0].key_option_ids = {"E"}; }},
      {"items[1].item_id", [](ScoringKey& k) { k.items[1].item_id = k.items[0].item_id; }},
      {"standard.base_form", [](ScoringKey& k) { k.standard.base_form.clear(); }},
      {"standard.base_form", [](ScoringKey& k) { k.standard.base_form[2].slope = -1; }},
      {"standard.base_cut_raw", [](ScoringKey& k) { k.standard.base_cut_raw = 0; }},
      {"standard.base_cut_raw", [](ScoringKey& k) { k.standard.base_cut_raw = 10; }},
      {"standard.base_cut_raw", [&](ScoringKey& k) { k.standard.base_cut_raw = nan; }},
      {"standard.base_cut_raw", [](ScoringKey& k) { k.standard.base_cut_raw = 0.1; }},  // guessing
      {"scale", [](ScoringKey& k) { k.scale.cut = k.scale.min; }},
      {"scale", [](ScoringKey& k) { k.scale.max = 600; }},
      {"key_version", [](ScoringKey& k) { k.key_version = 0; }},
      {"form_id", [](ScoringKey& k) { k.form_id = "a\nb"; }}};
  ASSERT_TRUE(BuildConversion(good).ok());
  for (size_t i = 0; i < cases.size(); ++i) {
    ScoringKey key = good;
    cases[i].spoil(key);
    const auto conversion = BuildConversion(key);
    ASSERT_FALSE(conversion.ok()) << i;
    EXPECT_EQ(conversion.status().code(), absl::StatusCode::kFailedPrecondition);
    const ErrorView view = ViewError(conversion.status());
    EXPECT_EQ(view.reason, "FORM_NOT_EQUATED");
    EXPECT_THAT(view.fields, ::testing::Contains(::testing::Pair(cases[i].field, ::testing::_)))
        << i << " " << conversion.status();
  }
}

}  // namespace
}  // namespace invigil::scoring
