#include "services/cli/learner/learner_text.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "services/cli/core/text.h"

namespace invigil::cli {
namespace {

namespace sco = scoring::v1;

std::string Rounded(double value, int digits = 0) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string Percent(double share) { return Rounded(100 * share) + " %"; }

std::string Day(const google::protobuf::Timestamp& at) {
  return google::protobuf::util::TimeUtil::ToString(at).substr(0, 10);
}

const char* VerdictWords(sco::ReadinessVerdict verdict) {
  switch (verdict) {
    case sco::READINESS_VERDICT_READY:
      return "READY";
    case sco::READINESS_VERDICT_CLOSE:
      return "CLOSE";
    case sco::READINESS_VERDICT_NOT_READY:
      return "NOT READY";
    default:
      return "NOT ENOUGH EVIDENCE";
  }
}

std::string BasisText(const sco::EstimateBasis& basis, size_t width) {
  std::string rests =
      basis.prior_learners() == 0
          ? "It rests on the default prior: nobody has fitted this exam's own learners yet."
          : "Its prior was fitted on " + std::to_string(basis.prior_learners()) +
                " learners of this exam.";
  if (basis.low_evidence()) {
    rests += " The statistics of some questions rest on few answers, or on a judgement.";
  }
  std::string out = "\n" + WrapIndented("A practice estimate. " + rests, width, 2);
  if (!basis.disclaimer().empty()) out += WrapIndented(Printable(basis.disclaimer()), width, 2);
  return out;
}

}  // namespace

std::string ReadinessText(const sco::Readiness& readiness, size_t width) {
  width = std::max<size_t>(width, 44);
  std::string out = WrapIndented(Printable(readiness.title()), width, 2);
  out += "\n  " + std::string(VerdictWords(readiness.verdict())) + "\n\n";
  out += WrapIndented(
      "Probability of reaching " + std::to_string(readiness.cut_score()) + " at the exam: " +
          Percent(readiness.probability()) + " (" + Percent(readiness.interval()) + " interval " +
          Percent(readiness.probability_low()) + " to " + Percent(readiness.probability_high()) +
          "), with exam day costing " + Rounded(-readiness.exam_day_adjustment(), 1) +
          " percentage points; without that " + Percent(readiness.probability_unadjusted()) + ".",
      width, 2);
  out += WrapIndented("Practice says " + Rounded(readiness.scaled_mean()) + ", give or take " +
                          Rounded(readiness.scaled_sd()) + ": " + Rounded(readiness.buffer(), 1) +
                          " standard errors from the cut. " + std::to_string(readiness.in_band()) +
                          " of the last " + std::to_string(readiness.of_last()) +
                          " sessions that count reached " + Rounded(readiness.band()) + ".",
                      width, 2);
  if (readiness.has_trend_per_week()) {
    out += WrapIndented("Trend: " + Rounded(readiness.trend_per_week(), 1) +
                            " points a week, give or take " + Rounded(readiness.trend_error(), 1) +
                            ".",
                        width, 2);
  }
  if (readiness.needs_size() > 0) out += "\n  What is missing for ready:\n";
  for (const std::string& need : readiness.needs()) {
    out += WrapIndented("- " + Printable(need), width, 4);
  }
  std::vector<std::vector<std::string>> rows = {{"Day", "Session", "Score", "Counts"}};
  for (const auto& session : readiness.sessions()) {
    rows.push_back({Day(session.end_time()), Printable(session.session_id()),
                    session.has_scaled_score() ? Rounded(session.scaled_score()) : "-",
                    session.exclusion().empty() ? (session.in_band() ? "yes, in the band" : "yes")
                                                : "no: " + Printable(session.exclusion())});
  }
  if (rows.size() > 1) out += "\n" + Table(rows, {2});
  return out + BasisText(readiness.basis(), width);
}

std::string PlanText(const sco::StudyPlan& plan, size_t width) {
  width = std::max<size_t>(width, 44);
  std::vector<std::vector<std::string>> rows = {
      {"Domain", "Weight", "Answers", "Behind", "Minutes"}};
  std::string drags;
  for (const auto& domain : plan.domains()) {
    rows.push_back({Printable(domain.domain_id() + " " + domain.name()),
                    Percent(domain.weight_percent() / 100), std::to_string(domain.answers()),
                    Percent(domain.believed_gap()), std::to_string(domain.minutes())});
    for (const auto& task : domain.tasks()) {
      rows.push_back({"  " + Printable(task.task_id() + " " + task.name()), "",
                      std::to_string(task.answers()), "", std::to_string(task.minutes())});
    }
    if (domain.signal().drags()) {
      drags +=
          WrapIndented(Printable(domain.name()) + " is behind your other domains by " +
                           Rounded(-domain.signal().gap()) + " points (give or take " +
                           Rounded(domain.signal().gap_error()) + "), more than chance explains.",
                       width, 2);
    }
  }
  std::string out =
      WrapIndented(std::to_string(plan.minutes()) + " minutes for " + Printable(plan.exam_id()) +
                       ", towards " + Rounded(plan.target_score()) + ":",
                   width, 2);
  out += "\n" + Table(rows, {1, 2, 3, 4});
  if (!drags.empty()) out += "\n" + drags;
  return out + BasisText(plan.basis(), width);
}

std::string CohortText(const sco::CohortReport& report, size_t width) {
  width = std::max<size_t>(width, 44);
  std::string out = WrapIndented(Printable(report.title()), width, 2) + "\n";
  const auto line = [&](const std::string& name, const std::string& value) {
    out += "  " + PadRight(name, 34) + value + "\n";
  };
  line("Sessions", std::to_string(report.sessions()) + " on " + std::to_string(report.forms()) +
                       (report.forms() == 1 ? " form" : " forms"));
  line("Pass rate", Percent(report.pass_rate()) + " (95 % interval " +
                        Percent(report.pass_rate_low()) + " to " +
                        Percent(report.pass_rate_high()) + ")");
  line("Mean scaled score", Rounded(report.mean(), 1) + ", standard deviation " +
                                Rounded(report.standard_deviation(), 1));
  if (report.has_alpha()) line("Alpha", Rounded(report.alpha(), 3));
  if (report.has_reliability()) line("Reliability", Rounded(report.reliability(), 3));
  line("Standard error of measurement",
       Rounded(report.standard_error(), 1) +
           (report.has_standard_error_at_cut()
                ? ", near the cut " + Rounded(report.standard_error_at_cut(), 1)
                : ""));
  line("Decision consistency", Percent(report.decision_consistency()));
  line("Decision accuracy", Percent(report.decision_accuracy()));
  for (const std::string& alarm : report.alarms()) {
    out += WrapIndented("! " + Printable(alarm), width, 2);
  }
  std::vector<std::vector<std::string>> rows = {
      {"Item", "Domain", "Answers", "Right", "Expected", "Flags"}};
  for (const auto& item : report.items()) {
    if (item.flags().empty()) continue;
    std::string flags;
    for (const std::string& flag : item.flags()) flags += (flags.empty() ? "" : ", ") + flag;
    rows.push_back({Printable(item.item_id()), Printable(item.domain_id()),
                    std::to_string(item.answers()), Percent(item.p_value()),
                    Percent(item.expected_p_value()), flags});
  }
  if (rows.size() > 1) out += "\n" + Table(rows, {2, 3, 4});
  if (!report.disclaimer().empty()) {
    out += "\n" + WrapIndented(Printable(report.disclaimer()), width, 2);
  }
  return out;
}

}  // namespace invigil::cli
