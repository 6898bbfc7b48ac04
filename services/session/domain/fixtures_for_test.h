// Small builders that the tests of domain, store and engine share.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "services/session/domain/commands.h"
#include "services/session/domain/form.h"

namespace invigil::session::fixtures {

inline constexpr Time kStart{Micros(1'800'000'000'000'000)};
inline constexpr Duration kBase = Minutes(90);

// Items "item-0000000000", "item-0000000001" and so on, 16 characters each; item k has 4 options
// and takes 1, but every third has 5 and takes 2.
inline std::string ItemId(size_t k) {
  const std::string digits = std::to_string(k);
  return "item-" + std::string(11 - digits.size(), '0') + digits;
}
inline std::shared_ptr<const Form> MakeForm(size_t items = 10, Duration duration = kBase,
                                            const std::string& form_id = "form-1") {
  std::vector<PlaceSpec> places;
  for (size_t k = 0; k < items; ++k) {
    PlaceSpec place{ItemId(k), "content-" + std::to_string(k), {2, 0, 3, 1}, 1};
    if (k % 3 == 2) {
      place.option_order = {4, 3, 2, 1, 0};
      place.select_count = 2;
    }
    places.push_back(std::move(place));
  }
  return *Form::Create({form_id, "Sample Exam", 1, duration}, places);
}

// An agreement (2 minutes), a section of 4 items and 10 minutes with a tutorial before it (5
// minutes), a break (10), a forward-only section of 3 items and 20 minutes, a section of 3 items
// and 30 minutes with 2 edits, and a survey (3). The exam's time is 60 minutes.
inline std::shared_ptr<const Form> MakePlannedForm(bool check_in = false,
                                                   bool unscheduled_breaks = true) {
  std::vector<PlaceSpec> places;
  for (size_t k = 0; k < 10; ++k) {
    places.push_back({ItemId(k), "content-" + std::to_string(k), {2, 0, 3, 1}, 1});
  }
  const auto section = [](const char* name, Duration limit, uint32_t first, uint32_t count) {
    Part part;
    part.name = name;
    part.limit = limit;
    part.first_place = first;
    part.place_count = count;
    return part;
  };
  const auto other = [](PartKind kind, const char* name, Duration limit) {
    Part part;
    part.kind = kind;
    part.name = name;
    part.limit = limit;
    return part;
  };
  Plan plan;
  plan.check_in = check_in;
  plan.unscheduled_breaks = unscheduled_breaks;
  plan.parts = {other(PartKind::kAgreement, "Agreement", Minutes(2)),
                other(PartKind::kTutorial, "How it works", Minutes(5)),
                section("One", Minutes(10), 0, 4),
                other(PartKind::kBreak, "Break", Minutes(10)),
                section("Two", Minutes(20), 4, 3),
                section("Three", Minutes(30), 7, 3),
                other(PartKind::kSurvey, "Survey", Minutes(3))};
  plan.parts[4].navigation = Navigation::kForwardOnly;
  plan.parts[5].edit_quota = 2;
  return *Form::Create({"form-2", "Planned Exam", 1, Minutes(60), plan}, places);
}

inline ResponseWrite Write(size_t item, uint32_t sequence,
                           std::initializer_list<const char*> options) {
  ResponseWrite write{ItemId(item), sequence, {}, options.size() == 0};
  for (const char* option : options) write.options.Add(option);
  return write;
}
inline SaveResponses Save(uint32_t epoch, std::initializer_list<ResponseWrite> writes) {
  SaveResponses save{epoch, {}};
  save.responses.assign(writes.begin(), writes.end());
  return save;
}
inline Command Do(Action action, std::string candidate = "") {
  return Command{std::move(candidate), std::move(action)};
}

}  // namespace invigil::session::fixtures
