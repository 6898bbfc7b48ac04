#include "services/item_bank/domain/independent.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace invigil::item_bank {
namespace {

constexpr int kSearchSteps = 200'000;  // per group: about 20 ms; real groups need a few dozen

// A way to take items: how many of each class (no more than wanted) and which.
struct Option {
  std::vector<int> counts;
  std::vector<uint16_t> items;
};

bool Covers(const std::vector<int>& a, const std::vector<int>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] < b[i]) return false;
  }
  return true;
}

// Keeps only options no other covers.
void AddUnbeaten(std::vector<Option>& options, Option option) {
  for (const Option& other : options) {
    if (Covers(other.counts, option.counts)) return;
  }
  std::erase_if(options, [&](const Option& o) { return Covers(option.counts, o.counts); });
  options.push_back(std::move(option));
}

class GroupSearch {
 public:
  GroupSearch(const EnemyProblem& problem, const std::vector<int>& wanted, Random& random)
      : problem_(problem), wanted_(wanted), random_(random), alive_(problem.class_of.size(), 0) {}

  std::vector<Option> Run(const std::vector<uint16_t>& group) {
    group_ = group;
    random_.Shuffle(group_);
    best_possible_.assign(wanted_.size(), 0);
    for (const uint16_t item : group_) {
      alive_[item] = 1;
      ++best_possible_[problem_.class_of[item]];
    }
    for (size_t c = 0; c < wanted_.size(); ++c) {
      best_possible_[c] = std::min(best_possible_[c], wanted_[c]);
    }
    options_.clear();
    taken_.clear();
    steps_ = 0;
    Branch();
    for (const uint16_t item : group_) alive_[item] = 0;
    return std::move(options_);
  }
  bool exhausted() const { return exhausted_; }

 private:
  bool Done() const { return options_.size() == 1 && options_[0].counts == best_possible_; }

  void Branch() {
    if (Done()) return;
    if (++steps_ > kSearchSteps) {
      exhausted_ = true;
      if (!options_.empty()) return;
    }
    int pick = -1, most = 0;
    for (const uint16_t item : group_) {
      if (!alive_[item]) continue;
      int degree = 0;
      for (const uint16_t enemy : problem_.enemies[item]) degree += alive_[enemy];
      if (degree > most) most = degree, pick = item;
    }
    if (pick < 0) return Emit();
    // Without the most contested item, then with it.
    alive_[pick] = 0;
    Branch();
    std::vector<uint16_t> removed;
    for (const uint16_t enemy : problem_.enemies[pick]) {
      if (alive_[enemy]) alive_[enemy] = 0, removed.push_back(enemy);
    }
    taken_.push_back(static_cast<uint16_t>(pick));
    Branch();
    taken_.pop_back();
    for (const uint16_t enemy : removed) alive_[enemy] = 1;
    alive_[pick] = 1;
  }

  // Nothing left is contested: all of it can be taken.
  void Emit() {
    Option option{std::vector<int>(wanted_.size(), 0), taken_};
    for (const uint16_t item : group_) {
      if (alive_[item]) option.items.push_back(item);
    }
    for (const uint16_t item : option.items) ++option.counts[problem_.class_of[item]];
    for (size_t c = 0; c < wanted_.size(); ++c) {
      option.counts[c] = std::min(option.counts[c], wanted_[c]);
    }
    AddUnbeaten(options_, std::move(option));
  }

  const EnemyProblem& problem_;
  const std::vector<int>& wanted_;
  Random& random_;
  std::vector<uint8_t> alive_;
  std::vector<uint16_t> group_, taken_;
  std::vector<int> best_possible_;
  std::vector<Option> options_;
  int steps_ = 0;
  bool exhausted_ = false;
};

std::vector<std::vector<uint16_t>> LinkedGroups(const EnemyProblem& problem) {
  std::vector<std::vector<uint16_t>> groups;
  std::vector<bool> seen(problem.class_of.size(), false);
  for (size_t start = 0; start < seen.size(); ++start) {
    if (seen[start] || problem.enemies[start].empty()) continue;
    std::vector<uint16_t> group{static_cast<uint16_t>(start)};
    seen[start] = true;
    for (size_t at = 0; at < group.size(); ++at) {
      for (const uint16_t enemy : problem.enemies[group[at]]) {
        if (!seen[enemy]) seen[enemy] = true, group.push_back(enemy);
      }
    }
    groups.push_back(std::move(group));
  }
  return groups;
}

int Total(const std::vector<int>& counts) {
  return std::accumulate(counts.begin(), counts.end(), 0);
}

}  // namespace

EnemyFreeSet FillWithoutEnemies(const EnemyProblem& problem, Random& random) {
  EnemyFreeSet result;
  std::vector<int> wanted = problem.need;  // less what free items give
  for (size_t i = 0; i < problem.class_of.size(); ++i) {
    if (!problem.enemies[i].empty()) continue;
    result.items.push_back(static_cast<uint16_t>(i));
    wanted[problem.class_of[i]] = std::max(0, wanted[problem.class_of[i]] - 1);
  }
  auto groups = LinkedGroups(problem);
  random.Shuffle(groups);
  GroupSearch search(problem, wanted, random);
  std::vector<Option> sofar{{std::vector<int>(wanted.size(), 0), {}}};
  for (const auto& group : groups) {
    const std::vector<Option> choices = search.Run(group);
    std::vector<Option> next;
    for (const Option& a : sofar) {
      for (const Option& b : choices) {
        Option sum = a;
        sum.items.insert(sum.items.end(), b.items.begin(), b.items.end());
        for (size_t c = 0; c < wanted.size(); ++c) {
          sum.counts[c] = std::min(wanted[c], sum.counts[c] + b.counts[c]);
        }
        AddUnbeaten(next, std::move(sum));
      }
    }
    sofar = std::move(next);
  }
  const auto best = std::max_element(
      sofar.begin(), sofar.end(),
      [](const Option& a, const Option& b) { return Total(a.counts) < Total(b.counts); });
  result.items.insert(result.items.end(), best->items.begin(), best->items.end());
  result.shortage.resize(wanted.size());
  for (size_t c = 0; c < wanted.size(); ++c) result.shortage[c] = wanted[c] - best->counts[c];
  result.exact = !search.exhausted();
  return result;
}

}  // namespace invigil::item_bank
