// What EventService reads, for all its streams: one connection, and one look at the head for many
// that wait for it to move.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "services/session/events/notice_reader.h"

namespace invigil::session {

// One thread at a time: the service's executor. Blocks for queries.
class EventFeed {
 public:
  // A head that was read less than `fresh` ago is told again.
  EventFeed(std::unique_ptr<NoticeReader> reader, const Clock& clock, Duration fresh)
      : reader_(std::move(reader)), clock_(clock), fresh_(fresh) {}

  NoticeReader& reader() { return *reader_; }
  // Whether anything can follow `cursor`.
  absl::StatusOr<bool> Beyond(uint64_t cursor) {
    const Duration now = clock_.Monotonic();
    if (read_ && now - read_at_ < fresh_ && head_ == cursor) return false;
    const auto bounds = reader_->ReadBounds();
    if (!bounds.ok()) return bounds.status();
    head_ = bounds->head;
    read_at_ = now;
    read_ = true;
    return head_ != cursor;
  }

 private:
  const std::unique_ptr<NoticeReader> reader_;
  const Clock& clock_;
  const Duration fresh_;
  uint64_t head_ = 0;
  Duration read_at_{0};
  bool read_ = false;
};

}  // namespace invigil::session
