#include "services/session/replicas/commit_tail.h"

#include <algorithm>
#include <utility>

#include "common/log/log.h"

namespace invigil::session {
namespace {

constexpr size_t kPage = 500;
constexpr size_t kRemembered = 1000;

}  // namespace

CommitTail::CommitTail(SessionEngine& engine, std::unique_ptr<EventLogReader> reader,
                       Duration every)
    : engine_(engine), reader_(std::move(reader)), every_(every) {}

CommitTail::~CommitTail() { Stop(); }

void CommitTail::Start() {
  thread_ = std::thread([this] { Run(); });
}

void CommitTail::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void CommitTail::Run() {
  for (;;) {
    Read();
    std::unique_lock lock(mutex_);
    if (wake_.wait_for(lock, every_, [this] { return stopping_; })) return;
  }
}

// A store that can't be read now is read a moment later, from the same row; heartbeats tell the
// screens meanwhile.
void CommitTail::Read() {
  if (!begun_) {
    auto head = reader_->ReadJournalHead();
    if (!head.ok()) return;
    read_ = {*std::move(head)};
    begun_ = true;
  }
  const auto there = StillThere();
  if (!there.ok()) return;
  for (;;) {
    const auto rows = reader_->ListJournal(read_.back().n, kPage);
    if (!rows.ok() || rows->empty()) return;
    for (const JournalRow& row : *rows) {
      Remember(row);
      if (!engine_.Watched(row.session)) continue;
      // Mostly it was written here. What is known of a history that is gone tells nothing.
      const auto known = engine_.Peek(row.session);
      if (*there && known && known->version >= row.seq) continue;
      // What this comes to know, it tells those who listen.
      engine_.Get(row.session, "", false, [](const absl::StatusOr<Outcome>&) {});
    }
    if (rows->size() < kPage) return;
  }
}

void CommitTail::Remember(const JournalRow& row) {
  read_.push_back({row.n, row.hash});
  if (read_.size() > kRemembered) read_.pop_front();
}

absl::StatusOr<bool> CommitTail::StillThere() {
  const JournalHead& last = read_.back();
  if (last.n == 0) return true;
  const auto rows = reader_->ListJournal(last.n - 1, 1);
  if (!rows.ok()) return rows.status();
  if (!rows->empty() && rows->front().n == last.n && rows->front().hash == last.hash) return true;
  const auto head = reader_->ReadJournalHead();
  if (!head.ok()) return head.status();
  log::Warning(
      "the journal is not the one read so far: the store was restored, or lost what it "
      "had committed",
      {{"read_to", last.n}, {"head", head->n}});
  // A row's hash covers all rows before it: the newest that is the same ends what both have.
  const uint64_t front = read_.front().n;
  size_t same = front == 0 ? 1 : 0;
  bool more = true;
  for (uint64_t after = front == 0 ? 0 : front - 1; more;) {
    const auto page = reader_->ListJournal(after, kPage);
    if (!page.ok()) return page.status();
    for (const JournalRow& row : *page) {
      after = row.n;
      more = same < read_.size() && read_[same] == JournalHead{row.n, row.hash};
      if (!more) break;
      ++same;
    }
    more = more && page->size() == kPage;
  }
  if (same > 0) {
    read_.resize(same);
  } else {
    // All that is remembered is gone. Rows from before it are left to the heartbeats.
    read_ = {head->n < front ? *head : JournalHead{front - 1, ""}};
  }
  return false;
}

}  // namespace invigil::session
