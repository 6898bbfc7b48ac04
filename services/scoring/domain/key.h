// A form's key and the part of the exam definition that scoring needs, as the item bank gives it.
// Holds answers: never logged, never sent on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "services/scoring/domain/irt.h"

namespace invigil::scoring {

// How responses to an item become points. kUnknown is refused.
enum class Rule { kUnknown, kAllOrNothing };

// One place on the form.
struct KeyedItem {
  std::string item_id;
  bool operational = false;
  std::string domain_id;
  std::vector<std::string> key_option_ids;  // as displayed ("A", "B", ...), sorted
  Rule rule = Rule::kUnknown;
  ItemParameters irt;        // of operational items only
  uint32_t sample_size = 0;  // responses behind `irt`; 0: the author's judgement
  uint32_t option_count = 0;
  // The item in the bank, in whose words decisions are made.
  std::string bank_item_id{};
  uint32_t bank_item_version = 0;
  // Ids of the options in the bank, in the order displayed; empty for forms scored before they were
  // told.
  std::vector<std::string> authored_option_ids{};
  std::string task_id{};  // of its domain; empty: none, or a form scored before they were told
  // By decision (domain/rescoring.h): further answers that are right, each as key_option_ids, and
  // the point for everybody.
  std::vector<std::vector<std::string>> other_keys{};
  bool credit = false;
  bool operator==(const KeyedItem&) const = default;
};

// A task statement of a domain.
struct TaskDefinition {
  std::string task_id;
  std::string name;
  bool operator==(const TaskDefinition&) const = default;
};

// A domain of the blueprint.
struct DomainDefinition {
  std::string domain_id;
  std::string name;
  double weight_percent = 0;
  std::vector<TaskDefinition> tasks{};
  bool operator==(const DomainDefinition&) const = default;
};

// The reported scale.
struct Scale {
  int32_t min = 0;
  int32_t max = 0;
  int32_t cut = 0;
  bool operator==(const Scale&) const = default;
};

// The standard: number-correct that just passes on a base form that never changes.
struct Standard {
  std::vector<ItemParameters> base_form;
  std::vector<uint32_t> base_sample_sizes;  // one per item of `base_form`
  double base_cut_raw = 0;
  bool operator==(const Standard&) const = default;
};

struct ScoringKey {
  std::string form_id;
  uint32_t key_version = 0;
  std::string exam_id;
  uint32_t exam_version = 0;
  std::string title;
  std::vector<KeyedItem> items;  // in display order
  std::vector<DomainDefinition> domains;
  Scale scale;
  Standard standard;
  std::string disclaimer;
  bool operator==(const ScoringKey&) const = default;
};

// Whether scores can be made from it. FAILED_PRECONDITION (FORM_NOT_EQUATED) with every problem as
// a field: no operational items, parameters that are not numbers or out of range, no base form, a
// cut the base form can't reach by knowledge, an item without key, rule or known domain, a repeated
// item, a scale that is not min < cut <= max.
absl::Status Validate(const ScoringKey& key);

// 0 for "A", 1 for "B", ...; `option_count` or more, or -1, when it names no option of the item.
int OptionIndex(const std::string& option_id);

}  // namespace invigil::scoring
