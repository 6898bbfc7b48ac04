#include "services/scoring/rpc/rescoring_convert.h"

#include <algorithm>
#include <utility>

#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/error/error.h"

namespace invigil::scoring {
namespace {

constexpr size_t kMostForms = 1000, kLongestReason = 1000, kLongestId = 64, kLongestFormId = 128;

DecisionKind FromProto(v1::KeyDecisionKind kind) {
  switch (kind) {
    case v1::KEY_DECISION_KIND_KEEP:
      return DecisionKind::kKeep;
    case v1::KEY_DECISION_KIND_REKEY:
      return DecisionKind::kRekey;
    case v1::KEY_DECISION_KIND_MULTIPLE:
      return DecisionKind::kMultiple;
    case v1::KEY_DECISION_KIND_DROP:
      return DecisionKind::kDrop;
    case v1::KEY_DECISION_KIND_CREDIT:
      return DecisionKind::kCredit;
    default:
      return DecisionKind::kUnknown;
  }
}

v1::KeyDecisionKind ToProto(DecisionKind kind) {
  switch (kind) {
    case DecisionKind::kKeep:
      return v1::KEY_DECISION_KIND_KEEP;
    case DecisionKind::kRekey:
      return v1::KEY_DECISION_KIND_REKEY;
    case DecisionKind::kMultiple:
      return v1::KEY_DECISION_KIND_MULTIPLE;
    case DecisionKind::kDrop:
      return v1::KEY_DECISION_KIND_DROP;
    case DecisionKind::kCredit:
      return v1::KEY_DECISION_KIND_CREDIT;
    case DecisionKind::kUnknown:
      break;
  }
  return v1::KEY_DECISION_KIND_UNSPECIFIED;
}

v1::RescoringPolicy ToProto(RescoringPolicy policy) {
  switch (policy) {
    case RescoringPolicy::kNeverLower:
      return v1::RESCORING_POLICY_NEVER_LOWER;
    case RescoringPolicy::kExact:
      return v1::RESCORING_POLICY_EXACT;
    case RescoringPolicy::kNeverFail:
      break;
  }
  return v1::RESCORING_POLICY_NEVER_FAIL;
}

v1::RescoringState ToProto(RescoringStage stage) {
  switch (stage) {
    case RescoringStage::kPreviewing:
      return v1::RESCORING_STATE_PREVIEWING;
    case RescoringStage::kPreviewed:
      return v1::RESCORING_STATE_PREVIEWED;
    case RescoringStage::kApplying:
    case RescoringStage::kCatchingUp:
      return v1::RESCORING_STATE_APPLYING;
    case RescoringStage::kDone:
      return v1::RESCORING_STATE_DONE;
    case RescoringStage::kCancelled:
      return v1::RESCORING_STATE_CANCELLED;
  }
  return v1::RESCORING_STATE_UNSPECIFIED;
}

v1::RescoringOutcome ToProto(RescoringOutcome outcome) {
  switch (outcome) {
    case RescoringOutcome::kChanged:
      return v1::RESCORING_OUTCOME_CHANGED;
    case RescoringOutcome::kProtected:
      return v1::RESCORING_OUTCOME_PROTECTED;
    case RescoringOutcome::kFailed:
      return v1::RESCORING_OUTCOME_FAILED;
    case RescoringOutcome::kSuperseded:
      return v1::RESCORING_OUTCOME_SUPERSEDED;
    case RescoringOutcome::kUnchanged:
      break;
  }
  return v1::RESCORING_OUTCOME_UNSPECIFIED;
}

void FillTime(Time time, google::protobuf::Timestamp* out) {
  // Rounded down, so that the part below a second is never negative.
  const auto seconds = std::chrono::floor<Seconds>(time.time_since_epoch());
  out->set_seconds(seconds.count());
  out->set_nanos(static_cast<int32_t>((time.time_since_epoch() - seconds).count() * 1000));
}

// Nothing: it is no instant of the years 1 to 9999.
std::optional<Time> TimeFromProto(const google::protobuf::Timestamp& time) {
  if (time.seconds() < -62'135'596'800 || time.seconds() > 253'402'300'799 || time.nanos() < 0 ||
      time.nanos() > 999'999'999) {
    return std::nullopt;
  }
  return FromUnixMicros(time.seconds() * 1'000'000 + time.nanos() / 1000);
}

std::vector<KeyDecision> DecisionsFromProto(const v1::CreateRescoringRequest& request) {
  std::vector<KeyDecision> decisions;
  for (const v1::KeyDecision& from : request.decisions()) {
    KeyDecision decision{
        .item_id = from.item_id(),
        .item_versions = {from.item_versions().begin(), from.item_versions().end()},
        .kind = FromProto(from.kind()),
        .accepted = {},
        .reason = from.reason()};
    for (const v1::AcceptedAnswer& answer : from.accepted()) {
      decision.accepted.emplace_back(answer.option_ids().begin(), answer.option_ids().end());
    }
    decisions.push_back(std::move(decision));
  }
  return decisions;
}

template <typename Repeated>
absl::Status FillDecisions(const std::string& text, Repeated* out) {
  const auto decisions = ParseDecisions(text);
  if (!decisions.ok()) return decisions.status();
  for (const KeyDecision& from : *decisions) {
    v1::KeyDecision* decision = out->Add();
    decision->set_item_id(from.item_id);
    for (const uint32_t version : from.item_versions) decision->add_item_versions(version);
    decision->set_kind(ToProto(from.kind));
    for (const auto& answer : from.accepted) {
      decision->add_accepted()->mutable_option_ids()->Assign(answer.begin(), answer.end());
    }
    decision->set_reason(from.reason);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RescoringDefinition> DefinitionFromProto(const v1::CreateRescoringRequest& request) {
  Error error = InvalidArgument("RESCORING_INVALID", "the rescoring can't be made; see the fields");
  bool good = true;
  const auto require = [&](bool ok, const std::string& field, const std::string& what) {
    if (!ok) error.Field(field, what);
    good &= ok;
  };
  RescoringDefinition definition{.exam_id = request.exam_id(), .reason = request.reason()};
  require(!request.request_id().empty() && request.request_id().size() <= kLongestId, "request_id",
          "1 to 64 characters");
  require(!definition.exam_id.empty() && definition.exam_id.size() <= kLongestId, "exam_id",
          "1 to 64 characters");
  require(!definition.reason.empty() && definition.reason.size() <= kLongestReason, "reason",
          "1 to 1000 characters");
  auto decisions = Canonical(DecisionsFromProto(request));
  if (decisions.ok()) {
    definition.decisions = Serialize(*decisions);
  } else {
    for (const auto& [field, what] : ViewError(decisions.status()).fields) {
      require(false, field, what);
    }
  }
  switch (request.policy()) {
    case v1::RESCORING_POLICY_UNSPECIFIED:
    case v1::RESCORING_POLICY_NEVER_FAIL:
      break;
    case v1::RESCORING_POLICY_NEVER_LOWER:
      definition.policy = RescoringPolicy::kNeverLower;
      break;
    case v1::RESCORING_POLICY_EXACT:
      definition.policy = RescoringPolicy::kExact;
      break;
    default:
      require(false, "policy", "is not one known here");
  }
  definition.form_ids.assign(request.form_ids().begin(), request.form_ids().end());
  std::sort(definition.form_ids.begin(), definition.form_ids.end());
  definition.form_ids.erase(std::unique(definition.form_ids.begin(), definition.form_ids.end()),
                            definition.form_ids.end());
  require(definition.form_ids.size() <= kMostForms, "form_ids", "at most 1000");
  require(
      std::all_of(definition.form_ids.begin(), definition.form_ids.end(),
                  [](const std::string& id) { return !id.empty() && id.size() <= kLongestFormId; }),
      "form_ids", "1 to 128 characters each");
  if (request.has_scored_from()) {
    definition.from = TimeFromProto(request.scored_from());
    require(definition.from.has_value(), "scored_from", "is no instant of the years 1 to 9999");
  }
  if (request.has_scored_until()) {
    definition.until = TimeFromProto(request.scored_until());
    require(definition.until.has_value(), "scored_until", "is no instant of the years 1 to 9999");
  }
  require(!definition.from || !definition.until || *definition.from < *definition.until,
          "scored_until", "must be after scored_from");
  if (!good) return error;
  return definition;
}

absl::StatusOr<RescoringStore::ChangeFilter> FilterFromProto(
    const v1::ListRescoringChangesRequest& request) {
  RescoringStore::ChangeFilter filter{.flips_only = request.flips_only(),
                                      .as_shown = request.as_shown()};
  switch (request.outcome()) {
    case v1::RESCORING_OUTCOME_UNSPECIFIED:
      return filter;
    case v1::RESCORING_OUTCOME_CHANGED:
      filter.outcome = RescoringOutcome::kChanged;
      return filter;
    case v1::RESCORING_OUTCOME_PROTECTED:
      filter.outcome = RescoringOutcome::kProtected;
      return filter;
    case v1::RESCORING_OUTCOME_FAILED:
      filter.outcome = RescoringOutcome::kFailed;
      return filter;
    case v1::RESCORING_OUTCOME_SUPERSEDED:
      filter.outcome = RescoringOutcome::kSuperseded;
      return filter;
    default:
      return InvalidArgument("PAGE_INVALID", "such an outcome can't be asked for")
          .Field("outcome", "is not one known here");
  }
}

absl::Status FillRescoring(const RescoringRecord& record, v1::Rescoring* rescoring) {
  const RescoringDefinition& definition = record.definition;
  rescoring->set_rescoring_id(record.rescoring_id);
  rescoring->set_exam_id(definition.exam_id);
  rescoring->set_state(ToProto(record.stage));
  INVIGIL_RETURN_IF_ERROR(FillDecisions(definition.decisions, rescoring->mutable_decisions()));
  rescoring->set_policy(ToProto(definition.policy));
  rescoring->mutable_form_ids()->Assign(definition.form_ids.begin(), definition.form_ids.end());
  if (definition.from) FillTime(*definition.from, rescoring->mutable_scored_from());
  if (definition.until) FillTime(*definition.until, rescoring->mutable_scored_until());
  rescoring->set_reason(definition.reason);
  rescoring->set_author(record.author);
  FillTime(record.create_time, rescoring->mutable_create_time());
  rescoring->set_base_revision(record.base_revision);
  v1::RescoringCounts* counts = rescoring->mutable_counts();
  counts->set_seen(record.counts.seen);
  counts->set_touched(record.counts.touched);
  counts->set_changed(record.counts.changed);
  counts->set_fail_to_pass(record.counts.fail_to_pass);
  counts->set_pass_to_fail(record.counts.pass_to_fail);
  counts->set_raised(record.counts.raised);
  counts->set_lowered(record.counts.lowered);
  counts->set_protected_(record.counts.kept);
  counts->set_failed(record.counts.failed);
  counts->set_late(record.counts.late);
  counts->set_superseded(record.counts.superseded);
  counts->set_written(record.counts.written);
  counts->set_skipped(record.counts.skipped);
  rescoring->set_expected(record.expected);
  rescoring->set_preview_digest(record.preview_digest);
  rescoring->set_approver(record.approver);
  return absl::OkStatus();
}

namespace {

// What has been done with a rescoring that stands there, in order.
std::vector<std::string> ActsUpTo(const RescoringRecord& record) {
  std::vector<std::string> acts = {"created"};
  if (!record.preview_digest.empty()) acts.emplace_back("previewed");
  switch (record.stage) {
    case RescoringStage::kPreviewing:
    case RescoringStage::kPreviewed:
      break;
    case RescoringStage::kDone:
      acts.emplace_back("approved");
      acts.emplace_back("done");
      break;
    case RescoringStage::kApplying:
    case RescoringStage::kCatchingUp:
      acts.emplace_back("approved");
      break;
    case RescoringStage::kCancelled:
      acts.emplace_back("cancelled");
      break;
  }
  return acts;
}

// Whether an act is about what the record holds.
bool Fits(const ActRecord& act, const RescoringRecord& record) {
  if (act.act == "created") {
    return act.actor == record.author && act.digest == Sha256Hex(Serialize(record.definition));
  }
  if (act.act == "approved" && act.actor != record.approver) return false;
  return act.act == "done" || act.digest == record.preview_digest;
}

}  // namespace

void FillActs(const RescoringRecord& record, const std::vector<ActRecord>& acts,
              v1::Rescoring* rescoring) {
  std::vector<std::string> names;
  bool intact = true;
  std::string before;
  for (const ActRecord& act : acts) {
    v1::RescoringAct* out = rescoring->add_acts();
    out->set_sequence(act.sequence);
    FillTime(act.act_time, out->mutable_act_time());
    out->set_actor(act.actor);
    out->set_act(act.act);
    out->set_reason(act.reason);
    out->set_digest(act.digest);
    out->set_hash(act.hash);
    names.push_back(act.act);
    intact = intact && act.sequence == names.size() &&
             act.hash == HashOf(act, record.rescoring_id, before) && Fits(act, record);
    before = act.hash;
  }
  rescoring->set_acts_intact(intact && names == ActsUpTo(record));
}

void FillChange(const ChangeRecord& change, v1::RescoringChange* out) {
  out->set_session_id(change.session_id);
  out->set_outcome(ToProto(change.outcome));
  out->set_old_score_version(change.old_version);
  out->set_old_raw_score(change.held.raw_score);
  out->set_old_raw_max(change.held.raw_max);
  out->set_old_scaled_score(change.held.scaled_score);
  out->set_old_passed(change.held.passed);
  out->set_new_raw_score(change.renewed.raw_score);
  out->set_new_raw_max(change.renewed.raw_max);
  out->set_new_scaled_score(change.renewed.scaled_score);
  out->set_new_passed(change.renewed.passed);
  out->set_new_score_version(change.new_version);
  out->set_late(change.late);
  out->set_problem(change.problem);
  out->set_earlier_decisions(change.earlier);
}

absl::Status FillRevision(const RevisionRecord& record, v1::KeyRevision* out) {
  out->set_revision(record.revision);
  out->set_rescoring_id(record.rescoring_id);
  INVIGIL_RETURN_IF_ERROR(FillDecisions(record.decisions, out->mutable_decisions()));
  out->set_author(record.author);
  out->set_approver(record.approver);
  FillTime(record.approve_time, out->mutable_approve_time());
  out->set_digest(record.digest);
  out->set_intact(Sha256Hex(record.decisions) == record.digest);
  return absl::OkStatus();
}

void FillReplayed(const Replayed& replayed, v1::ReplayedScore* out) {
  out->set_score_version(replayed.score.score_version);
  out->set_key_version(replayed.score.key_version);
  out->set_conversion_hash(replayed.score.conversion_hash);
  out->set_identical(replayed.fault.empty());
  out->set_fault(replayed.fault);
  out->set_rescoring_id(replayed.score.rescoring_id);
}

}  // namespace invigil::scoring
