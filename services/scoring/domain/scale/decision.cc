#include "services/scoring/domain/scale/decision.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "common/error/error.h"
#include "services/scoring/domain/scale/reporting.h"

namespace invigil::scoring {
namespace {

using std::chrono::sys_days;

bool Reaches(double value, double bound) { return value >= bound - kScaleGuard; }

// The last day of the window that begins on `day`.
sys_days LastDay(sys_days day, std::chrono::months window) {
  std::chrono::year_month_day end = std::chrono::year_month_day(day) + window;
  if (!end.ok()) end = end.year() / end.month() / std::chrono::last;
  return sys_days(end);
}

absl::Status Check(const DecisionRule& rule) {
  std::set<std::string> seen;
  bool good = std::isfinite(rule.cut);
  for (const SectionFloor& floor : rule.floors) {
    good = good && std::isfinite(floor.least) && seen.insert(floor.section_id).second;
  }
  if (rule.tie_breaker) {
    good = good && std::isfinite(rule.tie_breaker->band) && rule.tie_breaker->band >= 0 &&
           std::isfinite(rule.tie_breaker->least);
  }
  if (good) return absl::OkStatus();
  return InvalidArgument(
      "DECISION_RULE",
      "cut, floors and tie-breaker must be numbers, the band 0 or more, and each "
      "section have one floor");
}

}  // namespace

absl::StatusOr<Decision> Decide(const DecisionRule& rule, double total,
                                std::span<const SectionResult> sections) {
  INVIGIL_RETURN_IF_ERROR(Check(rule));
  if (!std::isfinite(total)) return InvalidArgument("SCORE_INVALID", "the total is not a number");
  std::map<std::string, double> values;
  for (const SectionResult& section : sections) {
    if (!std::isfinite(section.value)) {
      return InvalidArgument("SCORE_INVALID",
                             "the result of section " + section.section_id + " is not a number");
    }
    if (!values.emplace(section.section_id, section.value).second) {
      return InvalidArgument("SECTION_REPEATED",
                             "section " + section.section_id + " has two results");
    }
  }
  const auto missing = [&](const std::string& id) {
    return InvalidArgument("SECTION_MISSING",
                           "the rule needs a result of section " + id + "; score it first");
  };
  Decision decision{.passed = Reaches(total, rule.cut)};
  if (rule.tie_breaker) {
    const auto section = values.find(rule.tie_breaker->section_id);
    if (section == values.end()) return missing(rule.tie_breaker->section_id);
    if (std::abs(total - rule.cut) <= rule.tie_breaker->band + kScaleGuard) {
      decision.by = DecidedBy::kTieBreaker;
      decision.passed = Reaches(section->second, rule.tie_breaker->least);
    }
  }
  for (const SectionFloor& floor : rule.floors) {
    const auto section = values.find(floor.section_id);
    if (section == values.end()) return missing(floor.section_id);
    if (!Reaches(section->second, floor.least)) decision.below_floor.push_back(floor.section_id);
  }
  if (decision.passed && !decision.below_floor.empty()) {
    decision.passed = false;
    decision.by = DecidedBy::kFloor;
  }
  return decision;
}

absl::StatusOr<LinkedStanding> StandingOf(const LinkedRule& rule,
                                          std::span<const LinkedPass> passes, sys_days today) {
  const std::set<std::string> exams(rule.exam_ids.begin(), rule.exam_ids.end());
  if (exams.empty() || exams.size() != rule.exam_ids.size() || rule.window.count() < 1) {
    return InvalidArgument("LINKED_RULE",
                           "linked exams need distinct exams and a window of a month or more");
  }
  std::vector<LinkedPass> counted;
  for (const LinkedPass& pass : passes) {
    if (exams.count(pass.exam_id) == 1 && pass.day <= today) counted.push_back(pass);
  }
  std::stable_sort(counted.begin(), counted.end(),
                   [](const LinkedPass& a, const LinkedPass& b) { return a.day < b.day; });
  LinkedStanding standing;
  for (size_t start = 0; start < counted.size(); ++start) {
    const sys_days last = LastDay(counted[start].day, rule.window);
    std::set<std::string> passed;
    for (size_t i = start; i < counted.size() && counted[i].day <= last; ++i) {
      passed.insert(counted[i].exam_id);
      if (passed.size() == exams.size() &&
          (!standing.completed || counted[i].day < *standing.completed)) {
        standing.completed = counted[i].day;
      }
    }
    // The oldest pass whose window is still open tells what is left to do.
    if (!standing.last_day && today <= last) {
      standing.last_day = last;
      for (const std::string& exam : rule.exam_ids) {
        if (passed.count(exam) == 0) standing.missing.push_back(exam);
      }
    }
  }
  if (standing.completed) {
    standing.missing.clear();
    standing.last_day.reset();
  } else if (!standing.last_day) {
    standing.missing = rule.exam_ids;
  }
  return standing;
}

}  // namespace invigil::scoring
