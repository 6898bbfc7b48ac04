// Seconds and memory of EAP and of two-parameter calibration, at the sizes of the R timings.
//
// Every case runs in a process of its own, so that its peak memory is its own. Answers come from
// the R timings' files when --data names their folder (then likelihoods can be compared), else they
// are simulated. Data are in memory before the clock starts, as in the R runs.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include "common/base/clock.h"
#include "common/config/flags.h"
#include "services/scoring/domain/ability/ability.h"
#include "services/scoring/domain/calibration/calibration.h"
#include "services/scoring/domain/calibration/simulate.h"

namespace invigil {
namespace {

constexpr size_t kItems = 50;

struct Data {
  std::vector<scoring::ItemParameters> items;
  std::vector<int8_t> cells;
  size_t persons() const { return cells.size() / kItems; }
  scoring::ResponseView view() const { return {cells, persons(), kItems}; }
};

Data Simulated(size_t persons) {
  scoring::simulate::Chance chance(20261124);
  Data data;
  data.items = scoring::simulate::Items(chance, kItems, false);
  data.cells =
      scoring::simulate::Answers(chance, data.items, scoring::simulate::Abilities(chance, persons));
  return data;
}

// The folder holds n<persons>x50.txt.gz, one string of 0 and 1 a person, and true_items.csv.
Data FromFiles(const std::string& folder, size_t persons) {
  Data data;
  std::ifstream items(folder + "/true_items.csv");
  std::string line;
  std::getline(items, line);
  while (std::getline(items, line)) {
    std::stringstream cells(line);
    std::string name, a, b;
    std::getline(cells, name, ',');
    std::getline(cells, a, ',');
    std::getline(cells, b, ',');
    data.items.push_back({std::stod(a), std::stod(b), 0});
  }
  const std::string command =
      "gzip -dc '" + folder + "/n" + std::to_string(persons) + "x50.txt.gz' 2>/dev/null";
  FILE* pipe = popen(command.c_str(), "r");
  char text[128];
  while (pipe != nullptr && std::fgets(text, sizeof text, pipe) != nullptr) {
    for (size_t i = 0; i < kItems; ++i) data.cells.push_back(static_cast<int8_t>(text[i] - '0'));
  }
  if (pipe != nullptr) pclose(pipe);
  return data;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Runs in a child and reports its peak memory.
void Case(const std::function<void()>& body) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    body();
    std::fflush(stdout);
    _exit(0);
  }
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  std::printf("  peak %ld MB%s\n", usage.ru_maxrss / 1024, status == 0 ? "" : "  FAILED");
}

struct Wanted {
  std::string data;
  int64_t runs = 5;
};

Data Get(const Wanted& wanted, size_t persons) {
  return wanted.data.empty() ? Simulated(persons) : FromFiles(wanted.data, persons);
}

// Medians over the runs: by the clock, and of this process's processors, which other load on the
// machine disturbs less.
struct Spent {
  double wall = 0, processor = 0;
};

template <typename Work>
Spent Seconds(const Wanted& wanted, const Work& work) {
  const SystemClock clock;
  std::vector<double> wall, processor;
  for (int64_t run = 0; run < wanted.runs; ++run) {
    const Duration begin = clock.Monotonic();
    const std::clock_t processor_begin = std::clock();
    work();
    processor.push_back(static_cast<double>(std::clock() - processor_begin) / CLOCKS_PER_SEC);
    wall.push_back(static_cast<double>((clock.Monotonic() - begin).count()) * 1e-6);
  }
  return {Median(wall), Median(processor)};
}

void Eap(const Wanted& wanted, size_t persons, int threads, double reference) {
  const Data data = Get(wanted, persons);
  if (data.cells.empty()) {
    std::printf("EAP %zu: no data", persons);
    return;
  }
  scoring::AbilityOptions options;
  options.threads = threads;
  double mean = 0;
  const Spent spent = Seconds(wanted, [&] {
    const auto abilities = scoring::EstimateAbilities(data.items, data.view(), options);
    mean = 0;
    for (const scoring::Ability& ability : *abilities) mean += ability.theta;
    mean /= static_cast<double>(data.persons());
  });
  std::printf("EAP %7zu x 50  %d threads  %8.4f s (processors %.4f s)  mean %.8f", persons, threads,
              spent.wall, spent.processor, mean);
  if (reference > 0) std::printf("  mirt %.2f s: x%.0f", reference, reference / spent.wall);
}

void Calibrate(const Wanted& wanted, size_t persons, int threads, bool errors, double reference,
               double log_likelihood) {
  const Data data = Get(wanted, persons);
  if (data.cells.empty()) {
    std::printf("2PL %zu: no data", persons);
    return;
  }
  scoring::CalibrationOptions options;
  options.threads = threads;
  options.standard_errors = errors;
  scoring::CalibrationResult result;
  const Spent spent = Seconds(wanted, [&] { result = *scoring::Calibrate(data.view(), options); });
  std::printf(
      "2PL %7zu x 50  %d threads%s  %8.4f s (processors %.4f s)  %d steps, %d E-steps, logL %.6f%s",
      persons, threads, errors ? " with SE" : "", spent.wall, spent.processor, result.iterations,
      result.evaluations, result.log_likelihood, result.converged ? "" : " NOT CONVERGED");
  if (reference > 0) std::printf("  mirt %.2f s: x%.1f", reference, reference / spent.wall);
  if (!wanted.data.empty() && log_likelihood != 0) {
    std::printf(", logL above its by %.6f", result.log_likelihood - log_likelihood);
  }
}

}  // namespace
}  // namespace invigil

int main(int argc, char** argv) {
  using namespace invigil;
  Wanted wanted;
  config::Flags flags("bench-irt",
                      "Times EAP and two-parameter calibration at the sizes of the R timings.");
  flags.Text("data", &wanted.data, "FOLDER",
             "Of the R timings: n5000x50.txt.gz and so on. Without it answers are simulated.");
  flags.Number("runs", &wanted.runs, 1, 1000, "Of each case; the median is printed.");
  flags.ParseOrExit(argc, argv);
  std::printf(
      "%u threads in hardware; medians of %lld runs; R figures from another run of theirs\n",
      std::thread::hardware_concurrency(), static_cast<long long>(wanted.runs));
  for (const int threads : {1, 2}) {
    Case([&] { Eap(wanted, 5000, threads, 0); });
    Case([&] { Eap(wanted, 20000, threads, 0); });
    Case([&] { Eap(wanted, 100000, threads, 14.983); });
    Case([&] { Calibrate(wanted, 5000, threads, false, 2.574, -128639.54299968); });
    Case([&] { Calibrate(wanted, 20000, threads, false, 5.592, -514047.66469762); });
    Case([&] { Calibrate(wanted, 100000, threads, false, 33.309, -2568535.58698373); });
    Case([&] { Calibrate(wanted, 5000, threads, true, 9.684, -128639.54299968); });
  }
  return 0;
}
