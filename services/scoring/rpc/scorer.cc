#include "services/scoring/rpc/scorer.h"

#include <utility>

#include "common/error/error.h"
#include "common/log/log.h"
#include "common/telemetry/metrics.h"
#include "services/scoring/domain/scoring.h"
#include "services/scoring/rpc/convert.h"

namespace invigil::scoring {
namespace {

constexpr int kMostOvertaken = 3;

// A sealed session gets its score also where its form can't carry a decision out; that somebody has
// to decide otherwise about such forms must be seen.
void AlarmOf(const std::vector<RefusedDecision>& refused, const ScoringKey& key) {
  static auto& alarms = telemetry::GetCounter(
      "invigil_scoring_decisions_refused_total",
      "Scores of forms that can't carry an approved decision about an item out.");
  if (refused.empty()) return;
  alarms.Add();
  log::Warning("a form can't carry a decision out; it is scored by the key before",
               {{"form_id", key.form_id},
                {"revision", static_cast<int64_t>(refused.back().revision)},
                {"error", std::string(refused.back().why.message())}});
}

}  // namespace

struct Scorer::Call {
  ScoreRequest request;
  std::string responses_text;
  Done done;
  // Times it was scored again because the form's conversion was stored by another replica, or the
  // exam's key was revised, just then.
  int overtaken = 0;

