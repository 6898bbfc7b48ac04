#include "services/scoring/store/schema.h"

namespace invigil::scoring {

const std::vector<std::string>& SchemaSteps() {
  // session_id leads the keys of everything about a session, so that a larger engine can spread
  // sessions; rows are written once. Tables have a rowid because bodies are kilobytes.
  static const std::vector<std::string> steps = {
      R"sql(
      CREATE TABLE conversion (
        form_id TEXT NOT NULL,
        key_version INTEGER NOT NULL,
        hash TEXT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (form_id, key_version));
      CREATE TABLE attempt (
        session_id TEXT NOT NULL,
        attempt_version INTEGER NOT NULL,
        form_id TEXT NOT NULL,
        responses_hash TEXT NOT NULL,
        responses TEXT NOT NULL,
        first_score_version INTEGER NOT NULL,
        PRIMARY KEY (session_id, attempt_version));
      CREATE TABLE score (
        session_id TEXT NOT NULL,
        score_version INTEGER NOT NULL,
        attempt_version INTEGER NOT NULL,
        key_version INTEGER NOT NULL,
        conversion_hash TEXT NOT NULL,
        responses_hash TEXT NOT NULL,
        exam_id TEXT NOT NULL,
        exam_version INTEGER NOT NULL,
        raw_score INTEGER NOT NULL,
        scaled_score INTEGER NOT NULL,
        passed INTEGER NOT NULL,
        score_time_us INTEGER NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (session_id, score_version),
        FOREIGN KEY (session_id, attempt_version)
          REFERENCES attempt (session_id, attempt_version));
      )sql",
      // Rescoring. `epoch` counts the moments at which what was scored so far is told from what is
      // scored later: a preview begins, a key revision is approved.
      R"sql(
      ALTER TABLE attempt ADD COLUMN exam_id TEXT NOT NULL DEFAULT '';
      ALTER TABLE attempt ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE attempt ADD COLUMN scored_us INTEGER NOT NULL DEFAULT 0;
      UPDATE attempt SET
        exam_id = (SELECT s.exam_id FROM score s WHERE s.session_id = attempt.session_id
          AND s.score_version = attempt.first_score_version),
        scored_us = (SELECT s.score_time_us FROM score s WHERE s.session_id = attempt.session_id
          AND s.score_version = attempt.first_score_version);
      CREATE INDEX attempt_by_exam ON attempt (exam_id, session_id, attempt_version);
      ALTER TABLE score ADD COLUMN rescoring_id TEXT NOT NULL DEFAULT '';
      CREATE TABLE exam_key (
        exam_id TEXT NOT NULL PRIMARY KEY,
        epoch INTEGER NOT NULL,
        revision INTEGER NOT NULL);
      CREATE TABLE key_part (
        hash TEXT NOT NULL PRIMARY KEY,
        body TEXT NOT NULL);
      CREATE TABLE form_key (
        form_id TEXT NOT NULL PRIMARY KEY,
        body TEXT NOT NULL);
      CREATE TABLE key_revision (
        exam_id TEXT NOT NULL,
        revision INTEGER NOT NULL,
        rescoring_id TEXT NOT NULL,
        decisions TEXT NOT NULL,
        author TEXT NOT NULL,
        approver TEXT NOT NULL,
        approve_us INTEGER NOT NULL,
        digest TEXT NOT NULL,
        PRIMARY KEY (exam_id, revision));
      CREATE TABLE rescoring (
        rescoring_id TEXT NOT NULL PRIMARY KEY,
        author TEXT NOT NULL,
        request_id TEXT NOT NULL,
        exam_id TEXT NOT NULL,
        stage INTEGER NOT NULL,
        definition TEXT NOT NULL,
        create_us INTEGER NOT NULL,
        base_revision INTEGER NOT NULL,
        begin_epoch INTEGER NOT NULL,
        end_epoch INTEGER NOT NULL,
        place TEXT NOT NULL,
        counts TEXT NOT NULL,
        expected INTEGER NOT NULL,
        digest TEXT NOT NULL,
        preview_digest TEXT NOT NULL,
        approver TEXT NOT NULL,
        lease_owner TEXT NOT NULL,
        lease_until_us INTEGER NOT NULL);
      CREATE UNIQUE INDEX rescoring_by_request ON rescoring (author, request_id);
      CREATE INDEX rescoring_by_exam ON rescoring (exam_id, rescoring_id);
      CREATE INDEX rescoring_by_stage ON rescoring (stage);
      CREATE TABLE rescoring_change (
        rescoring_id TEXT NOT NULL,
        session_id TEXT NOT NULL,
        outcome INTEGER NOT NULL,
        attempt_version INTEGER NOT NULL,
        old_version INTEGER NOT NULL,
        old_raw INTEGER NOT NULL,
        old_max INTEGER NOT NULL,
        old_scaled INTEGER NOT NULL,
        old_passed INTEGER NOT NULL,
        new_raw INTEGER NOT NULL,
        new_max INTEGER NOT NULL,
        new_scaled INTEGER NOT NULL,
        new_passed INTEGER NOT NULL,
        new_version INTEGER NOT NULL,
        late INTEGER NOT NULL,
        problem TEXT NOT NULL,
        PRIMARY KEY (rescoring_id, session_id));
      CREATE TABLE rescoring_act (
        rescoring_id TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        act_us INTEGER NOT NULL,
        actor TEXT NOT NULL,
        act TEXT NOT NULL,
        reason TEXT NOT NULL,
        digest TEXT NOT NULL,
        hash TEXT NOT NULL,
        PRIMARY KEY (rescoring_id, sequence));
      CREATE TABLE amendment (
        sequence INTEGER NOT NULL PRIMARY KEY,
        session_id TEXT NOT NULL,
        score_version INTEGER NOT NULL);
      CREATE TABLE amendment_head (
        one INTEGER NOT NULL PRIMARY KEY,
        n INTEGER NOT NULL);
      INSERT INTO amendment_head (one, n) VALUES (1, 0);
      )sql",
      // How sittings went. A learner is a digest; start_us -1: the clock never started.
      R"sql(
      CREATE TABLE sitting (
        session_id TEXT NOT NULL PRIMARY KEY,
        attempt_version INTEGER NOT NULL,
        learner TEXT NOT NULL,
        exam_id TEXT NOT NULL,
        kind INTEGER NOT NULL,
        start_us INTEGER NOT NULL,
        end_us INTEGER NOT NULL,
        facts TEXT NOT NULL);
      CREATE INDEX sitting_by_learner ON sitting (learner, start_us);
      CREATE INDEX sitting_by_exam ON sitting (exam_id, learner);
      CREATE TABLE learner_prior (
        exam_id TEXT NOT NULL PRIMARY KEY,
        mean REAL NOT NULL,
        sd REAL NOT NULL,
        learners INTEGER NOT NULL,
        fit_us INTEGER NOT NULL);
      )sql",
      // Lines of previews that were approved, of sessions that something else became of since.
      R"sql(
      ALTER TABLE rescoring_change ADD COLUMN earlier INTEGER NOT NULL DEFAULT 0;
      CREATE TABLE rescoring_shown (
        rescoring_id TEXT NOT NULL,
        session_id TEXT NOT NULL,
        outcome INTEGER NOT NULL,
        attempt_version INTEGER NOT NULL,
        old_version INTEGER NOT NULL,
        old_raw INTEGER NOT NULL,
        old_max INTEGER NOT NULL,
        old_scaled INTEGER NOT NULL,
        old_passed INTEGER NOT NULL,
        new_raw INTEGER NOT NULL,
        new_max INTEGER NOT NULL,
        new_scaled INTEGER NOT NULL,
        new_passed INTEGER NOT NULL,
        new_version INTEGER NOT NULL,
        late INTEGER NOT NULL,
        problem TEXT NOT NULL,
        earlier INTEGER NOT NULL,
        PRIMARY KEY (rescoring_id, session_id));
      )sql"};
  return steps;
}

