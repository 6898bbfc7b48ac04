// What must hold for every equating: limits, symmetry, order, repeatability, and named errors.
#include "services/scoring/domain/equating/equate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "common/base/random.h"
#include "common/error/error.h"
#include "services/scoring/domain/equating/percentile.h"
#include "services/scoring/domain/equating/recommend.h"

namespace invigil::scoring::equating {
namespace {

// n persons of ability `mean` on two parts of a form: `items` of which `anchor` are common.
// `internal`: the anchor counts in the total.
ScoreTable Simulate(Random& random, int n, int items, int anchor, double mean, double easiness,
                    bool internal) {
  std::vector<double> totals, anchors;
  const auto answered = [&](int count, double logit) {
    int right = 0;
    for (int i = 0; i < count; ++i) right += random.Uniform() < 1 / (1 + std::exp(-logit)) ? 1 : 0;
    return right;
  };
  for (int i = 0; i < n; ++i) {
    const double theta = mean + random.Normal();
    const int common = answered(anchor, theta);
    const int own = answered(internal ? items - anchor : items, theta + easiness);
    totals.push_back(own + (internal ? common : 0));
    anchors.push_back(common);
  }
  return Tabulate(totals, anchors, items, anchor, "simulated").value();
}

std::vector<double> Values(const Equating& equating) {
  std::vector<double> values;
  for (const EquatedScore& score : equating.table) values.push_back(score.equated);
  return values;
}

std::vector<double> Table(const Request& request, const ScoreTable& x, const ScoreTable& y) {
  const auto equating = Equate(request, x, y);
  EXPECT_TRUE(equating.ok()) << equating.status();
  return Values(*equating);
}

std::string Reason(const Request& request, const ScoreTable& x, const ScoreTable& y) {
  return ReasonOf(Equate(request, x, y).status());
}

std::vector<Request> EveryRequest(Design design) {
  std::vector<Request> requests;
  for (Method method : MethodsFor(design)) {
    requests.push_back({.design = design, .method = method});
    if (UsesDistributions(method)) {
      requests.push_back({.design = design,
                          .method = method,
                          .smoothing = {.degree = 4, .cross = IsNeat(design) ? 1 : 0}});
    }
    if (IsNeat(design) && (method == Method::kMean || method == Method::kCircleArc)) {
      for (Center center : kCenters) {
        requests.push_back({.design = design, .method = method, .center = center});
      }
    }
  }
  return requests;
}

TEST(Equating, OneGroupOnOneFormIsIdentity) {
  Random random(1);
  for (Design design : kDesigns) {
    const bool internal = design == Design::kNeatInternal;
    const ScoreTable x = Simulate(random, 800, 30, 12, 0, 0.2, internal);
    for (const Request& request : EveryRequest(design)) {
      SCOPED_TRACE(std::string(NameOf(design)) + " " + std::string(NameOf(request.method)));
      const auto table = Table(request, x, x);
      const Moments total = MomentsOf(TotalMargin(x));
      for (int s = 0; s <= 30; ++s) {
        // Unsmoothed, what lies outside the scores that occur goes to the ends of the scale.
        const bool outside = UsesDistributions(request.method) && !request.smoothing.On() &&
                             request.method != Method::kBraunHolland &&
                             (s <= total.lowest || s >= total.highest);
        if (!outside) {
          EXPECT_NEAR(table[static_cast<size_t>(s)], s, 1e-7) << s;
        }
      }
    }
  }
}

TEST(Equating, TablesNeverFall) {
  Random random(2);
  for (int trial = 0; trial < 20; ++trial) {
    for (Design design : kDesigns) {
      const bool internal = design == Design::kNeatInternal;
      const int n = 60 + static_cast<int>(random.Below(600));
      const ScoreTable x = Simulate(random, n, 25, 10, 0, 0.4 * random.Normal(), internal);
      const ScoreTable y = Simulate(random, n, 28, 10, 0.4, 0.4 * random.Normal(), internal);
      for (const Request& request : EveryRequest(design)) {
        SCOPED_TRACE(std::string(NameOf(design)) + " " + std::string(NameOf(request.method)));
        const auto equating = Equate(request, x, y);
        if (!equating.ok()) {  // the forms differ more than an arc can bend
          EXPECT_EQ(ReasonOf(equating.status()), "CIRCLE_ARC_NOT_MONOTONE");
          continue;
        }
        const auto table = Values(*equating);
        for (size_t s = 1; s < table.size(); ++s) {
          // Equal where nobody has the scores; rounding of a flat stretch is let pass.
          EXPECT_GE(table[s], table[s - 1] - 1e-9) << s;
        }
      }
    }
  }
}

TEST(Equating, LineFromXToYAndBackIsTheSameLine) {
  Random random(3);
  for (Design design : kDesigns) {
    const bool internal = design == Design::kNeatInternal;
    const ScoreTable x = Simulate(random, 500, 30, 12, 0, 0.3, internal);
    const ScoreTable y = Simulate(random, 700, 33, 12, 0.4, 0, internal);
    for (Request request : EveryRequest(design)) {
      // A shift taken from a line of another slope, at the mean of one group, has no way back.
      if (request.center == Center::kChainedLinear) continue;
      request.weight_x = 0.3;
      const auto there = Equate(request, x, y);
      request.weight_x = 0.7;  // of what is now called X
      const auto back = Equate(request, y, x);
      ASSERT_TRUE(there.ok() && back.ok());
      if (!there->line) continue;
      SCOPED_TRACE(std::string(NameOf(design)) + " " + std::string(NameOf(request.method)));
      for (double score : {0.0, 7.0, 15.5, 30.0}) {
        EXPECT_NEAR((*back->line)((*there->line)(score)), score, 1e-9);
      }
    }
  }
}

// Also over runs of scores that nobody has, where one-sided inverses are not symmetric.
TEST(Equating, EquipercentileIsSymmetric) {
  Random random(4);
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<double> f(12), g(15);
    for (auto* frequencies : {&f, &g}) {
      for (double& count : *frequencies) {
        count = random.Uniform() < 0.4 ? 0 : static_cast<double>(random.Below(6));
      }
      frequencies->front() = frequencies->back() = 1;  // the ends are limits, not inverses
    }
    const Distribution x(f), y(g);
    for (double score = 0.1; score < 11; score += 0.25) {  // never where two scores meet
      const double p = x.Rank(score);
      const double there = y.Inverse(p);
      EXPECT_NEAR(y.Rank(there), p, 1e-12);
      EXPECT_NEAR(x.Rank(x.Inverse(y.Rank(there))), p, 1e-12);
      if (x.DensityAt(score) > 0) {
        EXPECT_NEAR(x.Inverse(y.Rank(there)), score, 1e-9);
      }
    }
  }
}

TEST(Equating, MiddleOfARunThatNobodyHas) {
  // Half of Y at 0, half at 4: every point from 0.5 to 3.5 has rank one half.
  const Distribution y(std::vector<double>{5, 0, 0, 0, 5});
  EXPECT_DOUBLE_EQ(y.Inverse(0.5), 2);
  EXPECT_DOUBLE_EQ(y.Inverse(0), -0.5);
  EXPECT_DOUBLE_EQ(y.Inverse(1), 4.5);
  EXPECT_DOUBLE_EQ(y.Rank(9), 1);
  EXPECT_DOUBLE_EQ(y.Rank(-3), 0);
}

TEST(Equating, CircleArcHoldsTheEndsAndTheMiddle) {
  Random random(5);
  for (int trial = 0; trial < 200; ++trial) {
    const MiddlePoint middle{8 + 24 * random.Uniform(), 0};
    for (bool simplified : {true, false}) {
      const MiddlePoint m{middle.x, middle.x * 45 / 40 + 6 * (random.Uniform() - 0.5)};
      const auto arc = CircleArc(m, 40, 45, simplified);
      if (!arc.ok()) {
        EXPECT_EQ(ReasonOf(arc.status()), "CIRCLE_ARC_NOT_MONOTONE");
        continue;
      }
      EXPECT_NEAR(arc->front(), 0, 1e-9);
      EXPECT_NEAR(arc->back(), 45, 1e-9);
      const auto below = static_cast<size_t>(m.x);
      const double share = m.x - static_cast<double>(below);
      const double there = (*arc)[below] * (1 - share) + (*arc)[below + 1] * share;
      EXPECT_NEAR(there, m.y, 0.05);  // the chord of one point of an arc
    }
  }
  EXPECT_EQ(ReasonOf(CircleArc({20, 41}, 40, 40).status()), "MIDDLE_POINT_OUTSIDE");
  EXPECT_EQ(ReasonOf(CircleArc({0, 20}, 40, 40).status()), "MIDDLE_POINT_OUTSIDE");
  EXPECT_EQ(ReasonOf(CircleArc({3, 36}, 40, 40).status()), "CIRCLE_ARC_NOT_MONOTONE");
  const auto straight = CircleArc({20, 20}, 40, 40);
  ASSERT_TRUE(straight.ok());
  for (int s = 0; s <= 40; ++s) EXPECT_EQ((*straight)[static_cast<size_t>(s)], s);
}

TEST(Equating, SmoothingKeepsTheMoments) {
  Random random(6);
  const ScoreTable x = Simulate(random, 900, 60, 20, 0.3, 0.4, true);
  const auto power = [](double score, int k) { return std::pow(score / 60, k); };
  const std::vector<double> margin = TotalMargin(x);
  for (int degree = 1; degree <= 10; ++degree) {
    const auto fit = LoglinearModel(60, 0, {.degree = degree}).Estimate(margin);
    ASSERT_TRUE(fit.ok()) << fit.status();
    for (int k = 0; k <= degree; ++k) {
      double observed = 0, kept = 0;
      for (size_t s = 0; s < margin.size(); ++s) {
        observed += margin[s] * power(static_cast<double>(s), k);
        kept += fit->frequencies[s] * power(static_cast<double>(s), k);
      }
      EXPECT_NEAR(kept / observed, 1, 1e-10) << degree << " " << k;
    }
  }
  const auto fit = LoglinearModel(60, 20, {.degree = 4, .cross = 2}).Estimate(x.cells);
  ASSERT_TRUE(fit.ok()) << fit.status();
  ScoreTable smooth = x;
  smooth.cells = fit->frequencies;
  const JointMoments before = JointMomentsOf(x), after = JointMomentsOf(smooth);
  EXPECT_NEAR(after.n, before.n, 1e-7);
  EXPECT_NEAR(after.mean_total, before.mean_total, 1e-8);
  EXPECT_NEAR(after.mean_anchor, before.mean_anchor, 1e-8);
  EXPECT_NEAR(after.var_total, before.var_total, 1e-7);
  EXPECT_NEAR(after.covariance, before.covariance, 1e-7);
}

TEST(Equating, BootstrapIsTheSameForASeedWhateverTheThreads) {
  Random random(7);
  const ScoreTable x = Simulate(random, 300, 20, 8, 0, 0.2, true);
  const ScoreTable y = Simulate(random, 300, 20, 8, 0.3, 0, true);
  Request request{.design = Design::kNeatInternal,
                  .method = Method::kChainedEquipercentile,
                  .smoothing = {.degree = 3, .cross = 1},
                  .bootstrap = 600,
                  .seed = 42,
                  .threads = 1};
  const auto one = Equate(request, x, y);
  request.threads = 5;
  const auto five = Equate(request, x, y);
  request.seed = 43;
  const auto other = Equate(request, x, y);
  ASSERT_TRUE(one.ok() && five.ok() && other.ok());
  EXPECT_EQ(one->error_kind, ErrorKind::kBootstrap);
  EXPECT_EQ(one->replications + one->failed_replications, 600);
  for (size_t s = 0; s <= 20; ++s) {
    EXPECT_EQ(one->table[s].standard_error, five->table[s].standard_error);
    EXPECT_EQ(one->table[s].equated, other->table[s].equated);
  }
  EXPECT_NE(one->table[10].standard_error, other->table[10].standard_error);
}

// The delta method and the bootstrap estimate one thing in two ways: they agree where the sample
// is large and the scores are common.
TEST(Equating, AnalyticErrorsAgreeWithTheBootstrap) {
  Random random(8);
  for (Design design : kDesigns) {
    const bool internal = design == Design::kNeatInternal;
    const ScoreTable x = Simulate(random, 3000, 24, 10, 0, 0.2, internal);
    const ScoreTable y = Simulate(random, 2500, 24, 10, 0.2, 0, internal);
    for (Request request : EveryRequest(design)) {
      if (request.method == Method::kIdentity) continue;
      SCOPED_TRACE(std::string(NameOf(design)) + " " + std::string(NameOf(request.method)));
      const auto analytic = Equate(request, x, y);
      request.bootstrap = 600;
      const auto bootstrap = Equate(request, x, y);
      ASSERT_TRUE(analytic.ok() && bootstrap.ok());
      for (size_t s = 6; s <= 20; ++s) {
        // Unsmoothed, the bootstrap smears over the jumps of the density, which Lord's formula and
        // the delta method take as they are.
        const bool rough = UsesDistributions(request.method) && !request.smoothing.On() &&
                           request.method != Method::kBraunHolland;
        EXPECT_NEAR(*analytic->table[s].standard_error / *bootstrap->table[s].standard_error, 1,
                    rough ? 0.3 : 0.15)
            << s;
      }
    }
  }
}

TEST(Equating, WrongRequestsAreNamed) {
  Random random(9);
  const ScoreTable x = Simulate(random, 100, 20, 8, 0, 0, true);
  const ScoreTable bare{.max_total = 20, .cells = TotalMargin(x), .n = x.n};
  EXPECT_EQ(Reason({.method = Method::kTucker}, x, x), "METHOD_NOT_FOR_DESIGN");
  EXPECT_EQ(Reason({.design = Design::kNeatInternal, .method = Method::kLinear}, x, x),
            "METHOD_NOT_FOR_DESIGN");
  EXPECT_NE(Equate({.method = Method::kTucker}, x, x)
                .status()
                .message()
                .find("identity, mean, linear, equipercentile, circle-arc"),
            absl::string_view::npos);
  const Request neat{.design = Design::kNeatExternal, .method = Method::kTucker};
  EXPECT_EQ(Reason(neat, bare, x), "ANCHOR_MISSING");
  EXPECT_EQ(Reason(neat, x, Simulate(random, 100, 20, 9, 0, 0, true)), "ANCHOR_MISMATCH");
  const ScoreTable external = Simulate(random, 100, 20, 8, 0, 0, false);
  EXPECT_EQ(Reason({.design = Design::kNeatInternal, .method = Method::kTucker}, external, x),
            "ANCHOR_ABOVE_TOTAL");
  Request weighted = neat;
  for (double weight : {-0.1, 1.5, std::nan("")}) {
    weighted.weight_x = weight;
    EXPECT_EQ(Reason(weighted, x, x), "WEIGHT_INVALID");
  }
  EXPECT_EQ(Reason({.method = Method::kLinear, .smoothing = {.degree = 3}}, bare, bare),
            "SMOOTHING_NOT_FOR_METHOD");
  const auto smooth = [](int degree, int cross) {
    return Request{.method = Method::kEquipercentile, .smoothing = {degree, cross}};
  };
  EXPECT_EQ(Reason(smooth(3, 1), bare, bare), "SMOOTHING_INVALID");
  EXPECT_EQ(Reason(smooth(21, 0), bare, bare), "SMOOTHING_INVALID");
  EXPECT_EQ(Reason(smooth(-1, 0), bare, bare), "SMOOTHING_INVALID");
  EXPECT_EQ(Reason({.method = Method::kLinear, .bootstrap = 1}, bare, bare), "BOOTSTRAP_INVALID");
}

TEST(Equating, WrongScoresAreNamed) {
  const auto reason = [](std::vector<double> total, std::vector<double> anchor, int items,
                         int anchor_items) {
    return ReasonOf(Tabulate(total, anchor, items, anchor_items, "X").status());
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(reason({}, {}, 10, 0), "SCORES_EMPTY");
  EXPECT_EQ(reason({1}, {}, 0, 0), "RANGE_INVALID");
  EXPECT_EQ(reason({1, 2.5}, {}, 10, 0), "SCORE_NOT_INTEGER");
  EXPECT_EQ(reason({1, nan}, {}, 10, 0), "SCORE_NOT_INTEGER");
  EXPECT_EQ(reason({1, -1}, {}, 10, 0), "SCORE_OUT_OF_RANGE");
  EXPECT_EQ(reason({1, 11}, {}, 10, 0), "SCORE_OUT_OF_RANGE");
  EXPECT_EQ(reason({1, 2}, {1}, 10, 5), "ANCHOR_MISSING");
  EXPECT_EQ(reason({1, 2}, {1, 6}, 10, 5), "SCORE_OUT_OF_RANGE");
  EXPECT_EQ(ReasonOf(FromFrequencies(std::vector<double>{0, 0, 0}, "X").status()), "SCORES_EMPTY");
  EXPECT_EQ(ReasonOf(FromFrequencies(std::vector<double>{0, -1}, "X").status()),
            "FREQUENCY_INVALID");
  EXPECT_EQ(ReasonOf(FromFrequencies(std::vector<double>{3}, "X").status()), "RANGE_INVALID");
}

TEST(Equating, GroupsWithoutSpreadAreNamed) {
  const auto group = [](std::vector<double> total, std::vector<double> anchor) {
    return Tabulate(total, anchor, 10, anchor.empty() ? 0 : 5, "X").value();
  };
  const ScoreTable good = group({1, 4, 6, 9}, {}), flat = group({4, 4, 4}, {});
  EXPECT_EQ(Reason({.method = Method::kLinear}, group({4}, {}), good), "SCORES_TOO_FEW");
  EXPECT_EQ(Reason({.method = Method::kLinear}, flat, good), "ZERO_VARIANCE");
  EXPECT_EQ(Reason({.method = Method::kLinear}, good, flat), "ZERO_VARIANCE");
  EXPECT_EQ(Reason({.method = Method::kEquipercentile, .smoothing = {.degree = 4}}, good, good),
            "SMOOTHING_DEGREE_TOO_HIGH");
  const ScoreTable neat = group({1, 4, 6, 9}, {0, 2, 3, 5});
  const ScoreTable contrary = group({9, 6, 4, 1}, {0, 2, 3, 5});
  const ScoreTable same_anchor = group({1, 4, 6, 9}, {2, 2, 2, 2});
  const ScoreTable elsewhere = group({1, 4, 6, 9}, {1, 1, 4, 4});
  Request request{.design = Design::kNeatExternal, .method = Method::kLevine};
  EXPECT_EQ(Reason(request, contrary, neat), "ANCHOR_UNRELATED");
  request.method = Method::kTucker;
  EXPECT_EQ(Reason(request, neat, same_anchor), "ZERO_VARIANCE");
  request.method = Method::kFrequencyEstimation;
  EXPECT_EQ(Reason(request, neat, elsewhere), "ANCHOR_NO_OVERLAP");
  request.method = Method::kChainedEquipercentile;
  EXPECT_TRUE(Equate(request, neat, elsewhere).ok());
}

// Few persons, many holes: a table or a named error, never NaN.
TEST(Equating, SmallSamplesNeverGiveNumbersThatAreNone) {
  Random random(10);
  for (int trial = 0; trial < 150; ++trial) {
    for (Design design : kDesigns) {
      const bool internal = design == Design::kNeatInternal;
      const int n = 2 + static_cast<int>(random.Below(12));
      const ScoreTable x = Simulate(random, n, 12, 5, 0, 0, internal);
      const ScoreTable y = Simulate(random, n, 12, 5, 0, 0, internal);
      for (Request request : EveryRequest(design)) {
        request.bootstrap = trial % 3 == 0 ? 4 : 0;
        const auto equating = Equate(request, x, y);
        if (!equating.ok()) {
          EXPECT_NE(ReasonOf(equating.status()), "") << equating.status();
          continue;
        }
        for (const EquatedScore& score : equating->table) {
          EXPECT_TRUE(std::isfinite(score.equated));
          EXPECT_TRUE(!score.standard_error || std::isfinite(*score.standard_error));
        }
      }
    }
  }
}

TEST(Equating, TheMethodForTheSample) {
  Random random(11);
  const auto method = [&](Design design, int n, double apart = 0.0) {
    const bool internal = design == Design::kNeatInternal;
    const ScoreTable x = Simulate(random, n, 30, 20, 0, 0, internal);
    const ScoreTable y = Simulate(random, n, 30, 20, apart, 0, internal);
    const Recommendation r = RecommendMethod(design, x, y);
    EXPECT_NE(r.reason.find(std::to_string(n)), std::string::npos) << r.reason;
    EXPECT_TRUE(Fits(r.method, design));
    EXPECT_TRUE(
        r.method == Method::kIdentity ||
        Equate({.design = design, .method = r.method, .smoothing = r.smoothing}, x, y).ok());
    return r.method;
  };
  EXPECT_EQ(method(Design::kRandomGroups, 20), Method::kIdentity);
  EXPECT_EQ(method(Design::kRandomGroups, 60), Method::kCircleArc);
  EXPECT_EQ(method(Design::kRandomGroups, 250), Method::kMean);
  EXPECT_EQ(method(Design::kRandomGroups, 600), Method::kLinear);
  EXPECT_EQ(method(Design::kRandomGroups, 2500), Method::kEquipercentile);
  EXPECT_EQ(method(Design::kNeatInternal, 60), Method::kCircleArc);
  EXPECT_EQ(method(Design::kNeatInternal, 250), Method::kChainedLinear);
  EXPECT_EQ(method(Design::kNeatInternal, 900), Method::kTucker);
  EXPECT_EQ(method(Design::kNeatInternal, 900, 0.8), Method::kChainedLinear);
  EXPECT_EQ(method(Design::kNeatExternal, 2500), Method::kFrequencyEstimation);
  EXPECT_EQ(method(Design::kNeatExternal, 2500, 0.8), Method::kChainedEquipercentile);
}

}  // namespace
}  // namespace invigil::scoring::equating
