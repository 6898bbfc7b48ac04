// bench-equating [--replications 1000] [--rounds 5] [--threads 0]
//
// Equipercentile equating with bootstrap errors: what the reference R package takes 11 s (raw) and
// 23 s (six moments kept) for, on simulated groups of the same sizes (4,329 and 4,152 persons, 40
// items). Also with an anchor, with other sizes of group and numbers of items, and with the
// analytic errors. Medians over rounds, cases interleaved; peak memory of the process.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <thread>
#include <vector>

#include "common/base/random.h"
#include "common/config/flags.h"
#include "services/scoring/domain/equating/equate.h"

namespace invigil::bench {
namespace {

using scoring::equating::Design;
using scoring::equating::Method;
using scoring::equating::Request;
using scoring::equating::ScoreTable;

// Persons of ability N(mean, 1) on Rasch items around 0; the first `anchor` items are common.
ScoreTable Group(uint64_t seed, int persons, int items, int anchor, double mean) {
  Random random(seed);
  std::vector<double> difficulty(static_cast<size_t>(items));
  for (double& b : difficulty) b = 0.8 * random.Normal();
  std::vector<double> totals, anchors;
  for (int person = 0; person < persons; ++person) {
    const double theta = mean + random.Normal();
    int total = 0, common = 0;
    for (int i = 0; i < items; ++i) {
      const double p = 1 / (1 + std::exp(difficulty[static_cast<size_t>(i)] - theta));
      const int right = random.Uniform() < p ? 1 : 0;
      total += right;
      if (i < anchor) common += right;
    }
    totals.push_back(total);
    if (anchor > 0) anchors.push_back(common);
  }
  return scoring::equating::Tabulate(totals, anchors, items, anchor, "simulated").value();
}

struct Case {
  const char* name;
  Request request;
  ScoreTable x, y;
  double reference = 0;  // seconds of the R package, 0: none
  std::vector<double> seconds = {};
};

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::vector<Case> Cases(int replications, int threads) {
  const auto request = [&](Design design, Method method, int degree, int cross, bool bootstrap) {
    return Request{.design = design,
                   .method = method,
                   .smoothing = {.degree = degree, .cross = cross},
                   .bootstrap = bootstrap ? replications : 0,
                   .threads = threads};
  };
  const auto random_groups = [&](int degree, bool bootstrap = true) {
    return request(Design::kRandomGroups, Method::kEquipercentile, degree, 0, bootstrap);
  };
  const auto anchored = [&](Method method, bool bootstrap = true) {
    return request(Design::kNeatInternal, method, 3, 1, bootstrap);
  };
  const auto pair = [](int persons_x, int persons_y, int items, int anchor) {
    return std::pair(Group(1, persons_x, items, anchor, 0),
                     Group(2, persons_y, items, anchor, 0.3));
  };
  const auto [x, y] = pair(4329, 4152, 40, 0);
  const auto [large_x, large_y] = pair(43290, 41520, 40, 0);
  const auto [long_x, long_y] = pair(4329, 4152, 160, 0);
  const auto [neat_x, neat_y] = pair(2000, 2200, 60, 20);
  return {
      {"40 items, 4,329 and 4,152 persons, raw", random_groups(0), x, y, 10.9},
      {"the same, six moments kept", random_groups(6), x, y, 23.3},
      {"ten times the persons, six moments", random_groups(6), large_x, large_y},
      {"four times the items, six moments", random_groups(6), long_x, long_y},
      {"60 items, 20 common, frequency estimation 3,1", anchored(Method::kFrequencyEstimation),
       neat_x, neat_y},
      {"the same, chained", anchored(Method::kChainedEquipercentile), neat_x, neat_y},
      {"six moments, analytic errors", random_groups(6, false), x, y},
      {"frequency estimation 3,1, analytic errors", anchored(Method::kFrequencyEstimation, false),
       neat_x, neat_y},
  };
}

int Main(int argc, char** argv) {
  int64_t replications = 1000, rounds = 5, threads = 0;
  config::Flags flags("bench-equating", "How long equating with standard errors takes.");
  flags.Number("replications", &replications, 2, 1'000'000, "Of the bootstrap.");
  flags.Number("rounds", &rounds, 1, 1000, "Medians are over these.");
  flags.Number("threads", &threads, 0, 64, "0: as many as the machine has.");
  flags.ParseOrExit(argc, argv);
  auto cases = Cases(static_cast<int>(replications), static_cast<int>(threads));
  for (int64_t round = 0; round < rounds; ++round) {
    for (Case& c : cases) {
      const auto begin = std::chrono::steady_clock::now();
      const auto equating = scoring::equating::Equate(c.request, c.x, c.y);
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
      if (!equating.ok() || equating->failed_replications > 0) {
        std::fprintf(stderr, "bench-equating: %s: %s\n", c.name,
                     equating.ok() ? "replications failed" : equating.status().ToString().c_str());
        return 1;
      }
      c.seconds.push_back(took.count());
    }
  }
  std::printf("%lld replications, median of %lld rounds, %u threads\n",
              static_cast<long long>(replications), static_cast<long long>(rounds),
              threads > 0 ? static_cast<unsigned>(threads) : std::thread::hardware_concurrency());
  for (const Case& c : cases) {
    const double seconds = Median(c.seconds);
    std::printf("%-48s %9.4f s", c.name, seconds);
    if (c.reference > 0 && replications == 1000) {
      std::printf("   equate (R) %5.1f s: %4.0f times", c.reference, c.reference / seconds);
    }
    std::printf("\n");
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("peak memory %.1f MB\n", static_cast<double>(usage.ru_maxrss) / 1024);
  return 0;
}

}  // namespace
}  // namespace invigil::bench

int main(int argc, char** argv) { return invigil::bench::Main(argc, argv); }
