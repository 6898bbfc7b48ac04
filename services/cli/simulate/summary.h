// What came of a simulation, for people and for programs.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "services/cli/simulate/meter.h"
#include "services/cli/simulate/sitting.h"

namespace invigil::cli {

struct HistogramBin {
  int from = 0, to = 0;  // scaled scores, both included
  int count = 0;
};

struct Summary {
  std::string exam_id;
  uint64_t seed = 0;
  int candidates = 0, finished = 0, passed = 0;
  double mean_score = 0, sd_score = 0;  // SD over finished candidates (n - 1); 0 below two
  double mean_theta = 0, sd_theta = 0;  // over all candidates
  double correlation = 0;               // of ability and score; 0 below three candidates
  double seconds = 0;
  int cut = 0;
  int64_t lost = 0;
  int items_unknown = 0;
  std::map<std::string, int64_t> failures;  // candidates that did not finish, by reason
  std::vector<HistogramBin> histogram;
  Measurements measured;

  double PassRate() const { return finished == 0 ? 0 : static_cast<double>(passed) / finished; }
  double PerSecond(double count) const { return seconds > 0 ? count / seconds : 0; }
  size_t Calls(CallKind kind) const {
    return measured.latency_ms[static_cast<size_t>(kind)].size();
  }
  bool Clean() const { return lost == 0 && finished == candidates; }
};

Summary Summarise(const std::vector<SittingOutcome>& outcomes, Measurements measured,
                  Duration took);

// Ends in a line break.
std::string SummaryText(const Summary& summary, const std::vector<SittingOutcome>& outcomes);

// One JSON object; `report` is the proto3 JSON of a score report, or empty.
std::string SummaryJson(const Summary& summary, const std::vector<SittingOutcome>& outcomes,
                        const std::string& report);

}  // namespace invigil::cli
