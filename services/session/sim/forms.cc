#include "services/session/sim/forms.h"

#include <utility>

namespace invigil::session::sim {
namespace {

constexpr int64_t kMs = 1000;

// Plain exams of one section, and sittings of several parts.
std::vector<SimForm> Plain() {
  const auto one = [](int items, int64_t ms) {
    return SimForm{items, ms * kMs, false, false, {{'S', 0, 0, items}}, nullptr};
  };
  return {
      one(3, 2000),
      one(5, 4500),
      one(4, 7000),
      {6,
       4000 * kMs,
       false,
       false,
       {{'A', 900 * kMs},
        {'T', 500 * kMs},
        {'S', 1800 * kMs, 0, 3},
        {'B', 800 * kMs},
        {'S', 2500 * kMs, 3, 3, true},
        {'Y', 700 * kMs}},
       nullptr},
      {5,
       5000 * kMs,
       false,
       true,
       {{'S', 0, 0, 3}, {'B', 600 * kMs}, {'S', 2600 * kMs, 3, 2, false, 1}},
       nullptr},
      {3, 3500 * kMs, true, true, {{'T', 600 * kMs}, {'S', 3200 * kMs, 0, 3}}, nullptr},
  };
}

PartKind KindOf(char kind) {
  switch (kind) {
    case 'B':
      return PartKind::kBreak;
    case 'A':
      return PartKind::kAgreement;
    case 'T':
      return PartKind::kTutorial;
    case 'Y':
      return PartKind::kSurvey;
    default:
      return PartKind::kSection;
  }
}

std::shared_ptr<const Form> Make(const SimForm& sim, size_t number) {
  std::vector<PlaceSpec> places;
  for (int k = 0; k < sim.items; ++k) {
    PlaceSpec place{ItemName(k),
                    "content-" + std::to_string(k),
                    {2, 0, 3, 1},
                    static_cast<uint8_t>(SelectOf(k))};
    if (OptionsOf(k) == 5) place.option_order = {4, 3, 2, 1, 0};
    places.push_back(std::move(place));
  }
  Plan plan{.check_in = sim.check_in, .unscheduled_breaks = sim.breaks};
  for (const SimPart& part : sim.parts) {
    Part made{.kind = KindOf(part.kind), .limit = Duration(part.limit_us)};
    made.first_place = static_cast<uint32_t>(part.first);
    made.place_count = static_cast<uint32_t>(part.count);
    if (part.forward_only) made.navigation = Navigation::kForwardOnly;
    if (part.quota >= 0) made.edit_quota = static_cast<uint32_t>(part.quota);
    plan.parts.push_back(made);
  }
  return *Form::Create({"form-" + std::to_string(number), "Simulated", 1, Duration(sim.duration_us),
                        std::move(plan)},
                       places);
}

}  // namespace

const std::vector<SimForm>& Forms() {
  static const auto* forms = [] {
    auto* made = new std::vector<SimForm>(Plain());
    for (size_t i = 0; i < made->size(); ++i) (*made)[i].form = Make((*made)[i], i);
    return made;
  }();
  return *forms;
}

}  // namespace invigil::session::sim
