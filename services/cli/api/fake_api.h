// For tests: a suite in memory that holds one session, with failures on demand.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string>

#include "common/error/error.h"
#include "services/cli/api/api.h"

namespace invigil::cli {

// Stores what it is given as the contract says. `failures` are answered first, one per call of
// SaveResponses, SubmitSession or GetScoreReport. Thread-safe.
class FakeApi : public Api {
 public:
  session::v1::Session session;  // set before use
  std::deque<absl::Status> save_failures, submit_failures, report_failures;
  bool forget_saves = false;  // acknowledges and does not store: what an audit must find
  int saves = 0;
  std::map<std::string, session::v1::StoredResponse> stored;

  absl::StatusOr<itembank::v1::ListExamsResponse> ListExams(const itembank::v1::ListExamsRequest&,
                                                            const std::string&) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<itembank::v1::GetExamResponse> GetExam(const itembank::v1::GetExamRequest&,
                                                        const std::string&) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<itembank::v1::PublishExamResponse> PublishExam(
      const itembank::v1::PublishExamRequest&, const std::string&) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<itembank::v1::ImportBankResponse> ImportBank(
      const itembank::v1::ImportBankRequest&, const std::string&) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<itembank::v1::ExportBankResponse> ExportBank(
      const itembank::v1::ExportBankRequest&, const std::string&) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<itembank::v1::ListItemsResponse> ListItems(const itembank::v1::ListItemsRequest&,
                                                            const std::string&) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<scoring::v1::ExplainScoreResponse> ExplainScore(
      const scoring::v1::ExplainScoreRequest&, const std::string&) override {
    return absl::UnimplementedError("");
  }

  absl::StatusOr<session::v1::StartSessionResponse> StartSession(
      const session::v1::StartSessionRequest&, const std::string&) override {
    const std::lock_guard lock(mutex_);
    session::v1::StartSessionResponse response;
    *response.mutable_session() = session;
    response.set_session_token("session-token");
    return response;
  }
  absl::StatusOr<session::v1::GetSessionResponse> GetSession(const session::v1::GetSessionRequest&,
                                                             const std::string&) override {
    const std::lock_guard lock(mutex_);
    session::v1::GetSessionResponse response;
    *response.mutable_session() = session;
    return response;
  }
  absl::StatusOr<session::v1::SaveResponsesResponse> SaveResponses(
      const session::v1::SaveResponsesRequest& request, const std::string&) override {
    const std::lock_guard lock(mutex_);
    if (auto failure = Next(save_failures); !failure.ok()) return failure;
    ++saves;
    session::v1::SaveResponsesResponse response;
    for (const auto& write : request.responses()) {
      auto& held = stored[write.item_id()];
      auto* ack = response.add_acks();
      ack->set_item_id(write.item_id());
      ack->set_sequence(write.sequence());
      ack->set_status(session::v1::ACK_STATUS_STORED);
      if (write.sequence() < held.sequence()) {
        ack->set_status(session::v1::ACK_STATUS_STALE);
        *ack->mutable_stored() = held;
        continue;
      }
      if (forget_saves) continue;
      held.set_item_id(write.item_id());
      held.set_sequence(write.sequence());
      held.set_cleared(write.cleared());
      *held.mutable_option_ids() = write.option_ids();
    }
    return response;
  }
  absl::StatusOr<session::v1::SubmitSessionResponse> SubmitSession(
      const session::v1::SubmitSessionRequest& request, const std::string&) override {
    const std::lock_guard lock(mutex_);
    if (auto failure = Next(submit_failures); !failure.ok()) return failure;
    for (const auto& seen : request.seen()) {
      if (!forget_saves && stored[seen.item_id()].sequence() < seen.sequence()) {
        return FailedPrecondition("RESPONSES_MISSING", "send them again");
      }
    }
    session::v1::SubmitSessionResponse response;
    response.set_state(session::v1::SESSION_STATE_SUBMITTED);
    for (const auto& [id, held] : stored) {
      if (held.sequence() > 0) *response.add_receipt() = held;
    }
    return response;
  }
  absl::StatusOr<session::v1::VerifyJournalResponse> VerifyJournal(
      const session::v1::VerifyJournalRequest&, const std::string&) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<session::v1::GetTimelineResponse> GetTimeline(
      const session::v1::GetTimelineRequest&, const std::string&) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<session::v1::GetScoreReportResponse> GetScoreReport(
      const session::v1::GetScoreReportRequest&, const std::string&) override {
    const std::lock_guard lock(mutex_);
    if (auto failure = Next(report_failures); !failure.ok()) return failure;
    session::v1::GetScoreReportResponse report;
    report.set_scaled_score(712);
    report.set_cut_score(700);
    report.set_scale_min(100);
    report.set_scale_max(1000);
    report.set_passed(true);
    return report;
  }
  // Open until stopped.
  absl::Status WatchSession(
      const session::v1::WatchSessionRequest&, const std::string&, Stopper& stopper,
      const std::function<void(const session::v1::WatchSessionResponse&)>& on_update) override {
    session::v1::WatchSessionResponse update;
    update.set_state(session::v1::SESSION_STATE_ACTIVE);
    update.mutable_remaining()->set_seconds(60);
    on_update(update);
    std::mutex mutex;
    std::condition_variable ended;
    bool stopped = false;
    const StopScope scope(stopper, [&] {
      const std::lock_guard lock(mutex);
      stopped = true;
      ended.notify_all();
    });
    std::unique_lock lock(mutex);
    ended.wait(lock, [&] { return stopped; });
    return absl::CancelledError("stopped");
  }

  std::map<std::string, session::v1::StoredResponse> Stored() {
    const std::lock_guard lock(mutex_);
    return stored;
  }

 private:
  static absl::Status Next(std::deque<absl::Status>& failures) {
    if (failures.empty()) return absl::OkStatus();
    absl::Status status = failures.front();
    failures.pop_front();
    return status;
  }
  std::mutex mutex_;
};

}  // namespace invigil::cli
