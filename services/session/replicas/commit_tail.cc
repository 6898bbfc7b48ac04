#include "services/session/replicas/commit_tail.h"

#include <utility>

namespace invigil::session {
namespace {

constexpr size_t kPage = 500;

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
    const auto head = reader_->ReadJournalHead();
    if (!head.ok()) return;
    after_ = head->n;
    begun_ = true;
  }
  for (;;) {
    const auto rows = reader_->ListJournal(after_, kPage);
    if (!rows.ok() || rows->empty()) return;
    for (const JournalRow& row : *rows) {
      after_ = row.n;
      if (!engine_.Watched(row.session)) continue;
      // Mostly it was written here.
      const auto known = engine_.Peek(row.session);
      if (known && known->version >= row.seq) continue;
      // What this comes to know, it tells those who listen.
      engine_.Get(row.session, "", false, [](const absl::StatusOr<Outcome>&) {});
    }
    if (rows->size() < kPage) return;
  }
}

}  // namespace invigil::session
