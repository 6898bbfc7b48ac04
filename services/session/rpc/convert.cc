#include "services/session/rpc/convert.h"

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <algorithm>
#include <utility>

#include "common/error/error.h"

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

v1::DomainBand Band(scoring::v1::DomainBand band) { return static_cast<v1::DomainBand>(band); }
static_assert(static_cast<int>(v1::DOMAIN_BAND_BELOW) ==
                      static_cast<int>(scoring::v1::DOMAIN_BAND_BELOW) &&
                  static_cast<int>(v1::DOMAIN_BAND_NOT_ENOUGH_EVIDENCE) ==
                      static_cast<int>(scoring::v1::DOMAIN_BAND_NOT_ENOUGH_EVIDENCE) &&
                  static_cast<int>(v1::DOMAIN_BAND_ABOVE) ==
                      static_cast<int>(scoring::v1::DOMAIN_BAND_ABOVE),
              "the two enums have the same numbers");

static_assert(
    static_cast<int>(itembank::v1::PART_KIND_SECTION) == static_cast<int>(PartKind::kSection) &&
        static_cast<int>(itembank::v1::PART_KIND_BREAK) == static_cast<int>(PartKind::kBreak) &&
        static_cast<int>(itembank::v1::PART_KIND_AGREEMENT) ==
            static_cast<int>(PartKind::kAgreement) &&
        static_cast<int>(itembank::v1::PART_KIND_TUTORIAL) ==
            static_cast<int>(PartKind::kTutorial) &&
        static_cast<int>(itembank::v1::PART_KIND_SURVEY) == static_cast<int>(PartKind::kSurvey) &&
        static_cast<int>(itembank::v1::NAVIGATION_FREE) == static_cast<int>(Navigation::kFree) &&
        static_cast<int>(itembank::v1::NAVIGATION_FORWARD_ONLY) ==
            static_cast<int>(Navigation::kForwardOnly),
    "the enums have the same numbers");

// Form::Create judges the rest; a kind or navigation it does not know would be judged as another.
absl::StatusOr<Plan> FromProto(const itembank::v1::FormPlan& from) {
  Plan plan;
  plan.check_in = from.check_in();
  plan.unscheduled_breaks = from.unscheduled_breaks();
  for (const itembank::v1::FormPart& entry : from.parts()) {
    const bool section = entry.kind() == itembank::v1::PART_KIND_SECTION;
    const bool known = entry.kind() >= itembank::v1::PART_KIND_SECTION &&
                       entry.kind() <= itembank::v1::PART_KIND_SURVEY &&
                       (!section || (entry.navigation() >= itembank::v1::NAVIGATION_FREE &&
                                     entry.navigation() <= itembank::v1::NAVIGATION_FORWARD_ONLY));
    if (!known) {
      return Internal("the item bank gave a form with a part this release does not know");
    }
    Part& part = plan.parts.emplace_back();
    part.kind = static_cast<PartKind>(entry.kind());
    part.name = entry.name();
    part.content_id = entry.content_id();
    part.limit = session::FromProto(entry.limit());
    part.place_count = entry.item_count();
    if (!section) continue;
    part.first_place = entry.first_position() - 1;  // 0 wraps around to a place no form has
    part.navigation = static_cast<Navigation>(entry.navigation());
    if (entry.has_edit_quota()) part.edit_quota = entry.edit_quota();
  }
  return plan;
}

// How the sitting went, for the signals of learners.
void Facts(const State& state, scoring::v1::SittingFacts* facts) {
  facts->set_learner_id(state.identity->candidate_id);
  facts->set_kind(
      state.identity->kind == SessionKind::kPractice     ? scoring::v1::SITTING_KIND_PRACTICE
      : state.identity->kind == SessionKind::kDiagnostic ? scoring::v1::SITTING_KIND_DIAGNOSTIC
                                                         : scoring::v1::SITTING_KIND_EXAM);
  if (state.started_at) Set(*state.started_at, facts->mutable_start_time());
  if (state.ended_at) Set(*state.ended_at, facts->mutable_end_time());
  facts->set_clock_stops(state.clock_stops);
  facts->set_held(state.held);
  if (!state.extras) return;
  for (size_t place = 0; place < state.extras->marks.size(); ++place) {
    if (state.extras->marks[place].shown_ms == 0) continue;
    auto* shown = facts->add_shown();
    shown->set_item_id(std::string(state.form->item_id(place)));
    shown->set_shown_ms(state.extras->marks[place].shown_ms);
  }
}

}  // namespace