  // Takes the status over: nothing of it stays with this thread.
  void Fail(absl::Status status) {
    log::Warning("not scored", {{"session_id", request.session_id},
                                {"form_id", request.form_id},
                                {"reason", ReasonOf(status)},
                                {"error", std::string(status.message())},
                                {"trace_id", request.trace.trace_id}});
    done(std::move(status));
  }
};

Scorer::Scorer(KeySource& keys, KeyRing& ring, ScoreStore& store, rpc::Executor& executor,
               const Clock& clock)
    : keys_(keys), ring_(ring), store_(store), executor_(executor), clock_(clock) {}

void Scorer::ScoreSession(ScoreRequest request, Done done) {
  auto call = std::make_shared<Call>();
  call->request = std::move(request);
  call->done = std::move(done);
  RunStep(call, [this, call] { return LookUp(call); });
}

void Scorer::RunStep(const CallPtr& call, std::function<absl::Status()> step) {
  const bool taken = executor_.TryRun([call, step = std::move(step)] {
    absl::Status status =
        call->request.time_left() > Duration(0)
            ? step()
            : Error(absl::StatusCode::kDeadlineExceeded, "TOO_LATE",
                    "the caller's deadline passed before the score was made; try again")
                  .Build();
    if (!status.ok()) call->Fail(std::move(status));
  });
  if (!taken) call->Fail(ResourceExhausted("OVERLOADED", "too much work waits; try again"));
}

// Steps return an error to fail the call, or OK when the call has gone on or is answered.

absl::Status Scorer::LookUp(const CallPtr& call) {
  ScoreRequest& request = call->request;
  auto responses = Canonical(std::move(request.responses));
  if (!responses.ok()) return responses.status();
  request.responses = *std::move(responses);
  call->responses_text = Serialize(request.responses);
  auto stored = store_.FindAttempt(request.session_id, request.attempt_version);
  if (!stored.ok()) return stored.status();
  if (!stored->has_value()) {
    FetchKey(call);
    return absl::OkStatus();
  }
  if ((*stored)->form_id != request.form_id || (*stored)->responses != call->responses_text) {
    return ScoreConflict(request.session_id, request.attempt_version);
  }
  call->done(**std::move(stored));
  return absl::OkStatus();
}

void Scorer::FetchKey(const CallPtr& call) {
  const ScoreRequest& request = call->request;
  keys_.Fetch(request.form_id, request.time_left(), request.trace, [this, call](auto key) {
    if (!key.ok()) {
      call->Fail(std::move(key).status());
      return;
    }
    RunStep(call, [this, call, key = *std::move(key)] { return Write(call, key); });
  });
}

absl::Status Scorer::Write(const CallPtr& call, const KeyPtr& bank_key) {
  const ScoreRequest& request = call->request;
  const auto exam = ring_.RevisionsOf(bank_key->exam_id);
  if (!exam.ok()) return exam.status();
  std::vector<RefusedDecision> refused;
  const auto key = KeyUnder(*bank_key, (*exam)->revisions, &refused);
  if (!key.ok()) return key.status();
  AlarmOf(refused, *bank_key);
  const auto conversion = ConversionFor(*key, *bank_key);
  if (!conversion.ok()) return conversion.status();
  const auto score = ScoreResponses(request.responses, *key, *conversion);
  if (!score.ok()) return score.status();
  const auto equating = ring_.EquatingOf(*key);
  if (!equating.ok()) return equating.status();
  ScoreRecord record{.session_id = request.session_id,
                     .attempt_version = request.attempt_version,
                     .form_id = score->form_id,
                     .key_version = score->key_version,
                     .conversion_hash = score->conversion_hash,
                     .exam_id = score->exam_id,
                     .exam_version = score->exam_version,
                     .raw_score = score->raw_score,
                     .scaled_score = score->scaled_score,
                     .passed = score->passed,
                     .score_time = clock_.Now(),
                     .responses = call->responses_text,
                     .body = EncodeScore(*score, request.session_id, *equating),
                     .key_revision = (*exam)->last,
                     .rescoring_id = {},
                     .sitting = request.sitting};
  ConversionRecord table{.form_id = key->form_id,
                         .key_version = key->key_version,
                         .hash = score->conversion_hash,
                         .text = Serialize(*conversion),
                         .key = RecordOf(*bank_key)};
  store_.Append(std::move(record), std::move(table), [this, call, bank_key](auto stored) {
    if (stored.ok()) {
      // Which session and when, never how it came out.
      log::Info("session scored", {{"session_id", call->request.session_id},
                                   {"attempt_version", call->request.attempt_version},
                                   {"trace_id", call->request.trace.trace_id}});
      call->done(std::move(stored));
    } else if (absl::IsAborted(stored.status()) && ++call->overtaken <= kMostOvertaken) {
      RunStep(call, [this, call, bank_key] { return Write(call, bank_key); });
    } else {
      call->Fail(std::move(stored).status());
    }
  });
  return absl::OkStatus();
}

// The stored conversion, or a new one that is stored with the first score.
absl::StatusOr<Conversion> Scorer::ConversionFor(const ScoringKey& key,
                                                 const ScoringKey& bank_key) {
  auto stored = StoredConversion(key.form_id, key.key_version);
  if (!stored.ok()) return stored.status();
  if (stored->has_value()) return **std::move(stored);
  if (key.key_version == bank_key.key_version) return BuildConversion(key);
  const auto base = StoredConversion(key.form_id, bank_key.key_version);
  if (!base.ok()) return base.status();
  return ConversionUnder(key, bank_key, base->has_value() ? &**base : nullptr);
}

absl::StatusOr<std::optional<Conversion>> Scorer::StoredConversion(const std::string& form_id,
                                                                   uint32_t key_version) {
  const auto stored = store_.FindConversion(form_id, key_version);
  if (!stored.ok()) return stored.status();
  if (!stored->has_value()) return std::nullopt;
  auto conversion = ParseConversion((*stored)->text);
  if (!conversion.ok()) return conversion.status();
  return *std::move(conversion);
}

absl::StatusOr<ScoreRecord> Scorer::GetScore(const std::string& session_id,
                                             uint32_t score_version) {
  return store_.GetScore(session_id, score_version);
}

absl::StatusOr<ExplainedScore> Scorer::ExplainScore(const std::string& session_id,
                                                    uint32_t score_version) {
  auto score = store_.GetScore(session_id, score_version);
  if (!score.ok()) return score.status();
  const auto stored = store_.FindConversion(score->form_id, score->key_version);
  if (!stored.ok()) return stored.status();
  if (!stored->has_value() || (*stored)->hash != score->conversion_hash) {
    return Internal("the conversion of a stored score is missing: the database is damaged");
  }
  auto conversion = ParseConversion((*stored)->text);
  if (!conversion.ok()) return conversion.status();
  const Explanation explanation = Explain(*conversion, score->raw_score);
  return ExplainedScore{*std::move(score), *std::move(conversion), explanation};
}

}  // namespace invigil::scoring
