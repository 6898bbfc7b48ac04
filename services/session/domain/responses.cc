#include "services/session/domain/responses.h"

#include <bit>
#include <optional>
#include <string>
#include <utility>

#include "common/error/error.h"

namespace invigil::session {
namespace {

// Gathers wrong fields; costs nothing while there are none.
class Faults {
 public:
  Faults(const char* list) : list_(list) {}
  void Add(size_t index, const char* field, std::string description) {
    if (!error_) {
      error_ = InvalidArgument("RESPONSE_INVALID", "nothing was stored; correct the fields named");
    }
    error_->Field(std::string(list_) + "[" + std::to_string(index) + "]." + field,
                  std::move(description));
  }
  bool any() const { return error_.has_value(); }
  absl::Status Status() const { return error_ ? error_->Build() : absl::OkStatus(); }

 private:
  const char* list_;
  std::optional<Error> error_;
};

// Whether an earlier entry names the same item. Requests are short, most have one entry.
template <typename List>
bool Repeated(const List& list, size_t index) {
  for (size_t i = 0; i < index; ++i) {
    if (list[i].item_id == list[index].item_id) return true;
  }
  return false;
}

void CheckOptions(const Form& form, size_t place, const ResponseWrite& write, size_t index,
                  Faults& faults) {
  if (write.cleared) {
    if (!write.options.empty()) {
      faults.Add(index, "cleared", "must not be set together with option_ids");
    }
    return;
  }
  if (write.options.empty()) {
    faults.Add(index, "option_ids", "must not be empty; set `cleared` to take an answer back");
    return;
  }
  if (write.options.malformed() || write.options.bits() >> form.option_count(place) != 0) {
    faults.Add(index, "option_ids", "has an option that the item does not have");
  }
  if (write.options.repeated()) faults.Add(index, "option_ids", "has an option twice");
  if (std::popcount(write.options.bits()) > static_cast<int>(form.select_count(place))) {
    faults.Add(index, "option_ids",
               "has more options than select_count allows, which is " +
                   std::to_string(form.select_count(place)));
  }
}

}  // namespace

absl::Status JudgeWrites(const State& state, const SaveResponses& save, Acks& acks,
                         ResponsesStored& stored) {
  if (save.responses.empty() || save.responses.size() > kMaxResponses) {
    return InvalidArgument("RESPONSE_INVALID", "nothing was stored; correct the fields named")
        .Field("responses", "must have 1 to 100 entries");
  }
  const Form& form = *state.form;
  Faults faults("responses");
  acks.reserve(save.responses.size());
  for (size_t i = 0; i < save.responses.size(); ++i) {
    const ResponseWrite& write = save.responses[i];
    if (write.sequence == 0) faults.Add(i, "sequence", "must be 1 or more");
    const int found = form.Find(write.item_id);
    if (found < 0) {
      faults.Add(i, "item_id", "is not an item of this session");
      continue;
    }
    const auto place = static_cast<uint32_t>(found);
    if (Repeated(save.responses, i)) faults.Add(i, "item_id", "is in the request twice");
    CheckOptions(form, place, write, i, faults);
    if (faults.any()) continue;

    const StoredResponse& held = state.responses[place];
    const StoredResponse sent{write.sequence, write.options.bits()};
    Ack& ack = acks.emplace_back(Ack{place, write.sequence, Ack::Fate::kStored, held});
    if (sent.sequence > held.sequence) {
      ack.stored = sent;
      stored.responses.push_back({place, sent});
    } else if (sent.options != held.options) {
      ack.fate = Ack::Fate::kStale;
    }
  }
  if (faults.any()) {
    acks.clear();
    stored.responses.clear();
  }
  return faults.Status();
}

absl::Status JudgeSeen(const State& state, const std::vector<ItemSequence>& seen) {
  const Form& form = *state.form;
  if (seen.size() > form.size()) {
    return InvalidArgument("RESPONSE_INVALID", "nothing was sealed; correct the fields named")
        .Field("seen", "has more entries than the session has items");
  }
  Faults faults("seen");
  std::string missing;
  for (size_t i = 0; i < seen.size(); ++i) {
    if (seen[i].sequence == 0) faults.Add(i, "sequence", "must be 1 or more");
    const int place = form.Find(seen[i].item_id);
    if (place < 0) {
      faults.Add(i, "item_id", "is not an item of this session");
      continue;
    }
    if (Repeated(seen, i)) faults.Add(i, "item_id", "is in the request twice");
    if (state.responses[static_cast<size_t>(place)].sequence < seen[i].sequence) {
      missing += (missing.empty() ? "" : ",") + seen[i].item_id;
    }
  }
  if (faults.any()) return faults.Status();
  if (missing.empty()) return absl::OkStatus();
  return FailedPrecondition("RESPONSES_MISSING",
                            "the session was not sealed: send the responses of item_ids again with "
                            "SaveResponses, then submit")
      .With("item_ids", missing);
}

}  // namespace invigil::session
