#include "services/scoring/store/sitting_tables.h"

#include "common/base/hash.h"
#include "common/error/error.h"
#include "services/scoring/domain/packer.h"

namespace invigil::scoring {
namespace {

constexpr char kSelect[] =
    "SELECT session_id, attempt_version, learner, exam_id, kind, start_us, end_us, facts "
    "FROM sitting ";
// A clock that never started; no session is so old.
constexpr int64_t kNoStart = -1;

std::string FactsText(const SittingRecord& sitting) {
  Packer out;
  out.Number(sitting.clock_stops).Number(sitting.revealed ? 1 : 0).Number(sitting.held ? 1 : 0);
  out.Number(sitting.shown.size());
  for (const auto& [item_id, milliseconds] : sitting.shown) out.Text(item_id).Number(milliseconds);
  return out.Take();
}

absl::StatusOr<SittingRecord> Read(const sql::Statement& row) {
  SittingRecord sitting{.session_id = row.Text(0),
                        .attempt_version = static_cast<uint32_t>(row.Int(1)),
                        .learner = row.Text(2),
                        .exam_id = row.Text(3),
                        .kind = static_cast<SittingKind>(row.Int(4)),
                        .end = FromUnixMicros(row.Int(6))};
  if (row.Int(5) != kNoStart) sitting.start = FromUnixMicros(row.Int(5));
  Unpacker in(row.View(7));
  sitting.clock_stops = in.Number<uint32_t>();
  sitting.revealed = in.Number<int>() != 0;
  sitting.held = in.Number<int>() != 0;
  sitting.shown.resize(in.Count());
  for (auto& [item_id, milliseconds] : sitting.shown) {
    item_id = in.Text();
    milliseconds = in.Number<uint32_t>();
  }
  if (!in.Done()) return Internal("a stored sitting can't be read: the database is damaged");
  return sitting;
}

}  // namespace

std::string LearnerDigest(std::string_view subject) {
  return Sha256Hex("invigil-learner\n" + std::string(subject));
}

SittingWrites::SittingWrites(sql::Database& db)
    : put_(db.MustPrepare(
          "INSERT INTO sitting (session_id, attempt_version, learner, exam_id, kind, start_us, "
          "end_us, facts) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (session_id) DO UPDATE SET "
          "attempt_version = excluded.attempt_version, learner = excluded.learner, exam_id = "
          "excluded.exam_id, kind = excluded.kind, start_us = excluded.start_us, end_us = "
          "excluded.end_us, facts = excluded.facts "
          "WHERE sitting.attempt_version < excluded.attempt_version")),
      assign_(db.MustPrepare("UPDATE sitting SET learner = ? WHERE session_id = ?")),
      put_prior_(db.MustPrepare(
          "INSERT INTO learner_prior (exam_id, mean, sd, learners, fit_us) VALUES (?, ?, ?, ?, ?) "
          "ON CONFLICT (exam_id) DO UPDATE SET mean = excluded.mean, sd = excluded.sd, "
          "learners = excluded.learners, fit_us = excluded.fit_us")) {}

absl::Status SittingWrites::Put(const SittingRecord& sitting) {
  const std::string facts = FactsText(sitting);
  return put_.BindText(1, sitting.session_id)
      .Bind(2, int64_t{sitting.attempt_version})
      .BindText(3, sitting.learner)
      .BindText(4, sitting.exam_id)
      .Bind(5, static_cast<int64_t>(sitting.kind))
      .Bind(6, sitting.start ? ToUnixMicros(*sitting.start) : kNoStart)
      .Bind(7, ToUnixMicros(sitting.end))
      .BindText(8, facts)
      .Run();
}

absl::Status SittingWrites::Assign(const std::vector<std::string>& session_ids,
                                   const std::string& learner) {
  for (const std::string& session_id : session_ids) {
    INVIGIL_RETURN_IF_ERROR(assign_.BindText(1, learner).BindText(2, session_id).Run());
  }
  return absl::OkStatus();
}

absl::Status SittingWrites::PutPrior(const std::string& exam_id, const PriorRecord& prior) {
  return put_prior_.BindText(1, exam_id)
      .Bind(2, prior.mean)
      .Bind(3, prior.sd)
      .Bind(4, int64_t{prior.learners})
      .Bind(5, ToUnixMicros(prior.fit_time))
      .Run();
}

SittingReads::SittingReads(sql::Database& db)
    : find_(db.MustPrepare(std::string(kSelect) + "WHERE session_id = ?")),
      list_(db.MustPrepare(std::string(kSelect) +
                           "WHERE learner = ? ORDER BY start_us, end_us, session_id")),
      learners_(db.MustPrepare("SELECT DISTINCT learner FROM sitting WHERE exam_id = ? AND "
                               "learner > ? ORDER BY learner LIMIT ?")),
      prior_(db.MustPrepare(
          "SELECT mean, sd, learners, fit_us FROM learner_prior WHERE exam_id = ?")) {}

absl::StatusOr<std::optional<SittingRecord>> SittingReads::Find(const std::string& session_id) {
  find_.BindText(1, session_id);
  const auto row = find_.Step();
  if (!row.ok()) return row.status();
  std::optional<SittingRecord> found;
  if (*row) {
    auto sitting = Read(find_);
    if (!sitting.ok()) return sitting.status();
    found = *std::move(sitting);
  }
  find_.Reset();
  return found;
}

absl::StatusOr<std::vector<SittingRecord>> SittingReads::List(const std::string& learner) {
  std::vector<SittingRecord> list;
  list_.BindText(1, learner);
  for (;;) {
    const auto row = list_.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    auto sitting = Read(list_);
    if (!sitting.ok()) return sitting.status();
    list.push_back(*std::move(sitting));
  }
  list_.Reset();
  return list;
}

absl::StatusOr<std::vector<std::string>> SittingReads::Learners(const std::string& exam_id,
                                                                const std::string& after,
                                                                size_t limit) {
  std::vector<std::string> list;
  learners_.BindText(1, exam_id).BindText(2, after).Bind(3, static_cast<int64_t>(limit));
  for (;;) {
    const auto row = learners_.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    list.push_back(learners_.Text(0));
  }
  learners_.Reset();
  return list;
}

absl::StatusOr<std::optional<PriorRecord>> SittingReads::Prior(const std::string& exam_id) {
  prior_.BindText(1, exam_id);
  const auto row = prior_.Step();
  if (!row.ok()) return row.status();
  std::optional<PriorRecord> found;
  if (*row) {
    found = PriorRecord{.mean = prior_.Real(0),
                        .sd = prior_.Real(1),
                        .learners = static_cast<uint32_t>(prior_.Int(2)),
                        .fit_time = FromUnixMicros(prior_.Int(3))};
  }
  prior_.Reset();
  return found;
}

}  // namespace invigil::scoring
