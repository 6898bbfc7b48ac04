#include "services/scoring/rpc/rescorer.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/telemetry/metrics.h"
#include "services/scoring/domain/packer.h"

namespace invigil::scoring {
namespace {

// The digest behind one more line.
std::string Behind(const std::string& digest, Packer line) {
  return Sha256Hex(digest + line.Take());
}

void Pack(const Standing& standing, Packer& out) {
  out.Number(standing.raw_score).Number(standing.raw_max).Number(standing.scaled_score);
  out.Number(standing.passed ? 1 : 0);
}

std::string Behind(const std::string& digest, const ChangeRecord& change) {
  Packer line;
  line.Text(change.session_id).Number(static_cast<int>(change.outcome));
  line.Number(change.attempt_version).Number(change.old_version);
  Pack(change.held, line);
  Pack(change.renewed, line);
  line.Text(change.problem);
  if (change.earlier) line.Text("earlier decisions");
  return Behind(digest, std::move(line));
}

std::string Behind(const std::string& digest, const ScoreRecord& score) {
  Packer line;
  line.Text(score.session_id).Number(score.key_version).Text(Sha256Hex(score.body));
  return Behind(digest, std::move(line));
}

void Count(const ChangeRecord& change, RescoringCounts& counts) {
  switch (change.outcome) {
    case RescoringOutcome::kProtected:
      ++counts.kept;
      break;
    case RescoringOutcome::kFailed:
      ++counts.failed;
      break;
    case RescoringOutcome::kChanged:
      ++counts.changed;
      counts.fail_to_pass += !change.held.passed && change.renewed.passed ? 1 : 0;
      counts.pass_to_fail += change.held.passed && !change.renewed.passed ? 1 : 0;
      counts.raised += change.renewed.scaled_score > change.held.scaled_score ? 1 : 0;
      counts.lowered += change.renewed.scaled_score < change.held.scaled_score ? 1 : 0;
      counts.late += change.late ? 1 : 0;
      break;
    case RescoringOutcome::kSuperseded:
      ++counts.superseded;
      break;
    case RescoringOutcome::kUnchanged:
      break;
  }
}

// A line of the preview as it was shown, and as it comes out now.
bool AsShown(const ChangeRecord& shown, const ChangeRecord& now) {
  return now.outcome == shown.outcome && now.held == shown.held && now.renewed == shown.renewed;
}

// Pages of a preview before the others have their turn: some seconds at most.
constexpr int kPagesATurn = 20;

// Sessions of an approved rescoring that keep their score because it can't be made anew: nobody
// looks at its lines any more, so this has to be seen.
void CountLateFailure(const ChangeRecord& change, const std::string& rescoring_id) {
  static auto& failed = telemetry::GetCounter(
      "invigil_scoring_rescoring_sessions_failed_total",
      "Sessions that could not be scored anew after the rescoring was approved.");
  failed.Add();
  log::Warning("a session keeps its score: it can't be scored anew",
               {{"rescoring_id", rescoring_id},
                {"session_id", change.session_id},
                {"problem", change.problem}});
}

bool IsUnfinished(RescoringStage stage) {
  return stage == RescoringStage::kPreviewing || stage == RescoringStage::kApplying ||
         stage == RescoringStage::kCatchingUp;
}

}  // namespace

Rescorer::Rescorer(ScoringStore& store, KeyRing& ring, const Clock& clock, RescorerOptions options)
    : store_(store),
      ring_(ring),
      clock_(clock),
      options_(std::move(options)),
      owner_(options_.owner.empty() ? RandomHex(8) : options_.owner),
      thread_([this] { Loop(); }) {}

Rescorer::~Rescorer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Rescorer::Kick() {
  {
    const std::lock_guard lock(mutex_);
    kicked_ = true;
  }
  wake_.notify_all();
}

bool Rescorer::Stopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void Rescorer::Loop() {
  static auto& failures = telemetry::GetCounter("invigil_scoring_rescoring_failures_total",
                                                "Times that a rescoring could not go on.");
  for (;;) {
    auto unfinished = store_.ListUnfinished();
    bool more = false;
    if (!unfinished.ok()) {
      log::Warning("rescorings can't be read", {{"error", unfinished.status().ToString()}});
    } else {
      // Approved corrections first: a look can wait.
      std::stable_partition(unfinished->begin(), unfinished->end(), [](const auto& record) {
        return record.stage != RescoringStage::kPreviewing;
      });
      for (const RescoringRecord& record : *unfinished) {
        const auto left = Work(record);
        more |= left.ok() && *left;
        if (left.ok()) continue;
        failures.Add();
        log::Warning("a rescoring could not go on; it will be tried again",
                     {{"rescoring_id", record.rescoring_id},
                      {"reason", ReasonOf(left.status())},
                      {"error", std::string(left.status().message())}});
      }
    }
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, options_.poll, [&] { return stopping_ || kicked_ || more; });
    kicked_ = false;
    if (stopping_) return;
  }
}

