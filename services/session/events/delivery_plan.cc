#include "services/session/events/delivery_plan.h"

#include <algorithm>
#include <cmath>

namespace invigil::session {

void DeliveryPlan::AddWaiting(const Undelivered& row) {
  Entry entry{row};
  entry.kept = true;
  if (entries_.emplace(row.n, entry).second) sessions_[row.key.session].insert(row.n);
}

void DeliveryPlan::AddNew(uint64_t n, const NoticeKey& key, Time written_at) {
  read_to_ = std::max(read_to_, n);
  if (settled_.erase(n) > 0) return;
  Entry entry;
  entry.row.n = n;
  entry.row.key = key;
  entry.row.written_at = written_at;
  const auto [it, added] = entries_.emplace(n, entry);
  if (!added) return;
  std::set<uint64_t>& others = sessions_[key.session];
  // Behind one that failed it may stand for long: others must not wait for it after a restart.
  if (!others.empty() && entries_.at(*others.begin()).kept) Keep(it->second);
  others.insert(n);
}

void DeliveryPlan::ReadTo(uint64_t cursor) { read_to_ = std::max(read_to_, cursor); }

bool DeliveryPlan::FirstOfSession(const Entry& entry) const {
  return *sessions_.at(entry.row.key.session).begin() == entry.row.n;
}

std::optional<Undelivered> DeliveryPlan::Take(Time now) {
  if (in_flight_ >= options_.in_flight) return std::nullopt;
  for (auto& [n, entry] : entries_) {
    if (entry.on_its_way || entry.row.next_at > now || !FirstOfSession(entry)) continue;
    entry.on_its_way = true;
    ++in_flight_;
    return entry.row;
  }
  return std::nullopt;
}

void DeliveryPlan::Keep(Entry& entry) {
  entry.kept = true;
  changed_.insert(entry.row.n);
}

void DeliveryPlan::Remove(std::map<uint64_t, Entry>::iterator it) {
  if (it->second.on_its_way) --in_flight_;
  const auto session = sessions_.find(it->second.row.key.session);
  session->second.erase(it->first);
  if (session->second.empty()) sessions_.erase(session);
  changed_.erase(it->first);
  entries_.erase(it);
}

void DeliveryPlan::Delivered(uint64_t n) {
  const auto it = entries_.find(n);
  if (it == entries_.end()) return;
  if (it->second.kept) gone_.push_back(n);
  Remove(it);
}

bool DeliveryPlan::Failed(uint64_t n, const std::string& error, Time now, double spread) {
  const auto it = entries_.find(n);
  if (it == entries_.end()) return false;
  Entry& entry = it->second;
  if (entry.row.tries + 1 >= options_.tries) {
    GiveUp(n, error, now);
    return true;
  }
  if (entry.on_its_way) --in_flight_;
  entry.on_its_way = false;
  const double wait =
      std::min(static_cast<double>(options_.max_backoff.count()),
               static_cast<double>(options_.backoff.count()) * std::pow(3.0, entry.row.tries));
  ++entry.row.tries;
  entry.row.next_at = now + Duration(static_cast<int64_t>(wait * (0.8 + 0.4 * spread)));
  entry.row.failed_at = now;
  entry.row.error = error;
  Keep(entry);
  for (const uint64_t other : sessions_.at(entry.row.key.session)) {
    if (Entry& behind = entries_.at(other); !behind.kept) Keep(behind);
  }
  return false;
}

void DeliveryPlan::GiveUp(uint64_t n, const std::string& error, Time now) {
  const auto it = entries_.find(n);
  if (it == entries_.end()) return;
  Undelivered row = it->second.row;
  ++row.tries;
  row.dead = true;
  row.failed_at = now;
  row.error = error;
  dead_.push_back(std::move(row));
  Remove(it);
}

void DeliveryPlan::PutBack(uint64_t n) {
  const auto it = entries_.find(n);
  if (it == entries_.end() || !it->second.on_its_way) return;
  it->second.on_its_way = false;
  --in_flight_;
}

DeliveryPlan::Changes DeliveryPlan::changes() const {
  Changes changes{dead_, gone_};
  for (const uint64_t n : changed_) changes.put.push_back(entries_.at(n).row);
  return changes;
}

void DeliveryPlan::ChangesStored() {
  changed_.clear();
  dead_.clear();
  gone_.clear();
}

uint64_t DeliveryPlan::Position() const {
  for (const auto& [n, entry] : entries_) {
    if (!entry.kept) return n - 1;
  }
  return read_to_;
}

std::optional<Time> DeliveryPlan::Oldest() const {
  if (entries_.empty()) return std::nullopt;
  return entries_.begin()->second.row.written_at;
}

}  // namespace invigil::session
