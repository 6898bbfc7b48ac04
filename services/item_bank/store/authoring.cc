#include "services/item_bank/store/authoring.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "services/item_bank/domain/check.h"
#include "services/item_bank/domain/import_plan.h"

namespace invigil::item_bank {
namespace {

// Error details travel in 8 KB of metadata: more fields than this would not arrive. A check
// (`validate_only`) returns them all.
constexpr size_t kMaxFields = 40;

absl::Status Invalid(const char* reason, const std::string& what, const std::string& prefix,
                     const Findings& findings) {
  size_t count = 0;
  std::string first;
  std::vector<std::pair<std::string, std::string>> fields;
  for (const Finding& finding : findings) {
    if (!finding.blocking) continue;
    std::string path = prefix;
    if (finding.item_index >= 0) {
      path += ".items[" + std::to_string(finding.item_index) + "]";
    }
    path += "." + finding.field;
    if (++count == 1) first = path + " " + finding.description;
    if (fields.size() < kMaxFields) {
      std::string text = finding.description.substr(0, 160);
      if (!finding.item_id.empty() && finding.item_index >= 0) {
        text = finding.item_id.substr(0, 64) + ": " + text;
      }
      fields.emplace_back(std::move(path), std::move(text));
    }
  }
  Error error = InvalidArgument(reason, what + " has " + std::to_string(count) +
                                            (count == 1 ? " problem: " : " problems; the first: ") +
                                            first.substr(0, 400));
  error.With("problem_count", std::to_string(count));
  for (auto& [path, text] : fields) error.Field(std::move(path), std::move(text));
  return error;
}

absl::StatusOr<std::optional<Exam>> ExamOfBank(Connection& db, const BankHeader& bank) {
  return db.exams.Find(bank.exam_id);
}

// Checks one item against its bank, plans its effects and stores them; returns it as stored.
absl::StatusOr<Item> StoreOne(Connection& db, Item item, const BankHeader& bank, Time now) {
  auto exam = ExamOfBank(db, bank);
  if (!exam.ok()) return exam.status();
  auto stored = db.items.NewestOf(bank.bank_id);
  if (!stored.ok()) return stored.status();
  Findings findings = CheckItem(item, *exam ? &**exam : nullptr);
  const auto newest = stored->find(item.item_id);
  const auto named_before = [&](const std::string& enemy) {
    if (newest == stored->end()) return false;
    const auto& names = newest->second.enemy_item_ids;
    return std::find(names.begin(), names.end(), enemy) != names.end();
  };
  for (size_t k = 0; k < item.enemy_item_ids.size(); ++k) {
    const std::string& enemy = item.enemy_item_ids[k];
    if (!stored->contains(enemy) && !named_before(enemy)) {
      findings.push_back({item.item_id, -1, "enemy_item_ids[" + std::to_string(k) + "]",
                          "the bank has no such item", true});
    }
  }
  if (newest != stored->end()) CheckSuccessor(item, newest->second, findings);
  if (AnyBlocking(findings)) return Invalid("ITEM_INVALID", "the item", "item", findings);
  const std::string id = item.item_id;
  ImportPlan plan = PlanImport({std::move(item)}, *stored);
  std::optional<Item> result;
  for (auto* list : {&plan.created, &plan.updated}) {
    for (Item& next : *list) {
      next.create_time = now;
      INVIGIL_RETURN_IF_ERROR(db.items.Insert(next));
      if (next.item_id == id) result = next;
    }
  }
  if (!result) return stored->at(id);  // equal to the newest version: that one stays
  INVIGIL_RETURN_IF_ERROR(db.meta.BumpContentRevision());
  return *std::move(result);
}

}  // namespace

absl::StatusOr<Item> CreateItem(Connection& db, Item item, Time now) {
  Normalise(item, "");
  const auto owner = db.items.BankOf(item.item_id);
  if (!owner.ok()) return owner.status();
  if (*owner) {
    return AlreadyExists("ITEM_EXISTS",
                         "item \"" + item.item_id + "\" exists; change it with CreateItemVersion")
        .With("item_id", item.item_id);
  }
  const auto bank = db.items.FindBank(item.bank_id);
  if (!bank.ok()) return bank.status();
  if (!*bank) {
    Findings findings = CheckItem(item, nullptr);
    findings.push_back({item.item_id, -1, "bank_id", "no such bank: import it first", true});
    return Invalid("ITEM_INVALID", "the item", "item", findings);
  }
  return StoreOne(db, std::move(item), **bank, now);
}

absl::StatusOr<Item> CreateItemVersion(Connection& db, Item item, uint32_t base_version, Time now) {
  auto newest = db.items.Find(item.item_id);
  if (!newest.ok()) return newest.status();
  if (!*newest) {
    return NotFound("ITEM_NOT_FOUND", "no item \"" + item.item_id + "\"; make it with CreateItem")
        .With("item_id", item.item_id);
  }
  if ((*newest)->version != base_version) {
    return Aborted("ITEM_VERSION_CONFLICT",
                   "the newest version is " + std::to_string((*newest)->version) +
                       ", not base_version: read it, redo the change and send it again")
        .With("newest_version", std::to_string((*newest)->version));
  }
  Normalise(item, (*newest)->bank_id);
  KeepAccepted(item, **newest, true);
  if (item.bank_id != (*newest)->bank_id) {
    return Invalid("ITEM_INVALID", "the item", "item",
                   {{item.item_id, -1, "bank_id", "an item can't move to another bank", true}});
  }
  const auto bank = db.items.FindBank(item.bank_id);
  if (!bank.ok()) return bank.status();
  if (!*bank) return Internal("the store lacks the bank of an item");
  return StoreOne(db, std::move(item), **bank, now);
}

absl::StatusOr<ImportResult> ImportBank(Connection& db, Bank bank, bool validate_only, Time now) {
  for (Item& item : bank.items) Normalise(item, bank.header.bank_id);
  auto exam = ExamOfBank(db, bank.header);
  if (!exam.ok()) return exam.status();
  auto stored = db.items.NewestOf(bank.header.bank_id);
  if (!stored.ok()) return stored.status();
  absl::Status trouble;
  KnownItems known;
  known.in_bank = [&](const std::string& id) { return stored->contains(id); };
  known.elsewhere = [&](const std::string& id) {
    const auto owner = db.items.BankOf(id);
    if (!owner.ok()) trouble = owner.status();
    return owner.ok() && *owner && **owner != bank.header.bank_id;
  };
  for (Item& item : bank.items) {
    const auto old = stored->find(item.item_id);
    if (old != stored->end()) KeepAccepted(item, old->second, false);
  }
  ImportResult result;
  result.findings = CheckBank(bank, *exam ? &**exam : nullptr, known);
  INVIGIL_RETURN_IF_ERROR(trouble);
  for (size_t i = 0; i < bank.items.size(); ++i) {
    const auto old = stored->find(bank.items[i].item_id);
    if (old == stored->end()) continue;
    Findings more;
    CheckSuccessor(bank.items[i], old->second, more);
    for (Finding& finding : more) {
      finding.item_index = static_cast<int>(i);
      result.findings.push_back(std::move(finding));
    }
  }
  if (AnyBlocking(result.findings)) {
    if (validate_only) return result;
    return Invalid("BANK_INVALID", "the bank", "bank", result.findings);
  }
  ImportPlan plan = PlanImport(std::move(bank.items), *stored);
  result.created = static_cast<int>(plan.created.size());
  result.updated = static_cast<int>(plan.updated.size());
  result.unchanged = plan.unchanged;
  if (validate_only) return result;

  const auto header = db.items.FindBank(bank.header.bank_id);
  if (!header.ok()) return header.status();
  const bool same_header = *header && **header == bank.header;
  if (!same_header) INVIGIL_RETURN_IF_ERROR(db.items.PutBank(bank.header));
  for (auto* list : {&plan.created, &plan.updated}) {
    for (Item& item : *list) {
      item.create_time = now;
      INVIGIL_RETURN_IF_ERROR(db.items.Insert(item));
    }
  }
  if (result.created + result.updated > 0) INVIGIL_RETURN_IF_ERROR(db.meta.BumpContentRevision());
  return result;
}

absl::StatusOr<Exam> PublishExam(Connection& db, Exam exam, Time now) {
  Findings findings = CheckExam(exam);
  absl::TimeZone zone;
  if (!AnyBlocking(findings) && exam.retake_policy &&
      !absl::LoadTimeZone(exam.retake_policy->time_zone, &zone)) {
    findings.push_back({"", -1, "retake_policy.time_zone",
                        "is no time zone of this machine's time zone database", true});
  }
  if (AnyBlocking(findings)) {
    return Invalid("EXAM_INVALID", "the exam definition", "exam", findings);
  }
  auto newest = db.exams.Find(exam.exam_id);
  if (!newest.ok()) return newest.status();
  if (*newest) KeepAccepted(exam, **newest);
  if (*newest && (*newest)->SameContent(exam)) return **std::move(newest);
  exam.version = *newest ? (*newest)->version + 1 : 1;
  exam.publish_time = now;
  INVIGIL_RETURN_IF_ERROR(db.exams.Insert(exam));
  INVIGIL_RETURN_IF_ERROR(db.meta.BumpContentRevision());
  return exam;
}

}  // namespace invigil::item_bank