absl::StatusOr<bool> Rescorer::GaveUpStale(const RescoringRecord& record) {
  if (record.stage != RescoringStage::kPreviewing) return false;
  const auto last = store_.LastRevision(record.definition.exam_id);
  if (!last.ok()) return last.status();
  if (*last == record.base_revision) return false;
  const auto given_up = store_.Cancel(
      record.rescoring_id, "scoring",
      "another rescoring of the exam was approved before the preview was whole; make it again",
      clock_.Now());
  if (!given_up.ok()) return given_up.status();
  return true;
}

absl::StatusOr<bool> Rescorer::Work(RescoringRecord record) {
  const Time now = clock_.Now();
  const auto mine = store_.Claim(record.rescoring_id, owner_, now, now + options_.lease);
  if (!mine.ok()) return mine.status();
  if (!*mine) return false;
  const auto stale = GaveUpStale(record);
  if (!stale.ok()) return stale.status();
  if (*stale) return false;
  auto rescorer = SessionRescorer::Create(record, ring_, store_);
  if (!rescorer.ok()) return rescorer.status();
  int pages = 0;
  while (IsUnfinished(record.stage) && !Stopping()) {
    if (record.stage == RescoringStage::kPreviewing && pages++ == kPagesATurn) return true;
    absl::Status status = Turn(record, **rescorer);
    if (status.ok()) continue;
    const std::string reason = ReasonOf(status);
    if (reason == "CONVERSION_CONFLICT") {
      (*rescorer)->Forget();
    } else if (reason != "RESCORING_MOVED") {
      return status;
    }
    // Cancelled, taken on by another replica, or a session that was sealed again: look again.
    auto again = store_.GetRescoring(record.rescoring_id);
    if (!again.ok()) return again.status();
    record = *std::move(again);
  }
  return false;
}

absl::Status Rescorer::Turn(RescoringRecord& record, SessionRescorer& rescorer) {
  RescoringStep step{.rescoring_id = record.rescoring_id,
                     .stage = record.stage,
                     .from_place = record.place,
                     .to_place = record.place,
                     .counts = record.counts,
                     .digest = record.digest};
  absl::Status status;
  switch (record.stage) {
    case RescoringStage::kPreviewing:
      status = Preview(record, rescorer, step);
      break;
    case RescoringStage::kApplying:
      status = Apply(record, rescorer, step);
      break;
    default:
      status = CatchUp(record, rescorer, step);
  }
  if (!status.ok()) return status;
  step.now = clock_.Now();
  step.lease_until = step.now + options_.lease;
  for (auto& made : step.scores) {
    made.score.score_time = step.now;
    step.digest = Behind(step.digest, made.score);
    ++step.counts.written;
  }
  INVIGIL_RETURN_IF_ERROR(store_.Store(step));
  if (step.then) {
    log::Info("a rescoring reached its next stage",
              {{"rescoring_id", record.rescoring_id}, {"stage", static_cast<int64_t>(*step.then)}});
  }
  record.stage = step.then.value_or(step.stage);
  record.place = step.then ? "" : step.to_place;
  record.counts = step.counts;
  record.digest = step.digest;
  return absl::OkStatus();
}

absl::Status Rescorer::Preview(const RescoringRecord& record, SessionRescorer& rescorer,
                               RescoringStep& step) {
  const auto page = store_.ListScored(record.definition.exam_id, 0, record.begin_epoch,
                                      record.place, options_.page);
  if (!page.ok()) return page.status();
  auto rescored = RescoreAll(page->sessions, rescorer, false);
  if (!rescored.ok()) return rescored.status();
  for (RescoredSession& session : *rescored) {
    if (!session.in_scope) continue;
    ++step.counts.seen;
    step.counts.touched += session.touched ? 1 : 0;
    step.counts.skipped += session.skipped ? 1 : 0;
    if (session.change.outcome == RescoringOutcome::kUnchanged) continue;
    Count(session.change, step.counts);
    step.digest = Behind(step.digest, session.change);
    step.changes.push_back(std::move(session.change));
  }
  step.to_place = page->done_to;
  if (page->last) {
    step.then = RescoringStage::kPreviewed;
    step.act = "previewed";
  }
  return absl::OkStatus();
}

