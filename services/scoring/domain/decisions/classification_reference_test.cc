// Against betafunctions 1.9.0 (Livingston-Lewis) and cacIRT 1.4 (Lee, Rudner).
//
// Lee and Rudner are closed sums over given nodes and parameters: 1e-9, Lee for persons being the
// README's known fault and absent. betafunctions drops a score's factorial moment where the
// rescaled score lies below the order (1.9995 counts as below 2), which moves its parameters by up
// to 1e-5 relative, and integrates to about 1e-5: 1e-4 on parameters of two, 2e-3 on those of four
// (fourth moments), 2e-5 on what comes out with two and 2e-4 with four. The effective length is
// closed: 1e-8.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "services/scoring/domain/decisions/classification.h"
#include "services/scoring/domain/decisions/livingston_lewis.h"
#include "services/scoring/domain/reference_values.h"

namespace invigil::scoring {
namespace {

using testing::ReadReferenceCsv;
using testing::Real;

std::vector<double> ActMathScores() {
  std::vector<double> scores;
  for (const auto& row : ReadReferenceCsv("equating/actmath_eg/data_freq.csv")) {
    scores.insert(scores.end(), static_cast<size_t>(Real(row, "xcount")), Real(row, "scale"));
  }
  return scores;
}

std::vector<double> SimulatedScores() {
  std::vector<double> scores;
  for (const auto& row : ReadReferenceCsv("calibration/sim2pl_1500x50/data.csv")) {
    double total = 0;
    for (const auto& [item, cell] : row) total += std::stod(cell);
    scores.push_back(total);
  }
  return scores;
}

TEST(ClassificationReference, LivingstonLewis) {
  SKIP_WITHOUT_REFERENCE("classification/actmath_x_LL_HB_cut18_2P.json");
  int compared = 0;
  for (const auto& [tag, scores, max] :
       std::vector<std::tuple<std::string, std::vector<double>, double>>{
           {"actmath_x_LL_HB_cut18", ActMathScores(), 40},
           {"actmath_x_LL_HB_cut24", ActMathScores(), 40},
           {"sim2pl_1500x50_LL_HB_cut25", SimulatedScores(), 50},
           {"sim2pl_1500x50_LL_HB_cut32", SimulatedScores(), 50}}) {
    for (const bool four : {false, true}) {
      const std::string name = tag + (four ? "_4P" : "_2P");
      std::ifstream file(testing::ReferenceFolder() / "classification" / (name + ".json"));
      const auto json = nlohmann::json::parse(file);
      const auto result = LivingstonLewis(
          {.scores = scores,
           .reliability = json["reliability"],
           .min = 0,
           .max = max,
           .cut = json["cut_raw_pass_if_ge"],
           .model = four ? TrueScoreModel::kFourParameter : TrueScoreModel::kTwoParameter});
      ASSERT_TRUE(result.ok()) << name << result.status();
      const auto& ll = json["livingston_lewis"];
      const auto& parameters = ll["parameters"];
      EXPECT_NEAR(result->effective_length, parameters["etl"].get<double>(), 1e-8) << name;
      EXPECT_EQ(result->rounded_length, parameters["etl_rounded"].get<int>()) << name;
      const double loose = four ? 2e-3 : 1e-4;
      EXPECT_NEAR(result->true_scores.alpha, parameters["alpha"].get<double>(), loose * 4) << name;
      EXPECT_NEAR(result->true_scores.beta, parameters["beta"].get<double>(), loose * 4) << name;
      EXPECT_NEAR(result->true_scores.low, parameters["l"].get<double>(), loose) << name;
      EXPECT_NEAR(result->true_scores.high, parameters["u"].get<double>(), loose) << name;
      const double tight = four ? 2e-4 : 2e-5;
      const Classification& c = result->classification;
      // "Positive" means below the cut: the first row holds true fails and true passes kept.
      const auto& confusion = ll["confusionmatrix"];
      EXPECT_NEAR(c.accuracy, confusion[0][2].get<double>(), tight) << name;
      EXPECT_NEAR(c.false_negative, confusion[1][0].get<double>(), tight) << name;
      EXPECT_NEAR(c.false_positive, confusion[1][1].get<double>(), tight) << name;
      ++compared;
      // The README: betafunctions' consistency of this cut is at fault.
      if (tag == "sim2pl_1500x50_LL_HB_cut32") continue;
      const auto& consistency = ll["classification.consistency"];
      EXPECT_NEAR(c.consistency, consistency["p"].get<double>(), tight) << name;
      EXPECT_NEAR(c.chance_consistency, consistency["p_c"].get<double>(), tight) << name;
      EXPECT_NEAR(c.kappa.value(), consistency["Kappa"].get<double>(), 2 * tight) << name;
    }
  }
  EXPECT_EQ(compared, 8);
}

TEST(ClassificationReference, LeeAndRudner) {
  SKIP_WITHOUT_REFERENCE("classification/sim2pl_1500x50_lee_rudner.csv");
  std::vector<ItemParameters> items;
  for (const auto& row : ReadReferenceCsv("calibration/sim2pl_1500x50/mirt_2pl_items.csv")) {
    items.push_back({Real(row, "a"), Real(row, "b"), 0});
  }
  ASSERT_EQ(items.size(), 50u);
  AbilityNodes nodes;
  for (const auto& row : ReadReferenceCsv("classification/sim2pl_1500x50_quadrature.csv")) {
    nodes.theta.push_back(Real(row, "theta"));
    nodes.weight.push_back(Real(row, "weight"));
  }
  AbilityNodes persons;
  std::vector<double> errors;
  for (const auto& row : ReadReferenceCsv("calibration/sim2pl_1500x50/mirt_2pl_persons.csv")) {
    persons.theta.push_back(Real(row, "EAP"));
    persons.weight.push_back(1);
    errors.push_back(Real(row, "EAP_se"));
  }
  const auto information = InformationErrors(items, nodes);
  ASSERT_TRUE(information.ok());
  int compared = 0;
  for (const auto& row : ReadReferenceCsv("classification/sim2pl_1500x50_lee_rudner.csv")) {
    // "Lee_25&32": the method, then its cuts; with two, rows for each cut and one for both.
    const std::string method = row.at("method"), kind = row.at("type"), which = row.at("cut");
    const size_t bar = method.find('_'), both = method.find('&');
    std::vector<double> cuts = {std::stod(method.substr(bar + 1))};
    if (both != std::string::npos) cuts.push_back(std::stod(method.substr(both + 1)));
    if (which.starts_with("cut at ")) cuts = {std::stod(which.substr(7))};
    const bool of_persons = kind.starts_with("P");
    const auto result = method.starts_with("Lee") ? LeeClassification(items, cuts, nodes)
                        : of_persons              ? RudnerClassification(cuts, persons, errors)
                                                  : RudnerClassification(cuts, nodes, *information);
    ASSERT_TRUE(result.ok()) << method << result.status();
    EXPECT_NEAR(result->accuracy, Real(row, "accuracy"), 1e-9) << method << kind << which;
    EXPECT_NEAR(result->consistency, Real(row, "consistency"), 1e-9) << method << kind << which;
    ++compared;
  }
  EXPECT_EQ(compared, 13);
}

TEST(ClassificationReference, NormalNodesAreCacIrts) {
  SKIP_WITHOUT_REFERENCE("classification/sim2pl_1500x50_quadrature.csv");
  const AbilityNodes nodes = NormalNodes(41, -5, 5);
  const auto rows = ReadReferenceCsv("classification/sim2pl_1500x50_quadrature.csv");
  ASSERT_EQ(rows.size(), nodes.theta.size());
  for (size_t q = 0; q < rows.size(); ++q) {
    EXPECT_NEAR(nodes.theta[q], Real(rows[q], "theta"), 1e-12);
    EXPECT_NEAR(nodes.weight[q], Real(rows[q], "weight"), 1e-12);
  }
}

}  // namespace
}  // namespace invigil::scoring