const char kSelectScore[] =
    "SELECT s.session_id, s.score_version, s.attempt_version, a.form_id, s.key_version, "
    "s.conversion_hash, s.exam_id, s.exam_version, s.raw_score, s.scaled_score, s.passed, "
    "s.score_time_us, a.responses, s.body, s.rescoring_id "
    "FROM attempt a JOIN score s "
    "ON s.session_id = a.session_id AND s.attempt_version = a.attempt_version ";

ScoreRecord ReadScore(const sql::Statement& row) {
  return {.session_id = row.Text(0),
          .score_version = static_cast<uint32_t>(row.Int(1)),
          .attempt_version = static_cast<uint32_t>(row.Int(2)),
          .form_id = row.Text(3),
          .key_version = static_cast<uint32_t>(row.Int(4)),
          .conversion_hash = row.Text(5),
          .exam_id = row.Text(6),
          .exam_version = static_cast<uint32_t>(row.Int(7)),
          .raw_score = static_cast<uint32_t>(row.Int(8)),
          .scaled_score = static_cast<int32_t>(row.Int(9)),
          .passed = row.Int(10) != 0,
          .score_time = FromUnixMicros(row.Int(11)),
          .responses = row.Text(12),
          .body = row.Text(13),
          .rescoring_id = row.Text(14)};
}

