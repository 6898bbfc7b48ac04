// Form assembly: one candidate's form from a pool and a seed. The same pool, seed and secret give
// the same form on every machine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/item_bank/domain/pool.h"

namespace invigil::item_bank {

// A place of a form, in display order.
struct Place {
  std::string item_id;  // opaque, 16 characters
  uint16_t pool_index = 0;
  std::vector<uint8_t> option_order;  // shown option k is authored option option_order[k]
  bool operator==(const Place&) const = default;
};

struct Form {
  uint64_t seed = 0;
  std::vector<Place> places;
  bool operator==(const Form&) const = default;
};

// Scored items meet the blueprint exactly and are spread over the task statements of their domain
// as evenly as the pool allows; no two items of the form are enemies; unscored items stand at
// uniformly random places; items and options stand in random order. Where the exam has sections,
// the form's places are those of the first section, then of the second and so on, each with its
// counts, by domain where it names domains; places are random within the section.
//
// Comparable forms: kTrials forms are drawn and the one whose scored items promise a candidate at
// the cut a raw score nearest the base form's cut is kept. Equating corrects what is left.
//
// Errors: the pool's FORM_INFEASIBLE. A feasible pool is always filled.
absl::StatusOr<Form> Assemble(const Pool& pool, uint64_t seed, std::string_view secret);

inline constexpr int kTrials = 8;

// The keyed options of a place as a candidate sees them ("A" is the first shown), sorted.
std::vector<std::string> DisplayedKey(const Item& item, const std::vector<uint8_t>& option_order);

}  // namespace invigil::item_bank
