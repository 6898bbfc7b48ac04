// What storing items means: which are new, which get a new version, and what that does to enemies.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "services/item_bank/domain/item.h"

namespace invigil::item_bank {

struct ImportPlan {
  std::vector<Item> created;  // version 1
  std::vector<Item> updated;  // the stored version plus 1
  int unchanged = 0;
};

// `items` are normalised and checked; `stored` holds the newest version of every item of the bank.
// Keeps enemies symmetric: of two given items it is enough that one names the other; of a given and
// a stored item the given one decides, so the stored one may get a new version too.
ImportPlan PlanImport(std::vector<Item> items, const std::map<std::string, Item>& stored);

}  // namespace invigil::item_bank
