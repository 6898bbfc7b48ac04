#include "services/scoring/measurement/desk.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "common/error/error.h"
#include "services/scoring/measurement/equating.h"
#include "services/scoring/measurement/promotion.h"

namespace invigil::scoring {
namespace {

constexpr size_t kLongestId = 64, kLongestReason = 1000;
constexpr int kMostForms = 1000, kMostExcluded = 5000, kMostRatings = 20'000;

absl::Status Invalid(const char* field, const char* what) {
  return InvalidArgument("MEASUREMENT_INVALID", "the request can't be taken as it is")
      .Field(field, what);
}

absl::Status CheckId(const std::string& id, const char* field) {
  if (!id.empty() && id.size() <= kLongestId) return absl::OkStatus();
  return Invalid(field, "must be 1 to 64 characters");
}

absl::Status CheckReason(const std::string& reason) {
  if (!reason.empty() && reason.size() <= kLongestReason) return absl::OkStatus();
  return Invalid("reason", "must be 1 to 1000 characters: it is kept for good");
}

absl::Status CheckScope(const v1::DatasetScope& scope) {
  INVIGIL_RETURN_IF_ERROR(CheckId(scope.exam_id(), "settings.scope.exam_id"));
  if (scope.form_ids_size() > kMostForms) {
    return Invalid("settings.scope.form_ids", "at most 1000");
  }
  if (scope.excluded_session_ids_size() > kMostExcluded) {
    return Invalid("settings.scope.excluded_session_ids", "at most 5000");
  }
  return absl::OkStatus();
}

template <typename Settings>
absl::Status CheckPrior(const Settings& settings) {
  const bool mean = settings.has_prior_logit_g_mean(), sd = settings.has_prior_logit_g_sd();
  if (!mean && !sd) return absl::OkStatus();
  if (settings.model() != v1::CALIBRATION_MODEL_THREE_PARAMETER) {
    return Invalid("settings.prior_logit_g_mean", "is for the three-parameter model only");
  }
  if (mean && sd && std::isfinite(settings.prior_logit_g_mean()) &&
      std::isfinite(settings.prior_logit_g_sd()) && settings.prior_logit_g_sd() > 0) {
    return absl::OkStatus();
  }
  return Invalid("settings.prior_logit_g_sd", "comes with the mean, and is above 0");
}

absl::Status CheckRecord(const v1::StandardSettingRecord& record) {
  INVIGIL_RETURN_IF_ERROR(CheckId(record.exam_id(), "record.exam_id"));
  const bool angoff = record.ratings_size() > 0, bookmark = record.marks_size() > 0;
  if (angoff == bookmark || (bookmark && record.booklet_item_ids_size() == 0)) {
    return Invalid("record", "holds ratings, or a booklet with marks");
  }
  if (record.ratings_size() > kMostRatings || record.marks_size() > kMostRatings ||
      record.booklet_item_ids_size() > kMostForms || record.beuk_size() > kMostForms ||
      record.hofstee_size() > kMostForms || record.notes().size() > 4000) {
    return Invalid("record", "is too large: at most 20000 ratings, 1000 items or judges");
  }
  for (const auto& rating : record.ratings()) {
    INVIGIL_RETURN_IF_ERROR(CheckId(rating.judge(), "record.ratings.judge"));
    INVIGIL_RETURN_IF_ERROR(CheckId(rating.item_id(), "record.ratings.item_id"));
  }
  return absl::OkStatus();
}

void Write(Time time, google::protobuf::Timestamp* out) {
  const int64_t us = ToUnixMicros(time);
  out->set_seconds(us / 1'000'000);
  out->set_nanos(static_cast<int32_t>(us % 1'000'000 * 1000));
}

// A scope without an end ends where the work begins, so that it can be computed again.
void CloseScope(Time now, v1::DatasetScope* scope) {
  if (!scope->has_scored_until()) Write(now, scope->mutable_scored_until());
  std::sort(scope->mutable_form_ids()->begin(), scope->mutable_form_ids()->end());
  std::sort(scope->mutable_excluded_session_ids()->begin(),
            scope->mutable_excluded_session_ids()->end());
}

absl::Status Unreadable() {
  return Internal("stored measurement work can't be read: the database is damaged");
}

absl::StatusOr<size_t> PageSize(uint32_t asked, const std::string& token) {
  if (asked <= 200 && token.size() <= kLongestId) return asked == 0 ? size_t{50} : asked;
  return InvalidArgument("PAGE_INVALID", "no such page")
      .Field(asked > 200 ? "page_size" : "page_token",
             asked > 200 ? "at most 200" : "comes from the page before");
}

// Work that a request asks for, whose settings are still to come.
template <typename Request>
WorkRecord NewWork(WorkKind kind, const std::string& exam_id, const Request& request,
                   const std::string& who, Time now) {
  WorkRecord record;
  record.kind = kind;
  record.create_time = now;
  record.exam_id = exam_id;
  record.author = who;
  record.request_id = request.request_id();
  record.reason = request.reason();
  record.asked = request.SerializeAsString();
  return record;
}

// The step by which `who` accepts the result of proposed work.
WorkStep Acceptance(const WorkRecord& work, WorkState to, const std::string& who,
                    const std::string& reason, Time now) {
  WorkStep step;
  step.id = work.id;
  step.from = {WorkState::kProposed};
  step.to = to;
  step.actor = who;
  step.act = "accepted";
  step.reason = reason;
  step.act_digest = work.digest;
  step.approver = who;
  step.now = now;
  return step;
}

// What every kind of work has.
template <typename Message>
void FillCommon(const WorkRecord& record, Message* out) {
  out->set_state(static_cast<v1::MeasurementState>(record.state));
  out->set_author(record.author);
  out->set_reason(record.reason);
  Write(record.create_time, out->mutable_create_time());
  out->set_problem(record.problem);
}

absl::Status FillEquating(const WorkRecord& record, bool whole, v1::Equating* out) {
  FillCommon(record, out);
  out->set_equating_id(record.id);
  out->set_approver(record.approver);
  if (!out->mutable_settings()->ParseFromString(record.settings)) return Unreadable();
  if (record.result.empty()) return absl::OkStatus();
  if (!out->mutable_result()->ParseFromString(record.result)) return Unreadable();
  if (!whole) out->mutable_result()->clear_anchors();
  return absl::OkStatus();
}

absl::Status FillStandard(const WorkRecord& record, v1::StandardSetting* out) {
  FillCommon(record, out);
  out->set_standard_setting_id(record.id);
  out->set_approver(record.approver);
  if (!record.outcome.empty()) {
    out->set_exam_version(static_cast<uint32_t>(std::stoul(record.outcome)));
  }
  if (!out->mutable_record()->ParseFromString(record.settings)) return Unreadable();
  if (record.result.empty()) return absl::OkStatus();
  return out->mutable_result()->ParseFromString(record.result) ? absl::OkStatus() : Unreadable();
}

absl::Status FillPromotion(const WorkRecord& record, v1::Promotion* out) {
  if (!out->ParseFromString(record.result)) return Unreadable();
  FillCommon(record, out);
  out->set_promotion_id(record.id);
  return absl::OkStatus();
}

// Every item that may be promoted, or the error that names why not.
absl::Status JudgeItems(const v1::PromoteItemsRequest& request, const v1::Calibration& calibration,
                        v1::Promotion* promotion) {
  const std::set<std::string> wanted(request.item_ids().begin(), request.item_ids().end());
  const auto model = calibration.settings().model();
  std::set<std::string> found;
  bool all_good = true;
  for (const v1::CalibratedItem& item : calibration.result().items()) {
    const bool asked = wanted.contains(item.item_id());
    if (!asked && (!wanted.empty() || !item.pretest())) continue;
    found.insert(item.item_id());
    v1::ItemVerdict verdict = Judge(item, model, promotion->thresholds(), request.sign_off());
    all_good = all_good && (verdict.good() || !asked);
    *promotion->add_items() = std::move(verdict);
  }
  for (const std::string& id : wanted) {
    if (found.contains(id)) continue;
    all_good = false;
    v1::ItemVerdict* verdict = promotion->add_items();
    verdict->set_item_id(id);
    verdict->add_problems("ITEM_NOT_CALIBRATED: the calibration has no such item");
  }
  const bool any_good = std::any_of(promotion->items().begin(), promotion->items().end(),
                                    [](const v1::ItemVerdict& item) { return item.good(); });
  if (request.validate_only() || (all_good && any_good)) return absl::OkStatus();
  Error error = FailedPrecondition(
      "ITEMS_NOT_PROMOTABLE", any_good ? "not every item meets the thresholds; none is promoted"
                                       : "no item meets the thresholds; none is promoted");
  int named = 0;
  for (const v1::ItemVerdict& verdict : promotion->items()) {
    if (verdict.good() || ++named > 40) continue;  // details travel in 8 KB of metadata
    error.Field(verdict.item_id(), verdict.problems(0));
  }
  return error;
}

}  // namespace

absl::Status FillCalibration(const WorkRecord& record, bool with_items, v1::Calibration* out) {
  FillCommon(record, out);
  out->set_calibration_id(record.id);
  out->set_approver(record.approver);
  if (!out->mutable_settings()->ParseFromString(record.settings) ||
      !out->mutable_progress()->ParseFromString(record.progress)) {
    return Unreadable();
  }
  if (record.result.empty()) return absl::OkStatus();
  if (!out->mutable_result()->ParseFromString(record.result)) return Unreadable();
  if (!with_items) {
    out->mutable_result()->clear_items();
    return absl::OkStatus();
  }
  v1::AcceptCalibrationRequest accepted;
  if (!accepted.ParseFromString(record.acceptance)) return Unreadable();
  const std::set<std::string> ids(accepted.item_ids().begin(), accepted.item_ids().end());
  for (v1::CalibratedItem& item : *out->mutable_result()->mutable_items()) {
    item.set_accepted(ids.contains(item.item_id()));
  }
  return absl::OkStatus();
}

MeasurementDesk::MeasurementDesk(MeasurementStore& store, const Clock& clock,
                                 std::function<void()> kick)
    : store_(store), clock_(clock), kick_(std::move(kick)) {}

template <typename Message>
absl::Status MeasurementDesk::AddActs(const std::string& id, Message* out) {
  const auto acts = store_.ListActs(id);
  if (!acts.ok()) return acts.status();
  for (const ActRecord& act : *acts) {
    v1::MeasurementAct* added = out->add_acts();
    added->set_sequence(act.sequence);
    Write(act.act_time, added->mutable_act_time());
    added->set_actor(act.actor);
    added->set_act(act.act);
    added->set_reason(act.reason);
    added->set_digest(act.digest);
    added->set_hash(act.hash);
  }
  out->set_acts_intact(ActsIntact(id, *acts));
  return absl::OkStatus();
}

absl::StatusOr<WorkRecord> MeasurementDesk::Begin(WorkRecord record) {
  auto stored = store_.Create(record);
  kick_();
  return stored;
}

absl::StatusOr<WorkRecord> MeasurementDesk::CancelWork(WorkKind kind, const std::string& id,
                                                       const std::string& reason,
                                                       const std::string& who) {
  INVIGIL_RETURN_IF_ERROR(CheckId(id, "id"));
  INVIGIL_RETURN_IF_ERROR(CheckReason(reason));
  WorkStep step;
  step.id = id;
  step.from = {WorkState::kRunning, WorkState::kProposed};
  step.to = WorkState::kCancelled;
  step.actor = who;
  step.act = "cancelled";
  step.reason = reason;
  step.now = clock_.Now();
  auto cancelled = store_.Take(kind, step);
  if (cancelled.ok() || ReasonOf(cancelled.status()) != "MEASUREMENT_MOVED") return cancelled;
  auto known = store_.Get(kind, id);
  if (!known.ok() || known->state == WorkState::kCancelled) return known;
  return FailedPrecondition("MEASUREMENT_OVER", "it was accepted, or failed: see its state");
}

absl::StatusOr<WorkRecord> MeasurementDesk::ForAcceptance(WorkKind kind, const std::string& id,
                                                          const std::string& digest,
                                                          const std::string& reason,
                                                          const std::string& who, bool* done) {
  INVIGIL_RETURN_IF_ERROR(CheckId(id, "id"));
  INVIGIL_RETURN_IF_ERROR(CheckId(digest, "result_digest"));
  INVIGIL_RETURN_IF_ERROR(CheckReason(reason));
  auto work = store_.Get(kind, id);
  if (!work.ok()) return work.status();
  if (work->author == who) {
    return PermissionDenied("APPROVER_IS_AUTHOR",
                            "who started it can't accept it; a second person must look at the "
                            "result and accept it");
  }
  *done = (work->state == WorkState::kApplying || work->state == WorkState::kAccepted) &&
          work->approver == who && work->digest == digest;
  if (*done) return work;
  if (work->state != WorkState::kProposed) {
    return FailedPrecondition("MEASUREMENT_NOT_PROPOSED",
                              "it has no result that waits to be accepted; see its state");
  }
  if (work->digest != digest) {
    return FailedPrecondition("RESULT_DIFFERS",
                              "the digest is not that of the result; look at it again");
  }
  return work;
}

absl::Status MeasurementDesk::Start(const v1::StartCalibrationRequest& request,
                                    const std::string& who, v1::Calibration* out) {
  INVIGIL_RETURN_IF_ERROR(CheckId(request.request_id(), "request_id"));
  INVIGIL_RETURN_IF_ERROR(CheckReason(request.reason()));
  INVIGIL_RETURN_IF_ERROR(CheckScope(request.settings().scope()));
  INVIGIL_RETURN_IF_ERROR(CheckPrior(request.settings()));
  if (request.settings().most_iterations() > 100'000) {
    return Invalid("settings.most_iterations", "at most 100000");
  }
  v1::CalibrationSettings settings = request.settings();
  if (settings.mode() == v1::CALIBRATION_MODE_UNSPECIFIED) {
    settings.set_mode(v1::CALIBRATION_MODE_ONTO_SCALE);
  }
  if (settings.model() == v1::CALIBRATION_MODEL_UNSPECIFIED) {
    settings.set_model(v1::CALIBRATION_MODEL_TWO_PARAMETER);
  }
  const Time now = clock_.Now();
  CloseScope(now, settings.mutable_scope());
  WorkRecord record =
      NewWork(WorkKind::kCalibration, settings.scope().exam_id(), request, who, now);
  record.settings = settings.SerializeAsString();
  const auto begun = Begin(std::move(record));
  if (!begun.ok()) return begun.status();
  INVIGIL_RETURN_IF_ERROR(FillCalibration(*begun, false, out));
  return AddActs(begun->id, out);
}

absl::Status MeasurementDesk::GetCalibration(const std::string& id, v1::Calibration* out) {
  INVIGIL_RETURN_IF_ERROR(CheckId(id, "calibration_id"));
  const auto work = store_.Get(WorkKind::kCalibration, id);
  if (!work.ok()) return work.status();
  INVIGIL_RETURN_IF_ERROR(FillCalibration(*work, true, out));
  return AddActs(id, out);
}

absl::Status MeasurementDesk::List(const v1::ListCalibrationsRequest& request,
                                   v1::ListCalibrationsResponse* response) {
  const auto size = PageSize(request.page_size(), request.page_token());
  if (!size.ok()) return size.status();
  const auto works =
      store_.List(WorkKind::kCalibration, request.exam_id(), request.page_token(), *size);
  if (!works.ok()) return works.status();
  for (const WorkRecord& work : *works) {
    INVIGIL_RETURN_IF_ERROR(FillCalibration(work, false, response->add_calibrations()));
  }
  if (works->size() == *size) response->set_next_page_token(works->back().id);
  return absl::OkStatus();
}

absl::Status MeasurementDesk::Cancel(const v1::CancelCalibrationRequest& request,
                                     const std::string& who, v1::Calibration* out) {
  const auto work =
      CancelWork(WorkKind::kCalibration, request.calibration_id(), request.reason(), who);
  if (!work.ok()) return work.status();
  INVIGIL_RETURN_IF_ERROR(FillCalibration(*work, false, out));
  return AddActs(work->id, out);
}

absl::Status MeasurementDesk::Accept(const v1::AcceptCalibrationRequest& request,
                                     const std::string& who, v1::Calibration* out) {
  bool done = false;
  auto work = ForAcceptance(WorkKind::kCalibration, request.calibration_id(),
                            request.result_digest(), request.reason(), who, &done);
  if (!work.ok()) return work.status();
  if (!done) {
    v1::CalibrationResult result;
    if (!result.ParseFromString(work->result)) return Unreadable();
    const std::set<std::string> wanted(request.item_ids().begin(), request.item_ids().end());
    v1::AcceptCalibrationRequest accepted = request;
    accepted.clear_item_ids();
    std::set<std::string> missing = wanted;
    Error error = FailedPrecondition("ITEM_NOT_ACCEPTABLE",
                                     "statistics of an item can't be accepted; leave it out");
    bool refused = false;
    for (const v1::CalibratedItem& item : result.items()) {
      if (!wanted.empty() && !wanted.contains(item.item_id())) continue;
      missing.erase(item.item_id());
      if (item.problem().empty()) {
        accepted.add_item_ids(item.item_id());
      } else if (!wanted.empty()) {
        refused = true;
        error.Field(item.item_id(), item.problem());
      }
    }
    for (const std::string& id : missing) error.Field(id, "is no item of the calibration");
    if (refused || !missing.empty()) return error;
    if (accepted.item_ids().empty()) {
      return FailedPrecondition("ITEM_NOT_ACCEPTABLE", "no item's statistics can be accepted");
    }
    WorkStep step = Acceptance(*work, WorkState::kApplying, who, request.reason(), clock_.Now());
    step.acceptance = accepted.SerializeAsString();
    work = store_.Take(WorkKind::kCalibration, step);
    if (!work.ok()) return work.status();
  }
  kick_();
  INVIGIL_RETURN_IF_ERROR(FillCalibration(*work, true, out));
  return AddActs(work->id, out);
}

absl::Status MeasurementDesk::Promote(const v1::PromoteItemsRequest& request,
                                      const std::string& who, v1::Promotion* out) {
  INVIGIL_RETURN_IF_ERROR(CheckId(request.calibration_id(), "calibration_id"));
  if (!request.validate_only()) {
    INVIGIL_RETURN_IF_ERROR(CheckId(request.request_id(), "request_id"));
    INVIGIL_RETURN_IF_ERROR(CheckReason(request.reason()));
  }
  const auto work = store_.Get(WorkKind::kCalibration, request.calibration_id());
  if (!work.ok()) return work.status();
  if (work->state != WorkState::kAccepted) {
    return FailedPrecondition("MEASUREMENT_NOT_ACCEPTED",
                              "the calibration is not accepted, or not yet written");
  }
  if (work->author == who) {
    return PermissionDenied("APPROVER_IS_AUTHOR",
                            "who started the calibration can't promote on it; another person must");
  }
  v1::Calibration calibration;
  INVIGIL_RETURN_IF_ERROR(FillCalibration(*work, true, &calibration));
  v1::Promotion promotion;
  promotion.set_exam_id(work->exam_id);
  promotion.set_calibration_id(work->id);
  *promotion.mutable_thresholds() = WithDefaults(request.thresholds());
  INVIGIL_RETURN_IF_ERROR(JudgeItems(request, calibration, &promotion));
  if (request.validate_only()) {
    out->Swap(&promotion);
    return absl::OkStatus();
  }
  WorkRecord record = NewWork(WorkKind::kPromotion, work->exam_id, request, who, clock_.Now());
  record.state = WorkState::kApplying;
  record.settings = record.asked;
  record.result = promotion.SerializeAsString();
  const auto begun = Begin(std::move(record));
  if (!begun.ok()) return begun.status();
  INVIGIL_RETURN_IF_ERROR(FillPromotion(*begun, out));
  return AddActs(begun->id, out);
}

absl::Status MeasurementDesk::GetPromotion(const std::string& id, v1::Promotion* out) {
  INVIGIL_RETURN_IF_ERROR(CheckId(id, "promotion_id"));
  const auto work = store_.Get(WorkKind::kPromotion, id);
  if (!work.ok()) return work.status();
  INVIGIL_RETURN_IF_ERROR(FillPromotion(*work, out));
  return AddActs(id, out);
}

absl::Status MeasurementDesk::Start(const v1::StartEquatingRequest& request, const std::string& who,
                                    v1::Equating* out) {
  INVIGIL_RETURN_IF_ERROR(CheckId(request.request_id(), "request_id"));
  INVIGIL_RETURN_IF_ERROR(CheckReason(request.reason()));
  INVIGIL_RETURN_IF_ERROR(CheckScope(request.settings().scope()));
  INVIGIL_RETURN_IF_ERROR(CheckPrior(request.settings()));
  const auto& asked = request.settings();
  if (asked.scope().form_ids_size() > 1) {
    return Invalid("settings.scope.form_ids", "one form, or none for the family");
  }
  if (!asked.reference_form_id().empty() && asked.scope().form_ids_size() != 1) {
    return Invalid("settings.reference_form_id", "needs the one form to equate to it");
  }
  if (!asked.reference_form_id().empty() &&
      asked.reference_form_id() == asked.scope().form_ids(0)) {
    return Invalid("settings.reference_form_id", "is the form itself");
  }
  v1::EquatingSettings settings = asked;
  if (settings.model() == v1::CALIBRATION_MODEL_UNSPECIFIED) {
    settings.set_model(v1::CALIBRATION_MODEL_TWO_PARAMETER);
  }
  const Time now = clock_.Now();
  CloseScope(now, settings.mutable_scope());
  WorkRecord record = NewWork(WorkKind::kEquating, settings.scope().exam_id(), request, who, now);
  record.settings = settings.SerializeAsString();
  const auto begun = Begin(std::move(record));
  if (!begun.ok()) return begun.status();
  INVIGIL_RETURN_IF_ERROR(FillEquating(*begun, false, out));
  return AddActs(begun->id, out);
}

absl::Status MeasurementDesk::GetEquating(const std::string& id, v1::Equating* out) {
  INVIGIL_RETURN_IF_ERROR(CheckId(id, "equating_id"));
  const auto work = store_.Get(WorkKind::kEquating, id);
  if (!work.ok()) return work.status();
  INVIGIL_RETURN_IF_ERROR(FillEquating(*work, true, out));
  return AddActs(id, out);
}

absl::Status MeasurementDesk::List(const v1::ListEquatingsRequest& request,
                                   v1::ListEquatingsResponse* response) {
  const auto size = PageSize(request.page_size(), request.page_token());
  if (!size.ok()) return size.status();
  const auto works =
      store_.List(WorkKind::kEquating, request.exam_id(), request.page_token(), *size);
  if (!works.ok()) return works.status();
  for (const WorkRecord& work : *works) {
    INVIGIL_RETURN_IF_ERROR(FillEquating(work, false, response->add_equatings()));
  }
  if (works->size() == *size) response->set_next_page_token(works->back().id);
  return absl::OkStatus();
}

absl::Status MeasurementDesk::Cancel(const v1::CancelEquatingRequest& request,
                                     const std::string& who, v1::Equating* out) {
  const auto work = CancelWork(WorkKind::kEquating, request.equating_id(), request.reason(), who);
  if (!work.ok()) return work.status();
  INVIGIL_RETURN_IF_ERROR(FillEquating(*work, false, out));
  return AddActs(work->id, out);
}

absl::Status MeasurementDesk::Accept(const v1::AcceptEquatingRequest& request,
                                     const std::string& who, v1::Equating* out) {
  bool done = false;
  auto work = ForAcceptance(WorkKind::kEquating, request.equating_id(), request.result_digest(),
                            request.reason(), who, &done);
  if (!work.ok()) return work.status();
  if (!done) {
    v1::Equating proposed;
    INVIGIL_RETURN_IF_ERROR(FillEquating(*work, true, &proposed));
    const v1::EquatingResult& result = proposed.result();
    if (result.has_difference_at_cut() &&
        std::abs(result.difference_at_cut()) > kDifferenceThatMatters) {
      return FailedPrecondition("EQUATING_DISAGREES",
                                "at the cut the conversion in use is more than half a raw point "
                                "away; its items need a calibration first");
    }
    WorkStep step = Acceptance(*work, WorkState::kAccepted, who, request.reason(), clock_.Now());
    step.coverage = CoverageOf(proposed.settings(), result);
    work = store_.Take(WorkKind::kEquating, step);
    if (!work.ok()) return work.status();
  }
  INVIGIL_RETURN_IF_ERROR(FillEquating(*work, true, out));
  return AddActs(work->id, out);
}

absl::Status MeasurementDesk::Put(const v1::PutStandardSettingRequest& request,
                                  const std::string& who, v1::StandardSetting* out) {
  INVIGIL_RETURN_IF_ERROR(CheckId(request.request_id(), "request_id"));
  INVIGIL_RETURN_IF_ERROR(CheckReason(request.reason()));
  INVIGIL_RETURN_IF_ERROR(CheckRecord(request.record()));
  WorkRecord record =
      NewWork(WorkKind::kStandardSetting, request.record().exam_id(), request, who, clock_.Now());
  record.settings = request.record().SerializeAsString();
  const auto begun = Begin(std::move(record));
  if (!begun.ok()) return begun.status();
  INVIGIL_RETURN_IF_ERROR(FillStandard(*begun, out));
  return AddActs(begun->id, out);
}

absl::Status MeasurementDesk::GetStandardSetting(const std::string& id, v1::StandardSetting* out) {
  INVIGIL_RETURN_IF_ERROR(CheckId(id, "standard_setting_id"));
  const auto work = store_.Get(WorkKind::kStandardSetting, id);
  if (!work.ok()) return work.status();
  INVIGIL_RETURN_IF_ERROR(FillStandard(*work, out));
  return AddActs(id, out);
}

absl::Status MeasurementDesk::Accept(const v1::AcceptStandardSettingRequest& request,
                                     const std::string& who, v1::StandardSetting* out) {
  bool done = false;
  auto work = ForAcceptance(WorkKind::kStandardSetting, request.standard_setting_id(),
                            request.result_digest(), request.reason(), who, &done);
  if (!work.ok()) return work.status();
  if (!done) {
    work = store_.Take(WorkKind::kStandardSetting, Acceptance(*work, WorkState::kApplying, who,
                                                              request.reason(), clock_.Now()));
    if (!work.ok()) return work.status();
  }
  kick_();
  INVIGIL_RETURN_IF_ERROR(FillStandard(*work, out));
  return AddActs(work->id, out);
}

}  // namespace invigil::scoring
