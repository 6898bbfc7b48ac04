#include "services/session/rpc/convert.h"

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "common/error/error.h"
#include "services/session/domain/clock.h"

namespace invigil::session {
namespace {

void AddOptions(uint32_t bits, google::protobuf::RepeatedPtrField<std::string>* ids) {
  for (size_t k = 0; bits >> k != 0; ++k) {
    if (bits >> k & 1) ids->Add(std::string(OptionId(k)));
  }
}

void ToProto(const Form& form, size_t place, const StoredResponse& stored, v1::StoredResponse* to) {
  to->set_item_id(std::string(form.item_id(place)));
  to->set_sequence(stored.sequence);
  to->set_cleared(stored.sequence > 0 && stored.options == 0);
  AddOptions(stored.options, to->mutable_option_ids());
}

// `bytes` holds an ItemContent; options are shown in the form's order.
absl::Status ToProto(const Form& form, size_t place, const std::string& bytes,
                     v1::DisplayedItem* to) {
  itembank::v1::ItemContent content;
  if (!content.ParseFromString(bytes) ||
      content.options_size() != static_cast<int>(form.option_count(place))) {
    return Error(absl::StatusCode::kDataLoss, "LOG_CORRUPT",
                 "the content of an item can't be read; tell the operators")
        .Build();
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

v1::DomainBand Band(scoring::v1::DomainBand band) { return static_cast<v1::DomainBand>(band); }
static_assert(static_cast<int>(v1::DOMAIN_BAND_BELOW) ==
                      static_cast<int>(scoring::v1::DOMAIN_BAND_BELOW) &&
                  static_cast<int>(v1::DOMAIN_BAND_NOT_ENOUGH_EVIDENCE) ==
                      static_cast<int>(scoring::v1::DOMAIN_BAND_NOT_ENOUGH_EVIDENCE) &&
                  static_cast<int>(v1::DOMAIN_BAND_ABOVE) ==
                      static_cast<int>(scoring::v1::DOMAIN_BAND_ABOVE),
              "the two enums have the same numbers");
static_assert(
    static_cast<int>(v1::SESSION_STATE_VOIDED) == static_cast<int>(SessionState::kVoided) &&
        static_cast<int>(v1::SESSION_STATE_ACTIVE) == static_cast<int>(SessionState::kActive) &&
        static_cast<int>(v1::SESSION_STATE_RELEASED) == static_cast<int>(SessionState::kReleased),
    "the two enums have the same numbers");

}  // namespace

void Set(Duration from, google::protobuf::Duration* to) {
  to->set_seconds(from.count() / 1'000'000);
  to->set_nanos(static_cast<int32_t>(from.count() % 1'000'000 * 1000));
}

void Set(Time from, google::protobuf::Timestamp* to) {
  to->set_seconds(ToUnixMicros(from) / 1'000'000);
  to->set_nanos(static_cast<int32_t>(ToUnixMicros(from) % 1'000'000 * 1000));
}

absl::Status ToProto(const Outcome& outcome, bool with_responses, v1::Session* session) {
  const State& state = *outcome.state;
  const View view = ViewAt(state, outcome.now);
  session->set_session_id(outcome.session.ToHex());
  session->set_exam_id(state.identity->exam_id);
  session->set_state(static_cast<v1::SessionState>(view.state));
  session->set_epoch(state.epoch);
  session->set_deadline_version(state.deadline_version);
  Set(view.remaining, session->mutable_remaining());
  if (state.started_at) Set(*state.started_at, session->mutable_start_time());
  if (view.ended_at) Set(*view.ended_at, session->mutable_end_time());
  if (!state.form) return absl::OkStatus();
  session->set_title(state.form->title());
  Set(state.form->duration(), session->mutable_duration());
  for (size_t place = 0; place < outcome.contents.size(); ++place) {
    if (!outcome.contents[place]) return Internal("the content of an item is missing");
    INVIGIL_RETURN_IF_ERROR(
        ToProto(*state.form, place, *outcome.contents[place], session->add_items()));
  }
  if (with_responses) Receipt(state, session->mutable_responses());
  return absl::OkStatus();
}

void ToProto(const Outcome& outcome, v1::WatchSessionResponse* update) {
  const View view = ViewAt(*outcome.state, outcome.now);
  update->set_session_id(outcome.session.ToHex());
  update->set_state(static_cast<v1::SessionState>(view.state));
  update->set_epoch(outcome.state->epoch);
  update->set_deadline_version(outcome.state->deadline_version);
  Set(view.remaining, update->mutable_remaining());
}

void Receipt(const State& state,
             google::protobuf::RepeatedPtrField<v1::StoredResponse>* responses) {
  for (size_t place = 0; place < state.responses.size(); ++place) {
    if (state.responses[place].sequence > 0)
      ToProto(*state.form, place, state.responses[place], responses->Add());
  }
}

void ToProto(const Form& form, const Acks& acks, google::protobuf::RepeatedPtrField<v1::Ack>* to) {
  to->Reserve(static_cast<int>(acks.size()));
  for (const Ack& ack : acks) {
    v1::Ack* message = to->Add();
    message->set_item_id(std::string(form.item_id(ack.place)));
    message->set_sequence(ack.sequence);
    message->set_status(ack.fate == Ack::Fate::kStored ? v1::ACK_STATUS_STORED
                                                       : v1::ACK_STATUS_STALE);
    if (ack.fate == Ack::Fate::kStale)
      ToProto(form, ack.place, ack.stored, message->mutable_stored());
  }
}

SaveResponses FromProto(uint32_t epoch,
                        const google::protobuf::RepeatedPtrField<v1::ResponseWrite>& writes) {
  SaveResponses save;
  save.epoch = epoch;
  save.responses.reserve(static_cast<size_t>(writes.size()));
  for (const v1::ResponseWrite& from : writes) {
    ResponseWrite& write = save.responses.emplace_back();
    write.item_id = from.item_id();
    write.sequence = from.sequence();
    write.cleared = from.cleared();
    for (const std::string& option : from.option_ids()) write.options.Add(option);
  }
  return save;
}

Submit FromProto(const v1::SubmitSessionRequest& request) {
  Submit submit;
  submit.epoch = request.epoch();
  for (const v1::ItemSequence& seen : request.seen())
    submit.seen.push_back({.item_id = seen.item_id(), .sequence = seen.sequence()});
  return submit;
}

absl::StatusOr<IssuedForm> FromProto(const itembank::v1::IssueFormResponse& issued,
                                     const itembank::v1::GetFormContentResponse& content) {
  std::vector<PlaceSpec> places;
  for (const itembank::v1::FormItem& item : content.items()) {
    PlaceSpec& place = places.emplace_back();
    place.item_id = item.item_id();
    place.content_id = item.content_id();
    for (const uint32_t index : item.option_order())
      place.option_order.push_back(static_cast<uint8_t>(index));
  }
  IssuedForm form;
  for (const itembank::v1::ItemContent& text : content.contents()) {
    for (PlaceSpec& place : places) {
      if (place.content_id == text.content_id())
        place.select_count = static_cast<uint8_t>(text.select_count());
    }
    form.contents.push_back({.content_id = text.content_id(), .bytes = text.SerializeAsString()});
  }
  const auto& duration = issued.duration();
  auto made =
      Form::Create({.form_id = issued.form_id(),
                    .title = issued.title(),
                    .exam_version = issued.exam_version(),
                    .duration = Seconds(duration.seconds()) + Micros(duration.nanos() / 1000)},
                   places);
  if (!made.ok())
    return Internal("the item bank gave a form that can't be: " +
                    std::string(made.status().message()));
  form.form = *std::move(made);
  return form;
}

scoring::v1::ScoreSessionRequest ScoreRequest(const SessionId& session, const State& state) {
  scoring::v1::ScoreSessionRequest request;
  request.set_session_id(session.ToHex());
  request.set_attempt_version(state.attempt_version);
  request.set_form_id(state.form->form_id());
  for (size_t place = 0; place < state.responses.size(); ++place) {
    if (state.responses[place].options == 0) continue;  // never answered, or cleared: omitted
    auto* response = request.add_responses();
    response->set_item_id(std::string(state.form->item_id(place)));
    AddOptions(state.responses[place].options, response->mutable_option_ids());
  }
  return request;
}

v1::GetScoreReportResponse CandidateReport(const scoring::v1::Score& score) {
  v1::GetScoreReportResponse report;
  report.set_session_id(score.session_id());
  report.set_exam_id(score.exam_id());
  report.set_title(score.title());
  report.set_scaled_score(score.scaled_score());
  report.set_scale_min(score.scale_min());
  report.set_scale_max(score.scale_max());
  report.set_cut_score(score.cut_score());
  report.set_passed(score.passed());
  report.set_standard_error(score.standard_error());
  for (const scoring::v1::DomainScore& domain : score.domains()) {
    auto* result = report.add_domains();
    result->set_domain_id(domain.domain_id());
    result->set_name(domain.name());
    result->set_weight_percent(domain.weight_percent());
    result->set_band(Band(domain.band()));
    result->set_explanation(domain.explanation());
  }
  report.set_practice_estimate(true);
  report.set_disclaimer(score.disclaimer());
  report.set_basis(score.basis());
  report.set_score_version(score.score_version());
  *report.mutable_score_time() = score.score_time();
  return report;
}

}  // namespace invigil::session
