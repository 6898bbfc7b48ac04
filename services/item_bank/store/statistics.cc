#include "services/item_bank/store/statistics.h"

#include <utility>

#include "common/error/error.h"
#include "services/item_bank/domain/check.h"
#include "services/item_bank/store/authoring.h"

namespace invigil::item_bank {
namespace {

// Walks back from the newest version while the question is the same.
absl::StatusOr<uint32_t> SameSince(Connection& db, const Item& newest) {
  uint32_t since = newest.version;
  while (since > 1) {
    const auto before = db.items.Find(newest.item_id, since - 1);
    if (!before.ok()) return before.status();
    if (!*before || !(*before)->SameQuestion(newest)) break;
    --since;
  }
  return since;
}

absl::StatusOr<Item> Revised(Connection& db, const ItemRevision& revision) {
  const auto newest = db.items.Find(revision.item_id);
  if (!newest.ok()) return newest.status();
  if (!*newest) {
    return NotFound("ITEM_NOT_FOUND", "the bank has no such item")
        .With("item_id", revision.item_id);
  }
  Item item = **newest;
  const auto since = SameSince(db, item);
  if (!since.ok()) return since.status();
  if (*since != revision.same_content_since) {
    return Aborted("ITEM_VERSION_CONFLICT",
                   "the question changed since its answers were looked at; calibrate it anew")
        .With("item_id", revision.item_id);
  }
  if (!item.Drawable()) {
    return FailedPrecondition("ITEM_NOT_PRETEST",
                              "the item is neither pretest nor operational any more")
        .With("item_id", revision.item_id);
  }
  if (revision.irt) item.irt = revision.irt;
  if (revision.promote && item.status == ItemStatus::kPretest) {
    item.status = ItemStatus::kOperational;
    item.promoted = true;
  }
  Findings findings;
  if (item.irt) CheckIrt(*item.irt, "irt", findings);
  if (!item.irt && item.status == ItemStatus::kOperational) {
    findings.push_back({item.item_id, -1, "irt", "an operational item needs parameters", true});
  }
  for (const Finding& finding : findings) {
    if (!finding.blocking) continue;
    return InvalidArgument("ITEM_INVALID", "the statistics of an item are out of range")
        .With("item_id", revision.item_id)
        .Field(finding.field, finding.description);
  }
  return item;
}

}  // namespace

absl::StatusOr<std::vector<ItemHistory>> ListHistories(Connection& db, const std::string& bank_id) {
  auto newest = db.items.NewestOf(bank_id);
  if (!newest.ok()) return newest.status();
  std::vector<ItemHistory> histories;
  for (auto& [id, item] : *newest) {
    const auto since = SameSince(db, item);
    if (!since.ok()) return since.status();
    histories.push_back({std::move(item), *since});
  }
  return histories;
}

absl::StatusOr<RevisionCounts> ReviseItems(Connection& db,
                                           const std::vector<ItemRevision>& revisions, Time now) {
  RevisionCounts counts;
  for (const ItemRevision& revision : revisions) {
    auto item = Revised(db, revision);
    if (!item.ok()) return item.status();
    const auto newest = db.items.Find(revision.item_id);
    if (!newest.ok()) return newest.status();
    if (item->SameContent(**newest)) {
      ++counts.unchanged;
      continue;
    }
    ++item->version;
    item->create_time = now;
    INVIGIL_RETURN_IF_ERROR(db.items.Insert(*item));
    ++counts.revised;
  }
  if (counts.revised > 0) INVIGIL_RETURN_IF_ERROR(db.meta.BumpContentRevision());
  return counts;
}

absl::StatusOr<Exam> SetStandard(Connection& db, const CutScore& cut, Time now) {
  auto exam = db.exams.Find(cut.exam_id);
  if (!exam.ok()) return exam.status();
  if (!*exam) return NotFound("EXAM_NOT_FOUND", "no such exam").With("exam_id", cut.exam_id);
  if (!(*exam)->standard) {
    return FailedPrecondition("EXAM_WITHOUT_STANDARD",
                              "the definition has no base form on which a cut could stand")
        .With("exam_id", cut.exam_id);
  }
  Exam next = **std::move(exam);
  next.standard->method = cut.method;
  next.standard->base_cut_raw = cut.base_cut_raw;
  next.standard->standard_setting_id = cut.standard_setting_id;
  next.standard->standard_error = cut.standard_error;
  return PublishExam(db, std::move(next), now);
}

}  // namespace invigil::item_bank
