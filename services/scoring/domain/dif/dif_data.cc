#include "services/scoring/domain/dif/dif_data.h"

#include <algorithm>

#include "common/error/error.h"

namespace invigil::scoring {

absl::Status Validate(const DifData& data) {
  if (data.persons == 0 || data.items < 2) {
    return InvalidArgument("DIF_EMPTY",
                           "DIF needs persons and at least two items; give a fuller response file");
  }
  if (data.cells.size() != data.persons * data.items || data.focal.size() != data.persons) {
    return InvalidArgument("DIF_SIZES", "responses or groups do not fit the persons and items");
  }
  for (size_t i = 0; i < data.cells.size(); ++i) {
    if (data.cells[i] == 0 || data.cells[i] == 1) continue;
    return InvalidArgument("DIF_RESPONSE_MISSING",
                           "person " + std::to_string(i / data.items + 1) +
                               " has no response to item " + std::to_string(i % data.items + 1) +
                               "; matching by number correct needs every cell: leave the person or "
                               "the item out, or score omissions as wrong");
  }
  size_t focal = 0;
  for (size_t person = 0; person < data.persons; ++person) {
    if (data.focal[person] > 1) {
      return InvalidArgument("DIF_GROUP_INVALID", "the group of person " +
                                                      std::to_string(person + 1) +
                                                      " is neither 0 (reference) nor 1 (focal)");
    }
    focal += data.focal[person];
  }
  if (focal == 0 || focal == data.persons) {
    return InvalidArgument("DIF_GROUP_EMPTY", std::string("nobody is in the ") +
                                                  (focal == 0 ? "focal" : "reference") +
                                                  " group; give persons of both groups");
  }
  return absl::OkStatus();
}

absl::Status Validate(const DifOptions& options) {
  if (!(options.significance > 0 && options.significance < 1) || options.most_rounds < 1) {
    return InvalidArgument("DIF_OPTIONS",
                           "the significance must lie between 0 and 1 and the rounds be 1 or more");
  }
  return absl::OkStatus();
}

absl::StatusOr<Purification> RunDif(
    const DifData& data, const DifOptions& options,
    const std::function<bool(size_t item, std::span<const int> score)>& test) {
  INVIGIL_RETURN_IF_ERROR(Validate(data));
  INVIGIL_RETURN_IF_ERROR(Validate(options));
  Purification result{.flagged = std::vector<bool>(data.items, false)};
  std::vector<int> anchors(data.persons), score(data.persons);
  for (int round = 0;; ++round) {
    // The studied item's own flag must not matter to its score: it always counts.
    for (size_t person = 0; person < data.persons; ++person) {
      anchors[person] = 0;
      for (size_t item = 0; item < data.items; ++item) {
        if (!result.flagged[item]) anchors[person] += data.at(person, item);
      }
    }
    std::vector<bool> flagged(data.items);
    for (size_t item = 0; item < data.items; ++item) {
      for (size_t person = 0; person < data.persons; ++person) {
        score[person] = anchors[person] + (result.flagged[item] ? data.at(person, item) : 0);
      }
      flagged[item] = test(item, score);
    }
    const bool same = flagged == result.flagged;
    result.rounds = round;
    result.converged = same;
    result.flagged = std::move(flagged);
    if (!options.purify || same) break;
    if (std::find(result.flagged.begin(), result.flagged.end(), false) == result.flagged.end()) {
      return FailedPrecondition("DIF_ANCHORS_EXHAUSTED",
                                "every item was flagged, so none is left to match by; run without "
                                "purification or with a smaller significance");
    }
    if (round >= options.most_rounds) break;
  }
  if (!options.purify) result.converged = true;
  return result;
}

}  // namespace invigil::scoring
