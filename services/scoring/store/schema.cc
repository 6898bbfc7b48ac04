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
      )sql"};
  return steps;
}

const char kSelectScore[] =
    "SELECT s.session_id, s.score_version, s.attempt_version, a.form_id, s.key_version, "
    "s.conversion_hash, s.exam_id, s.exam_version, s.raw_score, s.scaled_score, s.passed, "
    "s.score_time_us, a.responses, s.body "
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
          .body = row.Text(13)};
}

}  // namespace invigil::scoring
