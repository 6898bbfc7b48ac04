#include "services/item_bank/domain/import_plan.h"

#include <algorithm>
#include <set>
#include <utility>

namespace invigil::item_bank {
namespace {

bool Names(const Item& item, const std::string& enemy) {
  return std::binary_search(item.enemy_item_ids.begin(), item.enemy_item_ids.end(), enemy);
}

void SetEnemy(Item& item, const std::string& enemy, bool on) {
  auto& list = item.enemy_item_ids;
  const auto at = std::lower_bound(list.begin(), list.end(), enemy);
  const bool is = at != list.end() && *at == enemy;
  if (on && !is) list.insert(at, enemy);
  if (!on && is) list.erase(at);
}

}  // namespace

ImportPlan PlanImport(std::vector<Item> items, const std::map<std::string, Item>& stored) {
  std::map<std::string, Item> wanted;  // what the newest versions shall be
  for (Item& item : items) {
    std::string id = item.item_id;
    wanted.emplace(std::move(id), std::move(item));
  }
  std::set<std::string> given;
  for (const auto& [id, item] : wanted) given.insert(id);

  for (const std::string& id : given) {
    for (const std::string& enemy : std::vector<std::string>(wanted.at(id).enemy_item_ids)) {
      auto other = wanted.find(enemy);
      if (other == wanted.end()) {
        const auto old = stored.find(enemy);
        if (old == stored.end()) continue;
        other = wanted.emplace(enemy, old->second).first;
      }
      SetEnemy(other->second, id, true);
    }
  }
  for (const auto& [id, old] : stored) {
    if (given.contains(id)) continue;
    for (const std::string& enemy : old.enemy_item_ids) {
      if (!given.contains(enemy) || Names(wanted.at(enemy), id)) continue;
      if (stored.contains(enemy)) {
        SetEnemy(wanted.emplace(id, old).first->second, enemy, false);
      } else {
        SetEnemy(wanted.at(enemy), id, true);  // named before it came: enemies from the start
      }
    }
  }

  ImportPlan plan;
  for (auto& [id, item] : wanted) {
    const auto old = stored.find(id);
    if (old == stored.end()) {
      item.version = 1;
      plan.created.push_back(std::move(item));
    } else if (item.SameContent(old->second)) {
      ++plan.unchanged;
    } else {
      item.version = old->second.version + 1;
      plan.updated.push_back(std::move(item));
    }
  }
  return plan;
}

}  // namespace invigil::item_bank