Duration FromProto(const google::protobuf::Duration& from) {
  // 35,000 years: far beyond any exam, and safe to turn into microseconds.
  constexpr int64_t kMaxSeconds = int64_t{1} << 40;
  return Seconds(std::clamp(from.seconds(), -kMaxSeconds, kMaxSeconds)) +
         Micros(from.nanos() / 1000);
}

void Set(Duration from, google::protobuf::Duration* to) {
  to->set_seconds(from.count() / 1'000'000);
  to->set_nanos(static_cast<int32_t>(from.count() % 1'000'000 * 1000));
}

void Set(Time from, google::protobuf::Timestamp* to) {
  // Nanos count forward from the second below, also before 1970.
  const int64_t us = ToUnixMicros(from), rest = (us % 1'000'000 + 1'000'000) % 1'000'000;
  to->set_seconds((us - rest) / 1'000'000);
  to->set_nanos(static_cast<int32_t>(rest * 1000));
}

void Receipt(const State& state,
             google::protobuf::RepeatedPtrField<v1::StoredResponse>* responses) {
  for (size_t place = 0; place < state.responses.size(); ++place) {
    if (state.responses[place].sequence > 0)
      ToProto(*state.form, place, state.responses[place], responses->Add());
  }
}

void ToProto(const Form& form, const Acks& acks,
             const google::protobuf::RepeatedPtrField<v1::ResponseWrite>& writes,
             google::protobuf::RepeatedPtrField<v1::Ack>* to) {
  to->Reserve(static_cast<int>(acks.size()));
  for (size_t i = 0; i < acks.size(); ++i) {
    const Ack& ack = acks[i];
    v1::Ack* message = to->Add();
    message->set_item_id(std::string(form.item_id(ack.place)));
    message->set_sequence(ack.sequence);
    message->set_status(ack.fate == Ack::Fate::kStored ? v1::ACK_STATUS_STORED
                                                       : v1::ACK_STATUS_STALE);
    if (ack.fate == Ack::Fate::kStored) continue;
    ToProto(form, ack.place, ack.stored, message->mutable_stored());
    *message->mutable_sent() = writes[static_cast<int>(i)];
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

namespace {
std::vector<ItemSequence> FromProto(
    const google::protobuf::RepeatedPtrField<v1::ItemSequence>& sequences) {
  std::vector<ItemSequence> seen;
  seen.reserve(static_cast<size_t>(sequences.size()));
  for (const v1::ItemSequence& from : sequences)
    seen.push_back({.item_id = from.item_id(), .sequence = from.sequence()});
  return seen;
}
}  // namespace

Submit FromProto(const v1::SubmitSessionRequest& request) {
  return {
      .epoch = request.epoch(), .seen = FromProto(request.seen()), .time_up = request.time_up()};
}

LeavePart FromProto(const v1::LeavePartRequest& request) {
  LeavePart leave;
  leave.epoch = request.epoch();
  leave.part = request.part();
  leave.accept = request.accept();
  leave.seen = FromProto(request.seen());
  return leave;
}

TakeBreak FromProto(const v1::TakeBreakRequest& request) {
  return {.epoch = request.epoch(),
          .pooled = request.pooled(),
          .seen = {request.seen_item_ids().begin(), request.seen_item_ids().end()},
          .number = request.break_number(),
          .held = FromProto(request.seen())};
}

SaveProgress FromProto(const v1::SaveProgressRequest& request) {
  SaveProgress save;
  save.epoch = request.epoch();
  save.shown_item_id = request.shown_item_id();
  save.held = FromProto(request.seen());
  for (const v1::Mark& mark : request.marks()) {
    save.entries.push_back({.item_id = mark.item_id(),
                            .sequence = mark.sequence(),
                            .flagged = mark.flagged(),
                            .shown_ms = mark.shown_ms()});
  }
  return save;
}

SessionKind FromProto(v1::SessionKind kind) {
  switch (kind) {
    case v1::SESSION_KIND_PRACTICE:
      return SessionKind::kPractice;
    case v1::SESSION_KIND_DIAGNOSTIC:
      return SessionKind::kDiagnostic;
    default:
      return SessionKind::kExam;
  }
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
  form.window_limits_end = issued.plan().window_policy() == itembank::v1::WINDOW_POLICY_LIMITS_END;
  auto plan = FromProto(issued.plan());
  if (!plan.ok()) return plan.status();
  auto made = Form::Create({.form_id = issued.form_id(),
                            .title = issued.title(),
                            .exam_version = issued.exam_version(),
                            .duration = FromProto(issued.duration()),
                            .plan = *std::move(plan)},
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
  Facts(state, request.mutable_sitting());
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
