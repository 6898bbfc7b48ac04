#include "services/scoring/measurement/rpc/item_bank_statistics.h"

#include <grpcpp/grpcpp.h>

#include <utility>

#include "common/client/channel.h"
#include "common/error/error.h"
#include "common/rpc/status.h"
#include "invigil/itembank/v1/statistics.grpc.pb.h"

namespace invigil::scoring {
namespace {

using itembank::v1::StatisticsService;

constexpr Duration kPatience = Seconds(20);

class ItemBankStatistics final : public StatisticsBank {
 public:
  ItemBankStatistics(std::shared_ptr<grpc::Channel> channel, auth::ServiceIdentity& identity)
      : stub_(StatisticsService::NewStub(std::move(channel))), identity_(identity) {}

  absl::StatusOr<itembank::v1::ListItemStatisticsResponse> List(
      const std::string& exam_id) override {
    itembank::v1::ListItemStatisticsRequest request;
    request.set_exam_id(exam_id);
    return Call<itembank::v1::ListItemStatisticsResponse>([&](auto* context, auto* response) {
      return stub_->ListItemStatistics(context, request, response);
    });
  }
  absl::StatusOr<itembank::v1::ReviseItemsResponse> Revise(
      const itembank::v1::ReviseItemsRequest& request) override {
    return Call<itembank::v1::ReviseItemsResponse>([&](auto* context, auto* response) {
      return stub_->ReviseItems(context, request, response);
    });
  }
  absl::StatusOr<itembank::v1::SetStandardResponse> SetStandard(
      const itembank::v1::SetStandardRequest& request) override {
    return Call<itembank::v1::SetStandardResponse>([&](auto* context, auto* response) {
      return stub_->SetStandard(context, request, response);
    });
  }

 private:
  template <typename Response, typename Method>
  absl::StatusOr<Response> Call(Method method) {
    grpc::ClientContext context;
    client::Prepare(context, kPatience, identity_.Token(), {});
    Response response;
    const grpc::Status status = method(&context, &response);
    if (status.ok()) return response;
    absl::Status error = rpc::FromGrpc(status);
    // Whatever says nothing about the request may pass: the bank restarts, or is older than this.
    if (absl::IsDeadlineExceeded(error) || absl::IsUnimplemented(error) ||
        absl::IsUnauthenticated(error) || absl::IsPermissionDenied(error)) {
      return Unavailable("ITEM_BANK_UNAVAILABLE", "the item bank did not answer; try again: " +
                                                      std::string(error.message()));
    }
    return error;
  }

  const std::unique_ptr<StatisticsService::Stub> stub_;
  auth::ServiceIdentity& identity_;
};

}  // namespace

std::unique_ptr<StatisticsBank> MakeItemBankStatistics(std::shared_ptr<grpc::Channel> channel,
                                                       auth::ServiceIdentity& identity) {
  return std::make_unique<ItemBankStatistics>(std::move(channel), identity);
}

}  // namespace invigil::scoring
