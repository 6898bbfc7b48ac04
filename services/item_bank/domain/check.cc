#include "services/item_bank/domain/check.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "services/item_bank/domain/text_rules.h"

namespace invigil::item_bank {
namespace {

constexpr size_t kMaxStem = 4000;
constexpr size_t kMaxOptionText = 1000;
constexpr size_t kMaxRationale = 2000;
constexpr size_t kMaxEnemies = 100;

class ItemChecker {
 public:
  ItemChecker(const Item& item, const Exam* exam) : item_(item), exam_(exam) {}

  Findings Run() {
    Identity();
    Counts();
    Options();
    Stem();
    Statistics();
    Enemies();
    References();
    return std::move(findings_);
  }

 private:
  void Block(std::string field, std::string description) {
    findings_.push_back({item_.item_id, -1, std::move(field), std::move(description), true});
  }
  void Advise(std::string field, std::string description) {
    findings_.push_back({item_.item_id, -1, std::move(field), std::move(description), false});
  }

  void Identity() {
    if (!IsItemId(item_.item_id)) {
      Block("item_id", "must be 1 to 64 lower-case letters, digits, dots or dashes");
    }
    if (!IsBankId(item_.bank_id)) {
      Block("bank_id", "must be 1 to 64 lower-case letters, digits or dashes");
    }
    if (!IsBlueprintId(item_.domain_id)) Block("domain_id", "must name a domain of the exam");
    if (!IsBlueprintId(item_.task_id)) Block("task_id", "must name a task statement of the exam");
    if (exam_) Blueprint();
    const int level = static_cast<int>(item_.cognitive_level);
    if (level < 1 || level > 3) Block("cognitive_level", "must be stated");
    const int status = static_cast<int>(item_.status);
    if (status < 1 || status > 4) Block("status", "is not a known status");
  }

  void Blueprint() {
    const auto domain =
        std::find_if(exam_->domains.begin(), exam_->domains.end(),
                     [&](const Domain& d) { return d.domain_id == item_.domain_id; });
    if (domain == exam_->domains.end()) {
      return Block("domain_id", "exam " + exam_->exam_id + " has no such domain");
    }
    if (std::none_of(domain->tasks.begin(), domain->tasks.end(),
                     [&](const Task& t) { return t.task_id == item_.task_id; })) {
      Block("task_id", "domain " + item_.domain_id + " of exam " + exam_->exam_id +
                           " has no such task statement");
    }
    const auto& types = exam_->item_types;
    if (item_.type != ItemType::kUnspecified &&
        std::find(types.begin(), types.end(), item_.type) == types.end()) {
      Block("type", "exam " + exam_->exam_id + " does not use this type");
    }
  }

  // How many options and keys the type allows.
  void Counts() {
    const size_t options = item_.options.size();
    const auto keys = static_cast<size_t>(std::count_if(item_.options.begin(), item_.options.end(),
                                                        [](const Option& o) { return o.is_key; }));
    switch (item_.type) {
      case ItemType::kSingleChoice:
        if (options != 4) Block("options", "single choice has 4 options, here " + Text(options));
        if (keys != 1) Block("options", "single choice has 1 key, here " + Text(keys));
        if (item_.select_count != 1) Block("select_count", "must be 1 for single choice");
        break;
      case ItemType::kMultipleResponse:
        if (options < 5 || options > 6) {
          Block("options", "multiple response has 5 or 6 options, here " + Text(options));
        }
        if (keys < 2 || keys > 3) {
          Block("options", "multiple response has 2 or 3 keys, here " + Text(keys));
        }
        if (item_.select_count != keys) {
          Block("select_count", "must equal the number of keys, " + Text(keys));
        }
        break;
      default:
        Block("type", "must be single choice or multiple response");
    }
  }

  void Options() {
    std::set<std::string> ids, texts;
    for (size_t i = 0; i < item_.options.size(); ++i) {
      const Option& option = item_.options[i];
      const std::string path = "options[" + Text(i) + "]";
      if (!IsOptionId(option.option_id)) {
        Block(path + ".option_id", "must be 1 to 16 lower-case letters or digits");
      } else if (!ids.insert(option.option_id).second) {
        Block(path + ".option_id", "stands twice; ids are unique in the item");
      }
      if (!IsCleanText(option.text, kMaxOptionText)) {
        Block(path + ".text", "must be 1 to 1000 bytes of plain text without outer blanks");
      } else if (!texts.insert(option.text).second) {
        Block(path + ".text", "says the same as another option");
      }
      if (option.rationale.empty()) {
        Advise(path + ".rationale", "say why the option is right or wrong");
      } else if (!IsCleanText(option.rationale, kMaxRationale)) {
        Block(path + ".rationale", "must be at most 2000 bytes of plain text without outer blanks");
      }
    }
  }

  // Candidates are told how many to select; a number that lies would cost them the point.
  void Stem() {
    if (!IsCleanText(item_.stem, kMaxStem)) {
      return Block("stem", "must be 1 to 4000 bytes of plain text without outer blanks");
    }
    const bool two = item_.stem.find("(Select TWO.)") != std::string::npos;
    const bool three = item_.stem.find("(Select THREE.)") != std::string::npos;
    if (item_.type == ItemType::kSingleChoice && (two || three)) {
      Block("stem", "asks for several selections, the item takes one");
    }
    if (item_.type == ItemType::kMultipleResponse) {
      if (item_.select_count == 2 && (!two || three)) Block("stem", "must say (Select TWO.)");
      if (item_.select_count == 3 && (!three || two)) Block("stem", "must say (Select THREE.)");
    }
  }

