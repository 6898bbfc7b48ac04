// Exam definitions as data, and the rules a definition must keep to be published.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "services/item_bank/domain/finding.h"
#include "services/item_bank/domain/item.h"
#include "services/item_bank/domain/parts.h"

namespace invigil::item_bank {

struct FactSource {
  std::vector<std::string> fields;
  std::string source;
  std::string date_checked;
  std::string review_by;
  bool operator==(const FactSource&) const = default;
};

struct Task {
  std::string task_id;
  std::string name;
  bool operator==(const Task&) const = default;
};

struct Domain {
  std::string domain_id;
  std::string name;
  double weight_percent = 0;
  uint32_t operational_item_count = 0;
  std::vector<Task> tasks;
  bool operator==(const Domain&) const = default;
};

struct Scale {
  int32_t min = 0;
  int32_t max = 0;
  int32_t cut = 0;
  bool operator==(const Scale&) const = default;
};

struct Standard {
  std::string method;
  std::vector<IrtParameters> base_form;
  double base_cut_raw = 0;
  // The standard setting the cut comes from, with its error; empty: the author's statement.
  std::string standard_setting_id{};
  std::optional<double> standard_error{};
  bool operator==(const Standard&) const = default;
};

// One version of an exam definition. Published versions never change.
struct Exam {
  std::string exam_id;
  uint32_t version = 0;
  std::string title;
  std::string program_owner;
  std::string bank_id;
  uint32_t operational_item_count = 0;
  uint32_t pretest_item_count = 0;
  Duration duration{};
  std::vector<Domain> domains;
  Scale scale;
  std::optional<Standard> standard;
  std::vector<ItemType> item_types;
  uint32_t retake_wait_days = 0;
  std::string disclaimer;
  std::vector<FactSource> sources;
  Time publish_time;
  std::vector<Part> parts;  // empty: one section of everything
  bool check_in_required = false;
  bool unscheduled_breaks = false;
  WindowPolicy window_policy = WindowPolicy::kUnspecified;
  std::optional<RetakePolicy> retake_policy;

  // In order; empty: one of everything.
  std::vector<const Section*> Sections() const;
  // Whether sections say which domains they show; then unscored items are counted by domain too.
  bool SectionsNameDomains() const;
  uint32_t ItemCount() const { return operational_item_count + pretest_item_count; }
  // Equal in everything an author writes: version and time apart.
  bool SameContent(const Exam& other) const;
};

// Fields that state facts of a real programme: a source must speak for each.
const std::vector<std::string>& FactFields();

// Everything wrong with a definition; empty: it may be published.
Findings CheckExam(const Exam& exam);

// A cut that a panel set and people accepted outlives a definition that does not know of it: on the
// same base form it stays, with its method. Another base form is a new standard.
void KeepAccepted(Exam& exam, const Exam& newest);

// Facts past their review day on `today` (YYYY-MM-DD), one sentence each.
std::vector<std::string> StaleFacts(const Exam& exam, const std::string& today);

// The ability at which a candidate is expected to score `base_cut_raw` on the base form. Requires a
// standard that CheckExam accepts.
double AbilityAtCut(const Standard& standard);

}  // namespace invigil::item_bank
