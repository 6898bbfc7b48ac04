// Delivers events to webhooks, at least once and in the order of each session: one thread for all
// of this replica's webhooks. Which those are says a lease in the database, so that every webhook
// has one deliverer however many replicas there are, and another soon after that one died. Also
// prunes the outbox.
//
// A delivery counts once its answer is stored; a crash in between repeats it, with the same event
// id. Where the sessions' store was restored, or lost its last commits, what was delivered of the
// history that is gone can't be told from what never was: everything that is kept is delivered
// again. Never touches the engine.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "services/session/events/delivery_plan.h"
#include "services/session/events/notice_reader.h"
#include "services/session/events/poster.h"
#include "services/session/events/webhook_store.h"

namespace invigil::session {

struct DelivererOptions {
  PlanOptions plan;
  Duration lease = Seconds(30);
  // How long events are kept.
  Duration retention = std::chrono::hours(24 * 30);
  Duration read_every = Millis(200);
  Duration look_every = Seconds(1);  // at what operators and other replicas did
  Duration prune_every = Minutes(10);
  // How long the end waits for what is on its way.
  Duration drain = Seconds(2);
  // Leases are judged by the clock: while it is not trusted none is taken. Empty: always.
  std::function<bool()> clock_trusted{};
};

class Deliverer {
 public:
  // Starts. `clock` (the suite's) outlives this.
  Deliverer(std::unique_ptr<NoticeReader> reader, std::unique_ptr<NoticeKeeper> keeper,
            std::unique_ptr<WebhookStore> store, std::unique_ptr<Poster> poster, const Clock& clock,
            DelivererOptions options);
  // Stores how far it got and gives the leases back.
  ~Deliverer();

  // An operator changed something: looks at once. Any thread.
  void Wake();

 private:
  struct Channel;
  struct Metrics;
  void Loop();
  void Look();
  void Adopt(std::vector<Webhook> held);
  void ReadNew();
  bool ReadInto(Channel& channel, uint64_t head);
  void Rewind(Channel& channel);
  void SendDue(Channel& channel);
  bool Send(Channel& channel, const Undelivered& row);
  void Answered(const std::string& id, uint64_t incarnation, const Undelivered& row,
                const Answer& answer);
  void Flush(bool all);
  bool Store(Channel& channel);
  void Prune();
  void Drain();
  void Tell() const;
  // Of what the store said: logs once until it works again.
  void Trouble(const char* what, const absl::Status& status);

  const std::unique_ptr<NoticeReader> reader_;
  const std::unique_ptr<NoticeKeeper> keeper_;
  const std::unique_ptr<WebhookStore> store_;
  const std::unique_ptr<Poster> poster_;
  const Clock& clock_;
  const DelivererOptions options_;
  const std::string owner_;  // of leases: this replica's life
  const std::unique_ptr<Metrics> metrics_;
  Random random_;
  std::map<std::string, std::unique_ptr<Channel>> channels_;  // by webhook id
  uint64_t incarnations_ = 0;
  Time lease_until_{};
  // By the monotonic clock.
  Duration next_look_{0}, next_read_{0}, next_prune_{0}, renew_at_{0};
  bool troubled_ = false;
  std::atomic<bool> woken_{false}, stopping_{false};
  std::thread thread_;  // last: it uses the above
};

}  // namespace invigil::session
