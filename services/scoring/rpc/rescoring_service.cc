#include "services/scoring/rpc/rescoring_service.h"

#include <algorithm>
#include <utility>

#include "common/error/error.h"
#include "common/rpc/status.h"
#include "common/rpc/unary.h"
#include "invigil/scoring/v1/rescoring.grpc.pb.h"
#include "services/scoring/rpc/convert.h"
#include "services/scoring/rpc/rescore_session.h"
#include "services/scoring/rpc/rescoring_convert.h"
#include "services/scoring/rpc/watch_reactor.h"

namespace invigil::scoring {
namespace {

using rpc::UnaryCall;

constexpr size_t kLongestId = 64, kLongestReason = 1000;
// A page ends behind it: what receives it takes 16 MB, and one rescoring is a request's 256 KB at
// most.
constexpr size_t kMostBytes = 4 << 20;
constexpr char kService[] = "/invigil.scoring.v1.RescoringService/";

absl::Status CheckId(const std::string& id, const char* field) {
  if (!id.empty() && id.size() <= kLongestId) return absl::OkStatus();
  return InvalidArgument("RESCORING_INVALID", std::string("name the ") + field)
      .Field(field, "1 to 64 characters");
}

absl::Status CheckReason(const std::string& reason) {
  if (!reason.empty() && reason.size() <= kLongestReason) return absl::OkStatus();
  return InvalidArgument("RESCORING_INVALID", "say why: the reason is kept for good")
      .Field("reason", "1 to 1000 characters");
}

// What a request asks for, within bounds. Errors: INVALID_ARGUMENT (PAGE_INVALID).
absl::StatusOr<size_t> PageSize(uint32_t asked, size_t usual, size_t most,
                                const std::string& token) {
  if (asked > most || token.size() > kLongestId) {
    return InvalidArgument("PAGE_INVALID", "no such page")
        .Field(asked > most ? "page_size" : "page_token",
               asked > most ? "at most " + std::to_string(most) : "comes from the page before");
  }
  return asked == 0 ? usual : asked;
}

bool IsOver(v1::RescoringState state) {
  return state != v1::RESCORING_STATE_PREVIEWING && state != v1::RESCORING_STATE_APPLYING;
}

class RescoringService final : public v1::RescoringService::CallbackService {
 public:
  explicit RescoringService(const RescoringParts& parts)
      : parts_(parts),
        create_(Find("CreateRescoring")),
        get_(Find("GetRescoring")),
        watch_(Find("WatchRescoring")),
        list_(Find("ListRescorings")),
        list_changes_(Find("ListRescoringChanges")),
        approve_(Find("ApproveRescoring")),
        cancel_(Find("CancelRescoring")),
        list_revisions_(Find("ListKeyRevisions")),
        replay_(Find("ReplayScore")),
        list_amendments_(Find("ListAmendments")),
        acknowledge_(Find("AcknowledgeAmendments")),
        watches_([&store = parts.store](const std::string& id) { return store.GetRescoring(id); },
                 parts.watch_every) {}

