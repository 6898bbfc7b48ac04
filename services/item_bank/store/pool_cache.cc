#include "services/item_bank/store/pool_cache.h"

#include <utility>
#include <vector>

#include "services/item_bank/domain/opaque_id.h"

namespace invigil::item_bank {

std::string UnavailableReason(const StoredPool& stored) {
  const Pool& pool = stored.pool;
  if (!pool.exam().standard) return "No passing standard has been set for this exam yet.";
  if (pool.items().empty()) return "The item bank of this exam holds no items in use yet.";
  if (!pool.feasible().ok()) return std::string(pool.feasible().message()) + ".";
  return "";
}

absl::StatusOr<std::shared_ptr<StoredPool>> PoolCache::Current(Connection& db,
                                                               const std::string& exam_id) {
  const auto revision = db.meta.ContentRevision();
  if (!revision.ok()) return revision.status();
  {
    const std::lock_guard lock(mutex_);
    const auto known = current_.find(exam_id);
    if (known != current_.end() && known->second.revision == *revision) return known->second.pool;
  }
  // One read transaction: exam and items of one moment. A change after the revision was read only
  // means building once more.
  auto pool = BuildOfOneMoment(db, exam_id);
  if (!pool.ok()) return pool.status();
  auto kept = Keep(*std::move(pool));
  const std::lock_guard lock(mutex_);
  Newest& newest = current_[exam_id];
  if (newest.revision < *revision) newest = {*revision, kept};
  return kept;
}

absl::StatusOr<std::shared_ptr<StoredPool>> PoolCache::ById(Connection& db,
                                                            const std::string& pool_id) {
  {
    const std::lock_guard lock(mutex_);
    for (auto at = kept_.begin(); at != kept_.end(); ++at) {
      if ((*at)->row.pool_id != pool_id) continue;
      kept_.splice(kept_.begin(), kept_, at);
      return kept_.front();
    }
  }
  auto pool = Load(db, pool_id);
  if (!pool.ok()) return pool.status();
  return Keep(*std::move(pool));
}

absl::StatusOr<std::shared_ptr<StoredPool>> PoolCache::BuildOfOneMoment(
    Connection& db, const std::string& exam_id) {
  auto transaction = sql::Transaction::BeginRead(db.db());
  if (!transaction.ok()) return transaction.status();
  return Build(db, exam_id);
}

absl::StatusOr<std::shared_ptr<StoredPool>> PoolCache::Build(Connection& db,
                                                             const std::string& exam_id) {
  auto exam = db.exams.Find(exam_id);
  if (!exam.ok()) return exam.status();
  if (!*exam) {
    return NotFound("EXAM_NOT_FOUND",
                    "no exam \"" + exam_id + "\"; ListExams names those there are")
        .With("exam_id", exam_id);
  }
  auto items = db.items.NewestOf((*exam)->bank_id);
  if (!items.ok()) return items.status();
  std::vector<Pool::Member> members;
  for (auto& [id, item] : *items) {
    if (item.Drawable()) members.push_back(MemberOf(std::move(item)));
  }
  Pool pool(std::make_shared<Exam>(**std::move(exam)), members);
  PoolRow row{"", exam_id, pool.exam().version, {}};
  for (const PoolItem& item : pool.items()) {
    row.members.emplace_back(item.item->item_id, item.item->version);
  }
  row.pool_id = PoolIdOf(row);
  return std::make_shared<StoredPool>(std::move(row), std::move(pool));
}

absl::StatusOr<std::shared_ptr<StoredPool>> PoolCache::Load(Connection& db,
                                                            const std::string& pool_id) {
  auto row = db.forms.FindPool(pool_id);
  if (!row.ok()) return row.status();
  if (!*row) return Internal("the store lacks the pool snapshot of a form");
  auto exam = db.exams.Find((*row)->exam_id, (*row)->exam_version);
  if (!exam.ok()) return exam.status();
  if (!*exam) return Internal("the store lacks the exam version of a form");
  std::vector<Pool::Member> members;
  for (const auto& [id, version] : (*row)->members) {
    auto item = db.items.Find(id, version);
    if (!item.ok()) return item.status();
    if (!*item) return Internal("the store lacks an item version of a form");
    members.push_back(MemberOf(**std::move(item)));
  }
  Pool pool(std::make_shared<Exam>(**std::move(exam)), members);
  if (pool.items().size() != members.size()) return Internal("a pool snapshot has lost members");
  auto stored = std::make_shared<StoredPool>(**std::move(row), std::move(pool));
  stored->stored = true;
  return stored;
}

// The same snapshot may have been built by another thread meanwhile: one object serves all.
std::shared_ptr<StoredPool> PoolCache::Keep(std::shared_ptr<StoredPool> pool) {
  const std::lock_guard lock(mutex_);
  for (const auto& known : kept_) {
    if (known->row.pool_id == pool->row.pool_id) return known;
  }
  kept_.push_front(std::move(pool));
  auto kept = kept_.front();
  if (kept_.size() > kKept) kept_.pop_back();
  return kept;
}

Pool::Member PoolCache::MemberOf(Item item) const {
  std::string content_id = ContentId(secret_, item.item_id, item.version);
  return {std::make_shared<const Item>(std::move(item)), std::move(content_id)};
}

}  // namespace invigil::item_bank
