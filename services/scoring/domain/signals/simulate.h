// Simulated learners for the studies and tests of this room. Not linked into any service.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "services/scoring/domain/signals/diagnostic.h"
#include "services/scoring/domain/signals/readiness.h"

namespace invigil::scoring {

// One bin of a reliability table: what was stated and what happened.
struct ReliabilityBin {
  size_t cases = 0, hits = 0;
  double stated_sum = 0;
  double stated() const { return cases == 0 ? 0 : stated_sum / static_cast<double>(cases); }
  double observed() const {
    return cases == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(cases);
  }
};

// Tenths of the stated probability.
class ReliabilityTable {
 public:
  ReliabilityTable() : bins_(10) {}
  void Add(double stated, bool happened);
  void Merge(const ReliabilityTable& other);
  const std::vector<ReliabilityBin>& bins() const { return bins_; }
  // The largest |stated - observed| of bins with at least `least` cases.
  double WorstGap(size_t least) const;
  // Mean |stated - observed|, weighted by cases.
  double MeanGap() const;

 private:
  std::vector<ReliabilityBin> bins_;
};

// An exam like CLF-C02: 50 scored items (12, 15, 17, 6 by domain), cut 35, scale 100 to 1000, cut
// 700.
ExamTarget SimulatedExam(uint64_t seed);
// The domain of the i-th of 50 items, and of the i-th of ten (2, 3, 4, 1).
size_t DomainOf50(size_t i);
size_t DomainOf10(size_t i);
// The weights of its domains, in percent.
std::vector<double> SimulatedWeights();

// Who sits, and how far the world keeps to the model.
struct World {
  double population_mean = 0.5, population_sd = 0.9;
  size_t sessions = 4;
  double form_error = 0.15;  // of each practice form, logits
  double item_error = 0;     // of each item's difficulty besides, logits: not in the model
  double occasion_sd = 0.15;
  double exam_form_error = 0.05;
  double drift_variance_per_day = 0.002;
  double days_between = 3;
  double exam_shift = -3;           // percentage points on the exam day
  double exam_shift_sd = 0;         // from learner to learner: not in the model
  double stated_form_error = 0.15;  // what the sessions say of their forms
};

struct LearnerCase {
  Readiness readiness;
  double theta = 0;     // on the exam day, before the shift
  bool passed = false;  // one exam, sat once
};

// One learner: sessions on new items, then the exam. The same `random` state gives the same
// learner.
LearnerCase SimulateLearner(const ReadinessModel& model, const World& world, Random& random);

// A learner of ability `theta` who knows no more than the keys of what was seen: `first` full timed
// sessions on new items, then `repeats` on items already seen, remembered with probability .97.
// `new_share` of the items of each repeat are new.
std::vector<PracticeSession> Memoriser(double theta, size_t first, size_t repeats, double new_share,
                                       Random& random);

// `count` full timed sessions on new items of a learner of ability `theta` who is `drag` logits
// less able in domain 1.
std::vector<PracticeSession> SessionsWithDrag(size_t count, double theta, double drag,
                                              Random& random);

// A learner's short diagnostic; `weakest` is the domain with the least delta.
struct DiagnosticCase {
  std::vector<PracticeResponse> responses;
  size_t weakest = 0;
};
DiagnosticCase SimulateDiagnostic(size_t items, double theta_mean, double theta_sd,
                                  double domain_sd, Random& random);
// One domain, drawn evenly, has `worse` less probability right than `right`, the others `right`.
// Whether the domain with the lowest percentage (ties drawn) is that one.
bool NaiveNamesTheWeakest(size_t items, double right, double worse, Random& random);

}  // namespace invigil::scoring
