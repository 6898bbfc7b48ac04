#include "services/session/rpc/display.h"

#include <algorithm>
#include <optional>
#include <string>

#include "common/base/hash.h"
#include "common/error/error.h"
#include "services/session/domain/clock.h"
#include "services/session/rpc/convert.h"

namespace invigil::session {
namespace {

static_assert(
    static_cast<int>(v1::SESSION_STATE_VOIDED) == static_cast<int>(SessionState::kVoided) &&
        static_cast<int>(v1::SESSION_STATE_ACTIVE) == static_cast<int>(SessionState::kActive) &&
        static_cast<int>(v1::SESSION_STATE_RELEASED) == static_cast<int>(SessionState::kReleased),
    "the two enums have the same numbers");
static_assert(static_cast<int>(v1::PART_KIND_SECTION) == static_cast<int>(PartKind::kSection) &&
                  static_cast<int>(v1::PART_KIND_SURVEY) == static_cast<int>(PartKind::kSurvey) &&
                  static_cast<int>(v1::NAVIGATION_FORWARD_ONLY) ==
                      static_cast<int>(Navigation::kForwardOnly),
              "the two enums have the same numbers");

bool Live(const View& view) {
  return view.state >= SessionState::kReady && view.state <= SessionState::kOnBreak;
}

absl::Status CorruptContent() {
  return Error(absl::StatusCode::kDataLoss, "LOG_CORRUPT",
               "a content of the form can't be read; tell the operators")
      .Build();
}

// Options are shown in the form's order.
absl::Status ShowItem(const Form& form, size_t place, const std::string& bytes,
                      v1::DisplayedItem* to) {
  itembank::v1::ItemContent content;
  if (!content.ParseFromString(bytes) ||
      content.options_size() != static_cast<int>(form.option_count(place))) {
    return CorruptContent();
  }
  to->set_item_id(std::string(form.item_id(place)));
  to->set_position(static_cast<uint32_t>(place + 1));
  to->set_stem(content.stem());
  to->set_select_count(static_cast<uint32_t>(form.select_count(place)));
  const std::string_view order = form.option_order(place);
  for (size_t k = 0; k < order.size(); ++k) {
    auto* option = to->add_options();
    option->set_option_id(std::string(OptionId(k)));
    option->set_text(content.options(static_cast<unsigned char>(order[k])));
  }
  return absl::OkStatus();
}

// Places before this one are in sections that were entered.
size_t EnteredPlaces(const State& state, const View& view) {
  if (!state.started_at) return 0;
  size_t end = 0;
  for (size_t i = 0; i < state.form->parts() && i <= view.part; ++i) {
    const Part& part = state.form->part(i);
    if (part.is_section()) end = size_t{part.first_place} + part.place_count;
  }
  return end;
}

// A part's own time; nullopt: it has none.
std::optional<Duration> LimitOf(const State& state, size_t index) {
  if (state.started_at && index == state.part) return PartTime(state);
  const Part& part = state.form->part(index);
  if (part.limit == Duration(0)) return std::nullopt;
  if (state.accommodation && index < state.accommodation->part_extra.size()) {
    return part.limit + state.accommodation->part_extra[index];
  }
  return part.limit;
}

void ShowPart(const State& state, const View& view, size_t index, v1::Part* to) {
  const Part& part = state.form->part(index);
  const bool current = state.started_at && index == view.part && Live(view);
  to->set_index(static_cast<uint32_t>(index));
  to->set_kind(static_cast<v1::PartKind>(part.kind));
  to->set_name(part.name);
  if (const auto limit = LimitOf(state, index)) Set(*limit, to->mutable_limit());
  to->set_state(current                                  ? v1::PART_STATE_CURRENT
                : state.started_at && index <= view.part ? v1::PART_STATE_DONE
                                                         : v1::PART_STATE_AHEAD);
  if (!part.is_section()) return;
  to->set_first_position(part.first_place + 1);
  to->set_item_count(part.place_count);
  to->set_navigation(static_cast<v1::Navigation>(part.navigation));
  if (part.edit_quota) to->set_edit_quota(*part.edit_quota);
  if (current && index == state.part) to->set_edits_used(state.edits_used);
}

v1::BreakKind BreakOf(const State& state, const View& view) {
  if (view.state != SessionState::kOnBreak && view.state != SessionState::kPaused) {
    return v1::BREAK_KIND_UNSPECIFIED;
  }
  if (state.break_kind != BreakKind::kNone && view.part == state.part) {
    return state.break_kind == BreakKind::kPooled ? v1::BREAK_KIND_POOLED
                                                  : v1::BREAK_KIND_UNSCHEDULED;
  }
  return state.form->part(view.part).kind == PartKind::kBreak ? v1::BREAK_KIND_SCHEDULED
                                                              : v1::BREAK_KIND_UNSPECIFIED;
}

Duration PoolLeft(const State& state, Time now) {
  Duration used = state.pool_used;
  if (state.break_since) used += std::max(Duration(0), now - *state.break_since);
  return std::max(Duration(0), state.break_pool() - used);
}

// Who of the staff wrote is not the candidate's to know.
void ShowLocks(const State& state, const View& view, v1::Session* session) {
  if (!state.sitting() || !Live(view) || view.part != state.part) return;
  const Part& part = state.current_part();
  const bool forward_only = part.navigation == Navigation::kForwardOnly;
  for (size_t place = part.first_place; place < size_t{part.first_place} + part.place_count;
       ++place) {
    if ((forward_only && place < state.cursor) || state.locked(place)) {
      session->add_locked_item_ids(std::string(state.form->item_id(place)));
    }
  }
}

absl::Status ShowContents(const Outcome& outcome, const View& view, v1::Session* session) {
  const State& state = *outcome.state;
  const size_t entered = EnteredPlaces(state, view);
  if (outcome.contents.size() < entered) return Internal("the content of an item is missing");
  for (size_t place = 0; place < entered; ++place) {
    if (!outcome.contents[place]) return Internal("the content of an item is missing");
    INVIGIL_RETURN_IF_ERROR(
        ShowItem(*state.form, place, *outcome.contents[place], session->add_items()));
  }
  for (size_t i = 0; i < outcome.part_contents.size(); ++i) {
    if (!outcome.part_contents[i]) continue;
    itembank::v1::ItemContent content;
    if (!content.ParseFromString(*outcome.part_contents[i])) return CorruptContent();
    session->mutable_parts(static_cast<int>(i))->set_text(content.stem());
  }
  return absl::OkStatus();
}

}  // namespace

void ShowMessage(const Message& message, v1::SessionMessage* to) {
  to->set_message_id(message.id);
  to->set_text(message.text);
  Set(message.sent_at, to->mutable_send_time());
  to->set_from_candidate(message.from_candidate);
  to->set_confirmed(message.confirmed);
}

void ShowMarks(const State& state, google::protobuf::RepeatedPtrField<v1::Mark>* marks) {
  if (!state.extras) return;
  for (size_t place = 0; place < state.extras->marks.size(); ++place) {
    const Mark& mark = state.extras->marks[place];
    if (mark.sequence == 0) continue;
    auto* to = marks->Add();
    to->set_item_id(std::string(state.form->item_id(place)));
    to->set_sequence(mark.sequence);
    to->set_flagged(mark.flagged);
    to->set_shown_ms(mark.shown_ms);
  }
}

absl::Status ShowSession(const Outcome& outcome, Detail detail, v1::Session* session) {
  const State& state = *outcome.state;
  const View view = ViewAt(state, outcome.now);
  session->set_session_id(outcome.session.ToHex());
  session->set_exam_id(state.identity->exam_id);
  session->set_kind(static_cast<v1::SessionKind>(static_cast<int>(state.identity->kind) + 1));
  session->set_state(static_cast<v1::SessionState>(view.state));
  session->set_epoch(state.epoch);
  session->set_deadline_version(state.deadline_version);
  Set(view.remaining, session->mutable_remaining());
  Set(view.exam_remaining, session->mutable_exam_remaining());
  Set(state.exam_extra() + state.granted, session->mutable_granted());
  Set(PoolLeft(state, outcome.now), session->mutable_break_pool_remaining());
  session->set_current_part(view.part);
  if (state.started_at) Set(*state.started_at, session->mutable_start_time());
  if (view.ended_at) Set(*view.ended_at, session->mutable_end_time());
  if (detail == Detail::kAll && state.extras) {
    for (const Message& message : state.extras->messages) {
      ShowMessage(message, session->add_messages());
    }
  }
  if (!state.form) return absl::OkStatus();
  session->set_title(state.form->title());
  Set(state.form->duration(), session->mutable_duration());
  session->set_break_kind(BreakOf(state, view));
  session->set_break_count(state.breaks);
  session->set_breaks_allowed(state.form->plan().unscheduled_breaks);
  for (size_t i = 0; i < state.form->parts(); ++i) ShowPart(state, view, i, session->add_parts());
  if (detail == Detail::kBare) return absl::OkStatus();
  INVIGIL_RETURN_IF_ERROR(ShowContents(outcome, view, session));
  if (detail == Detail::kItems) return absl::OkStatus();
  Receipt(state, session->mutable_responses());
  ShowMarks(state, session->mutable_marks());
  ShowLocks(state, view, session);
  return absl::OkStatus();
}

void ShowUpdate(const Outcome& outcome, v1::WatchSessionResponse* update) {
  const State& state = *outcome.state;
  const View view = ViewAt(state, outcome.now);
  update->set_session_id(outcome.session.ToHex());
  update->set_state(static_cast<v1::SessionState>(view.state));
  update->set_epoch(state.epoch);
  update->set_deadline_version(state.deadline_version);
  Set(view.remaining, update->mutable_remaining());
  update->set_current_part(view.part);
  Set(view.exam_remaining, update->mutable_exam_remaining());
  Set(state.exam_extra() + state.granted, update->mutable_granted());
  if (state.form) update->set_break_kind(BreakOf(state, view));
  if (!state.extras) return;
  const Message* newest = nullptr;
  uint32_t count = 0;
  for (const Message& message : state.extras->messages) {
    if (message.from_candidate || message.confirmed) continue;
    newest = &message;
    ++count;
  }
  if (newest) ShowMessage(*newest, update->mutable_message());
  update->set_unconfirmed_messages(count);
}

void ShowVector(const Outcome& outcome, v1::GetResponseVectorResponse* vector) {
  const State& state = *outcome.state;
  vector->set_epoch(state.epoch);
  vector->set_state(static_cast<v1::SessionState>(ViewAt(state, outcome.now).state));
  std::string letters;
  for (size_t place = 0; place < state.responses.size(); ++place) {
    const StoredResponse& stored = state.responses[place];
    if (stored.sequence == 0) continue;
    letters.clear();
    for (size_t k = 0; stored.options >> k != 0; ++k) {
      if (stored.options >> k & 1) letters += OptionId(k);
    }
    auto* to = vector->add_responses();
    to->set_item_id(std::string(state.form->item_id(place)));
    to->set_sequence(stored.sequence);
    to->set_digest(StableHash(letters));
  }
}

}  // namespace invigil::session
