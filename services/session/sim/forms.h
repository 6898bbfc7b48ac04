// The exams candidates sit: few items, so that devices meet on the same ones, and seconds instead
// of hours, so that faults fall into every phase. In plain numbers, for those who share no code
// with the domain, and as the domain takes them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "services/session/domain/form.h"

namespace invigil::session::sim {

struct SimPart {
  char kind = 'S';       // S section, B break, A agreement, T tutorial, Y survey
  int64_t limit_us = 0;  // 0: none of its own
  int first = 0, count = 0;
  bool forward_only = false;
  int quota = -1;  // edits allowed; -1: any number
};

struct SimForm {
  int items = 0;
  int64_t duration_us = 0;
  bool check_in = false, breaks = false;
  std::vector<SimPart> parts;
  std::shared_ptr<const Form> form;
};

// What registration gives, by the number an ask carries; 0 is nothing.
struct SimAccommodation {
  int64_t exam_extra_us = 0, pool_us = 0, part_extra_us = 0;
};
inline constexpr SimAccommodation kAccommodations[] = {
    {0, 0, 0}, {1'000'000, 0, 0}, {0, 900'000, 0}, {700'000, 600'000, 400'000}};

// How item k looks.
inline int OptionsOf(int item) { return item % 3 == 2 ? 5 : 4; }
inline int SelectOf(int item) { return item % 3 == 2 ? 2 : 1; }
inline std::string ItemName(int item) { return "item-" + std::to_string(item); }

// All there are; made once.
const std::vector<SimForm>& Forms();

}  // namespace invigil::session::sim
