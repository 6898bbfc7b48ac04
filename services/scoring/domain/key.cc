#include "services/scoring/domain/key.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <utility>

#include "common/error/error.h"

namespace invigil::scoring {
namespace {

constexpr size_t kMostItems = 2000;  // a form's; bounds the work of a conversion

// Ids stand in line-based text (the stored conversion).
bool IsPlain(const std::string& id) {
  return !id.empty() &&
         std::none_of(id.begin(), id.end(), [](unsigned char c) { return c < 0x20; });
}

// Collects every problem before it speaks.
class Findings {
 public:
  void Check(bool good, std::string path, std::string problem) {
    if (!good) problems_.emplace_back(std::move(path), std::move(problem));
  }
  absl::Status Result(const std::string& form_id) const {
    if (problems_.empty()) return absl::OkStatus();
    Error error = FailedPrecondition(
        "FORM_NOT_EQUATED", "no conversion can be made for the form: " + problems_[0].first + ": " +
                                problems_[0].second + "; mend the exam definition or the items");
    error.With("form_id", form_id);
    for (const auto& [path, problem] : problems_) error.Field(path, problem);
    return error;
  }

 private:
  std::vector<std::pair<std::string, std::string>> problems_;
};

void CheckItems(const ScoringKey& key, Findings& findings) {
  std::set<std::string> ids, domains;
  for (const DomainDefinition& domain : key.domains) {
    findings.Check(IsPlain(domain.domain_id), "domains", "has an empty or unprintable id");
    findings.Check(domains.insert(domain.domain_id).second, "domains", "names a domain twice");
  }
  size_t operational = 0;
  for (size_t i = 0; i < key.items.size(); ++i) {
    const KeyedItem& item = key.items[i];
    const std::string path = "items[" + std::to_string(i) + "]";
    findings.Check(!item.item_id.empty(), path + ".item_id", "is empty");
    findings.Check(ids.insert(item.item_id).second, path + ".item_id", "stands on the form twice");
    if (!item.operational) continue;
    ++operational;
    findings.Check(IsValid(item.irt), path + ".irt",
                   "needs slope above 0, a finite difficulty, lower asymptote in [0, 1)");
    findings.Check(item.rule == Rule::kAllOrNothing, path + ".rule", "is not one known here");
    findings.Check(domains.contains(item.domain_id), path + ".domain_id",
                   "is not a domain of the blueprint");
    const bool keyed =
        !item.key_option_ids.empty() &&
        std::is_sorted(item.key_option_ids.begin(), item.key_option_ids.end(),
                       std::less_equal<>()) &&
        std::all_of(item.key_option_ids.begin(), item.key_option_ids.end(),
                    [&](const std::string& id) {
                      const int index = OptionIndex(id);
                      return index >= 0 && static_cast<uint32_t>(index) < item.option_count;
                    });
    findings.Check(keyed, path + ".key_option_ids",
                   "must name options of the item (\"A\", \"B\", ...), sorted, each once");
  }
  findings.Check(operational > 0, "items", "holds no operational item");
  findings.Check(key.items.size() <= kMostItems, "items", "is longer than any form can be");
}

void CheckStandard(const ScoringKey& key, Findings& findings) {
  const Scale& scale = key.scale;
  findings.Check(scale.min < scale.cut && scale.cut <= scale.max, "scale",
                 "must have min < cut <= max");
  const Standard& standard = key.standard;
  const bool valid = std::all_of(standard.base_form.begin(), standard.base_form.end(), IsValid);
  findings.Check(!standard.base_form.empty(), "standard.base_form", "is empty");
  findings.Check(standard.base_form.size() <= kMostItems, "standard.base_form",
                 "is longer than any form can be");
  findings.Check(valid, "standard.base_form",
                 "needs slope above 0, a finite difficulty, lower asymptote in [0, 1)");
  const double most = static_cast<double>(standard.base_form.size());
  const bool inside = standard.base_cut_raw > 0 && standard.base_cut_raw < most;
  findings.Check(inside, "standard.base_cut_raw",
                 "must lie between 0 and the number of items of the base form");
  if (valid && inside) {
    findings.Check(AbilityAt(standard.base_form, standard.base_cut_raw).has_value(),
                   "standard.base_cut_raw", "must be more than guessing gives on the base form");
  }
}

}  // namespace

int OptionIndex(const std::string& option_id) {
  if (option_id.size() != 1 || option_id[0] < 'A' || option_id[0] > 'Z') return -1;
  return option_id[0] - 'A';
}

absl::Status Validate(const ScoringKey& key) {
  Findings findings;
  findings.Check(IsPlain(key.form_id), "form_id", "is empty or unprintable");
  findings.Check(key.key_version > 0, "key_version", "is 0");
  CheckItems(key, findings);
  CheckStandard(key, findings);
  return findings.Result(key.form_id);
}

}  // namespace invigil::scoring
