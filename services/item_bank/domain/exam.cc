#include "services/item_bank/domain/exam.h"

#include <algorithm>
#include <cmath>

namespace invigil::item_bank {

void KeepAccepted(Exam& exam, const Exam& newest) {
  if (!exam.standard || !newest.standard || newest.standard->standard_setting_id.empty()) return;
  if (!exam.standard->standard_setting_id.empty()) return;
  if (exam.standard->base_form == newest.standard->base_form) exam.standard = newest.standard;
}

bool Exam::SameContent(const Exam& other) const {
  return exam_id == other.exam_id && title == other.title && program_owner == other.program_owner &&
         bank_id == other.bank_id && operational_item_count == other.operational_item_count &&
         pretest_item_count == other.pretest_item_count && duration == other.duration &&
         domains == other.domains && scale == other.scale && standard == other.standard &&
         item_types == other.item_types && retake_wait_days == other.retake_wait_days &&
         disclaimer == other.disclaimer && sources == other.sources && parts == other.parts &&
         check_in_required == other.check_in_required &&
         unscheduled_breaks == other.unscheduled_breaks && window_policy == other.window_policy &&
         retake_policy == other.retake_policy;
}

std::vector<const Section*> Exam::Sections() const {
  std::vector<const Section*> sections;
  for (const Part& part : parts) {
    if (part.kind == PartKind::kSection && part.section) sections.push_back(&*part.section);
  }
  return sections;
}

bool Exam::SectionsNameDomains() const {
  const auto sections = Sections();
  return !sections.empty() && !sections.front()->domains.empty();
}

const std::vector<std::string>& FactFields() {
  static const std::vector<std::string> fields = {"operational_item_count",
                                                  "pretest_item_count",
                                                  "duration",
                                                  "domains",
                                                  "scale",
                                                  "item_types",
                                                  "retake_wait_days",
                                                  "parts",
                                                  "unscheduled_breaks",
                                                  "retake_policy"};
  return fields;
}

std::vector<std::string> StaleFacts(const Exam& exam, const std::string& today) {
  std::vector<std::string> stale;
  for (const FactSource& source : exam.sources) {
    if (source.review_by >= today) continue;
    std::string fields;
    for (const std::string& field : source.fields) fields += (fields.empty() ? "" : ", ") + field;
    stale.push_back("The facts " + fields + " were last checked on " + source.date_checked +
                    " and were due for review by " + source.review_by + " (" + source.source +
                    ").");
  }
  return stale;
}

double AbilityAtCut(const Standard& standard) {
  // The curve rises strictly, so halving the interval always closes in on the one crossing. Sixty
  // halvings of 40 logits leave less than a double can tell apart.
  double low = -20, high = 20;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    double expected = 0;
    for (const IrtParameters& irt : standard.base_form) expected += ProbabilityRight(irt, middle);
    (expected < standard.base_cut_raw ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace invigil::item_bank
