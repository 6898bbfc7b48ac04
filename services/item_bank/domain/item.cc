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
         references == other.references && status == other.status && promoted == other.promoted;
}

bool Item::SameQuestion(const Item& other) const {
  return item_id == other.item_id && type == other.type && select_count == other.select_count &&
         stem == other.stem &&
         std::equal(options.begin(), options.end(), other.options.begin(), other.options.end(),
                    [](const Option& a, const Option& b) {
                      return a.option_id == b.option_id && a.text == b.text && a.is_key == b.is_key;
                    });
}

void Normalise(Item& item, const std::string& bank_id) {
  if (item.status == ItemStatus::kUnspecified) item.status = ItemStatus::kDraft;
  if (item.bank_id.empty()) item.bank_id = bank_id;
  auto& enemies = item.enemy_item_ids;
  std::sort(enemies.begin(), enemies.end());
  enemies.erase(std::unique(enemies.begin(), enemies.end()), enemies.end());
  item.version = 0;
  item.create_time = Time();
  item.promoted = false;
  if (item.irt) {
    item.irt = IrtParameters{item.irt->slope, item.irt->difficulty, item.irt->lower_asymptote,
                             item.irt->sample_size};
  }
}

void KeepAccepted(Item& item, const Item& stored, bool numbers_count) {
  if (!item.SameQuestion(stored)) return;
  if (stored.irt && !stored.irt->calibration_id.empty()) {
    const bool same_numbers = item.irt && item.irt->slope == stored.irt->slope &&
                              item.irt->difficulty == stored.irt->difficulty &&
                              item.irt->lower_asymptote == stored.irt->lower_asymptote;
    if (same_numbers || !numbers_count) item.irt = stored.irt;
  }
  if (!stored.promoted) return;
  if (item.status == ItemStatus::kPretest && !numbers_count) item.status = ItemStatus::kOperational;
  item.promoted = item.status == ItemStatus::kOperational;
}

}  // namespace invigil::item_bank
