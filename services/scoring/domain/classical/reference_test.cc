// Against psych 2.2.9 and CTT 2.3.3 (R) on SAT12: 600 persons, 32 items. All closed forms: 1e-10,
// as far as the files go (12 digits).
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "services/scoring/domain/classical/analysis.h"
#include "services/scoring/domain/reference_values.h"

namespace invigil::scoring::classical {
namespace {

using testing::ReadReferenceCsv;
using testing::Real;
using testing::ReferenceRow;

Choices ReadChoices(const std::string& folder) {
  Choices choices;
  const auto option = [&](const std::string& name) {
    const auto found = std::find(choices.options.begin(), choices.options.end(), name);
    if (found == choices.options.end()) {
      choices.options.push_back(name);
      return static_cast<int16_t>(choices.options.size() - 1);
    }
    return static_cast<int16_t>(found - choices.options.begin());
  };
  for (const ReferenceRow& row : ReadReferenceCsv(folder + "key.csv")) {
    choices.items.push_back(row.at("item"));
    choices.key.push_back(option(row.at("key")));
  }
  for (const ReferenceRow& row : ReadReferenceCsv(folder + "raw_responses.csv")) {
    ++choices.persons;
    for (const std::string& item : choices.items) choices.cells.push_back(option(row.at(item)));
  }
  return choices;
}

class Sat12 : public ::testing::TestWithParam<std::string> {};

TEST_P(Sat12, TestStatistics) {
  const std::string folder = "classical/" + GetParam() + "/";
  SKIP_WITHOUT_REFERENCE(folder);
  const auto analysis = Analyze(ReadChoices(folder));
  ASSERT_TRUE(analysis.ok()) << analysis.status();
  const TestStatistics& test = analysis->test;
  std::ifstream file(testing::ReferenceFolder() / (folder + "test_statistics.json"));
  const auto expected = nlohmann::json::parse(file);
  const auto number = [&](const char* name) { return expected[name].get<double>(); };
  EXPECT_EQ(test.persons, 600u);
  EXPECT_EQ(test.items, 32u);
  EXPECT_NEAR(test.mean, number("mean"), 1e-10);
  EXPECT_NEAR(test.deviation, number("sd_n1"), 1e-10);
  EXPECT_NEAR(test.alpha, number("alpha_psych_raw"), 1e-10);
  EXPECT_NEAR(test.alpha, number("alpha_CTT"), 1e-10);
  EXPECT_NEAR(test.kr20, number("KR20"), 1e-10);
  EXPECT_NEAR(test.kr21, number("KR21"), 1e-10);
  EXPECT_NEAR(test.sem, number("SEM_alpha_sd_n1"), 1e-10);
  EXPECT_EQ(test.upper_count, number("upper27_n_with_ties"));
  EXPECT_EQ(test.lower_count, number("lower27_n_with_ties"));

  const ConditionalErrors errors = ConditionalErrorsOf(test);
  const auto rows = ReadReferenceCsv(folder + "conditional_sem.csv");
  ASSERT_EQ(rows.size(), errors.lord.size());
  ASSERT_EQ(rows.size(), errors.keats.size());
  for (size_t x = 0; x < rows.size(); ++x) {
    EXPECT_NEAR(errors.lord[x], Real(rows[x], "csem_lord_binomial"), 1e-10);
    EXPECT_NEAR(errors.keats[x], Real(rows[x], "csem_keats"), 1e-10);
    EXPECT_EQ(static_cast<double>(test.frequencies[x]), Real(rows[x], "freq"));
  }
}

TEST_P(Sat12, ItemStatistics) {
  const std::string folder = "classical/" + GetParam() + "/";
  SKIP_WITHOUT_REFERENCE(folder);
  const auto analysis = Analyze(ReadChoices(folder));
  ASSERT_TRUE(analysis.ok());
  const auto rows = ReadReferenceCsv(folder + "item_statistics.csv");
  ASSERT_EQ(rows.size(), 32u);
  for (size_t i = 0; i < rows.size(); ++i) {
    const ItemStatistics& item = analysis->items[i];
    SCOPED_TRACE(item.item);
    EXPECT_EQ(item.item, rows[i].at("item"));
    EXPECT_NEAR(item.p, Real(rows[i], "p"), 1e-10);
    EXPECT_NEAR(item.point_biserial.value(), Real(rows[i], "pbis_uncorrected"), 1e-10);
    EXPECT_NEAR(item.corrected_point_biserial.value(), Real(rows[i], "pbis_corrected"), 1e-10);
    EXPECT_NEAR(item.biserial.value(), Real(rows[i], "ctt_bis_corrected"), 1e-10);
    EXPECT_NEAR(item.alpha_if_deleted.value(), Real(rows[i], "alpha_if_deleted"), 1e-10);
    EXPECT_NEAR(item.p_upper, Real(rows[i], "p_upper27_with_ties"), 1e-10);
    EXPECT_NEAR(item.p_lower, Real(rows[i], "p_lower27_with_ties"), 1e-10);
    EXPECT_NEAR(item.discrimination, Real(rows[i], "D27"), 1e-10);
  }
}

TEST_P(Sat12, Options) {
  const std::string folder = "classical/" + GetParam() + "/";
  SKIP_WITHOUT_REFERENCE(folder);
  const auto analysis = Analyze(ReadChoices(folder));
  ASSERT_TRUE(analysis.ok());
  size_t checked = 0;
  for (const ReferenceRow& row : ReadReferenceCsv(folder + "distractors.csv")) {
    const size_t index = std::stoul(row.at("item").substr(1)) - 1;
    const auto& options = analysis->items[index].options;
    const auto option = std::find_if(options.begin(), options.end(),
                                     [&](const auto& o) { return o.option == row.at("option"); });
    ASSERT_NE(option, options.end()) << row.at("item") << " " << row.at("option");
    EXPECT_EQ(option->is_key, row.at("is_key") == "TRUE");
    EXPECT_EQ(static_cast<double>(option->count), Real(row, "count"));
    EXPECT_NEAR(option->share, Real(row, "prop"), 1e-10);
    EXPECT_NEAR(option->point_biserial_rest.value(), Real(row, "pbis_rest"), 1e-10);
    EXPECT_NEAR(option->mean_total.value(), Real(row, "mean_total_choosers"), 1e-8);
    ++checked;
  }
  size_t total = 0;
  for (const ItemStatistics& item : analysis->items) total += item.options.size();
  EXPECT_EQ(checked, total);
}

INSTANTIATE_TEST_SUITE_P(Keys, Sat12,
                         ::testing::Values("sat12_corrected_key", "sat12_key_item32_wrong"),
                         [](const auto& info) { return info.param; });

// The purpose of it all: the known wrong key is found.
TEST(Sat12Key, TheWrongKeyIsSuspect) {
  SKIP_WITHOUT_REFERENCE("classical/sat12_key_item32_wrong");
  const auto wrong = Analyze(ReadChoices("classical/sat12_key_item32_wrong/"));
  const auto right = Analyze(ReadChoices("classical/sat12_corrected_key/"));
  ASSERT_TRUE(wrong.ok() && right.ok());
  const auto suspect = [](const Analysis& analysis) {
    const auto& flags = analysis.items[31].flags;
    return std::find(flags.begin(), flags.end(), kFlagKeySuspect) != flags.end();
  };
  EXPECT_TRUE(suspect(*wrong));
  EXPECT_FALSE(suspect(*right));
}

}  // namespace
}  // namespace invigil::scoring::classical
