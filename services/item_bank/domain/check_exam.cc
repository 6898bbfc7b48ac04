#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>

#include "services/item_bank/domain/blueprint.h"
#include "services/item_bank/domain/check.h"
#include "services/item_bank/domain/exam.h"
#include "services/item_bank/domain/iso_date.h"
#include "services/item_bank/domain/text_rules.h"

namespace invigil::item_bank {
namespace {

constexpr uint32_t kMaxItems = 500;
constexpr size_t kMaxText = 4000;

std::string At(const char* list, size_t index, const char* member = nullptr) {
  std::string path = std::string(list) + "[" + std::to_string(index) + "]";
  if (member) path += std::string(".") + member;
  return path;
}

// Collects findings about one definition, part by part.
class ExamChecker {
 public:
  explicit ExamChecker(const Exam& exam) : exam_(exam) {}

  Findings Run() {
    Identity();
    Counts();
    Domains();
    ScaleAndStandard();
    Types();
    Sources();
    CheckParts(exam_, findings_);
    CheckRetakes(exam_, findings_);
    return std::move(findings_);
  }

 private:
  void Say(std::string field, std::string description) {
    findings_.push_back({"", -1, std::move(field), std::move(description), true});
  }

  void Identity() {
    if (!IsExamId(exam_.exam_id)) {
      Say("exam_id", "must be 1 to 32 letters, digits or dashes, such as CLF-C02");
    }
    if (!IsCleanText(exam_.title, 200)) Say("title", "must be 1 to 200 bytes of plain text");
    if (!IsBankId(exam_.bank_id)) {
      Say("bank_id", "must be 1 to 64 lower-case letters, digits or dashes");
    }
    if (!IsCleanText(exam_.disclaimer, kMaxText)) {
      Say("disclaimer", "must say what a result is and is not; every result shows it");
    }
  }

  void Counts() {
    if (exam_.operational_item_count == 0) {
      Say("operational_item_count", "must be at least 1");
    } else if (exam_.operational_item_count > kMaxItems || exam_.pretest_item_count > kMaxItems ||
               exam_.ItemCount() > kMaxItems) {
      Say("operational_item_count",
          "scored and unscored items together must be at most " + std::to_string(kMaxItems));
    }
    if (exam_.duration < Seconds(1) || exam_.duration > Minutes(24 * 60)) {
      Say("duration", "must be from one second to 24 hours");
    }
  }

  void Domains() {
    if (exam_.domains.empty()) return Say("domains", "must name at least one domain");
    std::set<std::string> ids, task_ids;
    std::vector<double> weights;
    double weight_sum = 0;
    uint64_t count_sum = 0;
    bool weights_good = true;
    for (size_t i = 0; i < exam_.domains.size(); ++i) {
      const Domain& domain = exam_.domains[i];
      if (!IsBlueprintId(domain.domain_id)) {
        Say(At("domains", i, "domain_id"), "must be 1 to 16 letters, digits, dots or dashes");
      } else if (!ids.insert(domain.domain_id).second) {
        Say(At("domains", i, "domain_id"), "stands twice; ids are unique in the exam");
      }
      if (!IsCleanText(domain.name, 200)) Say(At("domains", i, "name"), "must be plain text");
      if (!(domain.weight_percent > 0 && domain.weight_percent <= 100)) {
        Say(At("domains", i, "weight_percent"), "must be above 0 and at most 100");
        weights_good = false;
      }
      weights.push_back(domain.weight_percent);
      weight_sum += domain.weight_percent;
      count_sum += domain.operational_item_count;
      if (domain.tasks.empty()) Say(At("domains", i, "tasks"), "must name a task statement");
      for (size_t k = 0; k < domain.tasks.size(); ++k) {
        const std::string path = At("domains", i) + "." + At("tasks", k);
        if (!IsBlueprintId(domain.tasks[k].task_id)) {
          Say(path + ".task_id", "must be 1 to 16 letters, digits, dots or dashes");
        } else if (!task_ids.insert(domain.tasks[k].task_id).second) {
          Say(path + ".task_id", "stands twice; ids are unique in the exam");
        }
        if (!IsCleanText(domain.tasks[k].name, 300)) Say(path + ".name", "must be plain text");
      }
    }
    if (weights_good && !(std::abs(weight_sum - 100) < 1e-6)) {
      Say("domains", "weight_percent adds up to " + std::to_string(weight_sum) + ", must be 100");
      weights_good = false;
    }
    if (count_sum != exam_.operational_item_count) {
      Say("domains", "operational_item_count adds up to " + std::to_string(count_sum) +
                         ", must be the exam's " + std::to_string(exam_.operational_item_count));
    } else if (weights_good) {
      CountsMatchWeights(weights);
    }
  }

