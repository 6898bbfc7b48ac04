// Everybody who sat an exam, or one form of it: pass rate, reliability, decisions, items, time.
// Pure; one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "services/scoring/domain/conversion.h"
#include "services/scoring/domain/key.h"
#include "services/scoring/domain/responses.h"

namespace invigil::scoring::reports {

// A share with its 95 % interval (Wilson 1927; Newcombe 1998), which stays inside 0 and 1 and holds
// for few.
struct Rate {
  uint64_t of = 0, hits = 0;
  double rate = 0, low = 0, high = 1;
};
Rate WilsonRate(uint64_t hits, uint64_t of);

struct Period {
  Time start;
  Rate passed;
};

struct Bin {
  int32_t from = 0, to = 0;
  uint64_t count = 0;
};

struct ItemResult {
  std::string item_id, domain_id;
  uint64_t answers = 0;
  double p = 0, expected_p = 0;
  double drift_z = 0;
  std::optional<double> corrected_r;
  std::vector<std::string> flags;
};

struct CohortNumbers {
  std::string exam_id, title, form_id, disclaimer;
  uint64_t forms = 0;
  Rate passed;
  double mean = 0, deviation = 0;  // n - 1
  std::optional<double> alpha, reliability;
  double standard_error = 0;
  std::optional<double> standard_error_at_cut;
  double consistency = 0, accuracy = 0;
  Scale scale;
  std::vector<Bin> histogram;
  std::vector<Period> periods;
  std::vector<ItemResult> items;  // those with flags first, then by id
  std::vector<std::string> alarms;
  uint64_t left_out = 0;
};

// An item is looked at from so many answers on.
inline constexpr uint64_t kLeastAnswers = 30;
// Drift: so many standard errors and so large a share away from what the parameters say. Items are
// many, so that 3 would be met by chance.
inline constexpr double kDriftErrors = 4, kDriftShare = 0.05;

class Cohort {
 public:
  // One session: the newest score, its conversion, the key it was made with. Sessions of another
  // scale than the first's are left out and counted.
  void Add(uint32_t raw_score, bool passed, Time first_scored, const Conversion& conversion,
           const ScoringKey& key, const std::vector<SealedResponse>& responses);
  // Errors: those of RudnerClassification; NOT_FOUND (NO_SESSIONS).
  absl::StatusOr<CohortNumbers> Finish() const;
  uint64_t sessions() const { return scores_.size(); }

 private:
  struct Scored {
    double scaled = 0;
    int32_t printed = 0;
    double error = 0;
    bool passed = false;
    Time at;
  };
  struct ItemSums {
    std::string domain_id;
    uint64_t n = 0, right = 0;
    double expected = 0, variance = 0;            // of right, under the parameters
    double rest = 0, rest_square = 0, cross = 0;  // of the share right on the rest
  };
  ItemResult ResultOf(const std::string& item_id, const ItemSums& sums) const;
  std::vector<Period> Periods() const;
  std::optional<double> Alpha() const;

  std::string exam_id_, title_, disclaimer_;
  Scale scale_;
  std::vector<Scored> scores_;
  std::set<std::string> forms_;
  std::map<std::string, ItemSums> items_;
  // Of raw scores: the one form's, for alpha.
  double raw_sum_ = 0, raw_square_ = 0;
  uint64_t other_scale_ = 0;
};

}  // namespace invigil::scoring::reports
