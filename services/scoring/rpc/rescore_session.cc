#include "services/scoring/rpc/rescore_session.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/error/error.h"
#include "services/scoring/domain/responses.h"
#include "services/scoring/rpc/convert.h"

namespace invigil::scoring {
namespace {

// Some 60 KB each where the form is touched; about 100 MB in all.
constexpr size_t kMostKits = 1024;
constexpr Duration kKeyPatience = Seconds(5);

// Whether it will pass: the store or the item bank is busy or away.
bool Passes(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status) ||
         absl::IsDeadlineExceeded(status) || absl::IsAborted(status);
}

Standing StandingOf(const Score& score) {
  return {.raw_score = score.raw_score,
          .raw_max = score.raw_max,
          .scaled_score = score.scaled_score,
          .passed = score.passed};
}

std::string Problem(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  return absl::StrCat(reason.empty() ? "INTERNAL" : reason, ": ", std::string(status.message()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<SessionRescorer>> SessionRescorer::Create(
    const RescoringRecord& record, KeyRing& ring, ScoreStore& scores) {
  std::unique_ptr<SessionRescorer> rescorer(new SessionRescorer(ring, scores));
  rescorer->rescoring_id_ = record.rescoring_id;
  rescorer->definition_ = record.definition;
  auto decisions = ParseDecisions(record.definition.decisions);
  if (!decisions.ok()) return decisions.status();
  rescorer->decisions_ = *std::move(decisions);
  const auto exam = ring.RevisionsOf(record.definition.exam_id);
  if (!exam.ok()) return exam.status();
  for (const KeyRevision& revision : (*exam)->revisions) {
    if (revision.revision <= record.base_revision) rescorer->before_.push_back(revision);
  }
  rescorer->after_ = rescorer->before_;
  rescorer->after_.push_back({record.base_revision + 1, rescorer->decisions_});
  return rescorer;
}

bool SessionRescorer::InScope(const ScoredSession& session) const {
  const auto& forms = definition_.form_ids;
  return (forms.empty() || std::binary_search(forms.begin(), forms.end(), session.score.form_id)) &&
         (!definition_.from || session.first_scored >= *definition_.from) &&
         (!definition_.until || session.first_scored < *definition_.until);
}

absl::StatusOr<std::optional<SessionRescorer::Table>> SessionRescorer::StoredTable(
    const std::string& form_id, uint32_t key_version) {
  auto stored = scores_.FindConversion(form_id, key_version);
  if (!stored.ok()) return stored.status();
  if (!stored->has_value()) return std::nullopt;
  auto conversion = ParseConversion((*stored)->text);
  if (!conversion.ok()) return conversion.status();
  return Table{*std::move(conversion), Sha256Hex((*stored)->text)};
}

absl::StatusOr<std::shared_ptr<const SessionRescorer::FormKit>> SessionRescorer::KitOf(
    const ScoredSession& session) {
  const std::string& form_id = session.score.form_id;
  {
    const std::lock_guard lock(mutex_);
    const auto known = kits_.find(form_id);
    if (known != kits_.end()) return known->second;
  }
  auto bank_key = ring_.BankKey(form_id, session.key, kKeyPatience);
  if (!bank_key.ok()) return bank_key.status();
  auto kit = std::make_shared<FormKit>();
  kit->bank_key = *std::move(bank_key);
  kit->touched = decisions_.empty() || Concerns(decisions_, *kit->bank_key);
  kit->skipped = PassesBy(decisions_, *kit->bank_key);
  if (!kit->touched) kit->bank_key.reset();
  if (kit->touched) {
    auto before = KeyUnder(*kit->bank_key, before_);
    if (!before.ok()) return before.status();
    kit->before = *std::move(before);
    std::vector<RefusedDecision> refused;
    kit->new_key = KeyUnder(*kit->bank_key, after_, &refused);
    // What the form refused of earlier decisions was said in their previews.
    for (const RefusedDecision& decision : refused) {
      if (decision.revision == after_.back().revision) kit->new_key = decision.why;
    }
    if (!kit->new_key.ok()) {
      kit->new_table = kit->new_key.status();
    } else {
      auto table = TableOf(*kit->new_key, *kit->bank_key);
      if (!table.ok()) return table.status();
      kit->new_table = *std::move(table);
    }
  }
  const std::lock_guard lock(mutex_);
  if (kits_.size() >= kMostKits) kits_.clear();
  return kits_.emplace(form_id, kit).first->second;
}

absl::StatusOr<absl::StatusOr<SessionRescorer::Table>> SessionRescorer::TableOf(
    const ScoringKey& key, const ScoringKey& bank_key) {
  auto stored = StoredTable(key.form_id, key.key_version);
  if (!stored.ok()) return stored.status();
  if (stored->has_value()) return absl::StatusOr<Table>(**std::move(stored));
  const auto base = StoredTable(key.form_id, bank_key.key_version);
  if (!base.ok()) return base.status();
  auto made = ConversionUnder(key, bank_key, base->has_value() ? &(*base)->conversion : nullptr);
  if (!made.ok()) return absl::StatusOr<Table>(made.status());
  std::string hash = HashOf(*made);
  return absl::StatusOr<Table>(Table{*std::move(made), std::move(hash)});
}

absl::StatusOr<bool> SessionRescorer::EarlierDecisions(const Score& held,
                                                       const std::vector<SealedResponse>& responses,
                                                       const FormKit& kit) {
  if (held.key_version == kit.before.key_version) return false;
  const auto table = TableOf(kit.before, *kit.bank_key);
  if (!table.ok()) return table.status();
  if (!table->ok()) return table->status();
  const auto score = ScoreResponses(responses, kit.before, (*table)->conversion, (*table)->hash);
  if (!score.ok()) return score.status();
  return Judge(held, *score, RescoringPolicy::kExact) != RescoringOutcome::kUnchanged;
}

void SessionRescorer::Forget() {
  const std::lock_guard lock(mutex_);
  kits_.clear();
  held_.clear();
}

absl::StatusOr<std::shared_ptr<const SessionRescorer::HeldKit>> SessionRescorer::HeldKitOf(
    const ScoreRecord& record, const FormKit& kit) {
  const std::pair name(record.form_id, record.key_version);
  {
    const std::lock_guard lock(mutex_);
    const auto known = held_.find(name);
    if (known != held_.end()) return known->second;
  }
  auto key = KeyAtVersion(*kit.bank_key, before_, record.key_version);
  if (!key.ok()) return key.status();
  auto table = StoredTable(record.form_id, record.key_version);
  if (!table.ok()) return table.status();
  auto made = std::make_shared<const HeldKit>(HeldKit{*std::move(key), *std::move(table)});
  const std::lock_guard lock(mutex_);
  if (held_.size() >= kMostKits) held_.clear();
  return held_.emplace(name, std::move(made)).first->second;
}

// The score it has, computed again: what does not replay must not be built upon.
absl::StatusOr<Score> SessionRescorer::ScoreHeld(const ScoredSession& session,
                                                 const std::vector<SealedResponse>& responses,
                                                 const FormKit& kit) {
  const ScoreRecord& record = session.score;
  const auto held = HeldKitOf(record, kit);
  if (!held.ok()) return held.status();
  const std::optional<Table>& table = (*held)->table;
  if (!table || table->hash != record.conversion_hash) {
    return Internal("the conversion of the stored score is missing");
  }
  auto score = ScoreResponses(responses, (*held)->key, table->conversion, table->hash);
  if (!score.ok()) return score.status();
  if (score->raw_score != record.raw_score || score->scaled_score != record.scaled_score ||
      score->passed != record.passed) {
    return Internal("the stored score does not replay");
  }
  return score;
}

absl::StatusOr<RescoredSession> SessionRescorer::Rescore(const ScoredSession& session,
                                                         bool with_score) {
  RescoredSession result;
  result.in_scope = InScope(session);
  if (!result.in_scope) return result;
  const ScoreRecord& record = session.score;
  result.change = {.session_id = record.session_id,
                   .outcome = RescoringOutcome::kUnchanged,
                   .attempt_version = record.attempt_version,
                   .old_version = record.score_version,
                   .held = {.raw_score = record.raw_score,
                            .scaled_score = record.scaled_score,
                            .passed = record.passed}};
  const auto fail = [&result](const absl::Status& status) -> absl::StatusOr<RescoredSession> {
    if (Passes(status)) return status;
    result.touched = true;
    result.change.outcome = RescoringOutcome::kFailed;
    result.change.problem = Problem(status);
    return std::move(result);
  };
  const auto kit = KitOf(session);
  if (!kit.ok()) return fail(kit.status());
  result.touched = (*kit)->touched;
  result.skipped = (*kit)->skipped;
  if (!result.touched) return result;
  const auto responses = ParseResponses(record.responses);
  if (!responses.ok()) return fail(responses.status());
  const auto held = ScoreHeld(session, *responses, **kit);
  if (!held.ok()) return fail(held.status());
  result.change.held = StandingOf(*held);
  const auto& table = (*kit)->new_table;
  if (!table.ok()) return fail(table.status());
  const auto renewed = ScoreResponses(*responses, *(*kit)->new_key, table->conversion, table->hash);
  if (!renewed.ok()) return fail(renewed.status());
  result.change.outcome = Judge(*held, *renewed, definition_.policy);
  result.change.renewed = StandingOf(*renewed);
  if (result.change.outcome != RescoringOutcome::kUnchanged) {
    const auto earlier = EarlierDecisions(*held, *responses, **kit);
    if (!earlier.ok()) return fail(earlier.status());
    result.change.earlier = *earlier;
  }
  if (result.change.outcome != RescoringOutcome::kChanged || !with_score) return result;
  const auto equating = ring_.EquatingOf(*(*kit)->new_key);
  if (!equating.ok()) return fail(equating.status());
  RescoringStep::NewScore made{.score = record};
  made.score.key_version = renewed->key_version;
  made.score.conversion_hash = renewed->conversion_hash;
  made.score.raw_score = renewed->raw_score;
  made.score.scaled_score = renewed->scaled_score;
  made.score.passed = renewed->passed;
  made.score.body = EncodeScore(*renewed, record.session_id, *equating);
  made.score.rescoring_id = rescoring_id_;
  made.conversion = {.form_id = record.form_id,
                     .key_version = renewed->key_version,
                     .hash = table->hash,
                     .text = Serialize(table->conversion)};
  if (session.key.empty()) made.conversion.key = RecordOf(*(*kit)->bank_key);
  result.score = std::move(made);
  return result;
}

namespace {

// What of a stored score does not come out again; empty: nothing.
absl::StatusOr<std::string> FaultOf(const ScoreRecord& record, KeyRing& ring, ScoreStore& scores) {
  const auto bank_key = ring.BankKey(record.form_id, "", kKeyPatience);
  if (!bank_key.ok()) return bank_key.status();
  const auto exam = ring.RevisionsOf(record.exam_id);
  if (!exam.ok()) return exam.status();
  const auto key = KeyAtVersion(**bank_key, (*exam)->revisions, record.key_version);
  if (!key.ok()) return "no key of that version comes out";
  const auto stored = scores.FindConversion(record.form_id, record.key_version);
  if (!stored.ok()) return stored.status();
  if (!stored->has_value()) return "its conversion is missing";
  if (Sha256Hex((*stored)->text) != record.conversion_hash) return "its conversion is another";
  const auto conversion = ParseConversion((*stored)->text);
  if (!conversion.ok()) return "its conversion can't be read";
  const auto responses = ParseResponses(record.responses);
  if (!responses.ok()) return "its sealed responses can't be read";
  const auto score = ScoreResponses(*responses, *key, *conversion, record.conversion_hash);
  if (!score.ok())
    return absl::StrCat("it can't be scored: ", std::string(score.status().message()));
  const auto equating = EquatingIn(record.body);
  if (!equating.ok()) return "its body can't be read";
  if (EncodeScore(*score, record.session_id, *equating) != record.body) {
    return "another score comes out";
  }
  return "";
}

}  // namespace

absl::StatusOr<std::vector<Replayed>> ReplayScores(const std::string& session_id,
                                                   uint32_t score_version, KeyRing& ring,
                                                   ScoreStore& scores) {
  std::vector<Replayed> replayed;
  for (uint32_t version = std::max(score_version, 1u);; ++version) {
    auto record = scores.GetScore(session_id, version);
    if (absl::IsNotFound(record.status()) && !replayed.empty()) return replayed;
    if (!record.ok()) return record.status();
    auto fault = FaultOf(*record, ring, scores);
    if (!fault.ok()) return fault.status();
    replayed.push_back({*std::move(record), *std::move(fault)});
    if (score_version != 0) return replayed;
  }
}

}  // namespace invigil::scoring
