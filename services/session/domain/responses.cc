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

// Whether the candidate may write to the place now.
bool Writable(const State& state, size_t place) {
  const Part& part = state.current_part();
  if (!part.is_section() || place < part.first_place ||
      place >= size_t{part.first_place} + part.place_count) {
    return false;
  }
  if (part.navigation == Navigation::kForwardOnly && place < state.cursor) return false;
  return !state.locked(place);
}

// Gathers the items of a request that are refused for one reason.
class Refused {
 public:
  void Add(const Form& form, size_t place, const StoredResponse& sent, const StoredResponse& held) {
    const char* comma = items_.empty() ? "" : ",";
    items_ += comma + std::string(form.item_id(place));
    sent_ += comma + ToText(sent);
    stored_ += comma + ToText(held);
  }
  bool any() const { return !items_.empty(); }
  absl::Status Status(const char* reason, const char* message) const {
    return FailedPrecondition(reason, message)
        .With("item_ids", items_)
        .With("sent", sent_)
        .With("stored", stored_);
  }

 private:
  // "sequence:letters"
  static std::string ToText(const StoredResponse& response) {
    std::string text = std::to_string(response.sequence) + ":";
    for (size_t k = 0; response.options >> k != 0; ++k) {
      if (response.options >> k & 1) text += OptionId(k);
    }
    return text;
  }
  std::string items_, sent_, stored_;  // one entry an item each, in the same order
};

}  // namespace

absl::Status JudgeWrites(const State& state, const SaveResponses& save, Acks& acks,
                         ResponsesStored& stored) {
  if (save.responses.empty() || save.responses.size() > kMaxResponses) {
    return InvalidArgument("RESPONSE_INVALID", "nothing was stored; correct the fields named")
        .Field("responses", "must have 1 to 100 entries");
  }
  const Form& form = *state.form;
  Faults faults("responses");
  Refused locked, over_quota;
  const auto quota = state.current_part().edit_quota;
  uint32_t edits = state.edits_used;
  acks.reserve(save.responses.size());
  for (size_t i = 0; i < save.responses.size(); ++i) {
    const ResponseWrite& write = save.responses[i];
    if (write.sequence == 0 || write.sequence > kMaxSequence) {
      faults.Add(i, "sequence", "must be 1 to 2147483647");
    }
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
      if (!Writable(state, place)) {
        if (sent.options != held.options || held.sequence == 0) locked.Add(form, place, sent, held);
        continue;
      }
      if (quota && IsEdit(held, sent) && ++edits > *quota) over_quota.Add(form, place, sent, held);
      ack.stored = sent;
      stored.responses.push_back({place, sent});
    } else if (sent.options != held.options) {
      ack.fate = Ack::Fate::kStale;
    }
  }
  absl::Status status = faults.Status();
  if (status.ok() && locked.any()) {
    status = locked.Status("ITEMS_LOCKED",
                           "nothing was stored: the items named can't be answered any more (or not "
                           "yet); `stored` is what counts for them");
  } else if (status.ok() && over_quota.any()) {
    status =
        over_quota.Status("EDIT_QUOTA_USED",
                          "nothing was stored: no more answers may be changed in this section; "
                          "`stored` is what counts for the items named");
  }
  if (!status.ok()) {
    acks.clear();
    stored.responses.clear();
  }
  return status;
}

absl::Status JudgeRecovered(const State& state, const std::vector<ResponseWrite>& writes,
                            std::vector<ResponsesStored::Response>& stored) {
  if (writes.empty() || writes.size() > state.form->size()) {
    return InvalidArgument("RESPONSE_INVALID", "nothing was added; correct the fields named")
        .Field("responses", "must have 1 entry up to the number of items");
  }
  const Form& form = *state.form;
  Faults faults("responses");
  for (size_t i = 0; i < writes.size(); ++i) {
    const int found = form.Find(writes[i].item_id);
    if (found < 0) {
      faults.Add(i, "item_id", "is not an item of this session");
      continue;
    }
    const auto place = static_cast<uint32_t>(found);
    if (Repeated(writes, i)) faults.Add(i, "item_id", "is in the request twice");
    CheckOptions(form, place, writes[i], i, faults);
    const uint32_t next = state.responses[place].sequence + 1;
    stored.push_back({place, {next, writes[i].options.bits()}});
  }
  return faults.Status();
}

absl::Status JudgeProgress(const State& state, const SaveProgress& save, ProgressStored& stored) {
  if (save.entries.size() > kMaxResponses) {
    return InvalidArgument("RESPONSE_INVALID", "nothing was stored; correct the fields named")
        .Field("marks", "must have at most 100 entries");
  }
  INVIGIL_RETURN_IF_ERROR(JudgeSeen(state, save.held));
  const Form& form = *state.form;
  Faults faults("marks");
  for (size_t i = 0; i < save.entries.size(); ++i) {
    const SaveProgress::Entry& entry = save.entries[i];
    if (entry.sequence == 0) faults.Add(i, "sequence", "must be 1 or more");
    const int found = form.Find(entry.item_id);
    if (found < 0) {
      faults.Add(i, "item_id", "is not an item of this session");
      continue;
    }
    if (Repeated(save.entries, i)) faults.Add(i, "item_id", "is in the request twice");
    const auto place = static_cast<uint32_t>(found);
    Mark held;
    if (state.extras && place < state.extras->marks.size()) held = state.extras->marks[place];
    if (entry.sequence <= held.sequence) continue;
    // Time is told as a total, so that repeating a report adds nothing; it never goes back.
    const uint32_t shown_ms = entry.shown_ms > held.shown_ms ? entry.shown_ms : held.shown_ms;
    stored.entries.push_back({place, {entry.sequence, shown_ms, entry.flagged}});
  }
  if (faults.any()) return faults.Status();
  if (save.shown_item_id.empty()) return absl::OkStatus();
  const int shown = form.Find(save.shown_item_id);
  const Part& part = state.current_part();
  if (shown < 0 || !part.is_section() || static_cast<uint32_t>(shown) < part.first_place ||
      static_cast<uint32_t>(shown) >= part.first_place + part.place_count) {
    return InvalidArgument("RESPONSE_INVALID", "nothing was stored; correct the fields named")
        .Field("shown_item_id", "is not an item of the current section");
  }
  // Only where it locks something is it worth a row of its own.
  if (part.navigation == Navigation::kForwardOnly && static_cast<uint32_t>(shown) > state.cursor) {
    stored.shown = static_cast<uint32_t>(shown);
  }
  return absl::OkStatus();
}

absl::Status JudgeSeen(const State& state, const std::vector<ItemSequence>& seen) {
  const Form& form = *state.form;
  if (seen.size() > form.size()) {
    return InvalidArgument("RESPONSE_INVALID", "nothing was done; correct the fields named")
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
    // What can't be sent any more must not hold up the end.
    if (!Writable(state, static_cast<size_t>(place))) continue;
    if (state.responses[static_cast<size_t>(place)].sequence < seen[i].sequence) {
      missing += (missing.empty() ? "" : ",") + seen[i].item_id;
    }
  }
  if (faults.any()) return faults.Status();
  if (missing.empty()) return absl::OkStatus();
  return FailedPrecondition("RESPONSES_MISSING",
                            "nothing was done: send the responses of item_ids again with "
                            "SaveResponses, then repeat this")
      .With("item_ids", missing);
}

}  // namespace invigil::session
