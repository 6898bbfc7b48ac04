#include "services/cli/simulate/summary.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <utility>

#include "services/cli/core/failure.h"
#include "services/cli/core/text.h"

namespace invigil::cli {
namespace {

constexpr int kBinWidth = 50;
constexpr int kBarWidth = 40;
constexpr size_t kShownProblems = 10;

struct Moments {
  double mean = 0, sd = 0;
};

Moments MomentsOf(const std::vector<double>& values) {
  if (values.empty()) return {};
  double sum = 0, squares = 0;
  for (double value : values) sum += value;
  const double mean = sum / static_cast<double>(values.size());
  for (double value : values) squares += (value - mean) * (value - mean);
  const double n = static_cast<double>(values.size());
  return {mean, values.size() < 2 ? 0 : std::sqrt(squares / (n - 1))};
}

double Correlation(const std::vector<double>& x, const std::vector<double>& y) {
  const Moments mx = MomentsOf(x), my = MomentsOf(y);
  if (x.size() < 3 || mx.sd == 0 || my.sd == 0) return 0;
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += (x[i] - mx.mean) * (y[i] - my.mean);
  return sum / (static_cast<double>(x.size() - 1) * mx.sd * my.sd);
}

// From the lowest score's bin to the highest's, empty ones between them included.
std::vector<HistogramBin> Histogram(const std::vector<double>& scores) {
  std::vector<HistogramBin> bins;
  if (scores.empty()) return bins;
  const auto [low, high] = std::minmax_element(scores.begin(), scores.end());
  const int first = static_cast<int>(*low) / kBinWidth * kBinWidth;
  for (int from = first; from <= static_cast<int>(*high); from += kBinWidth) {
    bins.push_back({from, from + kBinWidth - 1, 0});
  }
  for (double score : scores)
    ++bins[static_cast<size_t>((static_cast<int>(score) - first) / kBinWidth)].count;
  return bins;
}

__attribute__((format(printf, 1, 2))) std::string Format(const char* format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return text;
}

std::string ReasonList(const std::map<std::string, int64_t>& reasons) {
  std::string out;
  for (const auto& [reason, count] : reasons) {
    out += (out.empty() ? "" : ", ") + Printable(reason) + " " + std::to_string(count);
  }
  return out.empty() ? "none" : out;
}

std::string HistogramText(const Summary& summary) {
  int highest = 1;
  for (const HistogramBin& bin : summary.histogram) highest = std::max(highest, bin.count);
  std::string out;
  for (const HistogramBin& bin : summary.histogram) {
    const int bar = (bin.count * kBarWidth + highest - 1) / highest;
    const bool holds_cut = bin.from <= summary.cut && summary.cut <= bin.to;
    out += Format("  %4d-%-4d |%s %d%s\n", bin.from, bin.to,
                  std::string(static_cast<size_t>(bar), '#').c_str(), bin.count,
                  holds_cut ? Format("   (%d passes)", summary.cut).c_str() : "");
  }
  return out;
}

std::string ProblemText(const std::vector<SittingOutcome>& outcomes) {
  std::string out;
  size_t shown = 0, hidden = 0;
  const auto show = [&](const std::string& line) {
    if (shown < kShownProblems) {
      out += "  " + line;
      ++shown;
    } else {
      ++hidden;
    }
  };
  for (const SittingOutcome& outcome : outcomes) {
    const std::string who = outcome.subject + " (session " +
                            (outcome.session_id.empty() ? "none" : outcome.session_id) + "): ";
    for (const std::string& lost : outcome.lost) show("LOST  " + who + Printable(lost) + "\n");
    if (!outcome.status.ok()) show("failed  " + who + FailureText(outcome.status));
  }
  if (hidden > 0) out += Format("  and %zu more\n", hidden);
  return out;
}

}  // namespace

Summary Summarise(const std::vector<SittingOutcome>& outcomes, Measurements measured,
                  Duration took) {
  Summary summary;
  summary.candidates = static_cast<int>(outcomes.size());
  summary.measured = std::move(measured);
  summary.seconds = static_cast<double>(took.count()) / 1e6;
  std::vector<double> thetas, finished_thetas, scores;
  for (const SittingOutcome& outcome : outcomes) {
    thetas.push_back(outcome.theta);
    summary.lost += static_cast<int64_t>(outcome.lost.size());
    summary.items_unknown += outcome.items_unknown;
    if (!outcome.status.ok() || !outcome.report) {
      ++summary.failures[ReasonOrCode(outcome.status)];
      continue;
    }
    ++summary.finished;
    summary.passed += outcome.report->passed() ? 1 : 0;
    summary.cut = outcome.report->cut_score();
    finished_thetas.push_back(outcome.theta);
    scores.push_back(outcome.report->scaled_score());
  }
  const Moments score = MomentsOf(scores), theta = MomentsOf(thetas);
  summary.mean_score = score.mean;
  summary.sd_score = score.sd;
  summary.mean_theta = theta.mean;
  summary.sd_theta = theta.sd;
  summary.correlation = Correlation(finished_thetas, scores);
  summary.histogram = Histogram(scores);
  return summary;
}

std::string SummaryText(const Summary& s, const std::vector<SittingOutcome>& outcomes) {
  std::string out = Format("%s: %d of %d candidates finished in %.1f s\n", s.exam_id.c_str(),
                           s.finished, s.candidates, s.seconds);
  if (s.finished > 0) {
    out += Format("  passed     %d (%.1f%%)\n", s.passed, 100 * s.PassRate());
    out += Format("  score      mean %.1f, SD %.1f\n", s.mean_score, s.sd_score);
    out += Format("  ability    mean %.2f, SD %.2f", s.mean_theta, s.sd_theta);
    out += s.finished >= 3 ? Format("; correlation with the score %.2f\n", s.correlation) : "\n";
  }
  out += Format("  saves      %zu (%.0f/s), %lld responses\n", s.Calls(CallKind::kSave),
                s.PerSecond(static_cast<double>(s.Calls(CallKind::kSave))),
                static_cast<long long>(s.measured.responses));
  out += "  latency   ";
  bool first = true;
  for (size_t i = 0; i < kCallKinds; ++i) {
    const auto& values = s.measured.latency_ms[i];
    if (values.empty()) continue;
    out += Format("%s %s %.1f/%.1f", first ? "" : ",", CallName(static_cast<CallKind>(i)),
                  Percentile(values, 0.5), Percentile(values, 0.99));
    first = false;
  }
  out += first ? " none\n" : " ms (p50/p99)\n";
  out += "  retried    " + ReasonList(s.measured.retried) + "\n";
  out += "  failed     " + ReasonList(s.failures) + "\n";
  out += Format("  lost       %lld acknowledged responses\n", static_cast<long long>(s.lost));
  if (s.items_unknown > 0) {
    out += Format("  unmatched  %d displayed items are not in the bank now; answered by chance\n",
                  s.items_unknown);
  }
  if (s.finished > 1) out += "\n" + HistogramText(s);
  const std::string problems = ProblemText(outcomes);
  if (!problems.empty()) out += "\n" + problems;
  return out;
}

}  // namespace invigil::cli
