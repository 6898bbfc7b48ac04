// Tables of the scoring service and how rows become records.
#pragma once

#include <string>
#include <vector>

#include "common/sql/database.h"
#include "services/scoring/store/rescoring_store.h"
#include "services/scoring/store/score_store.h"

namespace invigil::scoring {

// For sql::Database::Migrate.
const std::vector<std::string>& SchemaSteps();

// SELECT of whole score records, to be followed by WHERE ...; alias s: score, a: attempt.
extern const char kSelectScore[];
// The record of the current row of a statement made from kSelectScore.
ScoreRecord ReadScore(const sql::Statement& row);

// The same for rescorings and their changes, without alias.
extern const char kSelectRescoring[];
absl::StatusOr<RescoringRecord> ReadRescoring(const sql::Statement& row);
// Columns of rescoring_change and of rescoring_shown, in the order that ReadChange expects.
extern const char kChangeColumns[];
ChangeRecord ReadChange(const sql::Statement& row);

}  // namespace invigil::scoring
