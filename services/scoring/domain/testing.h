// Forms for the tests of this room.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "services/scoring/domain/key.h"
#include "services/scoring/domain/responses.h"

namespace invigil::scoring::testing {

// Parameters as authors set them: slopes 0.7-1.4, difficulties around `difficulty`, guessing
// 0.05-0.25.
inline std::vector<ItemParameters> RandomItems(Random& random, size_t n, double difficulty = 0) {
  std::vector<ItemParameters> items(n);
  for (ItemParameters& item : items) {
    item.slope = 0.7 + 0.7 * random.Uniform();
    item.difficulty = difficulty + 0.8 * random.Normal();
    item.lower_asymptote = 0.05 + 0.2 * random.Uniform();
  }
  return items;
}

// A key like that of the CLF-C02 practice exam: the operational items in domains 1-4 by 12/15/17/6
// (in that proportion for other sizes), `pretest` unscored items among them, cut 70 % of the base.
inline ScoringKey MakeKey(const std::vector<ItemParameters>& operational,
                          const std::vector<ItemParameters>& base, double base_cut,
                          size_t pretest = 0) {
  ScoringKey key{.form_id = "form-1",
                 .key_version = 1,
                 .exam_id = "CLF-C02",
                 .exam_version = 3,
                 .title = "Practice exam"};
  key.domains = {
      {"1", "Concepts", 24}, {"2", "Security", 30}, {"3", "Technology", 34}, {"4", "Billing", 12}};
  const size_t n = operational.size();
  size_t scored = 0, unscored = 0;
  while (scored < n || unscored < pretest) {
    KeyedItem item{.item_id = absl::StrCat("item", 1000 + key.items.size()), .domain_id = "1"};
    item.option_count = 4;
    item.rule = Rule::kAllOrNothing;
    const size_t place = key.items.size();
    item.key_option_ids = {std::string(1, static_cast<char>('A' + place % 4))};
    if (place % 5 == 4) {
      item.option_count = 5;
      item.key_option_ids = {"B", "E"};
    }
    // A pretest item after every three or so, then whatever is left.
    if (unscored < pretest && (scored == n || place % 4 == 3)) {
      item.domain_id = "2";
      ++unscored;
    } else {
      item.operational = true;
      item.irt = operational[scored];
      const double share = static_cast<double>(scored) / static_cast<double>(n);
      item.domain_id = share < 0.24 ? "1" : share < 0.54 ? "2" : share < 0.88 ? "3" : "4";
      ++scored;
    }
    key.items.push_back(item);
  }
  key.scale = {.min = 100, .max = 1000, .cut = 700};
  key.standard = {.base_form = base,
                  .base_sample_sizes = std::vector<uint32_t>(base.size(), 0),
                  .base_cut_raw = base_cut};
  key.disclaimer = "Practice estimate.";
  return key;
}

// Answers in canonical order: the first `right` operational items right, the others wrong; every
// pretest item right or, with `pretest_right` false, wrong.
inline std::vector<SealedResponse> Answers(const ScoringKey& key, uint32_t right,
                                           bool pretest_right = true) {
  std::vector<SealedResponse> responses;
  for (const KeyedItem& item : key.items) {
    const bool correct = item.operational ? right > 0 : pretest_right;
    if (item.operational && right > 0) --right;
    responses.push_back({item.item_id, item.key_option_ids});
    if (!correct) responses.back().option_ids = {item.key_option_ids[0] == "A" ? "C" : "A"};
  }
  return Canonical(std::move(responses)).value();
}

}  // namespace invigil::scoring::testing
