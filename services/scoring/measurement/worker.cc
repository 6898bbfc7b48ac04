#include "services/scoring/measurement/worker.h"

#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/telemetry/metrics.h"
#include "services/scoring/measurement/equating.h"
#include "services/scoring/measurement/standard.h"

namespace invigil::scoring {
namespace {

// Whether it will pass: the store or the item bank is busy or away.
bool Passes(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status) ||
         absl::IsDeadlineExceeded(status);
}

absl::Status Unreadable() { return Internal("stored measurement work can't be read"); }

// The statistics that were accepted, for the item bank.
absl::StatusOr<itembank::v1::ReviseItemsRequest> RevisionOf(
    const WorkRecord& record, const itembank::v1::ListItemStatisticsResponse& bank) {
  v1::CalibrationResult result;
  v1::AcceptCalibrationRequest accepted;
  if (!result.ParseFromString(record.result) || !accepted.ParseFromString(record.acceptance)) {
    return Unreadable();
  }
  const std::set<std::string> wanted(accepted.item_ids().begin(), accepted.item_ids().end());
  std::map<std::string, uint32_t> since;
  for (const auto& item : bank.items()) since[item.item_id()] = item.same_content_since();
  itembank::v1::ReviseItemsRequest request;
  request.set_request_id(record.id);
  for (const v1::CalibratedItem& item : result.items()) {
    if (!wanted.contains(item.item_id())) continue;
    if (since[item.item_id()] > item.item_version()) {
      return FailedPrecondition("ITEM_VERSION_CONFLICT",
                                "the question of item " + item.item_id() +
                                    " changed since it was calibrated; calibrate it anew");
    }
    itembank::v1::ItemRevision* revision = request.add_revisions();
    revision->set_item_id(item.item_id());
    revision->set_same_content_since(since[item.item_id()]);
    itembank::v1::IrtParameters* irt = revision->mutable_irt();
    irt->set_slope(item.slope());
    irt->set_difficulty(item.difficulty());
    irt->set_lower_asymptote(item.lower_asymptote());
    irt->set_sample_size(item.answers());
    irt->set_calibration_id(record.id);
    if (item.has_slope_error()) irt->set_slope_error(item.slope_error());
    if (item.has_difficulty_error()) irt->set_difficulty_error(item.difficulty_error());
    if (item.has_lower_asymptote_error()) {
      irt->set_lower_asymptote_error(item.lower_asymptote_error());
    }
  }
  return request;
}

absl::StatusOr<itembank::v1::ReviseItemsRequest> PromotionOf(
    const WorkRecord& record, const itembank::v1::ListItemStatisticsResponse& bank) {
  v1::Promotion promotion;
  if (!promotion.ParseFromString(record.result)) return Unreadable();
  std::map<std::string, const itembank::v1::ItemStatistics*> known;
  for (const auto& item : bank.items()) known[item.item_id()] = &item;
  itembank::v1::ReviseItemsRequest request;
  request.set_request_id(record.id);
  for (const v1::ItemVerdict& verdict : promotion.items()) {
    if (!verdict.good()) continue;
    const auto item = known.find(verdict.item_id());
    // Statistics that were replaced since are others than those that were judged.
    if (item == known.end() || item->second->irt().calibration_id() != promotion.calibration_id()) {
      return FailedPrecondition("STATISTICS_REPLACED", "item " + verdict.item_id() +
                                                           " no longer has the statistics of the "
                                                           "calibration it was judged by");
    }
    itembank::v1::ItemRevision* revision = request.add_revisions();
    revision->set_item_id(verdict.item_id());
    revision->set_same_content_since(item->second->same_content_since());
    revision->set_promote(true);
  }
  return request;
}

}  // namespace

MeasurementWorker::MeasurementWorker(MeasurementStore& store, RescoringStore& rescorings,
                                     ScoreStore& scores, KeyRing& ring, StatisticsBank& bank,
                                     const Clock& clock, WorkerOptions options)
    : store_(store),
      rescorings_(rescorings),
      scores_(scores),
      ring_(ring),
      bank_(bank),
      clock_(clock),
      options_(std::move(options)),
      owner_(options_.owner.empty() ? RandomHex(8) : options_.owner),
      thread_([this] { Loop(); }) {}

MeasurementWorker::~MeasurementWorker() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void MeasurementWorker::Kick() {
  {
    const std::lock_guard lock(mutex_);
    kicked_ = true;
  }
  wake_.notify_all();
}

bool MeasurementWorker::Stopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void MeasurementWorker::Loop() {
  static auto& failures = telemetry::GetCounter("invigil_scoring_measurement_failures_total",
                                                "Times that measurement work could not go on.");
  for (;;) {
    const auto unfinished = store_.ListUnfinished();
    if (!unfinished.ok()) {
      log::Warning("measurement work can't be read", {{"error", unfinished.status().ToString()}});
    } else {
      for (const WorkRecord& record : *unfinished) {
        if (Stopping()) return;
        const absl::Status status = Work(record);
        if (status.ok() || absl::IsCancelled(status) || ReasonOf(status) == "MEASUREMENT_MOVED") {
          continue;
        }
        failures.Add();
        log::Warning("measurement work could not go on; it will be tried again",
                     {{"id", record.id},
                      {"reason", ReasonOf(status)},
                      {"error", std::string(status.message())}});
      }
    }
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, options_.poll, [this] { return stopping_ || kicked_; });
    kicked_ = false;
    if (stopping_) return;
  }
}

