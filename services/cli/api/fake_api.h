// For tests: a suite in memory that holds one session, with failures on demand.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string>

#include "common/base/hash.h"
#include "common/error/error.h"
#include "services/cli/api/api.h"

namespace invigil::cli {

// Stores what it is given as the contract says. `failures` are answered first, one per call of
// SaveResponses, SubmitSession, GetScoreReport and so on. With parts in `session` only the items of
// the current section are taken, and only those of sections that were entered are shown; without
// any, all are. Thread-safe.
class FakeApi : public Api {
 public:
  session::v1::Session session;  // with all items; set before use
  std::deque<absl::Status> save_failures, submit_failures, report_failures, move_failures,
      progress_failures, vector_failures, confirm_failures;
  std::vector<std::string> confirmed;  // messages
  bool check_in_required = false;      // until CheckIn
  int lost_replies = 0;       // so many saves more are stored and answered with UNAVAILABLE
  uint32_t breaks_begun = 0;  // by TakeBreak
  int vectors = 0;            // calls of GetResponseVector that were answered
  std::vector<session::v1::ResponseWrite> received;  // every write that came, whatever came of it
  std::vector<session::v1::SaveProgressRequest> progress;
  std::vector<session::v1::LeavePartRequest> left;
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
    if (check_in_required) return FailedPrecondition("CHECK_IN_REQUIRED", "a proctor must");
    session::v1::StartSessionResponse response;
    *response.mutable_session() = Shown();
    response.set_session_token("session-token");
    return response;
  }
  absl::StatusOr<session::v1::GetSessionResponse> GetSession(const session::v1::GetSessionRequest&,
                                                             const std::string&) override {
    const std::lock_guard lock(mutex_);
    session::v1::GetSessionResponse response;
    *response.mutable_session() = Shown();
    for (const auto& [id, held] : stored) {
      if (held.sequence() > 0) *response.mutable_session()->add_responses() = held;
    }
    return response;
  }
  absl::StatusOr<session::v1::ListRosterResponse> ListRoster(const session::v1::ListRosterRequest&,
                                                             const std::string&) override {
    const std::lock_guard lock(mutex_);
    session::v1::ListRosterResponse response;
    // The roster is a little behind the start.
    if (roster_asked_++ > 0) response.add_entries()->set_session_id(session.session_id());
    return response;
  }
  absl::StatusOr<session::v1::CheckInResponse> CheckIn(const session::v1::CheckInRequest& request,
                                                       const std::string&) override {
    const std::lock_guard lock(mutex_);
    if (request.session_id() == session.session_id()) check_in_required = false;
    return session::v1::CheckInResponse();
  }
  absl::StatusOr<session::v1::LeavePartResponse> LeavePart(
      const session::v1::LeavePartRequest& request, const std::string&) override {
    const std::lock_guard lock(mutex_);
    if (auto failure = Next(move_failures); !failure.ok()) return failure;
    left.push_back(request);
    if (auto missing = Missing(request.seen()); !missing.ok()) return missing;
    if (request.part() == session.current_part()) {
      const bool agreement = Part().kind() == session::v1::PART_KIND_AGREEMENT;
      if (agreement && !request.accept()) {
        session.set_state(session::v1::SESSION_STATE_TERMINATED);
      } else {
        EnterNext();
      }
    }
    session::v1::LeavePartResponse response;
    *response.mutable_session() = Shown();
    return response;
  }
  absl::StatusOr<session::v1::TakeBreakResponse> TakeBreak(
      const session::v1::TakeBreakRequest& request, const std::string&) override {
    const std::lock_guard lock(mutex_);
    if (auto failure = Next(move_failures); !failure.ok()) return failure;
    if (auto missing = Missing(request.seen()); !missing.ok()) return missing;
    if (request.break_number() == session.break_count() + 1) {
      ++breaks_begun;
      session.set_break_count(request.break_number());
      session.set_state(session::v1::SESSION_STATE_ON_BREAK);
      session.set_break_kind(request.pooled() ? session::v1::BREAK_KIND_POOLED
                                              : session::v1::BREAK_KIND_UNSCHEDULED);
      for (const std::string& id : request.seen_item_ids()) session.add_locked_item_ids(id);
    }
    session::v1::TakeBreakResponse response;
    *response.mutable_session() = Shown();
    return response;
  }
  absl::StatusOr<session::v1::EndBreakResponse> EndBreak(
      const session::v1::EndBreakRequest& request, const std::string&) override {
    const std::lock_guard lock(mutex_);
    if (auto failure = Next(move_failures); !failure.ok()) return failure;
    if (request.break_number() == session.break_count() &&
        session.state() == session::v1::SESSION_STATE_ON_BREAK) {
      if (session.break_kind() == session::v1::BREAK_KIND_SCHEDULED) {
        EnterNext();
      } else {
        session.set_state(session::v1::SESSION_STATE_ACTIVE);
        session.set_break_kind(session::v1::BREAK_KIND_UNSPECIFIED);
      }
    }
    session::v1::EndBreakResponse response;
    *response.mutable_session() = Shown();
    return response;
  }
  absl::StatusOr<session::v1::SaveProgressResponse> SaveProgress(
      const session::v1::SaveProgressRequest& request, const std::string&) override {
    const std::lock_guard lock(mutex_);
    if (auto failure = Next(progress_failures); !failure.ok()) return failure;
    progress.push_back(request);
    if (auto missing = Missing(request.seen()); !missing.ok()) return missing;
    return session::v1::SaveProgressResponse();
  }
  absl::StatusOr<session::v1::ConfirmMessageResponse> ConfirmMessage(
      const session::v1::ConfirmMessageRequest& request, const std::string&) override {
    const std::lock_guard lock(mutex_);
    if (auto failure = Next(confirm_failures); !failure.ok()) return failure;
    confirmed.push_back(request.message_id());
    return session::v1::ConfirmMessageResponse();
  }
  absl::StatusOr<session::v1::GetResponseVectorResponse> GetResponseVector(
      const session::v1::GetResponseVectorRequest&, const std::string&) override {
    const std::lock_guard lock(mutex_);
    if (auto failure = Next(vector_failures); !failure.ok()) return failure;
    ++vectors;
    session::v1::GetResponseVectorResponse response;
    response.set_epoch(session.epoch());
    response.set_state(session::v1::SESSION_STATE_ACTIVE);
    for (const auto& [id, held] : stored) {
      if (held.sequence() == 0) continue;
      auto* digest = response.add_responses();
      digest->set_item_id(id);
      digest->set_sequence(held.sequence());
      std::string letters;
      for (const std::string& letter : held.option_ids()) letters += letter;
      digest->set_digest(StableHash(letters));
    }
    return response;
  }
  absl::StatusOr<session::v1::SaveResponsesResponse> SaveResponses(
      const session::v1::SaveResponsesRequest& request, const std::string&) override {
    const std::lock_guard lock(mutex_);
    if (auto failure = Next(save_failures); !failure.ok()) return failure;
    ++saves;
    received.insert(received.end(), request.responses().begin(), request.responses().end());
    if (auto locked = Locked(request); !locked.ok()) return locked;
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
    if (lost_replies > 0) {
      --lost_replies;
      return Unavailable("AWAY", "the reply was lost", Millis(1));
    }
    return response;
  }
  absl::StatusOr<session::v1::SubmitSessionResponse> SubmitSession(
      const session::v1::SubmitSessionRequest& request, const std::string&) override {
    const std::lock_guard lock(mutex_);
    if (auto failure = Next(submit_failures); !failure.ok()) return failure;
    if (auto missing = Missing(request.seen()); !missing.ok()) return missing;
    session.set_state(session::v1::SESSION_STATE_SUBMITTED);
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
  absl::StatusOr<session::v1::ExportCandidateResponse> ExportCandidate(
      const session::v1::ExportCandidateRequest&, const std::string&) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<session::v1::EraseCandidateResponse> EraseCandidate(
      const session::v1::EraseCandidateRequest&, const std::string&) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<session::v1::ApplyRetentionResponse> ApplyRetention(
      const session::v1::ApplyRetentionRequest&, const std::string&) override {
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
  // Changes anything of it while its threads run.
  template <typename Change>
  void Edit(Change change) {
    const std::lock_guard lock(mutex_);
    change(*this);
  }

 private:
  const session::v1::Part& Part() const {
    return session.parts(static_cast<int>(session.current_part()));
  }
  void EnterNext() {
    session.set_break_kind(session::v1::BREAK_KIND_UNSPECIFIED);
    if (static_cast<int>(session.current_part()) + 1 == session.parts_size()) {
      session.set_state(session::v1::SESSION_STATE_SUBMITTED);
      return;
    }
    session.set_current_part(session.current_part() + 1);
    session.set_deadline_version(session.deadline_version() + 1);
    const bool rest = Part().kind() == session::v1::PART_KIND_BREAK;
    session.set_state(rest ? session::v1::SESSION_STATE_ON_BREAK
                           : session::v1::SESSION_STATE_ACTIVE);
    if (!rest) return;
    session.set_break_kind(session::v1::BREAK_KIND_SCHEDULED);
    session.set_break_count(session.break_count() + 1);
  }
  // Without the items of sections that were not entered.
  session::v1::Session Shown() const {
    session::v1::Session shown = session;
    if (session.parts().empty()) return shown;
    uint32_t entered = 0;
    for (uint32_t i = 0; i <= session.current_part(); ++i) {
      entered += session.parts(static_cast<int>(i)).item_count();
    }
    while (static_cast<uint32_t>(shown.items_size()) > entered) {
      shown.mutable_items()->RemoveLast();
    }
    return shown;
  }
  absl::Status Missing(
      const google::protobuf::RepeatedPtrField<session::v1::ItemSequence>& sequences) {
    for (const auto& seen : sequences) {
      if (!forget_saves && stored[seen.item_id()].sequence() < seen.sequence()) {
        return FailedPrecondition("RESPONSES_MISSING", "send them again");
      }
    }
    return absl::OkStatus();
  }
  absl::Status Locked(const session::v1::SaveResponsesRequest& request) {
    if (session.parts().empty()) return absl::OkStatus();
    std::string ids, sent, held;
    for (const auto& write : request.responses()) {
      bool open = false;
      for (const auto& item : session.items()) {
        open |= item.item_id() == write.item_id() && Part().item_count() > 0 &&
                item.position() >= Part().first_position() &&
                item.position() < Part().first_position() + Part().item_count();
      }
      for (const std::string& id : session.locked_item_ids()) open &= id != write.item_id();
      if (open) continue;
      const char* comma = ids.empty() ? "" : ",";
      ids += comma + write.item_id();
      sent += comma + Text(write);
      held += comma + Text(stored[write.item_id()]);
    }
    if (ids.empty()) return absl::OkStatus();
    return FailedPrecondition("ITEMS_LOCKED", "they are locked")
        .With("item_ids", ids)
        .With("sent", sent)
        .With("stored", held);
  }
  template <typename Message>
  static std::string Text(const Message& message) {
    std::string text = std::to_string(message.sequence()) + ":";
    for (const std::string& id : message.option_ids()) text += id;
    return text;
  }
  static absl::Status Next(std::deque<absl::Status>& failures) {
    if (failures.empty()) return absl::OkStatus();
    absl::Status status = failures.front();
    failures.pop_front();
    return status;
  }
  std::mutex mutex_;
  int roster_asked_ = 0;
};

}  // namespace invigil::cli
