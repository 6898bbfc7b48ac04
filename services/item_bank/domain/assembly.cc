#include "services/item_bank/domain/assembly.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <utility>

#include "common/error/error.h"
#include "services/item_bank/domain/opaque_id.h"
#include "services/item_bank/domain/sections.h"

namespace invigil::item_bank {
namespace {

// One random selection of a form's items.
class Draw {
 public:
  Draw(const Pool& pool, Random& random)
      : pool_(pool), random_(random), blocked_(pool.items().size(), 0) {}

  // Only these may be drawn.
  void Restrict(const std::vector<uint16_t>& allowed) {
    std::fill(blocked_.begin(), blocked_.end(), 1);
    for (const uint16_t item : allowed) blocked_[item] = 0;
  }

  // false: enemies drawn earlier left a class short.
  bool Fill() {
    for (const int item_class : pool_.fill_order()) {
      if (!FillClass(item_class)) return false;
    }
    return true;
  }

  std::vector<uint16_t>& items() { return items_; }
  int64_t points() const { return points_; }

 private:
  // Gives the next place to the group with the fewest so far (chance among equals), until all
  // places are given: as even as the groups allow.
  bool FillClass(int item_class) {
    std::vector<std::vector<uint16_t>> left = pool_.GroupsOf(item_class);
    std::vector<int> given(left.size(), 0);
    for (int need = pool_.problem().need[static_cast<size_t>(item_class)]; need > 0;) {
      const int group = LeastServed(left, given);
      if (group < 0) return false;
      auto& items = left[static_cast<size_t>(group)];
      std::swap(items[random_.Below(items.size())], items.back());
      const uint16_t item = items.back();
      items.pop_back();
      if (blocked_[item]) continue;
      Take(item);
      ++given[static_cast<size_t>(group)];
      --need;
    }
    return true;
  }

  int LeastServed(const std::vector<std::vector<uint16_t>>& left, const std::vector<int>& given) {
    int best = -1;
    uint64_t equals = 0;
    for (size_t g = 0; g < left.size(); ++g) {
      if (left[g].empty()) continue;
      if (best < 0 || given[g] < given[static_cast<size_t>(best)]) {
        best = static_cast<int>(g);
        equals = 1;
      } else if (given[g] == given[static_cast<size_t>(best)] && random_.Below(++equals) == 0) {
        best = static_cast<int>(g);
      }
    }
    return best;
  }

  void Take(uint16_t item) {
    items_.push_back(item);
    points_ += pool_.items()[item].points_at_cut;
    for (const uint16_t enemy : pool_.EnemiesOf(item)) blocked_[enemy] = 1;
  }

  const Pool& pool_;
  Random& random_;
  std::vector<uint8_t> blocked_;
  std::vector<uint16_t> items_;
  int64_t points_ = 0;
};

std::vector<uint16_t> Select(const Pool& pool, Random& random) {
  std::vector<uint16_t> best;
  int64_t best_distance = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    Draw draw(pool, random);
    if (!draw.Fill()) continue;
    const int64_t distance = std::abs(draw.points() - pool.target_points());
    if (!best.empty() && distance >= best_distance) continue;
    best = std::move(draw.items());
    best_distance = distance;
  }
  if (!best.empty()) return best;
  // Enemies make this pool tight: draw from a set that is free of them and known to suffice.
  Draw draw(pool, random);
  draw.Restrict(FillWithoutEnemies(pool.problem(), random).items);
  if (!draw.Fill()) return {};
  return std::move(draw.items());
}

}  // namespace

absl::StatusOr<Form> Assemble(const Pool& pool, uint64_t seed, std::string_view secret) {
  if (!pool.feasible().ok()) return pool.feasible();
  Random random(seed);
  std::vector<uint16_t> items = Select(pool, random);
  if (items.size() != pool.exam().ItemCount()) {
    return Internal("assembly left a form of a feasible pool unfilled");
  }
  // One shuffle of all makes the order random and every place equally likely to be unscored.
  // Sections then take theirs.
  random.Shuffle(items);
  items = DealToSections(pool, std::move(items), random);
  if (items.size() != pool.exam().ItemCount()) {
    return Internal("the sections of " + pool.exam().exam_id + " do not take a form's items");
  }
  std::vector<std::string> ids = PlaceIds(secret, seed, items.size());
  Form form{seed, {}};
  form.places.reserve(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    std::vector<uint8_t> order(pool.items()[items[i]].item->options.size());
    std::iota(order.begin(), order.end(), uint8_t{0});
    random.Shuffle(order);
    form.places.push_back({std::move(ids[i]), items[i], std::move(order)});
  }
  return form;
}

std::vector<std::string> DisplayedKey(const Item& item, const std::vector<uint8_t>& option_order) {
  std::vector<std::string> letters;
  for (size_t shown = 0; shown < option_order.size(); ++shown) {
    if (item.options[option_order[shown]].is_key) {
      letters.emplace_back(1, static_cast<char>('A' + shown));
    }
  }
  return letters;
}

}  // namespace invigil::item_bank