absl::Status MeasurementWorker::Work(const WorkRecord& record) {
  const Time now = clock_.Now();
  const auto mine = store_.Claim(record.id, owner_, now, now + options_.lease);
  if (!mine.ok() || !*mine) return mine.status();
  absl::Status status = record.state == WorkState::kRunning ? Compute(record) : Apply(record);
  if (status.ok() || Passes(status) || ReasonOf(status) == "MEASUREMENT_MOVED" ||
      absl::IsCancelled(status)) {
    return status;
  }
  return Fail(record, status);
}

Reporter MeasurementWorker::ReporterFor(const WorkRecord& record) {
  return [this, id = record.id, last = clock_.Monotonic() - options_.report](
             const v1::CalibrationProgress& progress) mutable {
    if (Stopping()) return false;
    const Duration now = clock_.Monotonic();
    if (now - last < options_.report) return true;
    last = now;
    const auto runs =
        store_.Progress(id, progress.SerializeAsString(), clock_.Now() + options_.lease);
    // A store that is busy for a moment stops nothing; a person who cancelled does.
    return !runs.ok() || *runs;
  };
}

absl::Status MeasurementWorker::Propose(const WorkRecord& record, const std::string& result,
                                        const std::string& digest) {
  log::Info("measurement work is proposed", {{"id", record.id}});
  WorkStep step;
  step.id = record.id;
  step.from = {WorkState::kRunning};
  step.to = WorkState::kProposed;
  step.actor = "scoring";
  step.act = "proposed";
  step.act_digest = digest;
  step.result = result;
  step.digest = digest;
  step.now = clock_.Now();
  return store_.Take(record.kind, step).status();
}

absl::Status MeasurementWorker::Fail(const WorkRecord& record, const absl::Status& why) {
  const std::string reason = ReasonOf(why);
  const std::string problem =
      absl::StrCat(reason.empty() ? "INTERNAL" : reason, ": ", std::string(why.message()));
  log::Warning("measurement work failed", {{"id", record.id}, {"error", problem}});
  WorkStep step;
  step.id = record.id;
  step.from = {WorkState::kRunning, WorkState::kApplying};
  step.to = WorkState::kFailed;
  step.actor = "scoring";
  step.act = "failed";
  step.act_digest = record.digest;
  step.problem = problem;
  step.now = clock_.Now();
  return store_.Take(record.kind, step).status();
}

absl::Status MeasurementWorker::Compute(const WorkRecord& record) {
  const auto bank = bank_.List(record.exam_id);
  if (!bank.ok()) return bank.status();
  DatasetReader reader(rescorings_, ring_);
  const Reporter report = ReporterFor(record);
  if (record.kind == WorkKind::kCalibration) {
    v1::CalibrationSettings settings;
    if (!settings.ParseFromString(record.settings)) return Unreadable();
    const auto result = RunCalibration(settings, *bank, reader, options_.threads, report);
    if (!result.ok()) return result.status();
    return Propose(record, result->SerializeAsString(), result->digest());
  }
  if (record.kind == WorkKind::kEquating) {
    v1::EquatingSettings settings;
    if (!settings.ParseFromString(record.settings)) return Unreadable();
    const EquatingSources sources{.bank = *bank,
                                  .reader = reader,
                                  .ring = ring_,
                                  .scores = scores_,
                                  .threads = options_.threads};
    const auto result = RunEquating(settings, sources, report);
    if (!result.ok()) return result.status();
    return Propose(record, result->SerializeAsString(), result->digest());
  }
  v1::StandardSettingRecord panel;
  if (!panel.ParseFromString(record.settings)) return Unreadable();
  v1::DatasetScope scope;
  scope.set_exam_id(record.exam_id);
  const auto candidates = reader.Read(scope, {}, *bank, [&](uint64_t) { return report({}); });
  if (!candidates.ok()) return candidates.status();
  const auto result = RunStandardSetting(panel, *bank, *candidates);
  if (!result.ok()) return result.status();
  return Propose(record, result->SerializeAsString(), result->digest());
}

absl::Status MeasurementWorker::Apply(const WorkRecord& record) {
  std::string outcome;
  if (record.kind == WorkKind::kStandardSetting) {
    v1::StandardSettingResult result;
    if (!result.ParseFromString(record.result)) return Unreadable();
    itembank::v1::SetStandardRequest request;
    request.set_request_id(record.id);
    request.set_exam_id(record.exam_id);
    request.set_method(result.method());
    request.set_base_cut_raw(result.base_cut_raw());
    request.set_standard_error(result.standard_error());
    request.set_standard_setting_id(record.id);
    const auto set = bank_.SetStandard(request);
    if (!set.ok()) return set.status();
    outcome = std::to_string(set->exam_version());
  } else {
    const auto bank = bank_.List(record.exam_id);
    if (!bank.ok()) return bank.status();
    const auto request = record.kind == WorkKind::kCalibration ? RevisionOf(record, *bank)
                                                               : PromotionOf(record, *bank);
    if (!request.ok()) return request.status();
    const auto revised = bank_.Revise(*request);
    if (!revised.ok()) return revised.status();
    outcome = std::to_string(revised->revised_count());
  }
  log::Info("measurement work is in effect", {{"id", record.id}});
  WorkStep step;
  step.id = record.id;
  step.from = {WorkState::kApplying};
  step.to = WorkState::kAccepted;
  step.actor = "scoring";
  step.act = "applied";
  step.act_digest = record.digest;
  step.outcome = outcome;
  step.now = clock_.Now();
  return store_.Take(record.kind, step).status();
}

}  // namespace invigil::scoring