  grpc::ServerUnaryReactor* CreateRescoring(grpc::CallbackServerContext* context,
                                            const v1::CreateRescoringRequest* request,
                                            v1::CreateRescoringResponse* response) override {
    return Run(*context, create_, [this, request, response](const UnaryCall& call) {
      return Create(*request, call.principal().subject, *response);
    });
  }
  grpc::ServerUnaryReactor* GetRescoring(grpc::CallbackServerContext* context,
                                         const v1::GetRescoringRequest* request,
                                         v1::GetRescoringResponse* response) override {
    return Run(*context, get_, [this, request, response](const UnaryCall&) -> absl::Status {
      INVIGIL_RETURN_IF_ERROR(CheckId(request->rescoring_id(), "rescoring_id"));
      return Fill(parts_.store.GetRescoring(request->rescoring_id()),
                  response->mutable_rescoring());
    });
  }
  grpc::ServerWriteReactor<v1::WatchRescoringResponse>* WatchRescoring(
      grpc::CallbackServerContext* context, const v1::WatchRescoringRequest* request) override {
    return WatchReactor<RescoringRecord, v1::WatchRescoringResponse>::Begin(
        *context, parts_.guard, watch_, parts_.clock, watches_, request->rescoring_id(),
        [](const RescoringRecord& record,
           v1::WatchRescoringResponse* message) -> absl::StatusOr<bool> {
          INVIGIL_RETURN_IF_ERROR(FillRescoring(record, message->mutable_rescoring()));
          return IsOver(message->rescoring().state());
        });
  }
  grpc::ServerUnaryReactor* ListRescorings(grpc::CallbackServerContext* context,
                                           const v1::ListRescoringsRequest* request,
                                           v1::ListRescoringsResponse* response) override {
    return Run(*context, list_,
               [this, request, response](const UnaryCall&) { return List(*request, *response); });
  }
  grpc::ServerUnaryReactor* ListRescoringChanges(
      grpc::CallbackServerContext* context, const v1::ListRescoringChangesRequest* request,
      v1::ListRescoringChangesResponse* response) override {
    return Run(*context, list_changes_, [this, request, response](const UnaryCall&) {
      return ListChanges(*request, *response);
    });
  }
  grpc::ServerUnaryReactor* ApproveRescoring(grpc::CallbackServerContext* context,
                                             const v1::ApproveRescoringRequest* request,
                                             v1::ApproveRescoringResponse* response) override {
    return Run(*context, approve_, [this, request, response](const UnaryCall& call) {
      return Approve(*request, call.principal().subject, *response);
    });
  }
  grpc::ServerUnaryReactor* CancelRescoring(grpc::CallbackServerContext* context,
                                            const v1::CancelRescoringRequest* request,
                                            v1::CancelRescoringResponse* response) override {
    return Run(*context, cancel_, [this, request, response](const UnaryCall& call) -> absl::Status {
      INVIGIL_RETURN_IF_ERROR(CheckId(request->rescoring_id(), "rescoring_id"));
      INVIGIL_RETURN_IF_ERROR(CheckReason(request->reason()));
      return Fill(parts_.store.Cancel(request->rescoring_id(), call.principal().subject,
                                      request->reason(), parts_.clock.Now()),
                  response->mutable_rescoring());
    });
  }
  grpc::ServerUnaryReactor* ListKeyRevisions(grpc::CallbackServerContext* context,
                                             const v1::ListKeyRevisionsRequest* request,
                                             v1::ListKeyRevisionsResponse* response) override {
    return Run(*context, list_revisions_,
               [this, request, response](const UnaryCall&) -> absl::Status {
                 INVIGIL_RETURN_IF_ERROR(CheckId(request->exam_id(), "exam_id"));
                 const auto revisions = parts_.store.ListRevisions(request->exam_id());
                 if (!revisions.ok()) return revisions.status();
                 for (const RevisionRecord& revision : *revisions) {
                   INVIGIL_RETURN_IF_ERROR(FillRevision(revision, response->add_revisions()));
                 }
                 return absl::OkStatus();
               });
  }
  grpc::ServerUnaryReactor* ReplayScore(grpc::CallbackServerContext* context,
                                        const v1::ReplayScoreRequest* request,
                                        v1::ReplayScoreResponse* response) override {
    return Run(*context, replay_, [this, request, response](const UnaryCall&) -> absl::Status {
      INVIGIL_RETURN_IF_ERROR(CheckId(request->session_id(), "session_id"));
      const auto replayed =
          ReplayScores(request->session_id(), request->score_version(), parts_.ring, parts_.store);
      if (!replayed.ok()) return replayed.status();
      for (const Replayed& score : *replayed) FillReplayed(score, response->add_scores());
      return absl::OkStatus();
    });
  }
  grpc::ServerUnaryReactor* ListAmendments(grpc::CallbackServerContext* context,
                                           const v1::ListAmendmentsRequest* request,
                                           v1::ListAmendmentsResponse* response) override {
    return Run(
        *context, list_amendments_, [this, request, response](const UnaryCall&) -> absl::Status {
          const auto size = PageSize(request->page_size(), 100, 500, "");
          if (!size.ok()) return size.status();
          const auto amendments = parts_.store.ListAmendments(request->after_sequence(), *size);
          if (!amendments.ok()) return amendments.status();
          for (const AmendmentRecord& amendment : *amendments) {
            v1::Amendment* out = response->add_amendments();
            out->set_sequence(amendment.sequence);
            out->set_attempt_version(amendment.score.attempt_version);
            INVIGIL_RETURN_IF_ERROR(FillScore(amendment.score, out->mutable_score()));
          }
          return absl::OkStatus();
        });
  }
  grpc::ServerUnaryReactor* AcknowledgeAmendments(grpc::CallbackServerContext* context,
                                                  const v1::AcknowledgeAmendmentsRequest* request,
                                                  v1::AcknowledgeAmendmentsResponse*) override {
    return Run(*context, acknowledge_, [this, request](const UnaryCall&) -> absl::Status {
      if (request->sequences_size() > 500) {
        return InvalidArgument("RESCORING_INVALID", "acknowledge fewer at once")
            .Field("sequences", "at most 500");
      }
      return parts_.store.AcknowledgeAmendments(
          {request->sequences().begin(), request->sequences().end()});
    });
  }

