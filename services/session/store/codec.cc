#include "services/session/store/codec.h"

#include <utility>
#include <vector>

#include "common/error/error.h"
#include "invigil/session/v1/event_log.pb.h"

namespace invigil::session {
namespace {

using Proto = v1::LoggedEvent;

struct Encoder {
  Proto& out;
  void operator()(const Reserved& e) const {
    auto* p = out.mutable_reserved();
    p->set_candidate_id(e.identity.candidate_id);
    p->set_exam_id(e.identity.exam_id);
    p->set_request_id(e.identity.request_id);
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
  }
  void operator()(const Started&) const { out.mutable_started(); }
  void operator()(const ResponsesStored& e) const {
    auto* p = out.mutable_responses_stored();
    for (const auto& response : e.responses) {
      auto* r = p->add_responses();
      r->set_place(response.place);
      r->set_sequence(response.stored.sequence);
      r->set_options(response.stored.options);
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
  }
  void operator()(const Scored& e) const {
    auto* p = out.mutable_scored();
    p->set_score_version(e.score_version);
    p->set_report(*e.report);
  }
  void operator()(const Released&) const { out.mutable_released(); }
  void operator()(const Voided& e) const { out.mutable_voided()->set_reason(e.reason); }
};

absl::Status Corrupt(const std::string& why) {
  return Error(absl::StatusCode::kDataLoss, "LOG_CORRUPT", "an event can't be read: " + why);
}

absl::StatusOr<Event> DecodeForm(const Proto::FormAttached& p) {
  std::vector<PlaceSpec> places;
  places.reserve(static_cast<size_t>(p.places_size()));
  for (const auto& from : p.places()) {
    PlaceSpec& place = places.emplace_back();
    place.item_id = from.item_id();
    place.content_id = from.content_id();
    place.option_order.assign(from.option_order().begin(), from.option_order().end());
    place.select_count = static_cast<uint8_t>(from.select_count());
  }
  auto form =
      Form::Create({p.form_id(), p.title(), p.exam_version(), Duration(p.duration_us())}, places);
  if (!form.ok()) return Corrupt("the form is invalid");
  return Event(FormAttached{*std::move(form)});
}

}  // namespace

void EncodeEvent(const Event& event, std::string& out) {
  Proto proto;
  std::visit(Encoder{proto}, event);
  out.clear();
  proto.AppendToString(&out);
}

absl::StatusOr<Event> DecodeEvent(std::string_view bytes) {
  Proto proto;
  if (!proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Corrupt("it is malformed");
  }
  switch (proto.kind_case()) {
    case Proto::kReserved: {
      const auto& p = proto.reserved();
      return Event(Reserved{{p.candidate_id(), p.exam_id(), p.request_id()}});
    }
    case Proto::kFormAttached:
      return DecodeForm(proto.form_attached());
    case Proto::kStarted:
      return Event(Started{});
    case Proto::kResponsesStored: {
      ResponsesStored stored;
      for (const auto& r : proto.responses_stored().responses()) {
        stored.responses.push_back({r.place(), {r.sequence(), r.options()}});
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
      return Event(Sealed{static_cast<SessionState>(p.state()), FromUnixMicros(p.ended_at_us())});
    }
    case Proto::kScored:
      return Event(Scored{proto.scored().score_version(),
                          std::make_shared<const std::string>(proto.scored().report())});
    case Proto::kReleased:
      return Event(Released{});
    case Proto::kVoided:
      return Event(Voided{proto.voided().reason()});
    case Proto::KIND_NOT_SET:
      break;
  }
  return Corrupt("it is of a kind this program doesn't know; run the newer program");
}

}  // namespace invigil::session
