// Against difR 5.1 and base R's glm on the verbal aggression data (De Boeck & Wilson): 316 persons,
// 24 items. Mantel-Haenszel values are closed forms: 1e-8. The logistic ones come from R's
// iterative fits (glm at 1e-12 relative deviance: 1e-6; difR's own fits at glm's default 1e-8:
// 1e-5).
#include <gtest/gtest.h>

#include <algorithm>

#include "services/scoring/domain/dif/logistic_dif.h"
#include "services/scoring/domain/dif/mantel_haenszel.h"
#include "services/scoring/domain/reference_values.h"

namespace invigil::scoring {
namespace {

using testing::ReadReferenceCsv;
using testing::Real;

const std::string kFolder = "dif/verbal_gender/";

struct Verbal {
  DifData data;
  std::vector<std::string> items;
};

Verbal ReadVerbal() {
  Verbal verbal;
  std::ifstream file(testing::ReferenceFolder() / (kFolder + "data.csv"));
  std::string line;
  std::getline(file, line);
  std::stringstream header(line);
  for (std::string cell; std::getline(header, cell, ',');) verbal.items.push_back(cell);
  verbal.items.pop_back();  // the group
  verbal.data.items = verbal.items.size();
  while (std::getline(file, line)) {
    std::stringstream stream(line);
    std::string cell;
    for (size_t i = 0; i < verbal.data.items; ++i) {
      std::getline(stream, cell, ',');
      verbal.data.cells.push_back(static_cast<int8_t>(std::stoi(cell)));
    }
    std::getline(stream, cell, ',');
    verbal.data.focal.push_back(static_cast<uint8_t>(std::stoi(cell)));
    ++verbal.data.persons;
  }
  return verbal;
}

void CompareMantelHaenszel(const std::string& file, bool purify) {
  const Verbal verbal = ReadVerbal();
  ASSERT_EQ(verbal.data.persons, 316u);
  const auto result = MantelHaenszel(verbal.data, {.purify = purify});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->purification.converged);
  const auto rows = ReadReferenceCsv(kFolder + file);
  ASSERT_EQ(rows.size(), verbal.data.items);
  for (size_t i = 0; i < rows.size(); ++i) {
    const MantelHaenszelItem& item = result->items[i];
    const auto& row = rows[i];
    EXPECT_EQ(row.at("item"), verbal.items[i]);
    // Where right answers are less than half a one away, difR squares what lies past 0; here it is
    // 0.
    const bool past = *item.chi_square == 0;
    if (past) {
      EXPECT_LT(Real(row, "MH_chisq_cc"), 0.02) << verbal.items[i];
      EXPECT_EQ(item.p_value.value(), 1);
    } else {
      EXPECT_NEAR(item.chi_square.value(), Real(row, "MH_chisq_cc"), 1e-8) << verbal.items[i];
      EXPECT_NEAR(item.p_value.value(), Real(row, "p_cc"), 1e-8);
    }
    EXPECT_NEAR(item.chi_square_uncorrected.value(), Real(row, "MH_chisq_nocc"), 1e-8);
    EXPECT_NEAR(item.odds_ratio.value(), Real(row, "alphaMH"), 1e-8);
    EXPECT_NEAR(item.ln_variance.value(), Real(row, "varLambda"), 1e-8);
    EXPECT_NEAR(item.delta.value(), Real(row, "delta_MH"), 1e-8);
    EXPECT_EQ(item.flagged, row.at("flagged_cc_05") == "1") << verbal.items[i];
    EXPECT_EQ(NameOf(item.effect_class.value()), row.at("ets_effect")) << verbal.items[i];
    // The purified file of logOR statistics was purified by that statistic's own flags.
    if (!purify) {
      EXPECT_NEAR(std::log(*item.odds_ratio) / std::sqrt(*item.ln_variance),
                  Real(row, "logOR_stat"), 1e-8);
    }
  }
}

TEST(DifReference, MantelHaenszel) {
  SKIP_WITHOUT_REFERENCE(kFolder + "data.csv");
  CompareMantelHaenszel("mantel_haenszel.csv", false);
}

TEST(DifReference, MantelHaenszelPurified) {
  SKIP_WITHOUT_REFERENCE(kFolder + "data.csv");
  CompareMantelHaenszel("mantel_haenszel_purified.csv", true);
}

TEST(DifReference, StandardizedDifference) {
  SKIP_WITHOUT_REFERENCE(kFolder + "data.csv");
  const Verbal verbal = ReadVerbal();
  const auto result = MantelHaenszel(verbal.data, {});
  ASSERT_TRUE(result.ok()) << result.status();
  const auto rows = ReadReferenceCsv(kFolder + "standardization.csv");
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_NEAR(result->items[i].p_dif.value(), Real(rows[i], "PDIF"), 1e-8) << verbal.items[i];
  }
}

