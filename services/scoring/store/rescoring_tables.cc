#include "services/scoring/store/rescoring_tables.h"

#include <utility>

#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/error/error.h"
#include "services/scoring/store/schema.h"

namespace invigil::scoring {
namespace {

constexpr size_t kMostKnownParts = 100'000;

std::string Number(RescoringStage stage) { return std::to_string(static_cast<int>(stage)); }

absl::Status Moved(const std::string& rescoring_id) {
  return Aborted("RESCORING_MOVED", "somebody else went on with the rescoring; read it again")
      .With("rescoring_id", rescoring_id);
}

}  // namespace

absl::Status RescoringNotFound(const std::string& rescoring_id) {
  return NotFound("RESCORING_NOT_FOUND", "there is no such rescoring; see ListRescorings")
      .With("rescoring_id", rescoring_id);
}

RescoringTables::RescoringTables(sql::Database& db, const std::string& shared_lock)
    : db_(db),
      hold_(db.MustPrepare("SELECT epoch, revision FROM exam_key WHERE exam_id = ?" + shared_lock)),
      add_exam_(db.MustPrepare("INSERT INTO exam_key (exam_id, epoch, revision) VALUES (?, 0, 0) "
                               "ON CONFLICT (exam_id) DO NOTHING")),
      begin_epoch_(db.MustPrepare("UPDATE exam_key SET epoch = epoch + 1, revision = revision + ?1 "
                                  "WHERE exam_id = ?2")),
      epoch_(db.MustPrepare("SELECT epoch, revision FROM exam_key WHERE exam_id = ?")),
      keep_part_(db.MustPrepare("INSERT INTO key_part (hash, body) VALUES (?, ?) "
                                "ON CONFLICT (hash) DO NOTHING")),
      keep_key_(db.MustPrepare("INSERT INTO form_key (form_id, body) VALUES (?, ?) "
                               "ON CONFLICT (form_id) DO NOTHING")),
      find_conversion_(
          db.MustPrepare("SELECT hash FROM conversion WHERE form_id = ? AND key_version = ?")),
      insert_conversion_(db.MustPrepare(
          "INSERT INTO conversion (form_id, key_version, hash, body) VALUES (?, ?, ?, ?)")),
      last_version_(
          db.MustPrepare("SELECT COALESCE(MAX(score_version), 0) FROM score WHERE session_id = ?")),
      insert_score_(db.MustPrepare(
          "INSERT INTO score (session_id, score_version, attempt_version, key_version, "
          "conversion_hash, responses_hash, exam_id, exam_version, raw_score, scaled_score, "
          "passed, score_time_us, body, rescoring_id) "
          "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")),
      get_(db.MustPrepare(std::string(kSelectRescoring) + "WHERE rescoring_id = ?")),
      by_request_(
          db.MustPrepare(std::string(kSelectRescoring) + "WHERE author = ? AND request_id = ?")),
      applying_(db.MustPrepare("SELECT COUNT(*) FROM rescoring WHERE exam_id = ? AND stage IN (" +
                               Number(RescoringStage::kApplying) + ", " +
                               Number(RescoringStage::kCatchingUp) + ")")),
      previewing_(db.MustPrepare("SELECT COUNT(*) FROM rescoring WHERE exam_id = ? AND stage = " +
                                 Number(RescoringStage::kPreviewing))),
      expected_(db.MustPrepare("SELECT COUNT(DISTINCT session_id) FROM attempt WHERE exam_id = ?")),
      insert_(db.MustPrepare(
          "INSERT INTO rescoring (rescoring_id, author, request_id, exam_id, stage, definition, "
          "create_us, base_revision, begin_epoch, end_epoch, place, counts, expected, digest, "
          "preview_digest, approver, lease_owner, lease_until_us) "
          "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, '', ?, ?, ?, '', '', '', 0)")),
      approve_(db.MustPrepare("UPDATE rescoring SET stage = " + Number(RescoringStage::kApplying) +
                              ", end_epoch = ?1, approver = ?2, place = '', lease_until_us = 0 "
                              "WHERE rescoring_id = ?3 AND stage = " +
                              Number(RescoringStage::kPreviewed))),
      insert_revision_(db.MustPrepare(
          "INSERT INTO key_revision (exam_id, revision, rescoring_id, decisions, author, approver, "
          "approve_us, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")),
      cancel_(db.MustPrepare("UPDATE rescoring SET stage = " + Number(RescoringStage::kCancelled) +
                             " WHERE rescoring_id = ? AND stage IN (" +
                             Number(RescoringStage::kPreviewing) + ", " +
                             Number(RescoringStage::kPreviewed) + ")")),
      claim_(db.MustPrepare("UPDATE rescoring SET lease_owner = ?1, lease_until_us = ?2 "
                            "WHERE rescoring_id = ?3 "
                            "AND (lease_owner = ?1 OR lease_until_us <= ?4)")),
      advance_(
          db.MustPrepare("UPDATE rescoring SET stage = ?1, place = ?2, counts = ?3, digest = ?4, "
                         "preview_digest = ?5, lease_until_us = ?6 "
                         "WHERE rescoring_id = ?7 AND stage = ?8 AND place = ?9")),
      keep_shown_(db.MustPrepare("INSERT INTO rescoring_shown (" + std::string(kChangeColumns) +
                                 ") SELECT " + kChangeColumns +
                                 " FROM rescoring_change "
                                 "WHERE rescoring_id = ?1 AND session_id = ?2 AND late = 0 "
                                 "ON CONFLICT (rescoring_id, session_id) DO NOTHING")),
      put_change_(db.MustPrepare(
          "INSERT INTO rescoring_change (" + std::string(kChangeColumns) +
          ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
          "ON CONFLICT (rescoring_id, session_id) DO UPDATE SET outcome = excluded.outcome, "
          "attempt_version = excluded.attempt_version, old_version = excluded.old_version, "
          "old_raw = excluded.old_raw, old_max = excluded.old_max, "
          "old_scaled = excluded.old_scaled, old_passed = excluded.old_passed, "
          "new_raw = excluded.new_raw, new_max = excluded.new_max, "
          "new_scaled = excluded.new_scaled, new_passed = excluded.new_passed, "
          "late = excluded.late, problem = excluded.problem, earlier = excluded.earlier")),
      written_(db.MustPrepare("UPDATE rescoring_change SET new_version = ?1 "
                              "WHERE rescoring_id = ?2 AND session_id = ?3 AND new_version = 0")),
      newest_(db.MustPrepare("SELECT attempt_version, score_version FROM score "
                             "WHERE session_id = ? "
                             "ORDER BY attempt_version DESC, score_version DESC LIMIT 1")),
      next_amendment_(db.MustPrepare("UPDATE amendment_head SET n = n + 1 WHERE one = 1")),
      amendment_head_(db.MustPrepare("SELECT n FROM amendment_head WHERE one = 1")),
      insert_amendment_(db.MustPrepare(
          "INSERT INTO amendment (sequence, session_id, score_version) VALUES (?, ?, ?)")),
      acknowledge_(db.MustPrepare("DELETE FROM amendment WHERE sequence = ?")),
      last_act_(db.MustPrepare("SELECT sequence, hash FROM rescoring_act WHERE rescoring_id = ? "
                               "ORDER BY sequence DESC LIMIT 1")),
      insert_act_(db.MustPrepare(
          "INSERT INTO rescoring_act (rescoring_id, sequence, act_us, actor, act, reason, digest, "
          "hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")) {}

absl::StatusOr<int64_t> RescoringTables::One(sql::Statement& statement) {
  const auto row = statement.Step();
  if (!row.ok()) return row.status();
  const int64_t value = *row ? statement.Int(0) : 0;
  statement.Reset();
  return value;
}

absl::StatusOr<ExamKeys> RescoringTables::Hold(const std::string& exam_id) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    hold_.BindText(1, exam_id);
    const auto row = hold_.Step();
    if (!row.ok()) return row.status();
    if (*row) {
      const ExamKeys keys{.epoch = hold_.Int(0), .revision = static_cast<uint32_t>(hold_.Int(1))};
      hold_.Reset();
      return keys;
    }
    hold_.Reset();
    add_exam_.BindText(1, exam_id);
    INVIGIL_RETURN_IF_ERROR(add_exam_.Run());
  }
  return Internal("an exam's row is not there after it was added");
}

