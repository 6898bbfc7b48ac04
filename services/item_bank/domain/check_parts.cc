#include <set>
#include <string>

#include "services/item_bank/domain/check.h"
#include "services/item_bank/domain/exam.h"
#include "services/item_bank/domain/text_rules.h"

namespace invigil::item_bank {
namespace {

constexpr size_t kMaxParts = 50;
constexpr size_t kMaxPartText = 16'000;
constexpr uint32_t kMaxQuota = 1000;
constexpr Duration kMaxLimit = std::chrono::hours(24);

std::string Number(uint64_t n) { return std::to_string(n); }

class PartsChecker {
 public:
  PartsChecker(const Exam& exam, Findings& findings) : exam_(exam), findings_(findings) {}

  void Run() {
    if (exam_.window_policy != WindowPolicy::kUnspecified &&
        exam_.window_policy != WindowPolicy::kLimitsStart &&
        exam_.window_policy != WindowPolicy::kLimitsEnd) {
      Say("window_policy", "must say that the window limits the start or the end");
    }
    if (exam_.parts.empty()) return;  // one section of everything
    if (exam_.parts.size() > kMaxParts) {
      return Say("parts", "must be at most " + Number(kMaxParts));
    }
    for (size_t i = 0; i < exam_.parts.size(); ++i) CheckPart(i);
    if (sections_ == 0) return Say("parts", "must have a section: items are answered in sections");
    Totals();
    Limits();
  }

 private:
  void Say(std::string field, std::string description) {
    findings_.push_back({"", -1, std::move(field), std::move(description), true});
  }

  void CheckPart(size_t index) {
    const Part& part = exam_.parts[index];
    const std::string path = "parts[" + Number(index) + "]";
    if (part.kind < PartKind::kSection || part.kind > PartKind::kSurvey) {
      return Say(path + ".kind", "must be a section, break, agreement, tutorial or survey");
    }
    if (!IsCleanText(part.name, 200)) {
      Say(path + ".name", "must be 1 to 200 bytes of plain text: candidates see it");
    }
    if (part.limit < Duration(0) || part.limit > kMaxLimit) {
      Say(path + ".limit", "must be at most 24 hours");
    } else if (part.limit != Duration(0) && part.limit < Seconds(1)) {
      Say(path + ".limit", "must be at least one second");
    }
    if (part.HasText() && !IsCleanText(part.text, kMaxPartText)) {
      Say(path + ".text", "must be what candidates read: 1 to 16000 bytes of plain text");
    }
    if (!part.HasText() && !part.text.empty()) {
      Say(path + ".text", "must be empty: only an agreement, tutorial or survey has a text");
    }
    if (part.kind == PartKind::kSection) return CheckSection(part, path);
    if (part.limit == Duration(0)) {
      Say(path + ".limit",
          "is required: the exam's clock stands still here, so nothing else ends it");
    }
    if (part.section) Say(path + ".section", "must be absent: only a section has items");
    const bool section_follows =
        index + 1 < exam_.parts.size() && exam_.parts[index + 1].kind == PartKind::kSection;
    if (part.kind == PartKind::kBreak && (sections_ == 0 || !section_follows)) {
      Say(path + ".kind", "a break must stand between two sections, right before the second");
    }
    if (part.kind == PartKind::kAgreement && sections_ > 0) {
      Say(path + ".kind", "an agreement must come before the first section");
    }
  }

  void CheckSection(const Part& part, const std::string& path) {
    ++sections_;
    if (part.limit == Duration(0)) all_limited_ = false;
    section_time_ += part.limit;
    if (!part.section) return Say(path + ".section", "is required: it says which items");
    const Section& section = *part.section;
    const std::string at = path + ".section";
    if (!IsBlueprintId(section.section_id)) {
      Say(at + ".section_id", "must be 1 to 16 letters, digits, dots or dashes");
    } else if (!section_ids_.insert(section.section_id).second) {
      Say(at + ".section_id", "stands twice; ids are unique in the exam");
    }
    if (section.operational_item_count == 0) {
      Say(at + ".operational_item_count",
          "must be at least 1: a section of unscored items alone would give them away");
    }
    if (section.navigation != Navigation::kFree && section.navigation != Navigation::kForwardOnly) {
      Say(at + ".navigation", "must be free or forward-only");
    }
    if (section.edit_quota.value_or(0) > kMaxQuota) {
      Say(at + ".edit_quota", "must be at most 1000; leave it out for any number");
    }
    operational_ += section.operational_item_count;
    pretest_ += section.pretest_item_count;
    if (section.domains.empty() == exam_.SectionsNameDomains()) {
      return Say(at + ".domains", "must be named in every section or in none");
    }
    if (!section.domains.empty()) SectionDomains(section, at);
  }