absl::Status Rescorer::Apply(const RescoringRecord& record, SessionRescorer& rescorer,
                             RescoringStep& step) {
  const auto shown = store_.ListChanges(
      record.rescoring_id, {.outcome = RescoringOutcome::kChanged}, record.place, options_.page);
  if (!shown.ok()) return shown.status();
  std::vector<ScoredSession> sessions;
  for (const ChangeRecord& change : *shown) {
    auto score = store_.GetScore(change.session_id, 0);
    if (!score.ok()) return score.status();
    auto key = store_.FindKey(score->form_id);
    if (!key.ok()) return key.status();
    // The scope was applied by the preview.
    sessions.push_back({.score = *std::move(score), .key = key->value_or("")});
    sessions.back().first_scored = record.definition.from.value_or(Time{});
  }
  auto rescored = RescoreAll(sessions, rescorer, true);
  if (!rescored.ok()) return rescored.status();
  for (size_t i = 0; i < shown->size(); ++i) {
    const ChangeRecord& before = (*shown)[i];
    RescoredSession& session = (*rescored)[i];
    step.to_place = before.session_id;
    if (before.late || before.new_version != 0) continue;
    if (session.change.attempt_version != before.attempt_version ||
        session.change.old_version != before.old_version) {
      ChangeRecord superseded = before;
      superseded.outcome = RescoringOutcome::kSuperseded;
      Count(superseded, step.counts);
      step.changes.push_back(std::move(superseded));
    } else if (AsShown(before, session.change) && session.score) {
      step.scores.push_back(*std::move(session.score));
    } else {
      // What was not shown is not written.
      ChangeRecord failed = before;
      failed.outcome = RescoringOutcome::kFailed;
      failed.problem = "PREVIEW_DIFFERS: another score comes out than the preview showed";
      Count(failed, step.counts);
      CountLateFailure(failed, record.rescoring_id);
      step.changes.push_back(std::move(failed));
    }
  }
  if (shown->size() < options_.page) step.then = RescoringStage::kCatchingUp;
  return absl::OkStatus();
}

absl::Status Rescorer::CatchUp(const RescoringRecord& record, SessionRescorer& rescorer,
                               RescoringStep& step) {
  const auto page = store_.ListScored(record.definition.exam_id, record.begin_epoch,
                                      record.end_epoch, record.place, options_.page);
  if (!page.ok()) return page.status();
  auto rescored = RescoreAll(page->sessions, rescorer, true);
  if (!rescored.ok()) return rescored.status();
  for (RescoredSession& session : *rescored) {
    if (!session.in_scope) continue;
    ++step.counts.seen;
    step.counts.touched += session.touched ? 1 : 0;
    step.counts.skipped += session.skipped ? 1 : 0;
    if (session.change.outcome == RescoringOutcome::kUnchanged) continue;
    session.change.late = true;
    Count(session.change, step.counts);
    if (session.change.outcome == RescoringOutcome::kFailed) {
      CountLateFailure(session.change, record.rescoring_id);
    }
    if (session.score) step.scores.push_back(*std::move(session.score));
    step.changes.push_back(std::move(session.change));
  }
  step.to_place = page->done_to;
  if (page->last) {
    step.then = RescoringStage::kDone;
    step.act = "done";
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<RescoredSession>> Rescorer::RescoreAll(
    const std::vector<ScoredSession>& sessions, SessionRescorer& rescorer, bool with_score) {
  std::vector<absl::StatusOr<RescoredSession>> results(sessions.size(),
                                                       absl::UnknownError("not computed"));
  std::atomic<size_t> next{0};
  const auto run = [&] {
    for (size_t i = next++; i < sessions.size(); i = next++) {
      results[i] = rescorer.Rescore(sessions[i], with_score);
    }
  };
  std::vector<std::thread> threads;
  const size_t most = std::min(static_cast<size_t>(options_.threads), sessions.size() / 8 + 1);
  for (size_t i = 1; i < most; ++i) threads.emplace_back(run);
  run();
  for (std::thread& thread : threads) thread.join();
  std::vector<RescoredSession> rescored;
  rescored.reserve(results.size());
  for (auto& result : results) {
    if (!result.ok()) return std::move(result).status();
    rescored.push_back(*std::move(result));
  }
  return rescored;
}

}  // namespace invigil::scoring
