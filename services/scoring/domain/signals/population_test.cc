#include "services/scoring/domain/signals/population.h"

#include <gtest/gtest.h>

#include "common/error/error.h"
#include "services/scoring/domain/signals/ability_grid.h"
#include "services/scoring/domain/signals/simulate.h"

namespace invigil::scoring {
namespace {

TEST(Population, IsFoundFromLearnersPosteriors) {
  const ReadinessModel model = ReadinessModel::Create(SimulatedExam(2026)).value();
  Random random(6);
  std::vector<std::vector<double>> posteriors;
  for (int i = 0; i < 600; ++i) {
    posteriors.push_back(
        SimulateLearner(model, {.population_mean = -0.3, .population_sd = 0.6, .sessions = 2},
                        random)
            .readiness.posterior);
  }
  const auto population =
      FitPopulation(posteriors, model.options().prior_mean, model.options().prior_sd);
  ASSERT_TRUE(population.ok()) << population.status();
  EXPECT_TRUE(population->converged);
  EXPECT_NEAR(population->mean, -0.3, 0.08);  // standard error 0.027, and the day's drift
  EXPECT_NEAR(population->sd, 0.6, 0.08);
}

TEST(Population, BadInputIsANamedError) {
  const std::vector<double> good = NormalWeights(0, 1);
  const auto reason = [](const std::vector<std::vector<double>>& posteriors, double sd = 1) {
    return ReasonOf(FitPopulation(posteriors, 0, sd).status());
  };
  EXPECT_EQ(reason({}), "POPULATION_TOO_SMALL");
  std::vector<std::vector<double>> many(40, good);
  EXPECT_EQ(reason(many), "");
  EXPECT_EQ(reason(many, 0), "POPULATION_PRIOR");
  many[7].pop_back();
  EXPECT_EQ(reason(many), "POSTERIOR_INVALID");
  many[7] = std::vector<double>(kAbilityNodes, 1);
  EXPECT_EQ(reason(many), "POSTERIOR_INVALID");
  const auto exam = SimulatedExam(1).base_form;
  const std::vector<std::string> names = {"a", "b"};
  EXPECT_EQ(ReasonOf(FitDomainSd({}, exam, names).status()), "POPULATION_TOO_SMALL");
  const std::vector<std::vector<PracticeResponse>> empty(40);
  EXPECT_EQ(ReasonOf(FitDomainSd(empty, exam, names).status()), "DIAGNOSTIC_EMPTY");
}

TEST(Population, SpreadOfDomainsIsFoundFromDiagnostics) {
  const auto exam = SimulatedExam(2026).base_form;
  const std::vector<std::string> names = {"Concepts", "Security", "Technology", "Billing"};
  Random random(9);
  double last = 0;
  for (double spread : {0.3, 1.0}) {
    std::vector<std::vector<PracticeResponse>> diagnostics;
    for (int i = 0; i < 120; ++i) {
      diagnostics.push_back(SimulateDiagnostic(50, 0, 1.2, spread, random).responses);
    }
    const auto found = FitDomainSd(diagnostics, exam, names);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_NEAR(found->domain_sd, spread, 0.2);
    EXPECT_GT(found->domain_sd, last);
    last = found->domain_sd;
  }
}

// One learner whose answers no ability gives must not keep a population from its prior.
TEST(Population, UnexplainedDiagnosticsAreLeftOutAndCounted) {
  const auto exam = SimulatedExam(2026).base_form;
  const std::vector<std::string> names = {"Concepts", "Security", "Technology", "Billing"};
  Random random(10);
  std::vector<std::vector<PracticeResponse>> diagnostics;
  for (int i = 0; i < 30; ++i) {
    diagnostics.push_back(SimulateDiagnostic(20, 0, 1.2, 0.5, random).responses);
  }
  const auto without = FitDomainSd(diagnostics, exam, names);
  ASSERT_TRUE(without.ok()) << without.status();
  EXPECT_EQ(without->unexplained, 0);
  // Wrong on what everybody has right, a thousand times over.
  PracticeResponse impossible = diagnostics[0][0];
  impossible.operational = true;
  impossible.right = false;
  impossible.irt = {.slope = 1, .difficulty = -600, .lower_asymptote = 0};
  diagnostics.emplace_back(1000, impossible);
  ASSERT_EQ(ReasonOf(Diagnose(diagnostics.back(), exam, names, {}).status()),
            "ANSWERS_UNEXPLAINED");
  const auto with = FitDomainSd(diagnostics, exam, names);
  ASSERT_TRUE(with.ok()) << with.status();
  EXPECT_EQ(with->unexplained, 1);
  EXPECT_EQ(with->domain_sd, without->domain_sd);
  diagnostics.erase(diagnostics.begin());
  EXPECT_EQ(ReasonOf(FitDomainSd(diagnostics, exam, names).status()), "POPULATION_TOO_SMALL");
}

}  // namespace
}  // namespace invigil::scoring