absl::Status RescoringTables::KeepKey(const KeyRecord& key) {
  if (key.body.empty()) return absl::OkStatus();
  if (known_parts_.size() > kMostKnownParts) known_parts_.clear();
  for (const auto& [hash, body] : key.parts) {
    if (known_parts_.contains(hash)) continue;
    keep_part_.BindText(1, hash).BindText(2, body);
    INVIGIL_RETURN_IF_ERROR(keep_part_.Run());
    known_parts_.insert(hash);
  }
  keep_key_.BindText(1, key.form_id).BindText(2, key.body);
  return keep_key_.Run();
}

absl::StatusOr<bool> RescoringTables::KeepConversion(const ConversionRecord& conversion) {
  find_conversion_.BindText(1, conversion.form_id).Bind(2, int64_t{conversion.key_version});
  const auto row = find_conversion_.Step();
  if (!row.ok()) return row.status();
  if (*row) {
    const bool same = find_conversion_.View(0) == conversion.hash;
    find_conversion_.Reset();
    return same;
  }
  find_conversion_.Reset();
  insert_conversion_.BindText(1, conversion.form_id)
      .Bind(2, int64_t{conversion.key_version})
      .BindText(3, conversion.hash)
      .BindText(4, conversion.text);
  INVIGIL_RETURN_IF_ERROR(insert_conversion_.Run());
  return true;
}

