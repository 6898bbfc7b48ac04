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
