// Abilities against catR and mirt. Tolerances: EAP is closed form (1e-8); catR's ML, MAP and WL
// come from optimisers that stop at about 1e-4 (and are bounded to [-4, 4]); mirt's ML and MAP are
// good to 1e-4, its WLE likewise.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "services/scoring/domain/ability/ability.h"
#include "services/scoring/domain/ability/reference_files.h"

namespace invigil::scoring {
namespace {

using reference::Matrix;
using reference::ReadMatrix;
using reference::ReadTable;
using reference::Table;

std::vector<ItemParameters> ReadItems(const std::filesystem::path& path, const char* asymptote) {
  const Table table = ReadTable(path);
  std::vector<ItemParameters> items;
  for (size_t i = 0; i < table.rows.size(); ++i) {
    items.push_back({table.Real(i, "a"), table.Real(i, "b"),
                     asymptote == nullptr ? 0 : table.Real(i, asymptote)});
  }
  return items;
}

std::vector<Ability> Score(const std::vector<ItemParameters>& items, const Matrix& data,
                           const AbilityOptions& options) {
  auto abilities = EstimateAbilities(items, {data.cells, data.persons, data.items.size()}, options);
  EXPECT_TRUE(abilities.ok()) << abilities.status();
  return abilities.ok() ? *std::move(abilities) : std::vector<Ability>(data.persons);
}

// catR integrates by trapezoids: half weights at the ends.
Quadrature Trapezoid(const QuadratureSpec& spec) {
  Quadrature quadrature = NormalQuadrature(spec).value();
  quadrature.log_weights.front() += std::log(0.5);
  quadrature.log_weights.back() += std::log(0.5);
  return quadrature;
}

TEST(AbilityReference, CatRThreeParameterBank) {
  NEED_REFERENCE("scoring/tcals85_scores.csv");
  const auto items = ReadItems("scoring/tcals85_items.csv", "c");
  const Matrix data = ReadMatrix("scoring/tcals85_responses.csv");
  const Table scores = ReadTable("scoring/tcals85_scores.csv");
  ASSERT_EQ(data.persons, 52u);
  ASSERT_EQ(scores.rows.size(), 52u);
  AbilityOptions options;
  options.distribution = Trapezoid({33, -4, 4});
  const auto coarse = Score(items, data, options);
  options.distribution = Trapezoid({121, -6, 6});
  const auto fine = Score(items, data, options);
  options.method = AbilityMethod::kMap;
  const auto map = Score(items, data, options);
  options.method = AbilityMethod::kMl;
  const auto ml = Score(items, data, options);
  options.method = AbilityMethod::kWle;
  const auto wle = Score(items, data, options);
  int inside = 0;
  for (size_t p = 0; p < 52; ++p) {
    EXPECT_NEAR(coarse[p].theta, scores.Real(p, "EAP"), 1e-8) << p;
    EXPECT_NEAR(coarse[p].se, scores.Real(p, "EAP_se"), 1e-8) << p;
    EXPECT_NEAR(fine[p].theta, scores.Real(p, "EAP_fine"), 1e-8) << p;
    EXPECT_NEAR(fine[p].se, scores.Real(p, "EAP_fine_se"), 1e-8) << p;
    EXPECT_NEAR(map[p].theta, scores.Real(p, "BM"), 2e-4) << p;
    EXPECT_NEAR(map[p].se, scores.Real(p, "BM_se"), 2e-4) << p;
    const auto bounded = [&](const std::vector<Ability>& ours, const char* name) {
      const double theirs = scores.Real(p, name);
      if (std::abs(theirs) > 3.999) {  // stopped at catR's bound
        EXPECT_GE(std::abs(ours[p].theta), 3.99) << name << p;
        return;
      }
      ++inside;
      EXPECT_NEAR(ours[p].theta, theirs, 2e-4) << name << p;
      EXPECT_NEAR(ours[p].se, scores.Real(p, std::string(name) + "_se"), 5e-4) << name << p;
    };
    bounded(ml, "ML");
    bounded(wle, "WL");
  }
  EXPECT_GE(inside, 95);
}

void ComparePersons(const std::string& folder, const std::string& tag, const Matrix& data,
                    double prior_sd) {
  const Table persons = ReadTable(folder + "/" + tag + "_persons.csv");
  const auto items = ReadItems(folder + "/" + tag + "_items.csv", "g");
  ASSERT_GE(persons.rows.size(), 30u);
  ASSERT_LE(persons.rows.size(), data.persons);
  AbilityOptions options;
  options.prior_sd = prior_sd;
  options.information = InformationKind::kObserved;
  std::vector<std::vector<Ability>> ours;
  for (const auto method :
       {AbilityMethod::kEap, AbilityMethod::kMap, AbilityMethod::kMl, AbilityMethod::kWle}) {
    options.method = method;
    ours.push_back(Score(items, data, options));
  }
  bool guessing = false;
  for (const auto& item : items) guessing = guessing || item.lower_asymptote > 0;
  for (size_t p = 0; p < persons.rows.size(); ++p) {
    // Parameters are printed to 12 digits: so far the values agree.
    EXPECT_NEAR(ours[0][p].theta, persons.Real(p, "EAP"), 1e-8) << tag << p;
    EXPECT_NEAR(ours[0][p].se, persons.Real(p, "EAP_se"), 1e-8) << tag << p;
    EXPECT_NEAR(ours[1][p].theta, persons.Real(p, "MAP"), 2e-4) << tag << p;
    EXPECT_NEAR(ours[1][p].se, persons.Real(p, "MAP_se"), 2e-4) << tag << p;
    const double ml = persons.Real(p, "ML"), ml_se = persons.Real(p, "ML_se");
    if (std::isinf(ml)) {
      // mirt's 3PL search may run away where a finite maximum exists; without guessing never.
      if (!guessing) {
        EXPECT_EQ(ours[2][p].theta, ml) << tag << p;
      }
    } else if (!guessing) {
      EXPECT_NEAR(ours[2][p].theta, ml, 1e-3) << tag << p;
      EXPECT_NEAR(ours[2][p].se, ml_se, 1e-3) << tag << p;
    }
    if (!guessing) {
      EXPECT_NEAR(ours[3][p].theta, persons.Real(p, "WLE"), 1e-3) << tag << p;
    }
  }
}

Matrix Patterns(const std::string& folder, const std::string& tag) {
  const Table persons = ReadTable(folder + "/" + tag + "_persons.csv");
  Matrix data;
  data.items.resize(5);
  for (const auto& row : persons.rows) {
    for (const char letter : row[persons.Column("pattern")]) {
      data.cells.push_back(static_cast<int8_t>(letter - '0'));
    }
    ++data.persons;
  }
  return data;
}

TEST(AbilityReference, MirtLsat6) {
  const std::string folder = "calibration/lsat6";
  NEED_REFERENCE(folder + "/mirt_2pl_persons.csv");
  ComparePersons(folder, "mirt_2pl", Patterns(folder, "mirt_2pl"), 1);
  ComparePersons(folder, "mirt_3pl_prior", Patterns(folder, "mirt_3pl_prior"), 1);
  ComparePersons(folder, "mirt_rasch", Patterns(folder, "mirt_rasch"),
                 std::sqrt(reference::JsonNumber(folder + "/mirt_rasch_model.json", "latent_var")));
}

TEST(AbilityReference, MirtSimulatedTwoParameter) {
  const std::string folder = "calibration/sim2pl_1500x50";
  NEED_REFERENCE(folder + "/mirt_2pl_persons.csv");
  const Matrix data = ReadMatrix(folder + "/data.csv");
  ComparePersons(folder, "mirt_2pl", data, 1);
  ComparePersons(folder, "mirt_rasch", data,
                 std::sqrt(reference::JsonNumber(folder + "/mirt_rasch_model.json", "latent_var")));
}

TEST(AbilityReference, MirtSimulatedThreeParameter) {
  const std::string folder = "calibration/sim3pl_2000x40";
  NEED_REFERENCE(folder + "/mirt_3pl_prior_persons.csv");
  const Matrix data = ReadMatrix(folder + "/data.csv");
  ComparePersons(folder, "mirt_3pl_prior", data, 1);
  ComparePersons(folder, "mirt_2pl", data, 1);
}

TEST(AbilityReference, MirtSumScores) {
  const std::string folder = "calibration/lsat6";
  NEED_REFERENCE(folder + "/mirt_2pl_eapsum.csv");
  const struct {
    std::string folder, tag;
    const char* theta;
    const char* se;
  } cases[] = {{folder, "mirt_2pl", "F1", "SE_F1"},
               {folder, "mirt_3pl_prior", "F", "SE_F"},
               {folder, "mirt_rasch", "F1", "SE_F1"},
               {"calibration/sim2pl_1500x50", "mirt_2pl", "F1", "SE_F1"},
               {"calibration/sim3pl_2000x40", "mirt_3pl_prior", "F", "SE_F"}};
  for (const auto& c : cases) {
    const Table table = ReadTable(c.folder + "/" + c.tag + "_eapsum.csv");
    const std::string model = c.folder + "/" + c.tag + "_model.json";
    AbilityOptions options;
    options.prior_sd = std::sqrt(reference::JsonNumber(model, "latent_var"));
    const double persons = reference::JsonNumber(model, "N");
    const auto scores =
        SumScoreAbilities(ReadItems(c.folder + "/" + c.tag + "_items.csv", "g"), options);
    ASSERT_TRUE(scores.ok());
    ASSERT_EQ(scores->size(), table.rows.size());
    for (size_t x = 0; x < table.rows.size(); ++x) {
      EXPECT_NEAR((*scores)[x].theta, table.Real(x, c.theta), 1e-7) << c.tag << x;
      EXPECT_NEAR((*scores)[x].se, table.Real(x, c.se), 1e-7) << c.tag << x;
      EXPECT_NEAR((*scores)[x].probability * persons, table.Real(x, "expected"), 1e-5);
    }
  }
}

// Rows of one number correct each, for packages that give a table by score.
Ability OfScore(const std::vector<ItemParameters>& items, size_t right, AbilityMethod method) {
  std::vector<int8_t> row(items.size(), 0);
  std::fill_n(row.begin(), right, int8_t{1});
  AbilityOptions options;
  options.method = method;
  const auto ability = EstimateAbility(items, row, options);
  EXPECT_TRUE(ability.ok()) << ability.status();
  return ability.value_or(Ability{});
}

// In the Rasch model any pattern of a number correct will do.
TEST(AbilityReference, TamAndErmByNumberCorrect) {
  NEED_REFERENCE("calibration/lsat6/tam_rasch_wle_by_score.csv");
  for (const std::string folder : {"calibration/lsat6", "calibration/sim2pl_1500x50"}) {
    std::vector<ItemParameters> items;
    const Table tam = ReadTable(folder + "/tam_rasch_items.csv");
    for (size_t i = 0; i < tam.rows.size(); ++i) items.push_back({1, tam.Real(i, "xsi"), 0});
    const Table wle = ReadTable(folder + "/tam_rasch_wle_by_score.csv");
    for (size_t row = 0; row < wle.rows.size(); ++row) {
      const Ability ours = OfScore(items, std::stoul(wle.Text(row, "sum")), AbilityMethod::kWle);
      EXPECT_NEAR(ours.theta, wle.Real(row, "WLE"), 1e-6) << folder << row;
      EXPECT_NEAR(ours.se, wle.Real(row, "se"), 1e-6) << folder << row;
    }
    const Table erm = ReadTable(folder + "/erm_cml_items.csv");
    for (size_t i = 0; i < items.size(); ++i) items[i].difficulty = erm.Real(i, "difficulty");
    const Table ml = ReadTable(folder + "/erm_cml_theta_by_score.csv");
    for (size_t row = 0; row < ml.rows.size(); ++row) {
      const size_t right = std::stoul(ml.Text(row, "sum"));
      if (right == 0 || right == items.size()) continue;  // extrapolated by eRm
      EXPECT_NEAR(OfScore(items, right, AbilityMethod::kMl).theta, ml.Real(row, "theta_mle"), 1e-4)
          << folder << right;
    }
  }
}

TEST(AbilityReference, MirtTimingRun) {
  NEED_REFERENCE("timing/peer_mirtEAP_first200.csv");
  const Table table = ReadTable("timing/peer_mirtEAP_first200.csv");
  const Matrix data = reference::ReadStrings("timing/n100000x50.txt.gz", 200);
  ASSERT_EQ(data.persons, 200u);
  const auto abilities = Score(ReadItems("timing/true_items.csv", "g"), data, {});
  for (size_t p = 0; p < 200; ++p) {
    // One pattern of 200, far down at -2.94, differs by 3e-8 and its error by 1e-7; the rest by
    // 1e-10.
    EXPECT_NEAR(abilities[p].theta, table.Real(p, "EAP"), 1e-7);
    EXPECT_NEAR(abilities[p].se, table.Real(p, "SE"), 2e-7);
  }
}

}  // namespace
}  // namespace invigil::scoring
