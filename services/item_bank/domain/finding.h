// What a check has to say.
#pragma once

#include <string>
#include <vector>

namespace invigil::item_bank {

struct Finding {
  std::string item_id;  // empty: the bank or exam as a whole
  int item_index = -1;  // place in the checked bank; -1: none
  std::string field;    // path within the item (or bank, or exam), such as `options[1].rationale`
  std::string
      description;       // what is wrong and what would be right; never says which option is keyed
  bool blocking = true;  // false: advice
};
using Findings = std::vector<Finding>;

inline bool AnyBlocking(const Findings& findings) {
  for (const Finding& finding : findings) {
    if (finding.blocking) return true;
  }
  return false;
}

}  // namespace invigil::item_bank