const char kSelectRescoring[] =
    "SELECT rescoring_id, author, request_id, exam_id, stage, definition, create_us, "
    "base_revision, begin_epoch, end_epoch, place, counts, expected, digest, preview_digest, "
    "approver FROM rescoring ";

absl::StatusOr<RescoringRecord> ReadRescoring(const sql::Statement& row) {
  RescoringRecord record{.rescoring_id = row.Text(0),
                         .author = row.Text(1),
                         .request_id = row.Text(2),
                         .stage = static_cast<RescoringStage>(row.Int(4)),
                         .create_time = FromUnixMicros(row.Int(6)),
                         .base_revision = static_cast<uint32_t>(row.Int(7)),
                         .begin_epoch = row.Int(8),
                         .end_epoch = row.Int(9),
                         .place = row.Text(10),
                         .expected = static_cast<uint64_t>(row.Int(12)),
                         .digest = row.Text(13),
                         .preview_digest = row.Text(14),
                         .approver = row.Text(15)};
  auto definition = ParseDefinition(row.View(5));
  if (!definition.ok()) return definition.status();
  record.definition = *std::move(definition);
  auto counts = ParseCounts(row.View(11));
  if (!counts.ok()) return counts.status();
  record.counts = *counts;
  return record;
}

const char kChangeColumns[] =
    "rescoring_id, session_id, outcome, attempt_version, old_version, old_raw, old_max, "
    "old_scaled, old_passed, new_raw, new_max, new_scaled, new_passed, new_version, late, problem, "
    "earlier";

ChangeRecord ReadChange(const sql::Statement& row) {
  const auto standing = [&row](int column) {
    return Standing{.raw_score = static_cast<uint32_t>(row.Int(column)),
                    .raw_max = static_cast<uint32_t>(row.Int(column + 1)),
                    .scaled_score = static_cast<int32_t>(row.Int(column + 2)),
                    .passed = row.Int(column + 3) != 0};
  };
  return {.session_id = row.Text(1),
          .outcome = static_cast<RescoringOutcome>(row.Int(2)),
          .attempt_version = static_cast<uint32_t>(row.Int(3)),
          .old_version = static_cast<uint32_t>(row.Int(4)),
          .held = standing(5),
          .renewed = standing(9),
          .new_version = static_cast<uint32_t>(row.Int(13)),
          .late = row.Int(14) != 0,
          .problem = row.Text(15),
          .earlier = row.Int(16) != 0};
}

}  // namespace invigil::scoring
