// Those who run exams: grants of every size, voids, repeats of what was lost. One table.
#pragma once

#include "services/session/sim/replica.h"

namespace invigil::session::sim {

class Operator {
 public:
  explicit Operator(World& world);
  void Leave() { over_ = true; }

 private:
  void Act();
  // Until it is answered, at most a few times.
  void Send(const Ask& ask, int tries);

  World& world_;
  std::vector<Ask> done_;  // may be repeated
  int count_ = 0;
  bool over_ = false;
};

}  // namespace invigil::session::sim
