// How far off is an equated score at the cut, and are the stated errors true?
//   study_equating [--replications 500] [--persons 400] [--bootstrap 0] [--svg FILE]
//
// Each replication assembles two forms of 50 two-parameter items, 20 of them common and counted:
// the other 30 of form X are like those of form Y (difficulties within 0.3 logit, slopes within a
// tenth), and form X as a whole is exactly 0.3 logit harder. Group Y is 0.4 deviations abler than
// group X. The cut is 35 of 50 on form Y. Both groups are drawn and equated by every method; the
// truth is the equipercentile function of the exact score distributions in the same synthetic
// population (Lord & Wingersky 1984), form by form. Exit code 1 where the recommended method misses
// half a raw point or 95 % coverage.
#include <atomic>
#include <cmath>
#include <cstdio>
#include <thread>
#include <vector>

#include "common/base/random.h"
#include "common/config/flags.h"
#include "services/scoring/domain/equating/equate.h"
#include "services/scoring/domain/equating/recommend.h"
#include "services/scoring/domain/linking/irt_equating.h"
#include "tests/bench/equating_plot.h"

namespace invigil::bench {
namespace {

using scoring::ItemParameters;
using scoring::equating::Center;
using scoring::equating::Design;
using scoring::equating::Method;
using scoring::equating::Request;
using scoring::equating::ScoreTable;

constexpr int kItems = 50, kAnchor = 20, kCut = 35;
constexpr double kHarder = 0.3, kAbler = 0.4;

struct Forms {
  std::vector<ItemParameters> x, y;  // the common items first
};

Forms MakeForms(Random& random) {
  Forms forms;
  for (int i = 0; i < kItems; ++i) {
    const ItemParameters item{std::exp(0.25 * random.Normal()), -0.6 + 0.9 * random.Normal(), 0};
    forms.y.push_back(item);
    forms.x.push_back(item);
    if (i < kAnchor) continue;
    forms.x.back().slope *= std::exp(0.1 * random.Normal());
    forms.x.back().difficulty += 0.3 * random.Normal();
  }
  // Exactly 0.3 between the mean difficulties: the items of X alone carry it.
  double difference = kHarder * kItems;
  for (size_t i = 0; i < kItems; ++i) difference -= forms.x[i].difficulty - forms.y[i].difficulty;
  for (size_t i = kAnchor; i < kItems; ++i) {
    forms.x[i].difficulty += difference / (kItems - kAnchor);
  }
  return forms;
}

ScoreTable DrawGroup(const std::vector<ItemParameters>& form, int persons, double mean,
                     Random& random) {
  std::vector<double> totals, anchors;
  for (int person = 0; person < persons; ++person) {
    const double theta = mean + random.Normal();
    int total = 0, anchor = 0;
    for (size_t i = 0; i < form.size(); ++i) {
      const int right = random.Uniform() < Probability(form[i], theta) ? 1 : 0;
      total += right;
      if (i < kAnchor) anchor += right;
    }
    totals.push_back(total);
    anchors.push_back(anchor);
  }
  return scoring::equating::Tabulate(totals, anchors, kItems, kAnchor, "drawn").value();
}

std::vector<double> Truth(const Forms& forms) {
  static const scoring::linking::AbilityNodes x = scoring::linking::GaussHermite(41);
  scoring::linking::AbilityNodes y = x;
  for (double& point : y.points) point += kAbler;
  const auto table = scoring::linking::ObservedScoreEquating(forms.x, forms.y, {x, y, 0.5}).value();
  std::vector<double> equated;
  for (const auto& row : table) equated.push_back(row.equated);
  return equated;
}

// What a method did in one replication: along the scale, and at the cut.
struct Outcome {
  std::vector<double> miss;  // equated less truth, by raw score; empty: the method failed
  double miss_at_cut = 0, error_at_cut = 0;
};

struct Study {
  std::string name;
  Request request;
  bool recommended = false;
  std::vector<Outcome> outcomes;  // one per replication
};

std::vector<Study> Studies(int bootstrap) {
  std::vector<Study> studies;
  for (Method method : MethodsFor(Design::kNeatInternal)) {
    Request request{
        .design = Design::kNeatInternal, .method = method, .bootstrap = bootstrap, .threads = 1};
    if (method == Method::kFrequencyEstimation || method == Method::kChainedEquipercentile) {
      request.smoothing = {.degree = 4, .cross = 1};
    }
    studies.push_back({std::string(NameOf(method)), request});
  }
  Request request{.design = Design::kNeatInternal,
                  .method = Method::kCircleArc,
                  .bootstrap = bootstrap,
                  .threads = 1};
  for (Center center : {Center::kLevine, Center::kChainedLinear}) {
    request.center = center;
    studies.push_back({"circle-arc, " + std::string(NameOf(center)), request});
  }
  return studies;
}

// Replication r is the same whatever the number of threads.
void Replicate(int replications, int persons, std::vector<Study>& studies) {
  for (Study& study : studies) study.outcomes.resize(static_cast<size_t>(replications));
  std::atomic<int> next{0};
  const auto work = [&] {
    for (int r = next++; r < replications; r = next++) {
      Random random(0x5eed0000 + static_cast<uint64_t>(r));
      const Forms forms = MakeForms(random);
      const std::vector<double> truth = Truth(forms);
      size_t cut = 0;  // the raw score of X whose true equivalent lies nearest to the cut
      for (size_t x = 0; x < truth.size(); ++x) {
        if (std::abs(truth[x] - kCut) < std::abs(truth[cut] - kCut)) cut = x;
      }
      const ScoreTable x = DrawGroup(forms.x, persons, 0, random);
      const ScoreTable y = DrawGroup(forms.y, persons, kAbler, random);
      for (Study& study : studies) {
        Request request = study.request;
        request.seed = static_cast<uint64_t>(r);
        const auto equating = Equate(request, x, y);
        if (!equating.ok()) continue;
        Outcome& outcome = study.outcomes[static_cast<size_t>(r)];
        for (size_t s = 0; s < truth.size(); ++s) {
          outcome.miss.push_back(equating->table[s].equated - truth[s]);
        }
        outcome.miss_at_cut = outcome.miss[cut];
        outcome.error_at_cut = equating->table[cut].standard_error.value_or(0);
      }
    }
  };
  std::thread helper(work);
  work();
  helper.join();
}

struct Summary {
  double replications = 0, bias = 0, deviation = 0, rmse = 0, stated = 0, coverage = 0;
  std::vector<double> rmse_by_score;
};

Summary Summarize(const Study& study) {
  Summary s{.rmse_by_score = std::vector<double>(kItems + 1, 0.0)};
  double square = 0;
  for (const Outcome& outcome : study.outcomes) {
    if (outcome.miss.empty()) continue;
    s.replications += 1;
    s.bias += outcome.miss_at_cut;
    square += outcome.miss_at_cut * outcome.miss_at_cut;
    s.stated += outcome.error_at_cut;
    s.coverage += std::abs(outcome.miss_at_cut) <= 1.959964 * outcome.error_at_cut ? 1 : 0;
    for (size_t x = 0; x <= kItems; ++x) s.rmse_by_score[x] += outcome.miss[x] * outcome.miss[x];
  }
  const double n = s.replications;
  s.bias /= n;
  s.stated /= n;
  s.coverage /= n;
  s.rmse = std::sqrt(square / n);
  s.deviation = std::sqrt(std::max(square / n - s.bias * s.bias, 0.0));
  for (double& value : s.rmse_by_score) value = std::sqrt(value / n);
  return s;
}

int Main(int argc, char** argv) {
  int64_t replications = 500, persons = 400, bootstrap = 0;
  std::string svg;
  config::Flags flags("study_equating", "The error of equating at the cut, against the truth.");
  flags.Number("replications", &replications, 10, 1'000'000, "Pairs of forms and of groups.");
  flags.Number("persons", &persons, 20, 1'000'000, "In each group.");
  flags.Number("bootstrap", &bootstrap, 0, 100'000, "Replications of the error; 0: analytic.");
  flags.Text("svg", &svg, "FILE", "Where to draw the errors along the scale.");
  flags.ParseOrExit(argc, argv);

  std::vector<Study> studies = Studies(static_cast<int>(bootstrap));
  // What a programme would be told to use, from groups of this size.
  Random random(1);
  const Forms forms = MakeForms(random);
  const auto recommended = scoring::equating::RecommendMethod(
      Design::kNeatInternal, DrawGroup(forms.x, static_cast<int>(persons), 0, random),
      DrawGroup(forms.y, static_cast<int>(persons), kAbler, random));
  for (Study& study : studies) study.recommended = study.name == NameOf(recommended.method);
  Replicate(static_cast<int>(replications), static_cast<int>(persons), studies);

  std::printf("%lld pairs of forms %.1f logit apart and of %lld persons each %.1f SD apart\n",
              static_cast<long long>(replications), kHarder, static_cast<long long>(persons),
              kAbler);
  std::printf("at the raw score nearest to the cut of %d of %d; in raw points\n\n", kCut, kItems);
  std::printf("%-26s %8s %8s %8s %8s %9s\n", "", "bias", "SD", "RMSE", "stated", "coverage");
  bool good = true;
  std::vector<ErrorCurve> curves;
  for (const Study& study : studies) {
    Summary s = Summarize(study);
    std::printf("%-26s %8.3f %8.3f %8.3f %8.3f %8.1f%%%s\n", study.name.c_str(), s.bias,
                s.deviation, s.rmse, s.stated, 100 * s.coverage,
                study.recommended ? "  recommended" : "");
    if (study.recommended) {
      // As far from 95 % as the number of replications allows to tell.
      const double noise = 3 * std::sqrt(0.95 * 0.05 / s.replications);
      good = s.rmse <= 0.5 && std::abs(s.coverage - 0.95) <= noise;
    }
    curves.push_back({.name = study.name,
                      .rmse = std::move(s.rmse_by_score),
                      .coverage = s.coverage,
                      .recommended = study.recommended});
  }
  std::printf("\n%s\nThe recommended method %s half a raw point and 95 %% coverage.\n",
              recommended.reason.c_str(), good ? "keeps" : "MISSES");
  if (!svg.empty() && !DrawErrors(curves, kCut, static_cast<int>(replications), svg)) {
    std::fprintf(stderr, "study_equating: can't write %s\n", svg.c_str());
    return 1;
  }
  return good ? 0 : 1;
}

}  // namespace
}  // namespace invigil::bench

int main(int argc, char** argv) { return invigil::bench::Main(argc, argv); }
