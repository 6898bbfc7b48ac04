#include "services/item_bank/rpc/statistics_service.h"

#include <set>
#include <utility>

#include "common/error/error.h"
#include "invigil/itembank/v1/statistics.grpc.pb.h"
#include "services/item_bank/store/statistics.h"
#include "services/item_bank/wire/convert.h"

namespace invigil::item_bank {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using rpc::UnaryCall;

constexpr char kService[] = "/invigil.itembank.v1.StatisticsService/";
constexpr int kMostRevisions = 2000;

absl::StatusOr<std::vector<ItemRevision>> RevisionsFromProto(
    const v1::ReviseItemsRequest& request) {
  if (request.revisions_size() > kMostRevisions) {
    return InvalidArgument("REQUEST_INVALID", "revise fewer items at once")
        .Field("revisions", "at most 2000");
  }
  std::vector<ItemRevision> revisions;
  std::set<std::string> seen;
  for (const v1::ItemRevision& given : request.revisions()) {
    if (given.item_id().empty() || !seen.insert(given.item_id()).second) {
      return InvalidArgument("REQUEST_INVALID", "name each item once")
          .Field("revisions.item_id", "must not be empty nor repeated");
    }
    ItemRevision revision{.item_id = given.item_id(),
                          .same_content_since = given.same_content_since(),
                          .irt = std::nullopt,
                          .promote = given.promote()};
    if (given.has_irt()) revision.irt = FromProto(given.irt());
    revisions.push_back(std::move(revision));
  }
  return revisions;
}

class StatisticsAdapter final : public v1::StatisticsService::CallbackService {
 public:
  explicit StatisticsAdapter(const Context& context)
      : context_(context),
        list_(Find("ListItemStatistics")),
        revise_(Find("ReviseItems")),
        set_standard_(Find("SetStandard")) {}

  ServerUnaryReactor* ListItemStatistics(CallbackServerContext* context,
                                         const v1::ListItemStatisticsRequest* request,
                                         v1::ListItemStatisticsResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, context_.guard, list_);
    if (!call->admitted()) return call;
    Read(context_, context_.authoring, call, [=](Connection& db) -> absl::Status {
      const auto exam = db.exams.Find(request->exam_id());
      if (!exam.ok()) return exam.status();
      if (!*exam) return NotFound("EXAM_NOT_FOUND", "no such exam");
      const auto histories = ListHistories(db, (*exam)->bank_id);
      if (!histories.ok()) return histories.status();
      for (const auto& [item, since] : *histories) {
        v1::ItemStatistics* out = response->add_items();
        out->set_item_id(item.item_id);
        out->set_version(item.version);
        out->set_same_content_since(since);
        out->set_domain_id(item.domain_id);
        out->set_status(static_cast<v1::ItemStatus>(item.status));
        if (item.irt) ToProto(*item.irt, out->mutable_irt());
      }
      response->set_exam_version((*exam)->version);
      if ((*exam)->standard) ToProto(*(*exam)->standard, response->mutable_standard());
      return absl::OkStatus();
    });
    return call;
  }

  ServerUnaryReactor* ReviseItems(CallbackServerContext* context,
                                  const v1::ReviseItemsRequest* request,
                                  v1::ReviseItemsResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, context_.guard, revise_);
    if (!call->admitted()) return call;
    auto revisions = RevisionsFromProto(*request);
    if (!revisions.ok()) {
      call->Finish(revisions.status());
      return call;
    }
    WriteOnce(context_, call, revise_.path, request->request_id(), *request, response,
              [=, this, revisions = *std::move(revisions)](Connection& db) {
                const auto counts = item_bank::ReviseItems(db, revisions, context_.clock.Now());
                if (!counts.ok()) return counts.status();
                response->set_revised_count(counts->revised);
                response->set_unchanged_count(counts->unchanged);
                return absl::OkStatus();
              });
    return call;
  }

  ServerUnaryReactor* SetStandard(CallbackServerContext* context,
                                  const v1::SetStandardRequest* request,
                                  v1::SetStandardResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, context_.guard, set_standard_);
    if (!call->admitted()) return call;
    WriteOnce(context_, call, set_standard_.path, request->request_id(), *request, response,
              [=, this](Connection& db) {
                const auto exam =
                    item_bank::SetStandard(db,
                                           {.exam_id = request->exam_id(),
                                            .method = request->method(),
                                            .standard_setting_id = request->standard_setting_id(),
                                            .base_cut_raw = request->base_cut_raw(),
                                            .standard_error = request->standard_error()},
                                           context_.clock.Now());
                if (exam.ok()) response->set_exam_version(exam->version);
                return exam.status();
              });
    return call;
  }

 private:
  const rpc::Method& Find(const char* name) {
    return context_.guard.Find(std::string(kService) + name);
  }

  const Context context_;
  const rpc::Method &list_, &revise_, &set_standard_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeStatisticsService(const Context& context) {
  return std::make_unique<StatisticsAdapter>(context);
}

}  // namespace invigil::item_bank
