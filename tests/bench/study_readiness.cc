// Are stated probabilities of passing true? Simulated learners practise, are told how ready they
// are, and sit the exam once. Also: memorisers, and worlds that do not keep to the model.
//   study_readiness [--learners N] [--svg FILE]
#include <chrono>
#include <cstdio>
#include <thread>

#include "common/config/flags.h"
#include "services/scoring/domain/lord_wingersky.h"
#include "services/scoring/domain/signals/domain_drag.h"
#include "services/scoring/domain/signals/population.h"
#include "tests/bench/reliability_plot.h"

namespace invigil::bench {
namespace {

using scoring::ReadinessModel;
using scoring::Verdict;
using scoring::World;

struct Outcome {
  scoring::ReliabilityTable table;
  size_t ready = 0, ready_passed = 0;
  size_t covered = 0, learners = 0;  // whether the interval of the scaled score holds the true one

  void Merge(const Outcome& other) {
    table.Merge(other.table);
    ready += other.ready;
    ready_passed += other.ready_passed;
    covered += other.covered;
    learners += other.learners;
  }
};

// Learner i of a world is the same whatever the number of threads.
Outcome Simulate(const ReadinessModel& model, const World& world, size_t learners, uint64_t seed) {
  constexpr size_t kThreads = 2;
  std::vector<Outcome> parts(kThreads);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = t; i < learners; i += kThreads) {
        Random random(seed + i);
        const scoring::LearnerCase c = SimulateLearner(model, world, random);
        Outcome& part = parts[t];
        part.table.Add(c.readiness.probability, c.passed);
        const bool ready = c.readiness.verdict == Verdict::kReady;
        part.ready += ready;
        part.ready_passed += ready && c.passed;
        const double truth =
            model.scale_map().At(scoring::ExpectedNumberCorrect(model.target().base_form, c.theta));
        part.covered += truth >= c.readiness.scaled_low && truth <= c.readiness.scaled_high;
        ++part.learners;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Outcome whole;
  for (const Outcome& part : parts) whole.Merge(part);
  return whole;
}

// The model with the prior of the population that is met, from learners of its own.
absl::StatusOr<ReadinessModel> Refitted(const ReadinessModel& model, const World& world) {
  std::vector<std::vector<double>> posteriors;
  for (uint64_t i = 0; i < 500; ++i) {
    Random random(1'000'000 + i);
    posteriors.push_back(SimulateLearner(model, world, random).readiness.posterior);
  }
  scoring::ReadinessOptions options = model.options();
  const auto found = scoring::FitPopulation(posteriors, options.prior_mean, options.prior_sd);
  if (!found.ok()) return found.status();
  std::printf("\nprior from 500 learners: mean %.2f, deviation %.2f\n", found->mean, found->sd);
  options.prior_mean = found->mean;
  options.prior_sd = found->sd;
  return ReadinessModel::Create(model.target(), options);
}

void Drag(size_t learners) {
  std::printf("\nA domain of 15 of 50 questions behind by so many logits: said to drag, %%\n");
  std::printf("  %-10s %10s %10s %10s\n", "logits", "1 session", "3", "5");
  for (const double drag : {0.0, 0.3, 0.6, 0.9, 1.2}) {
    std::printf("  %-10.1f", drag);
    for (const size_t sessions : {size_t{1}, size_t{3}, size_t{5}}) {
      size_t said = 0;
      for (size_t i = 0; i < learners; ++i) {
        Random random(i + 1);
        const double theta = 0.5 + 0.9 * random.Normal();
        const auto found = scoring::FindDrag(
            scoring::SessionsWithDrag(sessions, theta, drag, random), scoring::SimulatedWeights());
        if (!found.ok()) continue;
        bool any = false;
        for (const auto& domain : *found) any |= domain.drags;
        // On a flat profile any alarm is false; else the domain must be found.
        said += drag == 0 ? any : (*found)[1].drags;
      }
      std::printf(" %10.1f", 100.0 * static_cast<double>(said) / static_cast<double>(learners));
    }
    std::printf("%s\n", drag == 0 ? "   (false alarms of any domain)" : "");
  }
}

void Memorisers(const ReadinessModel& model) {
  constexpr double kAbility = 0;
  const auto f = scoring::NumberCorrectDistribution(model.target().base_form, kAbility);
  double passes = 0;
  for (size_t x = 35; x < f.size(); ++x) passes += f[x];
  std::printf("\nMemorisers of ability %.1f, who would pass %.1f %% of exams: ready, of 1,000\n",
              kAbility, 100 * passes);
  std::printf("  %-52s %8s %8s\n", "", "ours", "naive");
  struct Case {
    const char* name;
    size_t first, repeats;
    double new_share;
  };
  for (const Case& c : {Case{"one new form, then five passes over the same items", 1, 5, 0},
                        Case{"three new forms, then five repeats", 3, 5, 0},
                        Case{"repeats with half the items new", 1, 5, 0.5},
                        Case{"repeats with 85 % of the items new", 1, 5, 0.85}}) {
    size_t ready = 0, naive = 0;
    for (uint64_t seed = 1; seed <= 1000; ++seed) {
      Random random(seed);
      const auto sessions = scoring::Memoriser(kAbility, c.first, c.repeats, c.new_share, random);
      const auto readiness = model.Estimate(sessions);
      ready += readiness.ok() && readiness->verdict == Verdict::kReady;
      // The usual product: three of the last five raw scores at 75 % or above.
      size_t above = 0;
      for (size_t s = sessions.size() - 5; s < sessions.size(); ++s) {
        size_t right = 0;
        for (const auto& response : sessions[s].responses) right += response.right;
        above += right * 4 >= sessions[s].responses.size() * 3;
      }
      naive += above >= 3;
    }
    std::printf("  %-52s %8zu %8zu\n", c.name, ready, naive);
  }
}

int Main(int argc, char** argv) {
  int64_t learners = 20'000;
  std::string svg;
  config::Flags flags("study_readiness", "Calibration of readiness by simulation.");
  flags.Number("learners", &learners, 100, 10'000'000, "Simulated learners in each world.");
  flags.Text("svg", &svg, "FILE", "Where to draw the reliability plots.");
  flags.ParseOrExit(argc, argv);

  const auto start = std::chrono::steady_clock::now();
  const auto model = ReadinessModel::Create(scoring::SimulatedExam(2026));
  if (!model.ok()) {
    std::fprintf(stderr, "%s\n", std::string(model.status().message()).c_str());
    return 1;
  }
  struct Case {
    const char* name;
    World world;
    bool fitted = false;  // the prior from 500 learners of that world
  };
  const std::vector<Case> cases = {
      {"the model's world", {}},
      {"one session only", {.sessions = 1}},
      {"items misplaced by 0.3 logit each", {.item_error = 0.3}},
      {"nerves differ (-3 +- 2 points)", {.exam_shift_sd = 2}},
      {"weaker population, default prior", {.population_mean = -0.3, .population_sd = 0.6}},
      {"weaker population, fitted prior", {.population_mean = -0.3, .population_sd = 0.6}, true},
  };
  std::printf("%lld learners a world; 50 scored items, cut 35; stated: probability of passing\n",
              static_cast<long long>(learners));
  std::vector<NamedTable> tables;
  for (const Case& c : cases) {
    ReadinessModel used = *model;
    if (c.fitted) {
      const auto refitted = Refitted(*model, c.world);
      if (!refitted.ok()) {
        std::fprintf(stderr, "%s\n", std::string(refitted.status().message()).c_str());
        return 1;
      }
      used = *refitted;
    }
    const Outcome outcome = Simulate(used, c.world, static_cast<size_t>(learners), 1);
    tables.push_back({c.name, outcome.table});
    PrintTable(tables.back());
    std::printf(
        "  ready: %zu, of whom %.1f %% passed; 90 %% interval holds the true score of %.1f %%\n",
        outcome.ready,
        outcome.ready == 0 ? 0.0
                           : 100.0 * static_cast<double>(outcome.ready_passed) /
                                 static_cast<double>(outcome.ready),
        100.0 * static_cast<double>(outcome.covered) / static_cast<double>(outcome.learners));
  }
  Memorisers(*model);
  Drag(static_cast<size_t>(learners) / 10);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("\n%.1f s, two threads\n", took.count());
  if (svg.empty()) return 0;
  return DrawTables("Readiness: stated and observed probability of passing", tables, svg) ? 0 : 1;
}

}  // namespace
}  // namespace invigil::bench

int main(int argc, char** argv) { return invigil::bench::Main(argc, argv); }
