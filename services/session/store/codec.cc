#include "services/session/store/codec.h"

#include <utility>
#include <vector>

#include <google/protobuf/arena.h>

#include "common/error/error.h"
#include "invigil/session/v1/event_log.pb.h"

namespace invigil::session {
namespace {

using Proto = v1::LoggedEvent;

// A message in memory of the thread's own, from which small ones need not be taken away again piece
// by piece. One at a time.
struct Scratch {
  static constexpr size_t kBlock = 16 * 1024;  // most forms
  alignas(8) static thread_local char block[kBlock];
  google::protobuf::Arena arena{block, kBlock};
  Proto& proto = *google::protobuf::Arena::CreateMessage<Proto>(&arena);
};
alignas(8) thread_local char Scratch::block[Scratch::kBlock];

// The plan of a form that was made without one.
Part WholeForm(size_t places) {
  Part part;
  part.place_count = static_cast<uint32_t>(places);
  return part;
}

struct Encoder {
  explicit Encoder(Proto& to) : out(to) {}
  Proto& out;
  void operator()(const Reserved& e) const {
    auto* p = out.mutable_reserved();
    p->set_candidate_id(e.identity.candidate_id);
    p->set_exam_id(e.identity.exam_id);
    p->set_request_id(e.identity.request_id);
    p->set_session_kind(static_cast<uint32_t>(e.identity.kind));
  }
  void operator()(const FormAttached& e) const {
    const Form& form = *e.form;
    auto* p = out.mutable_form_attached();
    p->set_form_id(form.form_id());
    p->set_exam_version(form.exam_version());
    p->set_title(form.title());
    p->set_duration_us(form.duration().count());
    for (size_t i = 0; i < form.size(); ++i) {
      auto* place = p->add_places();
      place->set_item_id(std::string(form.item_id(i)));
      place->set_content_id(std::string(form.content_id(i)));
      for (char index : form.option_order(i)) place->add_option_order(static_cast<uint8_t>(index));
      place->set_select_count(static_cast<uint32_t>(form.select_count(i)));
    }
    p->set_check_in(form.plan().check_in);
    p->set_unscheduled_breaks(form.plan().unscheduled_breaks);
    // The plan that most exams have needs no row space.
    if (form.plan().parts == std::vector<Part>{WholeForm(form.size())}) return;
    for (const Part& part : form.plan().parts) {
      auto* to = p->add_parts();
      to->set_part_kind(static_cast<uint32_t>(part.kind));
      to->set_name(part.name);
      to->set_content_id(part.content_id);
      to->set_limit_us(part.limit.count());
      to->set_first_place(part.first_place);
      to->set_place_count(part.place_count);
      if (part.navigation != Navigation::kFree) {
        to->set_navigation(static_cast<uint32_t>(part.navigation));
      }
      if (part.edit_quota) to->set_edit_quota(*part.edit_quota);
    }
  }
  void operator()(const Started& e) const {
    auto* p = out.mutable_started();
    if (e.window_end) p->set_window_end_us(ToUnixMicros(*e.window_end));
    if (!e.accommodation) return;
    p->set_exam_extra_us(e.accommodation->exam_extra.count());
    for (const Duration extra : e.accommodation->part_extra) p->add_part_extra_us(extra.count());
    p->set_break_pool_us(e.accommodation->break_pool.count());
  }
  void operator()(const ResponsesStored& e) const {
    for (const auto& response : e.responses) {
      Encode(response, out.mutable_responses_stored()->add_responses());
    }
  }
  void operator()(const TakenOver& e) const { out.mutable_taken_over()->set_epoch(e.epoch); }
  void operator()(const TimeGranted& e) const {
    auto* p = out.mutable_time_granted();
    p->set_grant_id(e.grant.id);
    p->set_amount_us(e.grant.amount.count());
    p->set_actor(e.actor);
    p->set_reason(e.reason);
  }
  void operator()(const Sealed& e) const {
    auto* p = out.mutable_sealed();
    p->set_state(static_cast<uint32_t>(e.as));
    p->set_ended_at_us(ToUnixMicros(e.ended_at));
    p->set_actor(e.actor);
    p->set_reason(e.reason);
  }
  void operator()(const Scored& e) const {
    auto* p = out.mutable_scored();
    p->set_score_version(e.score_version);
    p->set_report(*e.report);
  }
  void operator()(const Released& e) const {
    auto* p = out.mutable_released();
    p->set_actor(e.actor);
    p->set_reason(e.reason);
  }
  void operator()(const HoldChanged& e) const {
    auto* p = out.mutable_hold_changed();
    p->set_held(e.held);
    p->set_actor(e.actor);
    p->set_reason(e.reason);
  }
  void operator()(const Voided& e) const {
    out.mutable_voided()->set_reason(e.reason);
    out.mutable_voided()->set_actor(e.actor);
  }
  void operator()(const PartEntered& e) const {
    auto* p = out.mutable_part_entered();
    p->set_part(e.part);
    p->set_at_us(ToUnixMicros(e.at));
    p->set_is_break(e.is_break);
  }
  void operator()(const BreakStarted& e) const {
    auto* p = out.mutable_break_started();
    p->set_break_kind(static_cast<uint32_t>(e.kind));
    for (const uint32_t place : e.seen) p->add_seen_places(place);
  }
  void operator()(const BreakEnded& e) const {
    out.mutable_break_ended()->set_at_us(ToUnixMicros(e.at));
  }
  void operator()(const Paused& e) const {
    out.mutable_paused()->set_actor(e.actor);
    out.mutable_paused()->set_reason(e.reason);
  }
  void operator()(const Resumed& e) const {
    out.mutable_resumed()->set_to_break(e.to_break);
    out.mutable_resumed()->set_actor(e.actor);
    out.mutable_resumed()->set_reason(e.reason);
  }
  void operator()(const Reopened& e) const {
    auto* p = out.mutable_reopened();
    p->set_grant_id(e.grant.id);
    p->set_amount_us(e.grant.amount.count());
    p->set_actor(e.actor);
    p->set_reason(e.reason);
  }
  void operator()(const ResponsesRecovered& e) const {
    auto* p = out.mutable_responses_recovered();
    p->set_recovery_id(e.id);
    p->set_actor(e.actor);
    p->set_reason(e.reason);
    for (const auto& response : e.responses) Encode(response, p->add_responses());
  }
  void operator()(const ProgressStored& e) const {
    auto* p = out.mutable_progress_stored();
    for (const auto& entry : e.entries) {
      auto* to = p->add_entries();
      to->set_place(entry.place);
      to->set_sequence(entry.mark.sequence);
      to->set_shown_ms(entry.mark.shown_ms);
      to->set_flagged(entry.mark.flagged);
    }
    if (e.shown) p->set_shown_place(*e.shown);
  }
  void operator()(const CheckedIn& e) const {
    out.mutable_checked_in()->set_actor(e.actor);
    out.mutable_checked_in()->set_note(e.note);
  }
  void operator()(const MessageSent& e) const {
    auto* p = out.mutable_message_sent();
    p->set_message_id(e.id);
    p->set_actor(e.actor);
    p->set_text(e.text);
    p->set_from_candidate(e.from_candidate);
  }
  void operator()(const MessageConfirmed& e) const {
    out.mutable_message_confirmed()->set_message_id(e.id);
    out.mutable_message_confirmed()->set_actor(e.actor);
  }
  void operator()(const IrregularityReported& e) const {
    auto* p = out.mutable_irregularity_reported();
    p->set_report_id(e.id);
    p->set_category(e.category);
    p->set_text(e.text);
    p->set_actor(e.actor);
  }
  void operator()(const Claimed& e) const {
    out.mutable_claimed()->set_candidate_id(e.candidate_id);
  }

