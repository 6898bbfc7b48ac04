// Against equate 2.0.9 (R). Tolerances, and why:
//   1e-8   closed forms (the files hold 12 digits)
//   1.5e-7 unsmoothed equipercentile methods: equate rounds percentile ranks to 1e-10, which a
//          density of 1/1000 turns into 1e-7
//   1e-4   smoothed ones: its iterations stop at 1e-8 of the deviance; and where the density is
//          small the rounding shows too
//   delta-method errors of NEAT lines ("se.g"): 1e-4 of their size, equate mixes n and n - 1; for
//          chained linear 5e-3, one person in 198
//   bootstrap errors: 10 %, other random numbers and 1,000 replications. equate 2.0.9 bootstraps
//          its default model (4 powers, 2 of each in products) whatever was asked for: the files of
//          degree 3 and of degree 6 hold the same errors. They are compared with that model's.
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <string>

#include "services/scoring/domain/equating/equate.h"
#include "services/scoring/domain/equating/percentile.h"
#include "services/scoring/domain/equating/synthetic.h"
#include "services/scoring/domain/reference_values.h"

namespace invigil::scoring::equating {
namespace {

using testing::ReadReferenceCsv;
using testing::Real;
using testing::ReferenceRow;

const std::string kAct = "equating/actmath_eg/";
const std::string kSim = "equating/sim_internal_anchor/";
const std::string kPisa = "equating/pisa_external_anchor/";

std::vector<double> Column(const std::string& path, const std::string& name) {
  std::vector<double> values;
  for (const ReferenceRow& row : ReadReferenceCsv(path)) values.push_back(Real(row, name));
  return values;
}

ScoreTable Act(const std::string& column) {
  return FromFrequencies(Column(kAct + "data_freq.csv", column), column).value();
}

ScoreTable Neat(const std::string& path, int items, int anchor) {
  return Tabulate(Column(path, "total"), Column(path, "anchor"), items, anchor, path).value();
}

struct Case {
  std::string file;
  Request request;
  double tolerance = 1e-8;
  // Columns of the file to compare standard errors with, and their relative tolerance.
  std::string error_column = "";
  double error_tolerance = 1e-8;
};

void Check(const std::string& folder, const Case& c, const ScoreTable& x, const ScoreTable& y) {
  SCOPED_TRACE(folder + c.file);
  const auto equating = Equate(c.request, x, y);
  ASSERT_TRUE(equating.ok()) << equating.status();
  const auto rows = ReadReferenceCsv(folder + c.file + ".csv");
  ASSERT_EQ(rows.size(), equating->table.size());
  double worst = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const EquatedScore& score = equating->table[i];
    EXPECT_EQ(score.raw, static_cast<int>(Real(rows[i], "scale")));
    const double miss = std::abs(score.equated - Real(rows[i], "yx"));
    EXPECT_LE(miss, c.tolerance) << "raw " << i << " " << score.equated;
    worst = std::max(worst, miss);
    if (c.error_column.empty()) continue;
    const double expected = Real(rows[i], c.error_column);
    ASSERT_TRUE(score.standard_error.has_value()) << "raw " << i;
    const double relative = std::abs(*score.standard_error - expected) / std::max(expected, 1e-3);
    EXPECT_LE(relative, c.error_tolerance)
        << "raw " << i << " se " << *score.standard_error << " instead of " << expected;
  }
  ::testing::Test::RecordProperty(c.file, std::to_string(worst));
}

TEST(EquatingReference, MomentsAndPercentileRanks) {
  SKIP_WITHOUT_REFERENCE(kAct);
  const auto check = [](const std::string& path, const std::vector<std::vector<double>>& margins) {
    const auto rows = ReadReferenceCsv(path);
    ASSERT_EQ(rows.size(), margins.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      const Moments m = MomentsOf(margins[i]);
      EXPECT_NEAR(m.mean, Real(rows[i], "mean"), 1e-8);
      EXPECT_NEAR(std::sqrt(m.variance), Real(rows[i], "sd"), 1e-8);
      EXPECT_NEAR(m.skewness, Real(rows[i], "skew"), 1e-8);
      EXPECT_NEAR(m.kurtosis, Real(rows[i], "kurt"), 1e-8);
      EXPECT_EQ(m.lowest, Real(rows[i], "min"));
      EXPECT_EQ(m.highest, Real(rows[i], "max"));
      EXPECT_EQ(m.n, Real(rows[i], "n"));
    }
  };
  const ScoreTable x = Act("xcount"), y = Act("ycount");
  check(kAct + "moments_x.csv", {x.cells});
  check(kAct + "moments_y.csv", {y.cells});
  for (const char* group : {"x", "y"}) {
    for (const auto& [folder, items, anchor] :
         {std::tuple(kSim, 60, 20), std::tuple(kPisa, 15, 16)}) {
      const ScoreTable table = Neat(folder + "data_" + group + ".csv", items, anchor);
      check(folder + "moments_" + group + ".csv", {TotalMargin(table), AnchorMargin(table)});
    }
  }
  const auto px = PercentileRanks(Distribution(x.cells)),
             py = PercentileRanks(Distribution(y.cells));
  const auto ranks = ReadReferenceCsv(kAct + "percentile_ranks.csv");
  ASSERT_EQ(ranks.size(), 41u);
  for (size_t s = 0; s < 41; ++s) {  // equate rounds them to ten decimals
    EXPECT_NEAR(px[s], Real(ranks[s], "px"), 1e-10);
    EXPECT_NEAR(py[s], Real(ranks[s], "py"), 1e-10);
  }
}

TEST(EquatingReference, ActMathematicsRandomGroups) {
  SKIP_WITHOUT_REFERENCE(kAct);
  const ScoreTable x = Act("xcount"), y = Act("ycount");
  Check(kAct, {"identity", {.method = Method::kIdentity}, 0, "se"}, x, y);
  Check(kAct, {"mean", {.method = Method::kMean}, 1e-8, "boot_se", 0.03}, x, y);
  Check(kAct, {"linear", {.method = Method::kLinear}, 1e-8, "se"}, x, y);
  Check(kAct, {"circle_arc", {.method = Method::kCircleArc}}, x, y);
  Check(kAct, {"equip_unsmoothed", {.method = Method::kEquipercentile}, 1.5e-7, "se", 1e-6}, x, y);
  for (int degree = 2; degree <= 6; ++degree) {
    Check(kAct,
          {"equip_loglin_deg" + std::to_string(degree),
           {.method = Method::kEquipercentile, .smoothing = {.degree = degree}},
           1e-4},
          x, y);
  }
  const auto arc = CircleArc({MomentsOf(x.cells).mean, MomentsOf(y.cells).mean}, 40, 40, false);
  ASSERT_TRUE(arc.ok());
  const auto rows = ReadReferenceCsv(kAct + "circle_arc_symmetric.csv");
  ASSERT_EQ(rows.size(), arc->size());
  for (size_t s = 0; s < rows.size(); ++s) EXPECT_NEAR((*arc)[s], Real(rows[s], "yx"), 1e-8);
}

constexpr double kAnything = 1e9;  // where only the errors of a file are looked at

TEST(EquatingReference, BootstrapErrors) {
  SKIP_WITHOUT_REFERENCE(kAct);
  const auto check = [](const std::string& folder, const std::string& file, Request request,
                        const ScoreTable& x, const ScoreTable& y, double tolerance = 0.1) {
    request.bootstrap = 2000;
    request.seed = 5;
    Check(folder, {file, request, kAnything, "boot_se", tolerance}, x, y);
  };
  const Request equipercentile{.method = Method::kEquipercentile};
  Request smooth = equipercentile;
  smooth.smoothing = {.degree = 4};
  const ScoreTable x = Act("xcount"), y = Act("ycount");
  check(kAct, "mean", {.method = Method::kMean}, x, y);
  check(kAct, "linear", {.method = Method::kLinear}, x, y);
  check(kAct, "equip_unsmoothed", equipercentile, x, y, 0.15);  // ten persons below 4
  check(kAct, "equip_loglin_deg3", smooth, x, y, 0.15);

  const ScoreTable px = Neat(kPisa + "data_x.csv", 15, 16), py = Neat(kPisa + "data_y.csv", 15, 16);
  Request neat{.design = Design::kNeatExternal, .method = Method::kTucker, .weight_x = 1};
  check(kPisa, "linear_tucker_ws1", neat, px, py);
  neat.method = Method::kLevine;
  check(kPisa, "linear_levine_obs_ws1", neat, px, py);
  neat.method = Method::kChainedLinear;
  check(kPisa, "linear_chained", neat, px, py);
  neat.smoothing = {.degree = 4, .cross = 2};
  neat.method = Method::kFrequencyEstimation;
  check(kPisa, "equip_fe_loglin_ws1", neat, px, py, 0.15);
  neat.method = Method::kChainedEquipercentile;
  check(kPisa, "equip_chained_loglin", neat, px, py, 0.15);

  const ScoreTable sx = Neat(kSim + "data_x.csv", 60, 20), sy = Neat(kSim + "data_y.csv", 60, 20);
  neat = {.design = Design::kNeatInternal, .method = Method::kTucker, .weight_x = 1};
  check(kSim, "linear_tucker_ws1", neat, sx, sy);
  neat.method = Method::kChainedLinear;
  check(kSim, "linear_chained", neat, sx, sy);
}

TEST(EquatingReference, LoglinearFits) {
  SKIP_WITHOUT_REFERENCE(kAct);
  const auto smooth = ReadReferenceCsv(kAct + "loglinear_smoothed_freq.csv");
  for (const ReferenceRow& row : ReadReferenceCsv(kAct + "loglinear_fit.csv")) {
    const int degree = static_cast<int>(Real(row, "degree"));
    const std::string form = row.at("form"), name = form + "_deg" + std::to_string(degree);
    SCOPED_TRACE(name);
    const ScoreTable table = Act(form + "count");
    const LoglinearModel model(40, 0, {.degree = degree});
    const auto fit = model.Estimate(table.cells);
    ASSERT_TRUE(fit.ok()) << fit.status();
    const FitStatistics s = StatisticsOf(table.cells, fit->frequencies, model.terms());
    EXPECT_EQ(s.degrees_of_freedom, Real(row, "df"));
    EXPECT_NEAR(s.deviance, Real(row, "deviance"), 1e-5);
    EXPECT_NEAR(s.log_likelihood, Real(row, "loglik"), 1e-5);
    EXPECT_NEAR(s.aic, Real(row, "aic"), 1e-5);
    EXPECT_NEAR(s.bic, Real(row, "bic"), 1e-5);
    // Never below the reference's likelihood.
    EXPECT_LE(s.deviance, Real(row, "deviance") + 1e-8);
    for (size_t i = 0; i < smooth.size(); ++i) {
      EXPECT_NEAR(fit->frequencies[i], Real(smooth[i], name), 2e-3) << i;
    }
  }
}

std::vector<Case> NeatCases(Design design, double half) {
  const auto request = [&](Method method, std::optional<double> weight = std::nullopt,
                           Center center = Center::kTucker) {
    return Request{.design = design, .method = method, .center = center, .weight_x = weight};
  };
  const auto smooth = [&](Method method, std::optional<double> weight = std::nullopt) {
    Request r = request(method, weight);
    r.smoothing = {.degree = 3, .cross = 1};
    return r;
  };
  return {
      {"mean_tucker_ws1", request(Method::kMean, 1)},
      {"mean_levine_ws1", request(Method::kMean, 1, Center::kLevine)},
      {"mean_chained", request(Method::kMean, {}, Center::kChainedMean)},
      {"mean_nominal", request(Method::kMean, {}, Center::kNominal)},
      {"linear_tucker_ws1", request(Method::kTucker, 1), 1e-8, "se.g", 1e-4},
      {"linear_tucker_ws05", request(Method::kTucker, 0.5), 1e-8, "se.g", 1e-4},
      {"linear_tucker_wsprop", request(Method::kTucker), 1e-8, "se.g", 1e-4},
      {"linear_levine_obs_ws1", request(Method::kLevine, 1), 1e-8, "se.g", 1e-4},
      {"linear_levine_obs_ws05", request(Method::kLevine, 0.5), 1e-8, "se.g", 1e-4},
      {"linear_levine_true", request(Method::kLevineTrue)},
      {"linear_chained", request(Method::kChainedLinear), 1e-8, "se.g", 5e-3},
      {"circle_arc_tucker", request(Method::kCircleArc, 1)},
      {"circle_arc_chained", request(Method::kCircleArc, {}, Center::kChainedMean)},
      // equate mixes counts where the weight is below 1: it means N_x / (N_x + N_y).
      {"linear_braun_holland_ws1", request(Method::kBraunHolland, 1)},
      {"linear_braun_holland_ws05", request(Method::kBraunHolland, half)},
      {"equip_fe_unsmoothed_ws1", request(Method::kFrequencyEstimation, 1), 1.5e-7},
      {"equip_fe_unsmoothed_ws05", request(Method::kFrequencyEstimation, half), 1.5e-7},
      {"equip_chained_unsmoothed", request(Method::kChainedEquipercentile), 1.5e-7},
      {"equip_fe_loglin_ws1", smooth(Method::kFrequencyEstimation, 1), 1e-4},
      {"equip_fe_loglin_ws05", smooth(Method::kFrequencyEstimation, half), 1e-4},
      {"equip_chained_loglin", smooth(Method::kChainedEquipercentile), 1e-4},
  };
}

TEST(EquatingReference, SimulatedInternalAnchor) {
  SKIP_WITHOUT_REFERENCE(kSim);
  const ScoreTable x = Neat(kSim + "data_x.csv", 60, 20), y = Neat(kSim + "data_y.csv", 60, 20);
  for (const Case& c : NeatCases(Design::kNeatInternal, 2000.0 / 4200)) Check(kSim, c, x, y);
}

TEST(EquatingReference, PisaExternalAnchor) {
  SKIP_WITHOUT_REFERENCE(kPisa);
  const ScoreTable x = Neat(kPisa + "data_x.csv", 15, 16), y = Neat(kPisa + "data_y.csv", 15, 16);
  for (const Case& c : NeatCases(Design::kNeatExternal, 0.5)) Check(kPisa, c, x, y);
}

}  // namespace
}  // namespace invigil::scoring::equating