  // Whole shares are met exactly; others may be rounded either way.
  void CountsMatchWeights(const std::vector<double>& weights) {
    const auto exact = ExactShares(weights, exam_.operational_item_count);
    const auto counts = Apportion(weights, exam_.operational_item_count);
    const bool whole = std::all_of(exact.begin(), exact.end(), [](double share) {
      return std::abs(share - std::round(share)) < 1e-9;
    });
    for (size_t i = 0; i < exact.size(); ++i) {
      const uint32_t given = exam_.domains[i].operational_item_count;
      const bool good = whole ? given == counts[i] : std::abs(given - exact[i]) < 1;
      if (!good) {
        Say(At("domains", i, "operational_item_count"),
            "is " + std::to_string(given) + "; its weight asks for " + std::to_string(counts[i]));
      }
    }
  }

  void ScaleAndStandard() {
    const Scale& scale = exam_.scale;
    if (!(scale.min < scale.cut && scale.cut < scale.max)) {
      Say("scale", "must rise: min < cut < max");
    }
    if (scale.min < -1'000'000 || scale.max > 1'000'000) {
      Say("scale", "must lie within -1000000 and 1000000");
    }
    if (!exam_.standard) return;  // an exam without a bank yet: listed, not offered
    const Standard& standard = *exam_.standard;
    if (!IsCleanText(standard.method, kMaxText)) {
      Say("standard.method", "must say how the cut was set");
    }
    if (standard.base_form.size() != exam_.operational_item_count) {
      return Say("standard.base_form", "has " + std::to_string(standard.base_form.size()) +
                                           " items, must have operational_item_count = " +
                                           std::to_string(exam_.operational_item_count));
    }
    double lowest = 0;
    bool good = true;
    for (size_t i = 0; i < standard.base_form.size(); ++i) {
      const size_t before = findings_.size();
      CheckIrt(standard.base_form[i], "standard." + At("base_form", i), findings_);
      good = good && findings_.size() == before;
      lowest += standard.base_form[i].lower_asymptote;
    }
    const auto count = static_cast<double>(standard.base_form.size());
    if (good && !(standard.base_cut_raw > lowest && standard.base_cut_raw < count)) {
      Say("standard.base_cut_raw", "must lie above what guessing earns (" + std::to_string(lowest) +
                                       ") and below the number of items");
    }
  }

  void Types() {
    if (exam_.item_types.empty()) Say("item_types", "must name at least one type");
    std::set<ItemType> seen;
    for (size_t i = 0; i < exam_.item_types.size(); ++i) {
      const ItemType type = exam_.item_types[i];
      if (type != ItemType::kSingleChoice && type != ItemType::kMultipleResponse) {
        Say(At("item_types", i), "is not a known item type");
      } else if (!seen.insert(type).second) {
        Say(At("item_types", i), "stands twice");
      }
    }
  }

  void Sources() {
    static const std::set<std::string, std::less<>> kKnown = {"exam_id",
                                                              "title",
                                                              "program_owner",
                                                              "operational_item_count",
                                                              "pretest_item_count",
                                                              "duration",
                                                              "domains",
                                                              "scale",
                                                              "standard",
                                                              "item_types",
                                                              "retake_wait_days",
                                                              "parts",
                                                              "check_in_required",
                                                              "unscheduled_breaks",
                                                              "window_policy",
                                                              "retake_policy"};
    std::set<std::string, std::less<>> covered;
    for (size_t i = 0; i < exam_.sources.size(); ++i) {
      const FactSource& source = exam_.sources[i];
      const std::string path = At("sources", i);
      if (source.fields.empty()) Say(path + ".fields", "must name the fields it speaks for");
      for (size_t k = 0; k < source.fields.size(); ++k) {
        const std::string_view field = source.fields[k];
        const std::string_view top = field.substr(0, field.find_first_of(".["));
        if (!kKnown.contains(top)) {
          Say(path + "." + At("fields", k), "is not a field of an exam definition");
        } else if (top == field) {
          covered.emplace(top);
        }
      }
      if (!IsCleanText(source.source, 500)) {
        Say(path + ".source", "must give the title and the address of the page");
      }
      Dates(source, path);
    }
    for (const std::string& field : FactFields()) {
      if (States(field) && !covered.contains(field)) {
        Say("sources", "no source speaks for " + field + ": say where it was read and when");
      }
    }
  }

  // Whether the definition states this fact; what it leaves out needs no source.
  bool States(std::string_view field) const {
    if (field == "pretest_item_count") return exam_.pretest_item_count != 0;
    if (field == "retake_wait_days") return exam_.retake_wait_days != 0;
    if (field == "parts") return !exam_.parts.empty();
    if (field == "unscheduled_breaks") return exam_.unscheduled_breaks;
    if (field == "retake_policy") return exam_.retake_policy.has_value();
    return true;
  }

  void Dates(const FactSource& source, const std::string& path) {
    const bool checked = IsIsoDate(source.date_checked), review = IsIsoDate(source.review_by);
    if (!checked) Say(path + ".date_checked", "must be a day written YYYY-MM-DD");
    if (!review) Say(path + ".review_by", "must be a day written YYYY-MM-DD");
    if (checked && review && source.review_by <= source.date_checked) {
      Say(path + ".review_by", "must lie after date_checked");
    }
  }

  const Exam& exam_;
  Findings findings_;
};

}  // namespace

Findings CheckExam(const Exam& exam) { return ExamChecker(exam).Run(); }

}  // namespace invigil::item_bank
