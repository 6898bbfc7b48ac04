// What the wrong answers of one sitting look like, keeping the key. Items on trial are treated as
// those that count: a note must not tell them apart.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/signals/misses.h"
#include "services/scoring/learner/history.h"

namespace invigil::scoring {

struct MissNote {
  std::string item_id;
  size_t position = 0;  // 1 for the first
  MissKind kind = MissKind::kGap;
  std::string note;                               // empty: none
  std::vector<std::string> own_right, own_wrong;  // kOwnChoices and more
};

struct MissNotes {
  std::vector<MissNote> misses;                     // in the order of the form
  std::vector<std::pair<MissKind, size_t>> counts;  // the most frequent first
};

// Nothing at all with KeyExposure::kNothing. Which options were missed is never told, whatever the
// exposure. Errors: those of NearMissOf and KindOf.
absl::StatusOr<MissNotes> NotesOf(const Sitting& sitting, KeyExposure exposure);

}  // namespace invigil::scoring