  void Statistics() {
    if (item_.irt) {
      CheckIrt(*item_.irt, "irt", findings_);
      for (Finding& finding : findings_) finding.item_id = item_.item_id;
    } else if (item_.status == ItemStatus::kOperational) {
      Block("irt", "an operational item needs parameters: scores are equated with them");
    }
  }

  void Enemies() {
    if (item_.enemy_item_ids.size() > kMaxEnemies) {
      Block("enemy_item_ids", "must name at most 100 items");
    }
    for (size_t i = 0; i < item_.enemy_item_ids.size(); ++i) {
      const std::string& enemy = item_.enemy_item_ids[i];
      const std::string path = "enemy_item_ids[" + Text(i) + "]";
      if (!IsItemId(enemy)) Block(path, "is not an item id");
      if (enemy == item_.item_id) Block(path, "an item can't be its own enemy");
    }
  }

  void References() {
    if (item_.references.empty()) Advise("references", "name a page where the item can be checked");
    for (size_t i = 0; i < item_.references.size(); ++i) {
      const std::string path = "references[" + Text(i) + "]";
      if (!IsCleanText(item_.references[i].title, 500))
        Block(path + ".title", "must be plain text");
      if (!IsHttpsUrl(item_.references[i].url)) Block(path + ".url", "must be an https address");
    }
  }

  static std::string Text(size_t number) { return std::to_string(number); }

  const Item& item_;
  const Exam* exam_;
  Findings findings_;
};

}  // namespace

void CheckIrt(const IrtParameters& irt, const std::string& path, Findings& findings) {
  const auto say = [&](const char* member, const char* text) {
    findings.push_back({"", -1, path + "." + member, text, true});
  };
  // Written so that NaN fails too.
  if (!(irt.slope > 0 && irt.slope <= 10)) say("slope", "must be above 0 and at most 10");
  if (!(irt.difficulty >= -6 && irt.difficulty <= 6)) say("difficulty", "must be from -6 to 6");
  if (!(irt.lower_asymptote >= 0 && irt.lower_asymptote <= 0.95)) {
    say("lower_asymptote", "must be from 0 to 0.95");
  }
}

Findings CheckItem(const Item& item, const Exam* exam) { return ItemChecker(item, exam).Run(); }

void CheckSuccessor(const Item& next, const Item& newest, Findings& findings) {
  if (newest.status == ItemStatus::kRetired && next.status != ItemStatus::kRetired) {
    findings.push_back({next.item_id, -1, "status",
                        "a retired item stays retired: write a new item instead", true});
  }
}

Findings CheckBank(const Bank& bank, const Exam* exam, const KnownItems& known) {
  Findings all;
  const auto block = [&](std::string item_id, int index, std::string field, std::string text) {
    all.push_back({std::move(item_id), index, std::move(field), std::move(text), true});
  };
  const BankHeader& header = bank.header;
  if (!IsBankId(header.bank_id)) {
    block("", -1, "bank_id", "must be 1 to 64 lower-case letters, digits or dashes");
  }
  if (!IsExamId(header.exam_id)) {
    block("", -1, "exam_id", "must be 1 to 32 letters, digits or dashes, such as CLF-C02");
  }
  if (!header.title.empty() && !IsCleanText(header.title, 200)) {
    block("", -1, "title", "must be at most 200 bytes of plain text");
  }
  if (!header.license.empty() && !IsCleanText(header.license, 4000)) {
    block("", -1, "license", "must be at most 4000 bytes of plain text");
  }
  if (bank.items.empty()) all.push_back({"", -1, "items", "the bank brings no items", false});

  std::set<std::string> here;
  std::map<std::string, std::string> stems;
  for (const Item& item : bank.items) here.insert(item.item_id);
  std::set<std::string> seen;
  for (size_t i = 0; i < bank.items.size(); ++i) {
    const Item& item = bank.items[i];
    const int index = static_cast<int>(i);
    for (Finding& finding : CheckItem(item, exam)) {
      finding.item_index = index;
      all.push_back(std::move(finding));
    }
    if (!seen.insert(item.item_id).second) {
      block(item.item_id, index, "item_id", "stands twice; ids are unique in the suite");
    }
    if (item.bank_id != header.bank_id) {
      block(item.item_id, index, "bank_id", "must be the bank's own id or empty");
    }
    if (known.elsewhere(item.item_id)) {
      block(item.item_id, index, "item_id", "belongs to another bank; ids are unique in the suite");
    }
    if (const auto [at, fresh] = stems.emplace(item.stem, item.item_id); !fresh) {
      all.push_back({item.item_id, index, "stem", "asks the same as item " + at->second, false});
    }
    for (size_t k = 0; k < item.enemy_item_ids.size(); ++k) {
      const std::string& enemy = item.enemy_item_ids[k];
      // Advice, because a bank may be spread over files that name each other and come one by one.
      if (!here.contains(enemy) && !known.in_bank(enemy)) {
        all.push_back({item.item_id, index, "enemy_item_ids[" + std::to_string(k) + "]",
                       "the bank has no item " + enemy + " yet: import it too or remove the name",
                       false});
      }
    }
  }
  return all;
}

}  // namespace invigil::item_bank
