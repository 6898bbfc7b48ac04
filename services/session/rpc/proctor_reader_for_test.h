// A reader of the store that fails or waits on demand.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "services/session/store/event_log.h"

namespace invigil::session::fixtures {

// Passes everything on to a real one, unless told otherwise.
class FaultyReader final : public EventLogReader {
 public:
  explicit FaultyReader(std::unique_ptr<EventLogReader> reader) : reader_(std::move(reader)) {}

  std::atomic<bool> live_fails{false};  // lists of live sessions
  std::atomic<bool> logs_fail{false};   // reading events
  std::mutex newest;                    // lists of the newest wait while a test holds it
  std::atomic<int> newest_asked{0};

  absl::StatusOr<std::vector<Scheduled>> ListScheduled(std::optional<Scheduled> after, Time until,
                                                       size_t limit) override {
    return reader_->ListScheduled(after, until, limit);
  }
  absl::StatusOr<std::vector<OutboxEntry>> ListOutbox(std::optional<OutboxEntry> after,
                                                      size_t limit) override {
    return reader_->ListOutbox(after, limit);
  }
  absl::StatusOr<std::vector<SessionRow>> ListLive(std::string_view after_candidate,
                                                   std::string_view after_exam,
                                                   size_t limit) override {
    if (live_fails) return Away();
    return reader_->ListLive(after_candidate, after_exam, limit);
  }
  absl::StatusOr<std::vector<SessionRow>> ListNewest(std::optional<SessionId> before,
                                                     size_t limit) override {
    ++newest_asked;
    const std::lock_guard lock(newest);
    return reader_->ListNewest(before, limit);
  }
  absl::StatusOr<std::vector<SessionRow>> ListOfCandidate(std::string_view candidate_id,
                                                          size_t limit) override {
    return reader_->ListOfCandidate(candidate_id, limit);
  }
  absl::StatusOr<std::vector<JournalRow>> ListJournal(uint64_t after, size_t limit) override {
    return reader_->ListJournal(after, limit);
  }
  absl::StatusOr<JournalHead> ReadJournalHead() override { return reader_->ReadJournalHead(); }
  absl::StatusOr<JournalHead> ReadJournalBegin() override { return reader_->ReadJournalBegin(); }
  absl::StatusOr<std::vector<Remark>> ListRemarks(const SessionId& session, size_t limit) override {
    return reader_->ListRemarks(session, limit);
  }
  absl::Status ReadEvents(const SessionId& session, RawVisitor visit) override {
    if (logs_fail) return Away();
    return reader_->ReadEvents(session, visit);
  }

 private:
  static absl::Status Away() { return absl::UnavailableError("the store is away"); }

  const std::unique_ptr<EventLogReader> reader_;
};

}  // namespace invigil::session::fixtures
