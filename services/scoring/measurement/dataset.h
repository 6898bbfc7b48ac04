// The answers of sealed sessions as a matrix: rows are sessions, columns items of the bank. Missing
// by design, since each session was shown other items. Read page by page beside scoring.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "invigil/itembank/v1/statistics.pb.h"
#include "invigil/scoring/v1/measurement.pb.h"
#include "services/scoring/rpc/key_ring.h"
#include "services/scoring/store/rescoring_store.h"

namespace invigil::scoring {

// The columns are those items of the exam's bank that somebody answered, by item id.
struct Dataset {
  std::vector<itembank::v1::ItemStatistics> items;
  size_t sessions = 0;
  std::vector<int8_t> cells;             // sessions x items: 1, 0, or -1 (not presented)
  std::vector<std::string> session_ids;  // one a row, as all below
  std::vector<std::string> form_ids;
  std::vector<uint32_t> raw;      // number correct on scored items
  std::vector<uint32_t> raw_max;  // scored items
  v1::DatasetSummary summary;

  int8_t At(size_t session, size_t item) const { return cells[session * items.size() + item]; }
};

// What an item's answers say by themselves.
struct ColumnStatistics {
  uint32_t answers = 0, right = 0;
  // With the share right on the session's other scored items; NaN without variance.
  double correlation = 0;
};

class DatasetReader {
 public:
  // What it is given outlives it.
  DatasetReader(RescoringStore& store, KeyRing& ring, size_t page = 256)
      : store_(store), ring_(ring), page_(page) {}

  // `going_on` hears how many sessions were read, after every page; false stops. Sealed responses
  // carry no times, so that nothing is left out as a rapid guess.
  // Errors: CANCELLED (MEASUREMENT_STOPPED); those of the store and of KeyRing.
  absl::StatusOr<Dataset> Read(const v1::DatasetScope& scope, const v1::CleaningSettings& cleaning,
                               const itembank::v1::ListItemStatisticsResponse& bank,
                               const std::function<bool(uint64_t)>& going_on);

 private:
  RescoringStore& store_;
  KeyRing& ring_;
  const size_t page_;
};

// One per column.
std::vector<ColumnStatistics> StatisticsOf(const Dataset& data);

// Only the columns for which `keep` is true; sessions left without an answer go too. The summary
// stays, but for counts of answers.
Dataset Select(const Dataset& data, const std::vector<bool>& keep);

}  // namespace invigil::scoring
