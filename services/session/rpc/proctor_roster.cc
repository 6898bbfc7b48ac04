#include "services/session/rpc/proctor_roster.h"

#include <algorithm>

#include "common/error/error.h"
#include "common/log/log.h"

namespace invigil::session {
namespace {

constexpr size_t kScanPage = 500;
// A candidate nobody heard of for so long sits nothing any more.
constexpr Duration kForgetPulse = std::chrono::hours(24);

absl::Status Stopped() {
  return Unavailable("SHUTTING_DOWN", "this replica is stopping; try again");
}

}  // namespace

bool RosterFilter::Passes(const RosterRow& row) const {
  if (!exam_id.empty() && row.exam_id != exam_id) return false;
  if (!candidate_id.empty() && row.candidate_id != candidate_id) return false;
  if (states != 0 && (states >> static_cast<int>(row.state) & 1) == 0) return false;
  return !only_problems || row.Rank() <= kProblems;
}

std::shared_ptr<Roster> Roster::Start(SessionEngine& engine, EventLogReader& reader,
                                      const Clock& clock, const Clock& local,
                                      RosterOptions options) {
  std::shared_ptr<Roster> roster(new Roster(engine, reader, clock, local, options));
  engine.Observe(roster);
  roster->thread_ = std::thread([self = roster.get()] { self->Run(); });
  return roster;
}

Roster::Roster(SessionEngine& engine, EventLogReader& reader, const Clock& clock,
               const Clock& local, RosterOptions options)
    : engine_(engine), reader_(reader), clock_(clock), local_(local), options_(options) {}

Roster::~Roster() { Stop(); }

void Roster::Stop() {
  std::vector<std::function<void(absl::Status)>> waiting;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
    waiting.swap(waiting_);
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  engine_.Observe(nullptr);
  for (const auto& done : waiting) done(Stopped());
}

void Roster::WhenFilled(std::function<void(absl::Status)> done) {
  absl::Status status;
  {
    const std::lock_guard lock(mutex_);
    used_at_ = local_.Monotonic();
    if (stopping_) {
      status = Stopped();
    } else if (!filled_) {
      active_ = true;
      waiting_.push_back(std::move(done));
      wake_.notify_all();
      return;
    }
  }
  done(status);
}

Roster::Page Roster::List(const RosterFilter& filter, const Place& after, size_t size) const {
  // Only places are gathered under the lock: commits that change rows wait for it.
  std::vector<Place> places;
  {
    const std::lock_guard lock(mutex_);
    used_at_ = local_.Monotonic();
    for (const auto& [session, entry] : rows_) {
      if (!entry.row.live() || !filter.Passes(entry.row)) continue;
      const Place place{entry.row.Rank(), session};
      if (place > after) places.push_back(place);
    }
  }
  Page page;
  const bool more = places.size() > size;
  const auto end = places.begin() + static_cast<std::ptrdiff_t>(std::min(size, places.size()));
  std::partial_sort(places.begin(), end, places.end());
  places.erase(end, places.end());
  if (more && !places.empty()) page.next = places.back();
  const std::lock_guard lock(mutex_);
  for (const Place& place : places) {
    if (const auto it = rows_.find(place.session); it != rows_.end()) {
      page.lines.push_back(LineOf(it->second.row));
    }
  }
  return page;
}

std::vector<RosterLine> Roster::Changes(const RosterFilter& filter, uint64_t& revision,
                                        size_t size) const {
  std::vector<RosterLine> lines;
  const std::lock_guard lock(mutex_);
  used_at_ = local_.Monotonic();
  for (auto it = by_revision_.upper_bound(revision);
       it != by_revision_.end() && lines.size() < size; ++it) {
    revision = it->first;
    const RosterRow& row = rows_.find(it->second)->second.row;
    if (filter.Passes(row)) lines.push_back(LineOf(row));
  }
  return lines;
}

uint64_t Roster::revision() const {
  const std::lock_guard lock(mutex_);
  return revision_;
}

RosterLine Roster::LineOf(const SessionId& session, const State& state) const {
  RosterRow row = MakeRow(session, state, clock_.Now());
  row.missing = Missing(row, local_.Monotonic());
  return LineOf(row);
}

RosterLine Roster::LineOf(const RosterRow& row) const {
  RosterLine line{row, std::nullopt};
  if (const auto last = pulse_.Last(row.session)) {
    line.heartbeat_age = std::max(Duration(0), local_.Monotonic() - *last);
  }
  return line;
}

void Roster::OnAlive(const SessionId& session) { pulse_.Beat(session, local_.Monotonic()); }

void Roster::OnChanged(const SessionId& session, const std::shared_ptr<const State>& state) {
  if (!state->live()) pulse_.Forget(session);
  RosterRow row = MakeRow(session, *state, clock_.Now());
  const std::lock_guard lock(mutex_);
  if (active_) Put(std::move(row));
}

void Roster::Put(RosterRow row) {
  const SessionId session = row.session;
  const auto [it, added] = rows_.try_emplace(session);
  Entry& entry = it->second;
  if (!added && row.version < entry.row.version) return;
  if (added && !row.live()) {  // ended before anybody looked
    rows_.erase(it);
    return;
  }
  const Duration now = local_.Monotonic();
  row.missing = Missing(row, now);
  if (!row.live()) entry.drop_at = now + options_.keep_ended;
  entry.row = std::move(row);
  entry.seen_by_scan = std::max(entry.seen_by_scan, scan_);
  Touch(session, entry);
}

void Roster::Touch(const SessionId& session, Entry& entry) {
  if (entry.revision != 0) by_revision_.erase(entry.revision);
  entry.revision = ++revision_;
  by_revision_.emplace(entry.revision, session);
}

bool Roster::Missing(const RosterRow& row, Duration now) const {
  if (row.state != SessionState::kActive) return false;
  const auto last = pulse_.Last(row.session);
  return last && now - *last >= options_.heartbeat * options_.missed;
}

void Roster::Run() {
  Duration scanned_at{0}, purged_at = local_.Monotonic();
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (!active_ || filled_) {
        const Duration wait = active_ ? options_.sweep_every : Duration(std::chrono::minutes(1));
        wake_.wait_for(lock, wait, [&] { return stopping_ || (active_ && !filled_); });
      }
      if (stopping_) return;
    }
    const Duration now = local_.Monotonic();
    if (now - purged_at >= std::chrono::hours(1)) {
      purged_at = now;
      pulse_.Purge(now - kForgetPulse);
    }
    bool active, due;
    {
      const std::lock_guard lock(mutex_);
      active = active_;
      due = !filled_ || now - scanned_at >= options_.scan_every;
    }
    if (!active) continue;
    if (due) {
      scanned_at = now;
      Scan();
    }
    Sweep();
  }
}