absl::StatusOr<uint32_t> RescoringTables::NextVersion(const std::string& session_id) {
  last_version_.BindText(1, session_id);
  const auto last = One(last_version_);
  if (!last.ok()) return last.status();
  return static_cast<uint32_t>(*last) + 1;
}

absl::Status RescoringTables::InsertScore(const ScoreRecord& score) {
  const std::string responses_hash = Sha256Hex(score.responses);
  insert_score_.BindText(1, score.session_id)
      .Bind(2, int64_t{score.score_version})
      .Bind(3, int64_t{score.attempt_version})
      .Bind(4, int64_t{score.key_version})
      .BindText(5, score.conversion_hash)
      .BindText(6, responses_hash)
      .BindText(7, score.exam_id)
      .Bind(8, int64_t{score.exam_version})
      .Bind(9, int64_t{score.raw_score})
      .Bind(10, int64_t{score.scaled_score})
      .Bind(11, int64_t{score.passed})
      .Bind(12, ToUnixMicros(score.score_time))
      .BindBlob(13, score.body)
      .BindText(14, score.rescoring_id);
  return insert_score_.Run();
}

absl::StatusOr<RescoringRecord> RescoringTables::Get(const std::string& rescoring_id) {
  get_.BindText(1, rescoring_id);
  const auto row = get_.Step();
  if (!row.ok()) return row.status();
  if (!*row) {
    get_.Reset();
    return RescoringNotFound(rescoring_id);
  }
  auto record = ReadRescoring(get_);
  get_.Reset();
  return record;
}

// Waits for every score of the exam that is being written under the old one.
absl::StatusOr<ExamKeys> RescoringTables::BeginEpoch(const std::string& exam_id,
                                                     uint32_t more_revisions) {
  add_exam_.BindText(1, exam_id);
  INVIGIL_RETURN_IF_ERROR(add_exam_.Run());
  begin_epoch_.Bind(1, int64_t{more_revisions}).BindText(2, exam_id);
  INVIGIL_RETURN_IF_ERROR(begin_epoch_.Run());
  epoch_.BindText(1, exam_id);
  const auto row = epoch_.Step();
  if (!row.ok()) return row.status();
  const ExamKeys keys{.epoch = epoch_.Int(0), .revision = static_cast<uint32_t>(epoch_.Int(1))};
  epoch_.Reset();
  return keys;
}

absl::Status RescoringTables::AddAct(const std::string& rescoring_id, Time now,
                                     const std::string& actor, const std::string& act,
                                     const std::string& reason, const std::string& digest) {
  last_act_.BindText(1, rescoring_id);
  const auto row = last_act_.Step();
  if (!row.ok()) return row.status();
  ActRecord record{.act_time = now, .actor = actor, .act = act, .reason = reason, .digest = digest};
  std::string before;
  if (*row) {
    record.sequence = static_cast<uint32_t>(last_act_.Int(0));
    before = last_act_.Text(1);
  }
  last_act_.Reset();
  ++record.sequence;
  record.hash = HashOf(record, rescoring_id, before);
  insert_act_.BindText(1, rescoring_id)
      .Bind(2, int64_t{record.sequence})
      .Bind(3, ToUnixMicros(now))
      .BindText(4, actor)
      .BindText(5, act)
      .BindText(6, reason)
      .BindText(7, digest)
      .BindText(8, record.hash);
  return insert_act_.Run();
}