 private:
  const rpc::Method& Find(const std::string& name) { return parts_.guard.Find(kService + name); }

  template <typename Work>
  grpc::ServerUnaryReactor* Run(grpc::CallbackServerContext& context, const rpc::Method& method,
                                Work work) {
    UnaryCall* call = UnaryCall::Begin(context, parts_.guard, method);
    if (!call->admitted()) return call;
    rpc::RunOrRefuse(parts_.executor, call, [call, work] { call->Finish(work(*call)); });
    return call;
  }

  // With its acts.
  absl::Status Fill(const absl::StatusOr<RescoringRecord>& record, v1::Rescoring* out) {
    if (!record.ok()) return record.status();
    INVIGIL_RETURN_IF_ERROR(FillRescoring(*record, out));
    const auto acts = parts_.store.ListActs(record->rescoring_id);
    if (!acts.ok()) return acts.status();
    FillActs(*record, *acts, out);
    return absl::OkStatus();
  }

  absl::Status Create(const v1::CreateRescoringRequest& request, const std::string& subject,
                      v1::CreateRescoringResponse& response) {
    auto definition = DefinitionFromProto(request);
    if (!definition.ok()) return definition.status();
    const auto made = parts_.store.CreateRescoring({.author = subject,
                                                    .request_id = request.request_id(),
                                                    .definition = *std::move(definition),
                                                    .create_time = parts_.clock.Now()});
    parts_.rescorer.Kick();
    return Fill(made, response.mutable_rescoring());
  }

  absl::Status Approve(const v1::ApproveRescoringRequest& request, const std::string& subject,
                       v1::ApproveRescoringResponse& response) {
    INVIGIL_RETURN_IF_ERROR(CheckId(request.rescoring_id(), "rescoring_id"));
    INVIGIL_RETURN_IF_ERROR(CheckId(request.preview_digest(), "preview_digest"));
    INVIGIL_RETURN_IF_ERROR(CheckReason(request.reason()));
    const auto approved = parts_.store.Approve(request.rescoring_id(),
                                               {.preview_digest = request.preview_digest(),
                                                .actor = subject,
                                                .reason = request.reason(),
                                                .accept_failures = request.accept_failures(),
                                                .accept_untouched = request.accept_untouched()},
                                               parts_.clock.Now());
    parts_.rescorer.Kick();
    return Fill(approved, response.mutable_rescoring());
  }

  absl::Status List(const v1::ListRescoringsRequest& request,
                    v1::ListRescoringsResponse& response) {
    const auto size = PageSize(request.page_size(), 50, 200, request.page_token());
    if (!size.ok()) return size.status();
    const auto records =
        parts_.store.ListRescorings(request.exam_id(), request.page_token(), *size);
    if (!records.ok()) return records.status();
    size_t bytes = 0;
    for (const RescoringRecord& record : *records) {
      v1::Rescoring* added = response.add_rescorings();
      INVIGIL_RETURN_IF_ERROR(FillRescoring(record, added));
      bytes += added->ByteSizeLong();
      const bool last = &record == &records->back();
      if (last ? records->size() == *size : bytes >= kMostBytes) {
        response.set_next_page_token(record.rescoring_id);
        break;
      }
    }
    return absl::OkStatus();
  }

  absl::Status ListChanges(const v1::ListRescoringChangesRequest& request,
                           v1::ListRescoringChangesResponse& response) {
    INVIGIL_RETURN_IF_ERROR(CheckId(request.rescoring_id(), "rescoring_id"));
    const auto size = PageSize(request.page_size(), 200, 1000, request.page_token());
    if (!size.ok()) return size.status();
    const auto filter = FilterFromProto(request);
    if (!filter.ok()) return filter.status();
    const auto known = parts_.store.GetRescoring(request.rescoring_id());
    if (!known.ok()) return known.status();
    const auto changes =
        parts_.store.ListChanges(request.rescoring_id(), *filter, request.page_token(), *size);
    if (!changes.ok()) return changes.status();
    for (const ChangeRecord& change : *changes) FillChange(change, response.add_changes());
    if (changes->size() == *size) response.set_next_page_token(changes->back().session_id);
    return absl::OkStatus();
  }

  const RescoringParts parts_;
  const rpc::Method &create_, &get_, &watch_, &list_, &list_changes_, &approve_, &cancel_,
      &list_revisions_, &replay_, &list_amendments_, &acknowledge_;
  Watches<RescoringRecord> watches_;
};

}  // namespace

std::shared_ptr<grpc::Service> MakeRescoringService(const RescoringParts& parts) {
  return std::make_shared<RescoringService>(parts);
}

}  // namespace invigil::scoring