void Roster::Scan() {
  {
    const std::lock_guard lock(mutex_);
    ++scan_;
  }
  std::string candidate, exam;
  std::vector<SessionId> changed;
  for (;;) {
    const auto page = reader_.ListLive(candidate, exam, kScanPage);
    if (!page.ok()) {
      log::Warning("the roster can't read the store", {{"error", ReasonOf(page.status())}});
      std::unique_lock lock(mutex_);  // what is known stays; again after a while
      wake_.wait_for(lock, options_.sweep_every, [this] { return stopping_; });
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      for (const SessionRow& row : *page) {
        const auto it = rows_.find(row.session);
        if (it == rows_.end() || it->second.row.version < row.version) {
          changed.push_back(row.session);
        }
        if (it != rows_.end()) it->second.seen_by_scan = scan_;
      }
    }
    if (page->size() < kScanPage) break;
    candidate = page->back().candidate_id;
    exam = page->back().exam_id;
  }
  {
    // What was live and is no more, by another replica.
    const std::lock_guard lock(mutex_);
    for (const auto& [session, entry] : rows_) {
      if (entry.row.live() && entry.seen_by_scan < scan_) changed.push_back(session);
    }
  }
  ReadAll(changed);
  std::vector<std::function<void(absl::Status)>> waiting;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    filled_ = true;
    waiting.swap(waiting_);
  }
  for (const auto& done : waiting) done(absl::OkStatus());
}

void Roster::ReadAll(const std::vector<SessionId>& sessions) {
  const std::weak_ptr<Roster> weak = weak_from_this();
  for (const SessionId& session : sessions) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || reading_ < options_.reads_in_flight; });
      if (stopping_) return;
      ++reading_;
    }
    engine_.Get(session, "", false, [weak, session](absl::StatusOr<Outcome> outcome) {
      const auto self = weak.lock();
      if (!self) return;
      // Refused: the next scan asks again.
      std::optional<RosterRow> row;
      if (outcome.ok()) row = MakeRow(session, *outcome->state, self->clock_.Now());
      {
        const std::lock_guard lock(self->mutex_);
        --self->reading_;
        if (row && self->active_) self->Put(*std::move(row));
      }
      self->wake_.notify_all();
    });
  }
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || reading_ == 0; });
}

void Roster::Sweep() {
  const Duration now = local_.Monotonic();
  const std::lock_guard lock(mutex_);
  if (now - used_at_ > options_.idle_after) {
    Clear();
    return;
  }
  for (auto it = rows_.begin(); it != rows_.end();) {
    Entry& entry = it->second;
    if (!entry.row.live() && now >= entry.drop_at) {
      by_revision_.erase(entry.revision);
      rows_.erase(it++);
      continue;
    }
    if (const bool missing = Missing(entry.row, now); missing != entry.row.missing) {
      entry.row.missing = missing;
      Touch(it->first, entry);
    }
    ++it;
  }
}

void Roster::Clear() {
  rows_.clear();
  by_revision_.clear();
  active_ = filled_ = false;
}

}  // namespace invigil::session
