#include "services/scoring/store/rescoring_reads.h"

#include <utility>

#include "services/scoring/store/rescoring_tables.h"
#include "services/scoring/store/schema.h"

namespace invigil::scoring {
namespace {

constexpr char kNoneBefore[] = "~";  // behind every id

// Reads every row of a bound statement.
template <typename T, typename Read>
absl::StatusOr<std::vector<T>> All(sql::Statement& statement, Read read) {
  std::vector<T> rows;
  for (;;) {
    const auto row = statement.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    absl::StatusOr<T> value = read(statement);
    if (!value.ok()) {
      statement.Reset();
      return value.status();
    }
    rows.push_back(*std::move(value));
  }
  statement.Reset();
  return rows;
}

absl::StatusOr<std::optional<std::string>> OneText(sql::Statement& statement) {
  const auto row = statement.Step();
  if (!row.ok()) return row.status();
  std::optional<std::string> text;
  if (*row) text = statement.Text(0);
  statement.Reset();
  return text;
}

std::string Stages(std::initializer_list<RescoringStage> stages) {
  std::string list;
  for (const RescoringStage stage : stages) {
    list += (list.empty() ? "" : ", ") + std::to_string(static_cast<int>(stage));
  }
  return list;
}

// With the rescoring, the session behind which they begin, and the filter as parameters 1 to 4.
std::string SelectChanges(const std::string& from) {
  return "SELECT " + std::string(kChangeColumns) + " FROM " + from +
         " WHERE rescoring_id = ?1 AND session_id > ?2 AND (?3 < 0 OR outcome = ?3) "
         "AND (?4 = 0 OR (old_passed <> new_passed AND outcome <> " +
         std::to_string(static_cast<int>(RescoringOutcome::kFailed)) + ")) ";
}

}  // namespace

RescoringReads::RescoringReads(sql::Database& db)
    : last_revision_(db.MustPrepare("SELECT revision FROM exam_key WHERE exam_id = ?")),
      revisions_(db.MustPrepare(
          "SELECT revision, rescoring_id, decisions, author, approver, approve_us, digest "
          "FROM key_revision WHERE exam_id = ? ORDER BY revision")),
      key_(db.MustPrepare("SELECT body FROM form_key WHERE form_id = ?")),
      part_(db.MustPrepare("SELECT body FROM key_part WHERE hash = ?")),
      get_(db.MustPrepare(std::string(kSelectRescoring) + "WHERE rescoring_id = ?")),
      list_(db.MustPrepare(std::string(kSelectRescoring) +
                           "WHERE rescoring_id < ? ORDER BY rescoring_id DESC LIMIT ?")),
      list_exam_(db.MustPrepare(std::string(kSelectRescoring) +
                                "WHERE exam_id = ? AND rescoring_id < ? "
                                "ORDER BY rescoring_id DESC LIMIT ?")),
      unfinished_(db.MustPrepare(std::string(kSelectRescoring) + "WHERE stage IN (" +
                                 Stages({RescoringStage::kPreviewing, RescoringStage::kApplying,
                                         RescoringStage::kCatchingUp}) +
                                 ") ORDER BY rescoring_id")),
      acts_(db.MustPrepare("SELECT sequence, act_us, actor, act, reason, digest, hash "
                           "FROM rescoring_act WHERE rescoring_id = ? ORDER BY sequence")),
      scored_(db.MustPrepare(
          "SELECT a.session_id, s.score_version, a.attempt_version, a.form_id, s.key_version, "
          "s.conversion_hash, s.exam_version, s.raw_score, s.scaled_score, s.passed, "
          "s.score_time_us, a.responses, a.scored_us, COALESCE(k.body, '') "
          "FROM attempt a "
          "JOIN score s ON s.session_id = a.session_id AND s.attempt_version = a.attempt_version "
          "LEFT JOIN form_key k ON k.form_id = a.form_id "
          "WHERE a.exam_id = ?1 AND a.session_id > ?2 AND a.epoch >= ?3 AND a.epoch < ?4 "
          "AND NOT EXISTS (SELECT 1 FROM attempt b WHERE b.session_id = a.session_id "
          "AND b.attempt_version > a.attempt_version) "
          "AND NOT EXISTS (SELECT 1 FROM score t WHERE t.session_id = s.session_id "
          "AND t.attempt_version = s.attempt_version AND t.score_version > s.score_version) "
          "ORDER BY a.session_id LIMIT ?5")),
      changes_(
          db.MustPrepare(SelectChanges("rescoring_change c") + "ORDER BY session_id LIMIT ?5")),
      shown_(db.MustPrepare(SelectChanges("rescoring_shown c") + "UNION ALL " +
                            SelectChanges("rescoring_change c") +
                            "AND late = 0 AND NOT EXISTS (SELECT 1 FROM rescoring_shown o "
                            "WHERE o.rescoring_id = c.rescoring_id "
                            "AND o.session_id = c.session_id) "
                            "ORDER BY session_id LIMIT ?5")),
      amendments_(db.MustPrepare(
          "SELECT m.sequence, s.session_id, s.score_version, s.attempt_version, s.score_time_us, "
          "s.body, s.rescoring_id FROM amendment m "
          "JOIN score s ON s.session_id = m.session_id AND s.score_version = m.score_version "
          "WHERE m.sequence > ? ORDER BY m.sequence LIMIT ?")) {}

absl::StatusOr<uint32_t> RescoringReads::LastRevision(const std::string& exam_id) {
  last_revision_.BindText(1, exam_id);
  const auto row = last_revision_.Step();
  if (!row.ok()) return row.status();
  const auto revision = *row ? static_cast<uint32_t>(last_revision_.Int(0)) : 0;
  last_revision_.Reset();
  return revision;
}

absl::StatusOr<std::vector<RevisionRecord>> RescoringReads::ListRevisions(
    const std::string& exam_id) {
  revisions_.BindText(1, exam_id);
  return All<RevisionRecord>(revisions_, [](const sql::Statement& row) {
    return RevisionRecord{.revision = static_cast<uint32_t>(row.Int(0)),
                          .rescoring_id = row.Text(1),
                          .decisions = row.Text(2),
                          .author = row.Text(3),
                          .approver = row.Text(4),
                          .approve_time = FromUnixMicros(row.Int(5)),
                          .digest = row.Text(6)};
  });
}

absl::StatusOr<std::optional<std::string>> RescoringReads::FindKey(const std::string& form_id) {
  key_.BindText(1, form_id);
  return OneText(key_);
}

absl::StatusOr<std::optional<std::string>> RescoringReads::FindKeyPart(std::string_view hash) {
  part_.BindText(1, hash);
  return OneText(part_);
}

absl::StatusOr<RescoringRecord> RescoringReads::Get(const std::string& rescoring_id) {
  get_.BindText(1, rescoring_id);
  auto found = All<RescoringRecord>(get_, ReadRescoring);
  if (!found.ok()) return found.status();
  if (found->empty()) return RescoringNotFound(rescoring_id);
  return std::move(found->front());
}

absl::StatusOr<std::vector<RescoringRecord>> RescoringReads::List(const std::string& exam_id,
                                                                  const std::string& before,
                                                                  size_t limit) {
  const std::string from = before.empty() ? kNoneBefore : before;
  sql::Statement& statement = exam_id.empty() ? list_ : list_exam_;
  int column = 0;
  if (!exam_id.empty()) statement.BindText(++column, exam_id);
  statement.BindText(column + 1, from).Bind(column + 2, static_cast<int64_t>(limit));
  return All<RescoringRecord>(statement, ReadRescoring);
}

absl::StatusOr<std::vector<RescoringRecord>> RescoringReads::ListUnfinished() {
  return All<RescoringRecord>(unfinished_, ReadRescoring);
}

absl::StatusOr<std::vector<ActRecord>> RescoringReads::ListActs(const std::string& rescoring_id) {
  acts_.BindText(1, rescoring_id);
  return All<ActRecord>(acts_, [](const sql::Statement& row) {
    return ActRecord{.sequence = static_cast<uint32_t>(row.Int(0)),
                     .act_time = FromUnixMicros(row.Int(1)),
                     .actor = row.Text(2),
                     .act = row.Text(3),
                     .reason = row.Text(4),
                     .digest = row.Text(5),
                     .hash = row.Text(6)};
  });
}

absl::StatusOr<RescoringStore::Page> RescoringReads::ListScored(const std::string& exam_id,
                                                                int64_t from_epoch,
                                                                int64_t until_epoch,
                                                                const std::string& after,
                                                                size_t limit) {
  scored_.BindText(1, exam_id)
      .BindText(2, after)
      .Bind(3, from_epoch)
      .Bind(4, until_epoch)
      .Bind(5, static_cast<int64_t>(limit));
  auto sessions = All<ScoredSession>(scored_, [&exam_id](const sql::Statement& row) {
    return ScoredSession{.score = {.session_id = row.Text(0),
                                   .score_version = static_cast<uint32_t>(row.Int(1)),
                                   .attempt_version = static_cast<uint32_t>(row.Int(2)),
                                   .form_id = row.Text(3),
                                   .key_version = static_cast<uint32_t>(row.Int(4)),
                                   .conversion_hash = row.Text(5),
                                   .exam_id = exam_id,
                                   .exam_version = static_cast<uint32_t>(row.Int(6)),
                                   .raw_score = static_cast<uint32_t>(row.Int(7)),
                                   .scaled_score = static_cast<int32_t>(row.Int(8)),
                                   .passed = row.Int(9) != 0,
                                   .score_time = FromUnixMicros(row.Int(10)),
                                   .responses = row.Text(11)},
                         .first_scored = FromUnixMicros(row.Int(12)),
                         .key = row.Text(13)};
  });
  if (!sessions.ok()) return sessions.status();
  RescoringStore::Page page;
  page.last = sessions->size() < limit;
  page.done_to = sessions->empty() ? after : sessions->back().score.session_id;
  page.sessions = *std::move(sessions);
  return page;
}

absl::StatusOr<std::vector<ChangeRecord>> RescoringReads::ListChanges(
    const std::string& rescoring_id, const RescoringStore::ChangeFilter& filter,
    const std::string& after, size_t limit) {
  sql::Statement& statement = filter.as_shown ? shown_ : changes_;
  statement.BindText(1, rescoring_id)
      .BindText(2, after)
      .Bind(3, filter.outcome ? static_cast<int64_t>(*filter.outcome) : -1)
      .Bind(4, int64_t{filter.flips_only})
      .Bind(5, static_cast<int64_t>(limit));
  return All<ChangeRecord>(statement, ReadChange);
}

absl::StatusOr<std::vector<AmendmentRecord>> RescoringReads::ListAmendments(uint64_t after,
                                                                            size_t limit) {
  amendments_.Bind(1, static_cast<int64_t>(after)).Bind(2, static_cast<int64_t>(limit));
  return All<AmendmentRecord>(amendments_, [](const sql::Statement& row) {
    return AmendmentRecord{.sequence = static_cast<uint64_t>(row.Int(0)),
                           .score = {.session_id = row.Text(1),
                                     .score_version = static_cast<uint32_t>(row.Int(2)),
                                     .attempt_version = static_cast<uint32_t>(row.Int(3)),
                                     .score_time = FromUnixMicros(row.Int(4)),
                                     .body = row.Text(5),
                                     .rescoring_id = row.Text(6)}};
  });
}

}  // namespace invigil::scoring
