#include "services/scoring/rpc/convert.h"

#include <utility>

#include "common/error/error.h"

namespace invigil::scoring {
namespace {

ItemParameters ParametersFromProto(const itembank::v1::IrtParameters& irt) {
  return {.slope = irt.slope(),
          .difficulty = irt.difficulty(),
          .lower_asymptote = irt.lower_asymptote()};
}

v1::DomainBand ToProto(Band band) {
  switch (band) {
    case Band::kBelow:
      return v1::DOMAIN_BAND_BELOW;
    case Band::kAbove:
      return v1::DOMAIN_BAND_ABOVE;
    case Band::kNotEnoughEvidence:
      break;
  }
  return v1::DOMAIN_BAND_NOT_ENOUGH_EVIDENCE;
}

}  // namespace

ScoringKey KeyFromProto(const itembank::v1::GetScoringKeyResponse& proto) {
  ScoringKey key{
      .form_id = proto.form_id(),
      .key_version = proto.key_version(),
      .exam_id = proto.exam_id(),
      .exam_version = proto.exam_version(),
      .title = proto.title(),
      .scale = {.min = proto.scale().min(), .max = proto.scale().max(), .cut = proto.scale().cut()},
      .disclaimer = proto.disclaimer()};
  for (const auto& item : proto.items()) {
    key.items.push_back(
        {.item_id = item.item_id(),
         .operational = item.operational(),
         .domain_id = item.domain_id(),
         .key_option_ids = {item.key_option_ids().begin(), item.key_option_ids().end()},
         .rule = item.rule() == itembank::v1::SCORING_RULE_ALL_OR_NOTHING ? Rule::kAllOrNothing
                                                                          : Rule::kUnknown,
         .irt = ParametersFromProto(item.irt()),
         .sample_size = item.irt().sample_size(),
         .option_count = item.option_count(),
         .bank_item_id = item.bank_item_id(),
         .bank_item_version = item.bank_item_version(),
         .authored_option_ids = {item.authored_option_ids().begin(),
                                 item.authored_option_ids().end()},
         .task_id = item.task_id()});
  }
  for (const auto& domain : proto.domains()) {
    key.domains.push_back({domain.domain_id(), domain.name(), domain.weight_percent()});
    for (const auto& task : domain.tasks()) {
      key.domains.back().tasks.push_back({task.task_id(), task.name()});
    }
  }
  for (const auto& item : proto.standard().base_form()) {
    key.standard.base_form.push_back(ParametersFromProto(item));
    key.standard.base_sample_sizes.push_back(item.sample_size());
  }
  key.standard.base_cut_raw = proto.standard().base_cut_raw();
  return key;
}

std::optional<SittingRecord> SittingFromProto(const v1::ScoreSessionRequest& request) {
  const v1::SittingFacts& facts = request.sitting();
  if (facts.learner_id().empty()) return std::nullopt;
  const auto time = [](const google::protobuf::Timestamp& at) {
    return FromUnixMicros(at.seconds() * 1'000'000 + at.nanos() / 1000);
  };
  SittingRecord sitting{.session_id = {},
                        .learner = LearnerDigest(facts.learner_id()),
                        .exam_id = {},
                        .kind = static_cast<SittingKind>(facts.kind()),
                        .start = std::nullopt,
                        .end = time(facts.end_time()),
                        .clock_stops = facts.clock_stops(),
                        .revealed = facts.revealed(),
                        .held = facts.held(),
                        .shown = {}};
  if (facts.has_start_time()) sitting.start = time(facts.start_time());
  for (const v1::ShownTime& shown : facts.shown()) {
    sitting.shown.emplace_back(shown.item_id(), shown.shown_ms());
  }
  return sitting;
}

std::vector<SealedResponse> ResponsesFromProto(const v1::ScoreSessionRequest& request) {
  std::vector<SealedResponse> responses;
  for (const auto& response : request.responses()) {
    responses.push_back(
        {response.item_id(), {response.option_ids().begin(), response.option_ids().end()}});
  }
  return responses;
}

std::string EncodeScore(const Score& score, const std::string& session_id,
                        const std::string& equating_id) {
  v1::Score proto;
  proto.set_equating_id(equating_id);
  proto.set_session_id(session_id);
  proto.set_form_id(score.form_id);
  proto.set_key_version(score.key_version);
  proto.set_conversion_hash(score.conversion_hash);
  proto.set_exam_id(score.exam_id);
  proto.set_exam_version(score.exam_version);
  proto.set_title(score.title);
  proto.set_raw_score(score.raw_score);
  proto.set_raw_max(score.raw_max);
  proto.set_scaled_score(score.scaled_score);
  proto.set_scaled_score_unrounded(score.scaled_score_unrounded);
  proto.set_scale_min(score.scale.min);
  proto.set_scale_max(score.scale.max);
  proto.set_cut_score(score.scale.cut);
  proto.set_passed(score.passed);
  proto.set_standard_error(score.standard_error);
  for (const DomainScore& domain : score.domains) {
    v1::DomainScore* out = proto.add_domains();
    out->set_domain_id(domain.domain_id);
    out->set_name(domain.name);
    out->set_weight_percent(domain.weight_percent);
    out->set_band(ToProto(domain.band));
    out->set_explanation(domain.explanation);
    out->set_raw_score(domain.raw_score);
    out->set_raw_max(domain.raw_max);
    out->set_expected_at_cut(domain.expected_at_cut);
    out->set_standard_error(domain.standard_error);
  }
  proto.set_disclaimer(score.disclaimer);
  proto.set_basis(score.basis);
  return proto.SerializeAsString();
}

absl::StatusOr<std::string> EquatingIn(const std::string& body) {
  v1::Score score;
  if (!score.ParseFromString(body)) {
    return Internal("a stored score can't be read: the database is damaged");
  }
  return score.equating_id();
}

absl::Status FillScore(const ScoreRecord& record, v1::Score* score) {
  if (!score->ParseFromString(record.body)) {
    return Internal("a stored score can't be read: the database is damaged");
  }
  score->set_score_version(record.score_version);
  score->set_provisional(score->equating_id().empty());
  const int64_t us = ToUnixMicros(record.score_time);
  score->mutable_score_time()->set_seconds(us / 1'000'000);
  score->mutable_score_time()->set_nanos(static_cast<int32_t>(us % 1'000'000 * 1000));
  return absl::OkStatus();
}

void FillExplanation(const Conversion& conversion, const Explanation& explanation,
                     v1::ExplainScoreResponse* response) {
  for (const ConversionRow& row : conversion.rows) {
    v1::ConversionRow* out = response->add_conversion();
    out->set_raw_score(row.raw_score);
    if (row.theta) out->set_theta(*row.theta);
    out->set_base_raw(row.base_raw);
    out->set_scaled_unrounded(row.scaled_unrounded);
    out->set_scaled_score(row.scaled_score);
    out->set_passed(row.passed);
    out->set_standard_error(row.standard_error);
  }
  response->set_cut_raw(conversion.cut_raw);
  response->set_points_from_cut(explanation.points_from_cut);
  response->set_questions_from_cut(explanation.questions_from_cut);
  response->set_points_per_question_up(explanation.points_per_question_up);
  response->set_points_per_question_down(explanation.points_per_question_down);
  response->set_text(explanation.text);
}

}  // namespace invigil::scoring
