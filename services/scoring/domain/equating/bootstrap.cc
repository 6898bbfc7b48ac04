#include "services/scoring/domain/equating/bootstrap.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/error/error.h"

namespace invigil::scoring::equating {
namespace {

constexpr uint64_t kOneStream = 0x9e6c63d0876a9a47;

// Seeds that differ in one bit must not give related generators: SplitMix64's finaliser.
uint64_t Mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// The cell of every person, so that a person is drawn by one look-up.
absl::StatusOr<std::vector<uint32_t>> Persons(const ScoreTable& table) {
  std::vector<uint32_t> persons;
  for (size_t cell = 0; cell < table.cells.size(); ++cell) {
    const double count = table.cells[cell];
    if (count != std::floor(count) || count > 1e8) {
      return InvalidArgument("FREQUENCY_INVALID",
                             absl::StrCat("a frequency of ", count,
                                          " cannot be drawn from; the bootstrap needs whole counts "
                                          "of persons"));
    }
    persons.insert(persons.end(), static_cast<size_t>(count), static_cast<uint32_t>(cell));
  }
  return persons;
}

void Draw(Random& random, const std::vector<uint32_t>& persons, ScoreTable& table) {
  std::fill(table.cells.begin(), table.cells.end(), 0.0);
  for (size_t i = 0; i < persons.size(); ++i)
    table.cells[persons[random.Below(persons.size())]] += 1;
}

}  // namespace

absl::StatusOr<BootstrapResult> Bootstrap(const Engine& engine, const ScoreTable& x,
                                          const ScoreTable& y, const Groups& start) {
  const auto persons_x = Persons(x), persons_y = Persons(y);
  if (!persons_x.ok()) return persons_x.status();
  if (!persons_y.ok()) return persons_y.status();

  const Request& request = engine.request();
  const auto replications = static_cast<size_t>(request.bootstrap);
  std::vector<std::vector<double>> tables(replications);  // empty: failed
  std::atomic<size_t> next{0};
  const auto work = [&] {
    ScoreTable drawn_x = x, drawn_y = y;
    for (size_t r = next++; r < replications; r = next++) {
      Random random(Mix(request.seed ^ Mix(kOneStream + r)));
      Draw(random, *persons_x, drawn_x);
      Draw(random, *persons_y, drawn_y);
      const auto groups = engine.Smooth(drawn_x, drawn_y, &start);
      if (!groups.ok()) continue;
      auto table = engine.Table(*groups);
      if (table.ok()) tables[r] = *std::move(table);
    }
  };
  size_t threads = request.threads > 0 ? static_cast<size_t>(request.threads)
                                       : std::max(1u, std::thread::hardware_concurrency());
  threads = std::min({threads, replications, size_t{64}});
  std::vector<std::thread> helpers;
  for (size_t i = 1; i < threads; ++i) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();

  const size_t scores = static_cast<size_t>(x.max_total) + 1;
  BootstrapResult result{.mean = std::vector<double>(scores, 0.0),
                         .standard_error = std::vector<double>(scores, 0.0)};
  for (const auto& table : tables) {
    if (table.empty()) {
      ++result.failed;
      continue;
    }
    ++result.replications;
    for (size_t s = 0; s < scores; ++s) result.mean[s] += table[s];
  }
  if (result.replications < 2 || result.failed > result.replications) {
    return FailedPrecondition(
        "BOOTSTRAP_FAILED",
        absl::StrCat(result.failed, " of ", replications,
                     " replications could not be equated; lower the degree of smoothing, or use a "
                     "method that asks less of the sample"));
  }
  for (double& mean : result.mean) mean /= result.replications;
  for (const auto& table : tables) {
    if (table.empty()) continue;
    for (size_t s = 0; s < scores; ++s) {
      const double d = table[s] - result.mean[s];
      result.standard_error[s] += d * d;
    }
  }
  for (double& value : result.standard_error) value = std::sqrt(value / (result.replications - 1));
  return result;
}

}  // namespace invigil::scoring::equating
