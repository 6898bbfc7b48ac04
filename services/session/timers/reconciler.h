#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "common/base/clock.h"
#include "services/session/timers/expirer.h"
#include "services/session/timers/hooks.h"

namespace invigil::session {

struct ReconcilerOptions {
  Duration period = Seconds(1);
  // While the index is not healthy this scan alone ends exams.
  Duration urgent_period = Millis(250);
  // With a healthy index, what became due within this time is left to the sweeper.
  Duration grace = Millis(300);
  size_t batch = 500;
};

// Ends what the index did not: scans the database for overdue sessions. It makes every loss in
// Redis harmless and needs no Redis at all. Every replica runs one; own thread.
class Reconciler {
 public:
  // All references outlive this. `index_healthy`, `may_expire`: asked before every scan.
  Reconciler(const Clock& clock, ListHook list, Expirer& expirer,
             std::function<bool()> index_healthy, std::function<bool()> may_expire,
             ReconcilerOptions options = {});
  // Stops.
  ~Reconciler();

  void Start();
  void Stop();

 private:
  struct Shared;
  void Run();
  void Scan(bool healthy);
  bool Stopping() const;

  const Clock& clock_;
  const ListHook list_;
  Expirer& expirer_;
  const std::function<bool()> index_healthy_, may_expire_;
  const ReconcilerOptions options_;
  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace invigil::session
