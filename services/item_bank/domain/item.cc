#include "services/item_bank/domain/item.h"

#include <algorithm>
#include <cmath>

namespace invigil::item_bank {

double ProbabilityRight(const IrtParameters& irt, double theta) {
  return irt.lower_asymptote +
         (1 - irt.lower_asymptote) / (1 + std::exp(-irt.slope * (theta - irt.difficulty)));
}

bool Item::SameContent(const Item& other) const {
  return item_id == other.item_id && bank_id == other.bank_id && domain_id == other.domain_id &&
         task_id == other.task_id && type == other.type && select_count == other.select_count &&
         cognitive_level == other.cognitive_level && stem == other.stem &&
         options == other.options && irt == other.irt && enemy_item_ids == other.enemy_item_ids &&
         references == other.references && status == other.status;
}

void Normalise(Item& item, const std::string& bank_id) {
  if (item.status == ItemStatus::kUnspecified) item.status = ItemStatus::kDraft;
  if (item.bank_id.empty()) item.bank_id = bank_id;
  auto& enemies = item.enemy_item_ids;
  std::sort(enemies.begin(), enemies.end());
  enemies.erase(std::unique(enemies.begin(), enemies.end()), enemies.end());
  item.version = 0;
  item.create_time = Time();
}

}  // namespace invigil::item_bank
