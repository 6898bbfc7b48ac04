// What is to be sent to one webhook, when, and how far it got. Of one session only the oldest event
// is ever on its way; the next follows once it was delivered or given up. Other sessions go on.
// Pure: no I/O, no clock of its own.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "services/session/events/webhook.h"

namespace invigil::session {

struct PlanOptions {
  uint32_t tries = 8;  // then it is given up
  // Before the second try; each further wait is three times as long, up to max_backoff.
  Duration backoff = Seconds(5);
  Duration max_backoff = Minutes(30);
  // Events that may wait or be on their way. Beyond it nothing new is taken.
  size_t window = 1000;
  size_t in_flight = 8;
};

class DeliveryPlan {
 public:
  // Everything up to `position` is settled, but for rows that AddWaiting will tell.
  DeliveryPlan(const PlanOptions& options, uint64_t position)
      : options_(options), read_to_(position) {}

  // Rows that were stored: of one that waits, and of one that was given up.
  void AddWaiting(const Undelivered& row);
  void AddDead(uint64_t n) { settled_.insert(n); }
  // What was read: wanted ones in the order of n, then how far that was.
  void AddNew(uint64_t n, const NoticeKey& key, Time written_at);
  void ReadTo(uint64_t cursor);
  uint64_t read_to() const { return read_to_; }
  bool full() const { return entries_.size() >= options_.window; }

  // The next to be sent now, which is on its way from then on; nullopt: none.
  std::optional<Undelivered> Take(Time now);
  void Delivered(uint64_t n);
  // `spread` in [0, 1) moves the wait by up to a fifth either way. true: it was given up.
  bool Failed(uint64_t n, const std::string& error, Time now, double spread);
  // Whatever it is, it will not be tried again.
  void GiveUp(uint64_t n, const std::string& error, Time now);
  // It was not sent after all.
  void PutBack(uint64_t n);

  // What must be stored: rows to write (dead ones too) and to take out; and the position, up to
  // which everything is delivered or has its row.
  struct Changes {
    std::vector<Undelivered> put;
    std::vector<uint64_t> gone;
  };
  Changes changes() const;
  void ChangesStored();
  uint64_t Position() const;

  bool idle() const { return in_flight_ == 0; }
  size_t size() const { return entries_.size(); }
  // When the oldest of what is not delivered was written.
  std::optional<Time> Oldest() const;

 private:
  struct Entry {
    Undelivered row;
    bool on_its_way = false;
    bool kept = false;  // it has a row, or gets one
  };
  bool FirstOfSession(const Entry& entry) const;
  void Keep(Entry& entry);
  void Remove(std::map<uint64_t, Entry>::iterator it);

  PlanOptions options_;
  uint64_t read_to_;
  std::map<uint64_t, Entry> entries_;  // by n
  std::map<SessionId, std::set<uint64_t>> sessions_;
  size_t in_flight_ = 0;
  std::set<uint64_t> settled_;     // given up before they are read (again)
  std::set<uint64_t> changed_;     // entries whose row is to be written
  std::vector<Undelivered> dead_;  // to be written
  std::vector<uint64_t> gone_;
};

}  // namespace invigil::session
