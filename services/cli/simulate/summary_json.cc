#include <nlohmann/json.hpp>

#include "services/cli/simulate/summary.h"

namespace invigil::cli {
namespace {

using Json = nlohmann::ordered_json;

// To a thousandth: more digits of a measured time or a mean are noise.
double Short(double value) { return static_cast<double>(std::llround(value * 1000)) / 1000; }

Json Row(const SittingOutcome& outcome) {
  Json row = {
      {"subject", outcome.subject}, {"sessionId", outcome.session_id}, {"theta", outcome.theta}};
  if (outcome.report) {
    row["scaledScore"] = outcome.report->scaled_score();
    row["passed"] = outcome.report->passed();
    row["standardError"] = outcome.report->standard_error();
  }
  if (!outcome.status.ok()) row["error"] = ReasonOrCode(outcome.status);
  if (!outcome.lost.empty()) row["lost"] = outcome.lost;
  return row;
}

}  // namespace

std::string SummaryJson(const Summary& s, const std::vector<SittingOutcome>& outcomes,
                        const std::string& report) {
  Json latency = Json::object();
  for (size_t i = 0; i < kCallKinds; ++i) {
    const auto& values = s.measured.latency_ms[i];
    // Exams of one section have none.
    if (static_cast<CallKind>(i) == CallKind::kMove && values.empty()) continue;
    latency[CallName(static_cast<CallKind>(i))] = {{"calls", values.size()},
                                                   {"p50", Short(Percentile(values, 0.5))},
                                                   {"p99", Short(Percentile(values, 0.99))}};
  }
  Json histogram = Json::array();
  for (const HistogramBin& bin : s.histogram) {
    histogram.push_back({{"from", bin.from}, {"to", bin.to}, {"count", bin.count}});
  }
  Json rows = Json::array();
  for (const SittingOutcome& outcome : outcomes) rows.push_back(Row(outcome));
  Json out = {
      {"examId", s.exam_id},
      {"seed", s.seed},
      {"candidateCount", s.candidates},
      {"finishedCount", s.finished},
      {"passedCount", s.passed},
      {"passRate", s.PassRate()},
      {"scaledScore", {{"mean", Short(s.mean_score)}, {"sd", Short(s.sd_score)}}},
      {"theta", {{"mean", Short(s.mean_theta)}, {"sd", Short(s.sd_theta)}}},
      {"thetaScoreCorrelation", Short(s.correlation)},
      {"cutScore", s.cut},
      {"histogram", histogram},
      {"seconds", Short(s.seconds)},
      {"savesPerSecond", Short(s.PerSecond(static_cast<double>(s.Calls(CallKind::kSave))))},
      {"responseCount", s.measured.responses},
      {"latencyMs", latency},
      {"retriedByReason", s.measured.retried},
      {"failedByReason", s.failures},
      {"lostResponses", s.lost},
      {"unmatchedItems", s.items_unknown},
      {"candidates", rows},
  };
  if (!report.empty()) out["report"] = Json::parse(report);
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace invigil::cli
