#include "services/session/rpc/proctor_roster.h"

#include <algorithm>
#include <variant>

#include "common/error/error.h"
#include "common/log/log.h"

namespace invigil::session {
namespace {

constexpr size_t kScanPage = 500;
// A candidate nobody heard of for so long sits nothing any more.
constexpr Duration kForgetPulse = std::chrono::hours(24);
// Logs of missing candidates that are read again after a scan.
constexpr size_t kLooks = 50;

// Whether an event that was written `at` shows that the candidate was there; of those that time
// brings about too, only when they were written as they happened.
bool ShowsCandidate(const Event& event, Time at) {
  if (const auto* sent = std::get_if<MessageSent>(&event)) return sent->from_candidate;
  if (const auto* entered = std::get_if<PartEntered>(&event)) return entered->at == at;
  if (const auto* ended = std::get_if<BreakEnded>(&event)) return ended->at == at;
  return std::holds_alternative<Started>(event) || std::holds_alternative<ResponsesStored>(event) ||
         std::holds_alternative<ProgressStored>(event) ||
         std::holds_alternative<BreakStarted>(event) || std::holds_alternative<TakenOver>(event);
}

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
                                      const Clock& clock, const Clock& local, RosterOptions options,
                                      std::shared_ptr<Pulse> pulse) {
  if (!pulse) pulse = std::make_shared<Pulse>();
  std::shared_ptr<Roster> roster(
      new Roster(engine, reader, clock, local, options, std::move(pulse)));
  engine.Observe(roster);
  roster->thread_ = std::thread([self = roster.get()] { self->Run(); });
  return roster;
}

Roster::Roster(SessionEngine& engine, EventLogReader& reader, const Clock& clock,
               const Clock& local, RosterOptions options, std::shared_ptr<Pulse> pulse)
    : engine_(engine),
      reader_(reader),
      clock_(clock),
      local_(local),
      options_(options),
      pulse_(std::move(pulse)) {}

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

absl::StatusOr<std::vector<RosterLine>> Roster::Changes(const RosterFilter& filter,
                                                        uint64_t& revision, size_t size) const {
  std::vector<RosterLine> lines;
  const std::lock_guard lock(mutex_);
  INVIGIL_RETURN_IF_ERROR(Kept(revision));
  used_at_ = local_.Monotonic();
  for (auto it = by_revision_.upper_bound(revision);
       it != by_revision_.end() && lines.size() < size; ++it) {
    revision = it->first;
    const RosterRow& row = rows_.find(it->second)->second.row;
    if (filter.Passes(row)) lines.push_back(LineOf(row));
  }
  return lines;
}

absl::Status Roster::Kept(uint64_t revision) const {
  if (revision >= floor_) return absl::OkStatus();
  return Unavailable("ROSTER_BEHIND",
                     "nobody asked for so long that changes were forgotten; list anew");
}

absl::Status Roster::CheckKept(uint64_t revision) const {
  const std::lock_guard lock(mutex_);
  return Kept(revision);
}

uint64_t Roster::revision() const {
  const std::lock_guard lock(mutex_);
  return revision_;
}

RosterLine Roster::LineOf(const SessionId& session, const State& state) const {
  RosterRow row = MakeRow(session, state, clock_.Now());
  row.missing = Missing(row, local_.Monotonic());
  row.unsaved = Unsaved(row);
  return LineOf(row);
}

RosterLine Roster::LineOf(const RosterRow& row) const {
  RosterLine line{row, std::nullopt};
  if (const auto last = pulse_->Last(row.session)) {
    line.heartbeat_age = std::max(Duration(0), local_.Monotonic() - last->at);
  }
  return line;
}

void Roster::OnAlive(const SessionId& session, std::optional<uint32_t> unsaved) {
  pulse_->Beat(session, local_.Monotonic(), unsaved);
}

void Roster::OnChanged(const SessionId& session, const std::shared_ptr<const State>& state) {
  if (!active_) return;  // most of the time: nobody looks
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
  // An alarm ends here; whether it begins is judged with the log at hand.
  row.missing = !added && entry.row.missing && Missing(row, now);
  row.unsaved = Unsaved(row);
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
  const auto last = pulse_->Last(row.session);
  return last && now - last->at >= options_.heartbeat * options_.missed;
}

uint32_t Roster::Unsaved(const RosterRow& row) const {
  return row.live() ? Unsaved(row.session) : 0;
}

uint32_t Roster::Unsaved(const SessionId& session) const {
  const auto last = pulse_->Last(session);
  return last ? last->unsaved : 0;
}

void Roster::Run() {
  Duration scanned_at{0}, purged_at = local_.Monotonic();
  bool refused = false;  // what was asked last; asking again at once would be refused too
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (!active_) refused = false;
      const Duration wait = active_ ? options_.sweep_every : Duration(std::chrono::minutes(1));
      wake_.wait_for(lock, wait, [&] { return stopping_ || (active_ && !filled_ && !refused); });
      if (stopping_) return;
    }
    const Duration now = local_.Monotonic();
    if (now - purged_at >= std::chrono::hours(1)) {
      purged_at = now;
      pulse_->Purge(now - kForgetPulse);
    }
    if (!active_) continue;
    bool due = false;
    {
      const std::lock_guard lock(mutex_);
      due = !filled_ || now - scanned_at >= options_.scan_every;
    }
    if (due) {
      scanned_at = now;
      const absl::Status status = Scan();
      refused = !status.ok();
      Judge();  // so that the first list has every problem
      Answer(status);
    } else {
      Judge();
    }
    Sweep();
  }
}

