#include "services/scoring/measurement/store.h"

#include <algorithm>
#include <utility>

#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/error/error.h"
#include "common/sql/database.h"

namespace invigil::scoring {
namespace {

constexpr int kRaceAttempts = 5;
constexpr char kNoneBefore[] = "~";  // behind every id

const std::vector<std::string>& Steps() {
  static const std::vector<std::string> steps = {R"sql(
      CREATE TABLE work (
        id TEXT NOT NULL PRIMARY KEY,
        kind INTEGER NOT NULL,
        exam_id TEXT NOT NULL,
        author TEXT NOT NULL,
        request_id TEXT NOT NULL,
        reason TEXT NOT NULL,
        state INTEGER NOT NULL,
        create_us INTEGER NOT NULL,
        asked BLOB NOT NULL,
        settings BLOB NOT NULL,
        progress BLOB NOT NULL,
        result BLOB NOT NULL,
        digest TEXT NOT NULL,
        problem TEXT NOT NULL,
        approver TEXT NOT NULL,
        acceptance BLOB NOT NULL,
        outcome TEXT NOT NULL,
        lease_owner TEXT NOT NULL,
        lease_until_us INTEGER NOT NULL);
      CREATE UNIQUE INDEX work_by_request ON work (author, kind, request_id);
      CREATE INDEX work_by_exam ON work (kind, exam_id, id);
      CREATE INDEX work_by_state ON work (state, id);
      CREATE TABLE work_act (
        id TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        act_us INTEGER NOT NULL,
        actor TEXT NOT NULL,
        act TEXT NOT NULL,
        reason TEXT NOT NULL,
        digest TEXT NOT NULL,
        hash TEXT NOT NULL,
        PRIMARY KEY (id, sequence));
      CREATE TABLE coverage_head (
        exam_id TEXT NOT NULL PRIMARY KEY,
        sequence INTEGER NOT NULL);
      CREATE TABLE covered_form (
        exam_id TEXT NOT NULL,
        form_id TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        equating_id TEXT NOT NULL,
        PRIMARY KEY (exam_id, form_id));
      CREATE TABLE covered_item (
        exam_id TEXT NOT NULL,
        item_id TEXT NOT NULL,
        item_version INTEGER NOT NULL,
        sequence INTEGER NOT NULL,
        equating_id TEXT NOT NULL,
        PRIMARY KEY (exam_id, item_id, item_version));
      )sql"};
  return steps;
}

constexpr char kSelect[] =
    "SELECT id, kind, exam_id, author, request_id, reason, state, create_us, settings, progress, "
    "result, digest, problem, approver, acceptance, outcome, asked FROM work ";

WorkRecord ReadWork(const sql::Statement& row) {
  WorkRecord record;
  record.id = row.Text(0);
  record.kind = static_cast<WorkKind>(row.Int(1));
  record.exam_id = row.Text(2);
  record.author = row.Text(3);
  record.request_id = row.Text(4);
  record.reason = row.Text(5);
  record.state = static_cast<WorkState>(row.Int(6));
  record.create_time = FromUnixMicros(row.Int(7));
  record.settings = row.Text(8);
  record.progress = row.Text(9);
  record.result = row.Text(10);
  record.digest = row.Text(11);
  record.problem = row.Text(12);
  record.approver = row.Text(13);
  record.acceptance = row.Text(14);
  record.outcome = row.Text(15);
  record.asked = row.Text(16);
  return record;
}

using Bind = std::function<void(sql::Statement&)>;

// Every row of a query.
template <typename T>
absl::StatusOr<std::vector<T>> All(sql::Database& db, const std::string& query, const Bind& bind,
                                   const std::function<T(const sql::Statement&)>& read) {
  auto statement = db.Prepare(query);
  if (!statement.ok()) return statement.status();
  bind(*statement);
  std::vector<T> rows;
  for (;;) {
    const auto row = statement->Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    rows.push_back(read(*statement));
  }
  statement->Reset();
  return rows;
}

// Runs a statement without rows; gives how many rows it changed.
absl::StatusOr<int64_t> Change(sql::Database& db, const std::string& statement, const Bind& bind) {
  auto prepared = db.Prepare(statement);
  if (!prepared.ok()) return prepared.status();
  bind(*prepared);
  INVIGIL_RETURN_IF_ERROR(prepared->Run());
  return db.Changes();
}

absl::StatusOr<WorkRecord> GetById(sql::Database& db, const std::string& id) {
  auto found = All<WorkRecord>(
      db, std::string(kSelect) + "WHERE id = ?",
      [&](sql::Statement& statement) { statement.BindText(1, id); }, ReadWork);
  if (!found.ok()) return found.status();
  if (found->empty()) return Internal("a piece of measurement work is gone");
  return std::move(found->front());
}

absl::Status NotThere(WorkKind kind, const std::string& id) {
  switch (kind) {
    case WorkKind::kCalibration:
      return NotFound("CALIBRATION_NOT_FOUND", "no such calibration").With("calibration_id", id);
    case WorkKind::kPromotion:
      return NotFound("PROMOTION_NOT_FOUND", "no such promotion").With("promotion_id", id);
    case WorkKind::kEquating:
      return NotFound("EQUATING_NOT_FOUND", "no such equating").With("equating_id", id);
    case WorkKind::kStandardSetting:
      break;
  }
  return NotFound("STANDARD_SETTING_NOT_FOUND", "no such standard setting")
      .With("standard_setting_id", id);
}

absl::Status Cover(sql::Database& db, const WorkRecord& work, const Coverage& coverage) {
  auto status = Change(db,
                       "INSERT INTO coverage_head VALUES (?, 1) ON CONFLICT (exam_id) DO UPDATE "
                       "SET sequence = coverage_head.sequence + 1",
                       [&](sql::Statement& s) { s.BindText(1, work.exam_id); });
  if (!status.ok()) return status.status();
  const auto head = All<int64_t>(
      db, "SELECT sequence FROM coverage_head WHERE exam_id = ?",
      [&](sql::Statement& s) { s.BindText(1, work.exam_id); },
      [](const sql::Statement& row) { return row.Int(0); });
  if (!head.ok()) return head.status();
  const int64_t sequence = head->front();
  for (const std::string& form : coverage.form_ids) {
    status = Change(db,
                    "INSERT INTO covered_form VALUES (?1, ?2, ?3, ?4) ON CONFLICT (exam_id, "
                    "form_id) DO UPDATE SET sequence = ?3, equating_id = ?4",
                    [&](sql::Statement& s) {
                      s.BindText(1, work.exam_id).BindText(2, form).Bind(3, sequence);
                      s.BindText(4, work.id);
                    });
    if (!status.ok()) return status.status();
  }
  for (const auto& [item, version] : coverage.items) {
    status = Change(db,
                    "INSERT INTO covered_item VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (exam_id, "
                    "item_id, item_version) DO UPDATE SET sequence = ?4, equating_id = ?5",
                    [&, &item = item, &version = version](sql::Statement& s) {
                      s.BindText(1, work.exam_id).BindText(2, item).Bind(3, int64_t{version});
                      s.Bind(4, sequence).BindText(5, work.id);
                    });
    if (!status.ok()) return status.status();
  }
  return absl::OkStatus();
}

}  // namespace

MeasurementStore::MeasurementStore(std::unique_ptr<sql::Database> db) : db_(std::move(db)) {}
MeasurementStore::~MeasurementStore() = default;

absl::StatusOr<std::unique_ptr<MeasurementStore>> MeasurementStore::Open(
    const std::string& location, const std::string& schema) {
  auto db = sql::Database::Open(location, sql::Database::Mode::kReadWrite, schema);
  if (!db.ok()) return db.status();
  INVIGIL_RETURN_IF_ERROR(db->Migrate(Steps()));
  return std::unique_ptr<MeasurementStore>(
      new MeasurementStore(std::make_unique<sql::Database>(*std::move(db))));
}

absl::Status MeasurementStore::Write(const std::function<absl::Status(sql::Database&)>& work) {
  const std::lock_guard lock(mutex_);
  for (int attempt = 0; attempt < kRaceAttempts; ++attempt) {
    absl::Status status;
    {
      auto transaction = sql::Transaction::Begin(*db_);
      status = transaction.ok() ? work(*db_) : transaction.status();
      if (status.ok()) status = transaction->Commit();
    }
    // A unique key that another replica took just then is found by the next attempt.
    if (status.ok() || (!sql::IsRace(status) && !absl::IsAlreadyExists(status))) return status;
  }
  return Unavailable("CONTENDED", "other replicas write the same; try again", Millis(50));
}

absl::Status MeasurementStore::AddAct(sql::Database& db, const std::string& id, ActRecord act) {
  const auto before = All<std::pair<int64_t, std::string>>(
      db, "SELECT sequence, hash FROM work_act WHERE id = ? ORDER BY sequence DESC LIMIT 1",
      [&](sql::Statement& s) { s.BindText(1, id); },
      [](const sql::Statement& row) { return std::pair(row.Int(0), row.Text(1)); });
  if (!before.ok()) return before.status();
  act.sequence = before->empty() ? 1 : static_cast<uint32_t>(before->front().first) + 1;
  act.hash = HashOf(act, id, before->empty() ? "" : before->front().second);
  return Change(
             db, "INSERT INTO work_act VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
             [&](sql::Statement& s) {
               s.BindText(1, id).Bind(2, int64_t{act.sequence}).Bind(3, ToUnixMicros(act.act_time));
               s.BindText(4, act.actor).BindText(5, act.act).BindText(6, act.reason);
               s.BindText(7, act.digest).BindText(8, act.hash);
             })
      .status();
}

absl::StatusOr<WorkRecord> MeasurementStore::Create(const WorkRecord& record) {
  WorkRecord stored;
  const std::string id = record.id.empty() ? NewId(record.create_time) : record.id;
  const absl::Status status = Write([&](sql::Database& db) -> absl::Status {
    auto known = All<WorkRecord>(
        db, std::string(kSelect) + "WHERE author = ? AND kind = ? AND request_id = ?",
        [&](sql::Statement& s) {
          s.BindText(1, record.author).Bind(2, static_cast<int64_t>(record.kind));
          s.BindText(3, record.request_id);
        },
        ReadWork);
    if (!known.ok()) return known.status();
    if (!known->empty()) {
      stored = std::move(known->front());
      if (stored.asked == record.asked) return absl::OkStatus();
      return InvalidArgument("REQUEST_ID_REUSED",
                             "the request id stands for another piece of work; take a new one")
          .Field("request_id", "was used for " + stored.id);
    }
    const auto made = Change(
        db, "INSERT INTO work VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', 0)",
        [&](sql::Statement& s) {
          s.BindText(1, id).Bind(2, static_cast<int64_t>(record.kind)).BindText(3, record.exam_id);
          s.BindText(4, record.author).BindText(5, record.request_id).BindText(6, record.reason);
          s.Bind(7, static_cast<int64_t>(record.state)).Bind(8, ToUnixMicros(record.create_time));
          s.BindBlob(9, record.asked).BindBlob(10, record.settings).BindBlob(11, record.progress);
          s.BindBlob(12, record.result).BindText(13, record.digest).BindText(14, record.problem);
          s.BindText(15, record.approver).BindBlob(16, record.acceptance);
          s.BindText(17, record.outcome);
        });
    if (!made.ok()) return made.status();
    INVIGIL_RETURN_IF_ERROR(AddAct(db, id,
                                   {.sequence = 0,
                                    .act_time = record.create_time,
                                    .actor = record.author,
                                    .act = "started",
                                    .reason = record.reason,
                                    .digest = Sha256Hex(record.settings),
                                    .hash = ""}));
    auto read = GetById(db, id);
    if (!read.ok()) return read.status();
    stored = *std::move(read);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return stored;
}

absl::StatusOr<WorkRecord> MeasurementStore::Get(WorkKind kind, const std::string& id) {
  const std::lock_guard lock(mutex_);
  auto found = All<WorkRecord>(
      *db_, std::string(kSelect) + "WHERE id = ? AND kind = ?",
      [&](sql::Statement& s) { s.BindText(1, id).Bind(2, static_cast<int64_t>(kind)); }, ReadWork);
  if (!found.ok()) return found.status();
  if (found->empty()) return NotThere(kind, id);
  return std::move(found->front());
}

absl::StatusOr<std::vector<WorkRecord>> MeasurementStore::List(WorkKind kind,
                                                               const std::string& exam_id,
                                                               const std::string& before,
                                                               size_t limit) {
  const std::lock_guard lock(mutex_);
  const std::string from = before.empty() ? kNoneBefore : before;
  return All<WorkRecord>(
      *db_,
      std::string(kSelect) +
          "WHERE kind = ?1 AND (?2 = '' OR exam_id = ?2) AND id < ?3 ORDER BY id DESC LIMIT ?4",
      [&](sql::Statement& s) {
        s.Bind(1, static_cast<int64_t>(kind)).BindText(2, exam_id).BindText(3, from);
        s.Bind(4, static_cast<int64_t>(limit));
      },
      ReadWork);
}

absl::StatusOr<std::vector<ActRecord>> MeasurementStore::ListActs(const std::string& id) {
  const std::lock_guard lock(mutex_);
  return All<ActRecord>(
      *db_,
      "SELECT sequence, act_us, actor, act, reason, digest, hash FROM work_act WHERE id = ? "
      "ORDER BY sequence",
      [&](sql::Statement& s) { s.BindText(1, id); },
      [](const sql::Statement& row) {
        return ActRecord{.sequence = static_cast<uint32_t>(row.Int(0)),
                         .act_time = FromUnixMicros(row.Int(1)),
                         .actor = row.Text(2),
                         .act = row.Text(3),
                         .reason = row.Text(4),
                         .digest = row.Text(5),
                         .hash = row.Text(6)};
      });
}

absl::StatusOr<std::vector<WorkRecord>> MeasurementStore::ListUnfinished() {
  const std::lock_guard lock(mutex_);
  return All<WorkRecord>(
      *db_, std::string(kSelect) + "WHERE state IN (?, ?) ORDER BY id",
      [](sql::Statement& s) {
        s.Bind(1, static_cast<int64_t>(WorkState::kRunning));
        s.Bind(2, static_cast<int64_t>(WorkState::kApplying));
      },
      ReadWork);
}

absl::StatusOr<bool> MeasurementStore::Claim(const std::string& id, const std::string& owner,
                                             Time now, Time until) {
  bool mine = false;
  const absl::Status status = Write([&](sql::Database& db) {
    const auto changed = Change(db,
                                "UPDATE work SET lease_owner = ?1, lease_until_us = ?2 WHERE id = "
                                "?3 AND (lease_owner = ?1 OR lease_until_us < ?4)",
                                [&](sql::Statement& s) {
                                  s.BindText(1, owner).Bind(2, ToUnixMicros(until));
                                  s.BindText(3, id).Bind(4, ToUnixMicros(now));
                                });
    mine = changed.ok() && *changed == 1;
    return changed.status();
  });
  if (!status.ok()) return status;
  return mine;
}

absl::StatusOr<bool> MeasurementStore::Progress(const std::string& id, const std::string& progress,
                                                Time until) {
  bool runs = false;
  const absl::Status status = Write([&](sql::Database& db) {
    const auto changed =
        Change(db, "UPDATE work SET progress = ?, lease_until_us = ? WHERE id = ? AND state = ?",
               [&](sql::Statement& s) {
                 s.BindBlob(1, progress).Bind(2, ToUnixMicros(until)).BindText(3, id);
                 s.Bind(4, static_cast<int64_t>(WorkState::kRunning));
               });
    runs = changed.ok() && *changed == 1;
    return changed.status();
  });
  if (!status.ok()) return status;
  return runs;
}

absl::StatusOr<WorkRecord> MeasurementStore::Take(WorkKind kind, const WorkStep& step) {
  WorkRecord work;
  const absl::Status status = Write([&](sql::Database& db) -> absl::Status {
    auto found = All<WorkRecord>(
        db, std::string(kSelect) + "WHERE id = ? AND kind = ?",
        [&](sql::Statement& s) { s.BindText(1, step.id).Bind(2, static_cast<int64_t>(kind)); },
        ReadWork);
    if (!found.ok()) return found.status();
    if (found->empty()) return NotThere(kind, step.id);
    work = std::move(found->front());
    if (std::find(step.from.begin(), step.from.end(), work.state) == step.from.end()) {
      return Aborted("MEASUREMENT_MOVED", "the work has gone on meanwhile; look at it again");
    }
    work.state = step.to;
    if (step.result) work.result = *step.result;
    if (step.digest) work.digest = *step.digest;
    if (step.problem) work.problem = *step.problem;
    if (step.approver) work.approver = *step.approver;
    if (step.acceptance) work.acceptance = *step.acceptance;
    if (step.outcome) work.outcome = *step.outcome;
    const auto changed = Change(
        db,
        "UPDATE work SET state = ?, result = ?, digest = ?, problem = ?, approver = ?, acceptance "
        "= ?, outcome = ? WHERE id = ?",
        [&](sql::Statement& s) {
          s.Bind(1, static_cast<int64_t>(work.state)).BindBlob(2, work.result);
          s.BindText(3, work.digest).BindText(4, work.problem).BindText(5, work.approver);
          s.BindBlob(6, work.acceptance).BindText(7, work.outcome).BindText(8, work.id);
        });
    if (!changed.ok()) return changed.status();
    if (step.coverage) INVIGIL_RETURN_IF_ERROR(Cover(db, work, *step.coverage));
    return AddAct(db, work.id,
                  {.sequence = 0,
                   .act_time = step.now,
                   .actor = step.actor,
                   .act = step.act,
                   .reason = step.reason,
                   .digest = step.act_digest,
                   .hash = ""});
  });
  if (!status.ok()) return status;
  return work;
}

absl::Status MeasurementStore::Refresh(const std::string& exam_id, ExamCoverage& coverage) {
  const auto bind = [&](sql::Statement& s) { s.BindText(1, exam_id); };
  const auto head = All<int64_t>(*db_, "SELECT sequence FROM coverage_head WHERE exam_id = ?", bind,
                                 [](const sql::Statement& row) { return row.Int(0); });
  if (!head.ok()) return head.status();
  const int64_t sequence = head->empty() ? 0 : head->front();
  if (sequence == coverage.sequence) return absl::OkStatus();
  ExamCoverage fresh;
  fresh.sequence = sequence;
  const auto forms =
      All<int>(*db_, "SELECT form_id, sequence, equating_id FROM covered_form WHERE exam_id = ?",
               bind, [&](const sql::Statement& row) {
                 fresh.forms[row.Text(0)] = {row.Int(1), row.Text(2)};
                 return 0;
               });
  if (!forms.ok()) return forms.status();
  const auto items = All<int>(
      *db_,
      "SELECT item_id, item_version, sequence, equating_id FROM covered_item WHERE exam_id = ?",
      bind, [&](const sql::Statement& row) {
        fresh.items[{row.Text(0), static_cast<uint32_t>(row.Int(1))}] = {row.Int(2), row.Text(3)};
        return 0;
      });
  if (!items.ok()) return items.status();
  coverage = std::move(fresh);
  return absl::OkStatus();
}

absl::StatusOr<std::string> MeasurementStore::EquatingOf(const ScoringKey& key) {
  const std::lock_guard lock(mutex_);
  ExamCoverage& coverage = coverages_[key.exam_id];
  INVIGIL_RETURN_IF_ERROR(Refresh(key.exam_id, coverage));
  if (const auto form = coverage.forms.find(key.form_id); form != coverage.forms.end()) {
    return form->second.equating_id;
  }
  const Covered* newest = nullptr;
  for (const KeyedItem& item : key.items) {
    if (!item.operational) continue;
    const auto covered = coverage.items.find({item.bank_item_id, item.bank_item_version});
    if (covered == coverage.items.end()) return std::string();
    if (newest == nullptr || covered->second.sequence > newest->sequence) newest = &covered->second;
  }
  return newest == nullptr ? std::string() : newest->equating_id;
}

bool ActsIntact(const std::string& id, const std::vector<ActRecord>& acts) {
  std::string before;
  for (size_t i = 0; i < acts.size(); ++i) {
    if (acts[i].sequence != i + 1 || acts[i].hash != HashOf(acts[i], id, before)) return false;
    before = acts[i].hash;
  }
  return !acts.empty();
}

}  // namespace invigil::scoring
