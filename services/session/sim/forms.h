// The forms candidates get: few items, so that devices meet on the same ones, and seconds instead
// of hours, so that faults fall into every phase of an exam.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "services/session/domain/form.h"

namespace invigil::session::sim {

struct SimForm {
  int items = 0;
  int64_t duration_us = 0;
  std::shared_ptr<const Form> form;
};

// How item k looks, in plain numbers, for those who share no code with the domain.
inline int OptionsOf(int item) { return item % 3 == 2 ? 5 : 4; }
inline int SelectOf(int item) { return item % 3 == 2 ? 2 : 1; }
inline std::string ItemName(int item) { return "item-" + std::to_string(item); }

// All there are; made once.
inline const std::vector<SimForm>& Forms() {
  static const auto* forms = [] {
    auto* made = new std::vector<SimForm>;
    for (const auto& [items, ms] : {std::pair{3, 2000}, {5, 4500}, {4, 7000}, {8, 6000}}) {
      std::vector<PlaceSpec> places;
      for (int k = 0; k < items; ++k) {
        PlaceSpec place{ItemName(k),
                        "content-" + std::to_string(k),
                        {2, 0, 3, 1},
                        static_cast<uint8_t>(SelectOf(k))};
        if (OptionsOf(k) == 5) place.option_order = {4, 3, 2, 1, 0};
        places.push_back(std::move(place));
      }
      auto form = Form::Create({"form-" + std::to_string(made->size()), "Simulated", 1, Millis(ms)},
                               places);
      made->push_back({items, int64_t{ms} * 1000, *std::move(form)});
    }
    return made;
  }();
  return *forms;
}

}  // namespace invigil::session::sim