absl::Status Roster::Scan() {
  {
    const std::lock_guard lock(mutex_);
    ++scan_;
  }
  std::string candidate, exam;
  std::vector<SessionId> changed;
  for (;;) {
    const auto page = reader_.ListLive(candidate, exam, kScanPage);
    if (!page.ok()) return page.status();  // what is known stays
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return Stopped();
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
  INVIGIL_RETURN_IF_ERROR(ReadAll(changed));
  LookForMissing();
  return absl::OkStatus();
}

absl::Status Roster::ReadAll(const std::vector<SessionId>& sessions) {
  const std::weak_ptr<Roster> weak = weak_from_this();
  {
    const std::lock_guard lock(mutex_);
    refused_ = absl::OkStatus();
  }
  for (const SessionId& session : sessions) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || reading_ < options_.reads_in_flight; });
      if (stopping_) return Stopped();
      if (!refused_.ok()) break;  // the rest would be too
      ++reading_;
    }
    // In the bulk lane: reading thousands of sessions anew must not delay a save.
    engine_.ExecuteBulk(session, {"", Read{}}, [weak, session](absl::StatusOr<Outcome> outcome) {
      const auto self = weak.lock();
      if (!self) return;
      std::optional<RosterRow> row;
      if (outcome.ok()) row = MakeRow(session, *outcome->state, self->clock_.Now());
      {
        const std::lock_guard lock(self->mutex_);
        --self->reading_;
        if (row && self->active_) self->Put(*std::move(row));
        // The next scan asks again.
        if (MustRepeat(outcome.status()) && self->refused_.ok()) self->refused_ = outcome.status();
      }
      self->wake_.notify_all();
    });
  }
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || reading_ == 0; });
  return stopping_ ? Stopped() : refused_;
}

void Roster::Answer(const absl::Status& status) {
  std::vector<std::function<void(absl::Status)>> waiting;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    filled_ = filled_ || status.ok();
    waiting.swap(waiting_);
  }
  if (!status.ok()) {
    log::Warning("the roster can't read every session; it tries again",
                 {{"error", ReasonOf(status)}});
  }
  for (const auto& done : waiting) done(status);
}

void Roster::Judge() {
  const Duration now = local_.Monotonic();
  std::vector<SessionId> silent;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [session, entry] : rows_) {
      if (const uint32_t unsaved = Unsaved(entry.row); unsaved != entry.row.unsaved) {
        entry.row.unsaved = unsaved;
        Touch(session, entry);
      }
      const bool missing = Missing(entry.row, now);
      if (missing == entry.row.missing) continue;
      if (missing) {
        silent.push_back(session);
      } else {
        entry.row.missing = false;
        Touch(session, entry);
      }
    }
  }
  for (const SessionId& session : silent) {
    ForgetIfMoved(session);
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    const auto it = rows_.find(session);
    if (it == rows_.end() || !Missing(it->second.row, now)) continue;
    it->second.row.missing = true;
    Touch(session, it->second);
  }
}

void Roster::LookForMissing() {
  std::vector<SessionId> missing;
  size_t first = 0;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [session, entry] : rows_) {
      if (entry.row.missing) missing.push_back(session);
    }
    first = static_cast<size_t>(scan_) * kLooks;  // others each time
  }
  for (size_t i = 0; i < std::min(kLooks, missing.size()); ++i) {
    ForgetIfMoved(missing[(first + i) % missing.size()]);
  }
}

void Roster::ForgetIfMoved(const SessionId& session) {
  const auto last = pulse_->Last(session);
  if (!last) return;
  // One heartbeat later at least: clocks are set right by a little now and then.
  const Time heard = clock_.Now() - (local_.Monotonic() - last->at) + options_.heartbeat;
  bool moved = false;
  const absl::Status read =
      reader_.ReadLog(session, [&](uint64_t, Time at, const Event& event) -> absl::Status {
        moved = moved || (at > heard && ShowsCandidate(event, at));
        return absl::OkStatus();
      });
  if (read.ok() && moved) pulse_->ForgetIf(session, last->at);
}

void Roster::Sweep() {
  const Duration now = local_.Monotonic();
  const std::lock_guard lock(mutex_);
  if (now - used_at_ > options_.idle_after && waiting_.empty()) {
    Clear();
    return;
  }
  for (auto it = rows_.begin(); it != rows_.end();) {
    const Entry& entry = it->second;
    if (!entry.row.live() && now >= entry.drop_at) {
      floor_ = std::max(floor_, entry.revision);
      by_revision_.erase(entry.revision);
      rows_.erase(it++);
      continue;
    }
    ++it;
  }
}

void Roster::Clear() {
  rows_.clear();
  by_revision_.clear();
  floor_ = ++revision_;  // whoever saw less has to list anew
  active_ = filled_ = false;
}

}  // namespace invigil::session