absl::StatusOr<RescoringRecord> RescoringTables::Create(const RescoringRecord& record) {
  const RescoringDefinition& definition = record.definition;
  const std::string text = Serialize(definition);
  by_request_.BindText(1, record.author).BindText(2, record.request_id);
  const auto row = by_request_.Step();
  if (!row.ok()) return row.status();
  if (*row) {
    auto found = ReadRescoring(by_request_);
    by_request_.Reset();
    if (!found.ok() || found->definition == definition) return found;
    return InvalidArgument("REQUEST_ID_REUSED",
                           "the request id stands for another rescoring; take a new one")
        .Field("request_id", "was used for " + found->rescoring_id);
  }
  by_request_.Reset();
  const auto keys = BeginEpoch(definition.exam_id, 0);
  if (!keys.ok()) return keys.status();
  applying_.BindText(1, definition.exam_id);
  const auto applying = One(applying_);
  if (!applying.ok()) return applying.status();
  if (*applying > 0) {
    return FailedPrecondition("RESCORING_UNDER_WAY",
                              "an approved rescoring of the exam still writes its scores; try "
                              "again when it is done")
        .With("exam_id", definition.exam_id);
  }
  previewing_.BindText(1, definition.exam_id);
  const auto previewing = One(previewing_);
  if (!previewing.ok()) return previewing.status();
  if (*previewing >= RescoringStore::kMostPreviews) {
    return ResourceExhausted("OVERLOADED",
                             "too many previews of the exam are not whole yet; wait for them, or "
                             "cancel those that nobody needs");
  }
  expected_.BindText(1, definition.exam_id);
  const auto expected = One(expected_);
  if (!expected.ok()) return expected.status();
  const std::string id = NewId(record.create_time), digest = Sha256Hex(text),
                    counts = Serialize(RescoringCounts{});
  insert_.BindText(1, id)
      .BindText(2, record.author)
      .BindText(3, record.request_id)
      .BindText(4, definition.exam_id)
      .Bind(5, static_cast<int64_t>(RescoringStage::kPreviewing))
      .BindText(6, text)
      .Bind(7, ToUnixMicros(record.create_time))
      .Bind(8, int64_t{keys->revision})
      .Bind(9, keys->epoch)
      .BindText(10, counts)
      .Bind(11, *expected)
      .BindText(12, digest);
  INVIGIL_RETURN_IF_ERROR(insert_.Run());
  INVIGIL_RETURN_IF_ERROR(
      AddAct(id, record.create_time, record.author, "created", definition.reason, digest));
  return Get(id);
}

namespace {

Error Refused(const char* why, const std::string& what, const std::string& rescoring_id) {
  return FailedPrecondition(why, what).With("rescoring_id", rescoring_id);
}

}  // namespace

absl::Status RescoringTables::CheckApproval(const RescoringRecord& record,
                                            const Approval& approval) {
  const RescoringCounts& counts = record.counts;
  const auto refuse = [&record](const char* why, const std::string& what) {
    return Refused(why, what, record.rescoring_id);
  };
  if (record.stage != RescoringStage::kPreviewed) {
    const bool approved = record.stage == RescoringStage::kApplying ||
                          record.stage == RescoringStage::kCatchingUp ||
                          record.stage == RescoringStage::kDone;
    return refuse("RESCORING_NOT_PREVIEWED",
                  approved ? "the rescoring is approved already"
                           : "the rescoring has no whole preview to approve; see its state");
  }
  if (record.preview_digest != approval.preview_digest) {
    return refuse("PREVIEW_DIFFERS", "the digest is not that of the preview; look at it again");
  }
  if (counts.failed != approval.accept_failures) {
    return refuse("PREVIEW_HAS_FAILURES",
                  std::to_string(counts.failed) +
                      " sessions can't be scored anew and would keep the score they have; see "
                      "ListRescoringChanges with FAILED, and mend them or accept that number");
  }
  if (counts.skipped > 0) {
    return refuse("PREVIEW_SKIPS_VERSIONS",
                  std::to_string(counts.skipped) +
                      " sessions were shown a version of an item that lacks an option of its "
                      "decision; check the options, and name the versions it holds for");
  }
  const auto decisions = ParseDecisions(record.definition.decisions);
  if (!decisions.ok()) return decisions.status();
  if (decisions->empty()) {
    return refuse("NOTHING_TO_APPLY", "the rescoring decides nothing; it only shows what replays");
  }
  if (counts.touched == 0 && !approval.accept_untouched) {
    return refuse("NOTHING_TO_APPLY",
                  "no scored session in scope holds a decided item; check the ids of exam, forms "
                  "and items, or say that none was sat yet (accept_untouched)");
  }
  return absl::OkStatus();
}

