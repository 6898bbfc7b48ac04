// Is the stated probability of the weakest domain true? Ten-item diagnostics (and 50 items) of
// simulated learners, against the lowest percentage as products usually show it.
//   study_diagnostic [--learners N] [--svg FILE]
#include <chrono>
#include <cstdio>
#include <thread>

#include "common/config/flags.h"
#include "services/scoring/domain/signals/population.h"
#include "tests/bench/reliability_plot.h"

namespace invigil::bench {
namespace {

const std::vector<std::string> kNames = {"Concepts", "Security", "Technology", "Billing"};

struct Outcome {
  scoring::ReliabilityTable leading, every;
  size_t learners = 0, named = 0, named_right = 0, pairs = 0, pairs_hold = 0, leading_right = 0;

  void Merge(const Outcome& o) {
    leading.Merge(o.leading);
    every.Merge(o.every);
    learners += o.learners;
    named += o.named;
    named_right += o.named_right;
    pairs += o.pairs;
    pairs_hold += o.pairs_hold;
    leading_right += o.leading_right;
  }
};

Outcome Simulate(size_t items, double domain_sd, double stated_sd, size_t learners) {
  constexpr size_t kThreads = 2;
  const auto exam = scoring::SimulatedExam(2026).base_form;
  std::vector<Outcome> parts(kThreads);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      Outcome& part = parts[t];
      for (size_t i = t; i < learners; i += kThreads) {
        Random random(7 + i);
        const auto c = scoring::SimulateDiagnostic(items, 0, 1.2, domain_sd, random);
        const auto result = scoring::Diagnose(c.responses, exam, kNames, {.domain_sd = stated_sd});
        if (!result.ok()) continue;
        const auto& weakest = result->weakest;
        size_t leading = 0;
        for (size_t d = 0; d < kNames.size(); ++d) {
          if (weakest.probability[d] > weakest.probability[leading]) leading = d;
          part.every.Add(weakest.probability[d], d == c.weakest);
        }
        part.leading.Add(weakest.probability[leading], leading == c.weakest);
        part.leading_right += leading == c.weakest;
        ++part.learners;
        if (weakest.named) {
          ++part.named;
          part.named_right += *weakest.named == c.weakest;
        } else if (!weakest.likely.empty()) {
          ++part.pairs;
          part.pairs_hold += weakest.likely[0] == c.weakest || weakest.likely[1] == c.weakest;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Outcome whole;
  for (const Outcome& part : parts) whole.Merge(part);
  return whole;
}

double Fitted(size_t items, double domain_sd) {
  std::vector<std::vector<scoring::PracticeResponse>> diagnostics;
  for (uint64_t i = 0; i < 1000; ++i) {
    Random random(1'000'000 + i);
    diagnostics.push_back(scoring::SimulateDiagnostic(items, 0, 1.2, domain_sd, random).responses);
  }
  const auto found =
      scoring::FitDomainSd(diagnostics, scoring::SimulatedExam(2026).base_form, kNames);
  return found.ok() ? found->domain_sd : 0.6;
}

double Percent(size_t part, size_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

int Main(int argc, char** argv) {
  int64_t learners = 20'000;
  std::string svg;
  config::Flags flags("study_diagnostic", "Calibration of the weakest domain by simulation.");
  flags.Number("learners", &learners, 100, 10'000'000, "Simulated learners in each world.");
  flags.Text("svg", &svg, "FILE", "Where to draw the reliability plots.");
  flags.ParseOrExit(argc, argv);
  const auto start = std::chrono::steady_clock::now();

  std::printf("The lowest percentage, one domain 20 points worse than the others (70 %%):\n");
  for (const size_t items : {size_t{10}, size_t{50}}) {
    Random random(3);
    size_t right = 0;
    for (int64_t i = 0; i < learners; ++i) {
      right += scoring::NaiveNamesTheWeakest(items, 0.7, 0.2, random);
    }
    std::printf("  %zu items: names the weak one %.1f %% of the time (chance 25 %%)\n", items,
                Percent(right, static_cast<size_t>(learners)));
  }

  struct Case {
    const char* name;
    size_t items;
    double domain_sd, stated_sd;  // stated 0: from learners of that world
  };
  std::vector<NamedTable> tables;
  for (const Case& c : {Case{"10 items, domains differ by 0.6", 10, 0.6, 0.6},
                        Case{"50 items, domains differ by 0.6", 50, 0.6, 0.6},
                        Case{"10 items, differ by 1.0, model 0.6", 10, 1.0, 0.6},
                        Case{"10 items, differ by 1.0, fitted", 10, 1.0, 0},
                        Case{"10 items, differ by 0.4, model 0.6", 10, 0.4, 0.6},
                        Case{"10 items, differ by 0.4, fitted", 10, 0.4, 0}}) {
    double stated_sd = c.stated_sd;
    if (stated_sd == 0) {
      stated_sd = Fitted(c.items, c.domain_sd);
      std::printf("\nspread of domains from 1,000 other learners: %.2f\n", stated_sd);
    }
    const Outcome outcome =
        Simulate(c.items, c.domain_sd, stated_sd, static_cast<size_t>(learners));
    PrintTable({std::string(c.name) + ": probability of the leading domain", outcome.leading});
    tables.push_back({c.name, outcome.every});
    PrintTable({std::string(c.name) + ": probability of every domain", outcome.every});
    std::printf(
        "  leading domain right %.1f %%; named for %.1f %% of learners, right %.1f %%; two "
        "likely for %.1f %%, right %.1f %%; else not enough evidence\n",
        Percent(outcome.leading_right, outcome.learners), Percent(outcome.named, outcome.learners),
        Percent(outcome.named_right, outcome.named), Percent(outcome.pairs, outcome.learners),
        Percent(outcome.pairs_hold, outcome.pairs));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("\n%.1f s, two threads\n", took.count());
  if (svg.empty()) return 0;
  return DrawTables("Weakest domain: stated and observed probability", tables, svg) ? 0 : 1;
}

}  // namespace
}  // namespace invigil::bench

int main(int argc, char** argv) { return invigil::bench::Main(argc, argv); }