TEST(DifReference, LogisticModelsOfGlm) {
  SKIP_WITHOUT_REFERENCE(kFolder + "data.csv");
  const Verbal verbal = ReadVerbal();
  const auto result = LogisticDif(verbal.data, {}, LogisticKind::kBoth);
  ASSERT_TRUE(result.ok()) << result.status();
  const auto rows = ReadReferenceCsv(kFolder + "logistic_glm_models.csv");
  ASSERT_EQ(rows.size(), verbal.data.items);
  for (size_t i = 0; i < rows.size(); ++i) {
    const LogisticDifItem& item = result->items[i];
    const auto& row = rows[i];
    EXPECT_EQ(item.reason, "") << verbal.items[i];
    EXPECT_NEAR(item.score_model->deviance, Real(row, "dev0"), 1e-6);
    EXPECT_NEAR(item.group_model->deviance, Real(row, "dev1"), 1e-6);
    EXPECT_NEAR(item.product_model->deviance, Real(row, "dev2"), 1e-6);
    EXPECT_NEAR(item.chi_both.value(), Real(row, "LR_both"), 1e-6);
    EXPECT_NEAR(item.chi_uniform.value(), Real(row, "LR_uniform"), 1e-6);
    EXPECT_NEAR(item.chi_nonuniform.value(), Real(row, "LR_nonuniform"), 1e-6);
    EXPECT_NEAR(item.group_model->intercept, Real(row, "m1_int"), 1e-6);
    EXPECT_NEAR(item.group_model->score, Real(row, "m1_score"), 1e-6);
    EXPECT_NEAR(item.group_model->group, Real(row, "m1_group"), 1e-6);
    EXPECT_NEAR(item.group_model->group_se, Real(row, "m1_group_se"), 1e-5);
    EXPECT_NEAR(item.product_model->intercept, Real(row, "m2_int"), 1e-6);
    EXPECT_NEAR(item.product_model->score, Real(row, "m2_score"), 1e-6);
    EXPECT_NEAR(item.product_model->group, Real(row, "m2_group"), 1e-6);
    EXPECT_NEAR(item.product_model->product, Real(row, "m2_inter"), 1e-6);
    EXPECT_NEAR(item.product_model->group_se, Real(row, "m2_group_se"), 1e-5);
    EXPECT_NEAR(item.product_model->product_se, Real(row, "m2_inter_se"), 1e-5);
  }
}

TEST(DifReference, LogisticTestsOfDifR) {
  SKIP_WITHOUT_REFERENCE(kFolder + "data.csv");
  const Verbal verbal = ReadVerbal();
  struct Case {
    std::string file;
    LogisticKind kind;
    bool purify;
  };
  for (const Case& c : std::vector<Case>{
           {"logistic_both_LRT.csv", LogisticKind::kBoth, false},
           {"logistic_udif_LRT.csv", LogisticKind::kUniform, false},
           {"logistic_nudif_LRT.csv", LogisticKind::kNonuniform, false},
           {"logistic_both_LRT_purified.csv", LogisticKind::kBoth, true},
           {"logistic_udif_LRT_purified.csv", LogisticKind::kUniform, true},
       }) {
    const auto result = LogisticDif(verbal.data, {.purify = c.purify}, c.kind);
    ASSERT_TRUE(result.ok()) << c.file << result.status();
    EXPECT_TRUE(result->purification.converged) << c.file;
    const auto rows = ReadReferenceCsv(kFolder + c.file);
    ASSERT_EQ(rows.size(), verbal.data.items) << c.file;
    for (size_t i = 0; i < rows.size(); ++i) {
      const LogisticDifItem& item = result->items[i];
      EXPECT_NEAR(item.chi_square.value(), Real(rows[i], "stat"), 1e-5) << c.file << i;
      EXPECT_NEAR(item.p_value.value(), Real(rows[i], "p"), 1e-5) << c.file << i;
      EXPECT_NEAR(item.delta_r2.value(), Real(rows[i], "deltaR2_nagelkerke"), 1e-6) << c.file << i;
      EXPECT_EQ(item.flagged, rows[i].at("flagged_05") == "1") << c.file << i;
    }
  }
}

}  // namespace
}  // namespace invigil::scoring