 private:
  static void Encode(const ResponsesStored::Response& from, Proto::ResponsesStored::Response* to) {
    to->set_place(from.place);
    to->set_sequence(from.stored.sequence);
    to->set_options(from.stored.options);
  }
};

ResponsesStored::Response DecodeResponse(const Proto::ResponsesStored::Response& r) {
  return {r.place(), {r.sequence(), r.options()}};
}

Started DecodeStarted(const Proto::Started& p) {
  Started started;
  if (p.has_window_end_us()) started.window_end = FromUnixMicros(p.window_end_us());
  Accommodation given{Duration(p.exam_extra_us()), {}, Duration(p.break_pool_us())};
  for (const int64_t extra : p.part_extra_us()) given.part_extra.push_back(Duration(extra));
  if (!given.none())
    started.accommodation = std::make_shared<const Accommodation>(std::move(given));
  return started;
}

absl::Status Corrupt(const std::string& why) {
  return Error(absl::StatusCode::kDataLoss, "LOG_CORRUPT", "an event can't be read: " + why);
}

// Times and spans that arithmetic can't overflow with: up to the year 9999, and 400 days.
bool IsTime(int64_t us) { return us >= 0 && us < int64_t{253'402'300'800} * 1'000'000; }
bool IsSpan(int64_t us) {
  constexpr int64_t kMost = int64_t{400} * 24 * 3600 * 1'000'000;
  return us >= -kMost && us <= kMost;
}

// Empty when every number of the event is one that this program writes.
const char* NumberFault(const Proto& proto) {
  bool good = true;
  switch (proto.kind_case()) {
    case Proto::kReserved:
      good = proto.reserved().session_kind() <= 2;
      break;
    case Proto::kFormAttached:
      for (const auto& place : proto.form_attached().places()) {
        good = good && place.select_count() <= Form::kMaxOptions;
        for (const uint32_t index : place.option_order()) good = good && index < Form::kMaxOptions;
      }
      for (const auto& part : proto.form_attached().parts()) {
        good = good && part.part_kind() >= 1 && part.part_kind() <= 5 && part.navigation() <= 2 &&
               IsSpan(part.limit_us());
      }
      break;
    case Proto::kStarted: {
      const auto& p = proto.started();
      good = IsSpan(p.exam_extra_us()) && IsSpan(p.break_pool_us()) && IsTime(p.window_end_us());
      for (const int64_t extra : p.part_extra_us()) good = good && IsSpan(extra);
      break;
    }
    case Proto::kTimeGranted:
      good = IsSpan(proto.time_granted().amount_us());
      break;
    case Proto::kSealed:
      good = IsTime(proto.sealed().ended_at_us());
      break;
    case Proto::kPartEntered:
      good = IsTime(proto.part_entered().at_us());
      break;
    case Proto::kBreakStarted:
      good = proto.break_started().break_kind() == 1 || proto.break_started().break_kind() == 2;
      break;
    case Proto::kBreakEnded:
      good = IsTime(proto.break_ended().at_us());
      break;
    case Proto::kReopened:
      good = IsSpan(proto.reopened().amount_us());
      break;
    default:
      break;
  }
  return good ? nullptr : "a number in it is out of range";
}

absl::StatusOr<Event> DecodeForm(const Proto::FormAttached& p) {
  // Kept from one form to the next: most of what decoding one costs would be strings coming and
  // going.
  static thread_local std::vector<PlaceSpec> places;
  places.resize(static_cast<size_t>(p.places_size()));
  for (int i = 0; i < p.places_size(); ++i) {
    const auto& from = p.places(i);
    PlaceSpec& place = places[static_cast<size_t>(i)];
    place.item_id = from.item_id();
    place.content_id = from.content_id();
    place.option_order.assign(from.option_order().begin(), from.option_order().end());
    place.select_count = static_cast<uint8_t>(from.select_count());
  }
  Plan plan;
  plan.check_in = p.check_in();
  plan.unscheduled_breaks = p.unscheduled_breaks();
  for (const auto& from : p.parts()) {
    Part& part = plan.parts.emplace_back();
    part.kind = static_cast<PartKind>(from.part_kind());
    part.name = from.name();
    part.content_id = from.content_id();
    part.limit = Duration(from.limit_us());
    part.first_place = from.first_place();
    part.place_count = from.place_count();
    if (from.navigation() != 0) part.navigation = static_cast<Navigation>(from.navigation());
    if (from.has_edit_quota()) part.edit_quota = from.edit_quota();
  }
  auto form = Form::Create(
      {p.form_id(), p.title(), p.exam_version(), Duration(p.duration_us()), std::move(plan)},
      places);
  if (!form.ok()) return Corrupt("the form is invalid");
  return Event(FormAttached{*std::move(form)});
}

}  // namespace

void EncodeEvent(const Event& event, std::string& out) {
  Scratch scratch;
  Proto& proto = scratch.proto;
  std::visit(Encoder{proto}, event);
  out.clear();
  proto.AppendToString(&out);
}

absl::StatusOr<Event> DecodeEvent(std::string_view bytes) {
  Scratch scratch;
  Proto& proto = scratch.proto;
  if (!proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Corrupt("it is malformed");
  }
  if (const char* fault = NumberFault(proto)) return Corrupt(fault);
  switch (proto.kind_case()) {
    case Proto::kReserved: {
      const auto& p = proto.reserved();
      return Event(Reserved{{p.candidate_id(), p.exam_id(), p.request_id(),
                             static_cast<SessionKind>(p.session_kind())}});
    }
    case Proto::kFormAttached:
      return DecodeForm(proto.form_attached());
    case Proto::kStarted:
      return Event(DecodeStarted(proto.started()));
    case Proto::kResponsesStored: {
      ResponsesStored stored;
      for (const auto& r : proto.responses_stored().responses()) {
        stored.responses.push_back(DecodeResponse(r));
      }
      return Event(std::move(stored));
    }
    case Proto::kTakenOver:
      return Event(TakenOver{proto.taken_over().epoch()});
    case Proto::kTimeGranted: {
      const auto& p = proto.time_granted();
      return Event(TimeGranted{{p.grant_id(), Duration(p.amount_us())}, p.actor(), p.reason()});
    }
    case Proto::kSealed: {
      const auto& p = proto.sealed();
      if (p.state() >= kSessionStates) return Corrupt("it seals into an unknown state");
      return Event(Sealed{static_cast<SessionState>(p.state()), FromUnixMicros(p.ended_at_us()),
                          p.actor(), p.reason()});
    }
    case Proto::kScored:
      return Event(Scored{proto.scored().score_version(),
                          std::make_shared<const std::string>(proto.scored().report())});
    case Proto::kReleased:
      return Event(Released{proto.released().actor(), proto.released().reason()});
    case Proto::kHoldChanged: {
      const auto& p = proto.hold_changed();
      return Event(HoldChanged{p.held(), p.actor(), p.reason()});
    }
    case Proto::kVoided:
      return Event(Voided{proto.voided().reason(), proto.voided().actor()});
    case Proto::kPartEntered: {
      const auto& p = proto.part_entered();
      return Event(PartEntered{p.part(), FromUnixMicros(p.at_us()), p.is_break()});
    }
    case Proto::kBreakStarted: {
      const auto& p = proto.break_started();
      BreakStarted started{static_cast<BreakKind>(p.break_kind()), {}};
      started.seen.assign(p.seen_places().begin(), p.seen_places().end());
      return Event(std::move(started));
    }
    case Proto::kBreakEnded:
      return Event(BreakEnded{FromUnixMicros(proto.break_ended().at_us())});
    case Proto::kPaused:
      return Event(Paused{proto.paused().actor(), proto.paused().reason()});
    case Proto::kResumed: {
      const auto& p = proto.resumed();
      return Event(Resumed{p.to_break(), p.actor(), p.reason()});
    }
    case Proto::kReopened: {
      const auto& p = proto.reopened();
      return Event(Reopened{{p.grant_id(), Duration(p.amount_us())}, p.actor(), p.reason()});
    }
    case Proto::kResponsesRecovered: {
      const auto& p = proto.responses_recovered();
      ResponsesRecovered recovered{p.recovery_id(), p.actor(), p.reason(), {}};
      for (const auto& r : p.responses()) recovered.responses.push_back(DecodeResponse(r));
      return Event(std::move(recovered));
    }
    case Proto::kProgressStored: {
      const auto& p = proto.progress_stored();
      ProgressStored stored;
      for (const auto& entry : p.entries()) {
        stored.entries.push_back(
            {entry.place(), {entry.sequence(), entry.shown_ms(), entry.flagged()}});
      }
      if (p.has_shown_place()) stored.shown = p.shown_place();
      return Event(std::move(stored));
    }
    case Proto::kCheckedIn:
      return Event(CheckedIn{proto.checked_in().actor(), proto.checked_in().note()});
    case Proto::kMessageSent: {
      const auto& p = proto.message_sent();
      return Event(MessageSent{p.message_id(), p.actor(), p.text(), p.from_candidate()});
    }
    case Proto::kMessageConfirmed:
      return Event(MessageConfirmed{proto.message_confirmed().message_id(),
                                    proto.message_confirmed().actor()});
    case Proto::kIrregularityReported: {
      const auto& p = proto.irregularity_reported();
      return Event(IrregularityReported{p.report_id(), p.category(), p.text(), p.actor()});
    }
    case Proto::kClaimed:
      return Event(Claimed{proto.claimed().candidate_id()});
    case Proto::KIND_NOT_SET:
      break;
  }
  return Corrupt("it is of a kind this program doesn't know; run the newer program");
}

}  // namespace invigil::session