absl::StatusOr<RescoringRecord> RescoringTables::Approve(const std::string& rescoring_id,
                                                         const Approval& approval, Time now) {
  auto record = Get(rescoring_id);
  if (!record.ok()) return record.status();
  if (record->author == approval.actor) {
    return PermissionDenied("APPROVER_IS_AUTHOR",
                            "who made a rescoring can't approve it; a second person must look at "
                            "its preview and approve it")
        .With("rescoring_id", rescoring_id);
  }
  // Only who approved it stands there as its approver.
  if (record->approver == approval.actor && record->preview_digest == approval.preview_digest) {
    return record;
  }
  INVIGIL_RETURN_IF_ERROR(CheckApproval(*record, approval));
  const std::string& exam_id = record->definition.exam_id;
  const auto keys = BeginEpoch(exam_id, 1);
  if (!keys.ok()) return keys.status();
  if (keys->revision != record->base_revision + 1) {
    return Refused("PREVIEW_STALE",
                   "another rescoring of the exam was approved since the preview; make it again",
                   rescoring_id);
  }
  approve_.Bind(1, keys->epoch).BindText(2, approval.actor).BindText(3, rescoring_id);
  INVIGIL_RETURN_IF_ERROR(approve_.Run());
  if (db_.Changes() != 1) {
    return Refused("RESCORING_NOT_PREVIEWED", "the rescoring was given up just now", rescoring_id);
  }
  const std::string digest = Sha256Hex(record->definition.decisions);
  insert_revision_.BindText(1, exam_id)
      .Bind(2, int64_t{keys->revision})
      .BindText(3, rescoring_id)
      .BindText(4, record->definition.decisions)
      .BindText(5, record->author)
      .BindText(6, approval.actor)
      .Bind(7, ToUnixMicros(now))
      .BindText(8, digest);
  INVIGIL_RETURN_IF_ERROR(insert_revision_.Run());
  INVIGIL_RETURN_IF_ERROR(AddAct(rescoring_id, now, approval.actor, "approved", approval.reason,
                                 approval.preview_digest));
  return Get(rescoring_id);
}

absl::StatusOr<RescoringRecord> RescoringTables::Cancel(const std::string& rescoring_id,
                                                        const std::string& actor,
                                                        const std::string& reason, Time now) {
  cancel_.BindText(1, rescoring_id);
  INVIGIL_RETURN_IF_ERROR(cancel_.Run());
  const bool now_cancelled = db_.Changes() == 1;
  auto record = Get(rescoring_id);
  if (!record.ok()) return record.status();
  if (now_cancelled) {
    INVIGIL_RETURN_IF_ERROR(
        AddAct(rescoring_id, now, actor, "cancelled", reason, record->preview_digest));
  } else if (record->stage != RescoringStage::kCancelled) {
    return FailedPrecondition("RESCORING_APPROVED",
                              "the rescoring is approved and can't be given up; a decision to KEEP "
                              "takes a decision back")
        .With("rescoring_id", rescoring_id);
  }
  return record;
}

absl::StatusOr<bool> RescoringTables::Claim(const std::string& rescoring_id,
                                            const std::string& owner, Time now, Time until) {
  claim_.BindText(1, owner)
      .Bind(2, ToUnixMicros(until))
      .BindText(3, rescoring_id)
      .Bind(4, ToUnixMicros(now));
  INVIGIL_RETURN_IF_ERROR(claim_.Run());
  return db_.Changes() == 1;
}

// A line that an approval signed, before something else becomes of its session.
absl::Status RescoringTables::KeepShown(const std::string& rescoring_id,
                                        const std::string& session_id) {
  keep_shown_.BindText(1, rescoring_id).BindText(2, session_id);
  return keep_shown_.Run();
}

