// The exact answer to "can these places be filled without two enemies": items in classes, a wanted
// number of each class, pairs that exclude each other.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/random.h"

namespace invigil::item_bank {

struct EnemyProblem {
  std::vector<int> class_of;                   // of each item
  std::vector<std::vector<uint16_t>> enemies;  // of each item; symmetric
  std::vector<int> need;                       // of each class
};

struct EnemyFreeSet {
  std::vector<uint16_t> items;  // no two of them enemies; holds `need` of each class unless short
  std::vector<int> shortage;    // of each class; all zero: the problem is solved
  // false: a group of mutually linked enemies was too tangled to search whole, so a shortage is the
  // least one found, not proven.
  bool exact = true;
};

// Items without enemies are all taken. Each group of linked enemies is then searched for the
// combinations of counts it can give (only those no other beats), and the groups are combined.
// `random` varies which of the equally good sets comes out.
EnemyFreeSet FillWithoutEnemies(const EnemyProblem& problem, Random& random);

}  // namespace invigil::item_bank