  void SectionDomains(const Section& section, const std::string& at) {
    std::set<std::string> seen;
    uint64_t operational = 0, pretest = 0;
    for (size_t k = 0; k < section.domains.size(); ++k) {
      const SectionDomain& share = section.domains[k];
      const std::string path = at + ".domains[" + Number(k) + "]";
      bool known = false;
      for (const Domain& domain : exam_.domains) {
        known = known || domain.domain_id == share.domain_id;
      }
      if (!known) {
        Say(path + ".domain_id", "is none of the exam's domains");
      } else if (!seen.insert(share.domain_id).second) {
        Say(path + ".domain_id", "stands twice in the section");
      }
      if (share.operational_item_count == 0) {
        Say(path + ".operational_item_count",
            "must be at least 1: unscored items of a domain without scored ones would show");
      }
      operational += share.operational_item_count;
      pretest += share.pretest_item_count;
    }
    if (operational != section.operational_item_count) {
      Say(at + ".operational_item_count", "is " + Number(section.operational_item_count) +
                                              "; its domains add up to " + Number(operational));
    }
    if (pretest != section.pretest_item_count) {
      Say(at + ".pretest_item_count", "is " + Number(section.pretest_item_count) +
                                          "; its domains add up to " + Number(pretest));
    }
  }

  // The sections together are the form: the blueprint is met over all of them.
  void Totals() {
    if (operational_ != exam_.operational_item_count) {
      Say("parts", "the sections' operational_item_count adds up to " + Number(operational_) +
                       ", must be the exam's " + Number(exam_.operational_item_count));
    }
    if (pretest_ != exam_.pretest_item_count) {
      Say("parts", "the sections' pretest_item_count adds up to " + Number(pretest_) +
                       ", must be the exam's " + Number(exam_.pretest_item_count));
    }
    if (!exam_.SectionsNameDomains()) return;
    for (const Domain& domain : exam_.domains) {
      uint64_t count = 0;
      for (const Section* section : exam_.Sections()) {
        for (const SectionDomain& share : section->domains) {
          if (share.domain_id == domain.domain_id) count += share.operational_item_count;
        }
      }
      if (count != domain.operational_item_count) {
        Say("parts", "the sections give domain " + domain.domain_id.substr(0, 16) + " " +
                         Number(count) + " scored items, the blueprint asks for " +
                         Number(domain.operational_item_count));
      }
    }
  }

  void Limits() {
    const auto seconds = [](Duration d) { return std::to_string(d.count() / 1'000'000) + " s"; };
    if (all_limited_ && section_time_ != exam_.duration) {
      Say("duration", "is " + seconds(exam_.duration) +
                          "; every section has a limit and they add up "
                          "to " +
                          seconds(section_time_) + ": make them equal");
    } else if (!all_limited_ && section_time_ >= exam_.duration) {
      Say("duration", "is " + seconds(exam_.duration) + "; the limits of some sections add up to " +
                          seconds(section_time_) + " and leave the others no time");
    }
  }

  const Exam& exam_;
  Findings& findings_;
  size_t sections_ = 0;
  std::set<std::string> section_ids_;
  uint64_t operational_ = 0, pretest_ = 0;
  bool all_limited_ = true;
  Duration section_time_{};
};

}  // namespace

void CheckParts(const Exam& exam, Findings& findings) { PartsChecker(exam, findings).Run(); }

}  // namespace invigil::item_bank
