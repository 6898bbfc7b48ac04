#include "services/item_bank/rpc/services.h"

#include <grpcpp/impl/codegen/service_type.h>

#include <utility>

#include "services/item_bank/rpc/authoring_services.h"
#include "services/item_bank/rpc/form_services.h"
#include "services/item_bank/rpc/statistics_service.h"

namespace invigil::item_bank {
namespace {

class ServicesImpl final : public Services {
 public:
  ServicesImpl(Store& store, const Clock& clock, std::unique_ptr<rpc::Guard> guard)
      : store_(store),
        guard_(std::move(guard)),
        forms_("forms", 2, 2048),
        authoring_("authoring", 1, 64) {
    const Context context{store, clock, *guard_, forms_, authoring_};
    services_.push_back(MakeItemService(context));
    services_.push_back(MakeExamService(context));
    services_.push_back(MakeFormService(context));
    services_.push_back(MakeKeyService(context));
    services_.push_back(MakeStatisticsService(context));
  }

  std::vector<grpc::Service*> all() override {
    std::vector<grpc::Service*> list;
    for (const auto& service : services_) list.push_back(service.get());
    return list;
  }

  absl::Status Ready() override {
    const auto db = store_.readers().Take();
    return db->meta.ContentRevision().status();
  }

 private:
  Store& store_;
  std::unique_ptr<rpc::Guard> guard_;
  rpc::Executor forms_, authoring_;
  std::vector<std::unique_ptr<grpc::Service>> services_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Services>> Services::Create(Store& store, const Clock& clock,
                                                           auth::TokenVerifier& verifier) {
  auto guard = rpc::Guard::Create(
      verifier, {"invigil.itembank.v1.ItemService", "invigil.itembank.v1.ExamService",
                 "invigil.itembank.v1.FormService", "invigil.itembank.v1.KeyService",
                 "invigil.itembank.v1.StatisticsService"});
  if (!guard.ok()) return guard.status();
  return std::make_unique<ServicesImpl>(store, clock, *std::move(guard));
}

}  // namespace invigil::item_bank
