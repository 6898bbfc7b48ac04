#include "services/scoring/domain/equating/bootstrap.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/error/error.h"

namespace invigil::scoring::equating {
namespace {

constexpr uint64_t kOneStream = 0x9e6c63d0876a9a47;
constexpr size_t kMostBlocks = 256;  // of replications, each one thread's at a time

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

// Mean and squares about it of the tables of some replications, of every raw score (Welford; Chan,
// Golub & LeVeque 1983 for the sum of two).
struct TableMoments {
  int replications = 0, failed = 0;
  std::vector<double> mean, squares;

  void Add(const std::vector<double>& table) {
    ++replications;
    if (mean.empty()) {
      mean.assign(table.size(), 0.0);
      squares.assign(table.size(), 0.0);
    }
    for (size_t s = 0; s < table.size(); ++s) {
      const double d = table[s] - mean[s];
      mean[s] += d / replications;
      squares[s] += d * (table[s] - mean[s]);
    }
  }
  void Add(const TableMoments& other) {
    failed += other.failed;
    if (other.replications == 0) return;
    if (replications == 0) {
      replications = other.replications;
      mean = other.mean;
      squares = other.squares;
      return;
    }
    const double here = replications, there = other.replications, all = here + there;
    replications += other.replications;
    for (size_t s = 0; s < mean.size(); ++s) {
      const double d = other.mean[s] - mean[s];
      mean[s] += d * there / all;
      squares[s] += other.squares[s] + d * d * here * there / all;
    }
  }
};

}  // namespace

absl::StatusOr<BootstrapResult> Bootstrap(const Engine& engine, const ScoreTable& x,
                                          const ScoreTable& y, const Groups& start) {
  const auto persons_x = Persons(x), persons_y = Persons(y);
  if (!persons_x.ok()) return persons_x.status();
  if (!persons_y.ok()) return persons_y.status();

  const Request& request = engine.request();
  const auto replications = static_cast<size_t>(request.bootstrap);
  // A table is forgotten once it is in its block's moments: a million of them would fill the
  // memory. Blocks and their order don't depend on the threads, so neither does any bit of the
  // result.
  const size_t block = std::max<size_t>(1, (replications + kMostBlocks - 1) / kMostBlocks);
  std::vector<TableMoments> blocks((replications + block - 1) / block);
  std::atomic<size_t> next{0};
  const auto work = [&] {
    ScoreTable drawn_x = x, drawn_y = y;
    for (size_t b = next++; b < blocks.size(); b = next++) {
      for (size_t r = b * block; r < std::min(replications, (b + 1) * block); ++r) {
        Random random(Mix(request.seed ^ Mix(kOneStream + r)));
        Draw(random, *persons_x, drawn_x);
        Draw(random, *persons_y, drawn_y);
        const auto groups = engine.Smooth(drawn_x, drawn_y, &start);
        const auto table = groups.ok() ? engine.Table(*groups)
                                       : absl::StatusOr<std::vector<double>>(groups.status());
        if (table.ok()) {
          blocks[b].Add(*table);
        } else {
          ++blocks[b].failed;
        }
      }
    }
  };
  size_t threads = request.threads > 0 ? static_cast<size_t>(request.threads)
                                       : std::max(1u, std::thread::hardware_concurrency());
  threads = std::min({threads, blocks.size(), size_t{64}});
  std::vector<std::thread> helpers;
  for (size_t i = 1; i < threads; ++i) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();

  TableMoments all;
  for (const TableMoments& moments : blocks) all.Add(moments);
  if (all.replications < 2 || all.failed > all.replications) {
    return FailedPrecondition(
        "BOOTSTRAP_FAILED",
        absl::StrCat(all.failed, " of ", replications,
                     " replications could not be equated; lower the degree of smoothing, or use a "
                     "method that asks less of the sample"));
  }
  BootstrapResult result{.mean = std::move(all.mean),
                         .standard_error = std::move(all.squares),
                         .replications = all.replications,
                         .failed = all.failed};
  for (double& value : result.standard_error) value = std::sqrt(value / (result.replications - 1));
  return result;
}

}  // namespace invigil::scoring::equating
