#include "services/cli/bank/local_check.h"

#include <cmath>
#include <set>
#include <string>
#include <utility>

namespace invigil::cli {
namespace {

namespace pb = itembank::v1;

class Findings {
 public:
  void Error(const std::string& item, const std::string& field, const std::string& text) {
    Add(item, field, text, true);
  }
  void Advice(const std::string& item, const std::string& field, const std::string& text) {
    Add(item, field, text, false);
  }
  std::vector<pb::BankFinding> Take() { return std::move(findings_); }

 private:
  void Add(const std::string& item, const std::string& field, const std::string& text, bool block) {
    pb::BankFinding finding;
    finding.set_item_id(item);
    finding.set_field(field);
    finding.set_description(text);
    finding.set_blocking(block);
    findings_.push_back(std::move(finding));
  }
  std::vector<pb::BankFinding> findings_;
};

void CheckItem(const pb::Item& item, const std::set<std::string>& ids, Findings& out) {
  const std::string& id = item.item_id();
  if (id.empty()) out.Error("", "items[].item_id", "an item has no id: give it one");
  if (item.stem().empty()) out.Error(id, "stem", "is empty: write the question");
  if (item.type() == pb::ITEM_TYPE_UNSPECIFIED) out.Error(id, "type", "is not stated");
  std::set<std::string> option_ids, texts;
  uint32_t keys = 0;
  for (int i = 0; i < item.options_size(); ++i) {
    const pb::Option& option = item.options(i);
    const std::string path = "options[" + std::to_string(i) + "]";
    keys += option.is_key() ? 1 : 0;
    if (!option_ids.insert(option.option_id()).second) {
      out.Error(id, path + ".option_id", "\"" + option.option_id() + "\" stands twice");
    }
    if (!texts.insert(option.text()).second) {
      out.Error(id, path + ".text", "is the same as another option's");
    }
    if (option.rationale().empty()) {
      out.Advice(id, path + ".rationale", "is missing: say why it is right or wrong");
    }
  }
  if (keys != item.select_count()) {
    out.Error(id, "select_count",
              "is " + std::to_string(item.select_count()) + ", but " + std::to_string(keys) +
                  (keys == 1 ? " option is" : " options are") + " keyed");
  }
  if (item.status() == pb::ITEM_STATUS_OPERATIONAL && item.irt().slope() <= 0) {
    out.Error(id, "irt.slope", "must be above 0 on an operational item");
  }
  for (const std::string& enemy : item.enemy_item_ids()) {
    if (!ids.contains(enemy)) {
      out.Advice(id, "enemy_item_ids", "\"" + enemy + "\" is not in this bank");
    }
  }
  if (item.references().empty()) {
    out.Advice(id, "references", "are missing: say where a reader can check the item");
  }
}

}  // namespace

std::vector<pb::BankFinding> CheckBankLocally(const pb::Bank& bank) {
  Findings out;
  if (bank.bank_id().empty()) out.Error("", "bank_id", "is missing");
  if (bank.exam_id().empty()) out.Error("", "exam_id", "is missing: name the exam it is for");
  if (bank.items().empty()) out.Error("", "items", "are missing");
  std::set<std::string> ids;
  for (const pb::Item& item : bank.items()) ids.insert(item.item_id());
  for (const pb::Item& item : bank.items()) CheckItem(item, ids, out);
  return out.Take();
}

std::vector<pb::BankFinding> CheckExamLocally(const pb::ExamDefinition& exam) {
  Findings out;
  if (exam.exam_id().empty()) out.Error("", "exam.exam_id", "is missing");
  if (exam.title().empty()) out.Error("", "exam.title", "is missing");
  if (exam.disclaimer().empty()) out.Error("", "exam.disclaimer", "is missing");
  if (exam.duration().seconds() <= 0) out.Error("", "exam.duration", "must be above 0");
  double weight = 0;
  uint32_t count = 0;
  for (const pb::Domain& domain : exam.domains()) {
    weight += domain.weight_percent();
    count += domain.operational_item_count();
  }
  if (std::abs(weight - 100) > 1e-6) {
    out.Error("", "exam.domains", "weights add up to " + std::to_string(weight) + ", not to 100");
  }
  if (count != exam.operational_item_count()) {
    out.Error("", "exam.domains",
              "hold " + std::to_string(count) + " scored items, operational_item_count says " +
                  std::to_string(exam.operational_item_count()));
  }
  const pb::Scale& scale = exam.scale();
  if (!(scale.min() < scale.cut() && scale.cut() < scale.max())) {
    out.Error("", "exam.scale", "must have min < cut < max");
  }
  if (exam.sources().empty())
    out.Error("", "exam.sources", "are missing: say where facts are from");
  for (int i = 0; i < exam.sources_size(); ++i) {
    const pb::FactSource& source = exam.sources(i);
    if (source.date_checked().empty() || source.review_by().empty() || source.source().empty()) {
      out.Error("", "exam.sources[" + std::to_string(i) + "]",
                "needs source, date_checked and review_by");
    }
  }
  return out.Take();
}

std::vector<pb::BankFinding> CheckTogether(const pb::ExamDefinition& exam, const pb::Bank& bank) {
  Findings out;
  if (exam.bank_id() != bank.bank_id()) {
    out.Error("", "exam.bank_id",
              "is \"" + exam.bank_id() + "\", the bank beside it is \"" + bank.bank_id() + "\"");
  }
  if (exam.exam_id() != bank.exam_id()) {
    out.Error("", "exam_id",
              "the bank is for \"" + bank.exam_id() + "\", the exam beside it is \"" +
                  exam.exam_id() + "\"");
  }
  std::set<std::string> tasks;
  for (const pb::Domain& domain : exam.domains()) {
    for (const pb::Task& task : domain.tasks())
      tasks.insert(domain.domain_id() + "/" + task.task_id());
  }
  for (const pb::Item& item : bank.items()) {
    if (!tasks.contains(item.domain_id() + "/" + item.task_id())) {
      out.Error(item.item_id(), "task_id",
                "task \"" + item.task_id() + "\" is not in domain \"" + item.domain_id() +
                    "\" of the exam");
    }
  }
  return out.Take();
}

}  // namespace invigil::cli