absl::Status RescoringTables::PutChange(const std::string& rescoring_id,
                                        const ChangeRecord& change) {
  put_change_.BindText(1, rescoring_id)
      .BindText(2, change.session_id)
      .Bind(3, static_cast<int64_t>(change.outcome))
      .Bind(4, int64_t{change.attempt_version})
      .Bind(5, int64_t{change.old_version});
  const auto bind = [this](int first, const Standing& standing) {
    put_change_.Bind(first, int64_t{standing.raw_score})
        .Bind(first + 1, int64_t{standing.raw_max})
        .Bind(first + 2, int64_t{standing.scaled_score})
        .Bind(first + 3, int64_t{standing.passed});
  };
  bind(6, change.held);
  bind(10, change.renewed);
  put_change_.Bind(14, int64_t{change.new_version})
      .Bind(15, int64_t{change.late})
      .BindText(16, change.problem)
      .Bind(17, int64_t{change.earlier});
  return put_change_.Run();
}

absl::Status RescoringTables::Store(const RescoringStep& step) {
  const auto record = Get(step.rescoring_id);
  if (!record.ok()) return record.status();
  const RescoringStage stage = step.then.value_or(step.stage);
  // A stage begins at its first session; the digest of a preview is what an approval names.
  const std::string place = step.then ? "" : step.to_place;
  const bool previewed = step.then == RescoringStage::kPreviewed;
  const std::string counts = Serialize(step.counts);
  advance_.Bind(1, static_cast<int64_t>(stage))
      .BindText(2, place)
      .BindText(3, counts)
      .BindText(4, step.digest)
      .BindText(5, previewed ? step.digest : record->preview_digest)
      .Bind(6, ToUnixMicros(step.lease_until))
      .BindText(7, step.rescoring_id)
      .Bind(8, static_cast<int64_t>(step.stage))
      .BindText(9, step.from_place);
  INVIGIL_RETURN_IF_ERROR(advance_.Run());
  if (db_.Changes() != 1) return Moved(step.rescoring_id);
  for (const ChangeRecord& change : step.changes) {
    if (step.stage != RescoringStage::kPreviewing) {
      INVIGIL_RETURN_IF_ERROR(KeepShown(step.rescoring_id, change.session_id));
    }
    INVIGIL_RETURN_IF_ERROR(PutChange(step.rescoring_id, change));
  }
  for (const auto& added : step.scores) INVIGIL_RETURN_IF_ERROR(WriteScore(step, added));
  if (step.act.empty()) return absl::OkStatus();
  return AddAct(step.rescoring_id, step.now, "scoring", step.act, "", step.digest);
}

absl::Status RescoringTables::WriteScore(const RescoringStep& step,
                                         const RescoringStep::NewScore& added) {
  ScoreRecord score = added.score;
  // What it replaces must still be the newest: the attempt before which it was made is not sealed
  // again, and nobody wrote another version.
  newest_.BindText(1, score.session_id);
  const auto row = newest_.Step();
  if (!row.ok()) return row.status();
  const bool stands = *row && newest_.Int(0) == int64_t{score.attempt_version} &&
                      newest_.Int(1) == int64_t{score.score_version};
  newest_.Reset();
  if (!stands) return Moved(step.rescoring_id);
  const auto kept = KeepConversion(added.conversion);
  if (!kept.ok()) return kept.status();
  if (!*kept) {
    return Aborted("CONVERSION_CONFLICT", "the form has another conversion; score with that one")
        .With("form_id", score.form_id);
  }
  INVIGIL_RETURN_IF_ERROR(KeepKey(added.conversion.key));
  const auto version = NextVersion(score.session_id);
  if (!version.ok()) return version.status();
  score.score_version = *version;
  INVIGIL_RETURN_IF_ERROR(InsertScore(score));
  written_.Bind(1, int64_t{*version}).BindText(2, step.rescoring_id).BindText(3, score.session_id);
  INVIGIL_RETURN_IF_ERROR(written_.Run());
  if (db_.Changes() != 1) return Moved(step.rescoring_id);
  // The head's row stays locked until the commit, so sequences appear in their order.
  INVIGIL_RETURN_IF_ERROR(next_amendment_.Run());
  const auto sequence = One(amendment_head_);
  if (!sequence.ok()) return sequence.status();
  insert_amendment_.Bind(1, *sequence).BindText(2, score.session_id).Bind(3, int64_t{*version});
  return insert_amendment_.Run();
}

absl::Status RescoringTables::Acknowledge(const std::vector<uint64_t>& sequences) {
  for (const uint64_t sequence : sequences) {
    acknowledge_.Bind(1, static_cast<int64_t>(sequence));
    INVIGIL_RETURN_IF_ERROR(acknowledge_.Run());
  }
  return absl::OkStatus();
}

}  // namespace invigil::scoring
