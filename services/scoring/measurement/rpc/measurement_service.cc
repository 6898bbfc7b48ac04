#include "services/scoring/measurement/rpc/measurement_service.h"

#include <string>
#include <utility>

#include "common/error/error.h"
#include "common/rpc/status.h"
#include "common/rpc/unary.h"
#include "invigil/scoring/v1/measurement.grpc.pb.h"
#include "services/scoring/rpc/watch_reactor.h"

namespace invigil::scoring {
namespace {

using rpc::UnaryCall;

constexpr char kService[] = "/invigil.scoring.v1.MeasurementService/";

bool IsOver(WorkState state) {
  return state != WorkState::kRunning && state != WorkState::kApplying;
}

class MeasurementService final : public v1::MeasurementService::CallbackService {
 public:
  explicit MeasurementService(const MeasurementParts& parts)
      : parts_(parts),
        start_calibration_(Find("StartCalibration")),
        get_calibration_(Find("GetCalibration")),
        list_calibrations_(Find("ListCalibrations")),
        cancel_calibration_(Find("CancelCalibration")),
        accept_calibration_(Find("AcceptCalibration")),
        promote_items_(Find("PromoteItems")),
        get_promotion_(Find("GetPromotion")),
        start_equating_(Find("StartEquating")),
        get_equating_(Find("GetEquating")),
        list_equatings_(Find("ListEquatings")),
        cancel_equating_(Find("CancelEquating")),
        accept_equating_(Find("AcceptEquating")),
        put_standard_setting_(Find("PutStandardSetting")),
        get_standard_setting_(Find("GetStandardSetting")),
        accept_standard_setting_(Find("AcceptStandardSetting")),
        watch_(Find("WatchCalibration")),
        watches_([&store = parts.store](
                     const std::string& id) { return store.Get(WorkKind::kCalibration, id); },
                 parts.watch_every) {}

  grpc::ServerUnaryReactor* StartCalibration(grpc::CallbackServerContext* context,
                                             const v1::StartCalibrationRequest* request,
                                             v1::StartCalibrationResponse* response) override {
    return Run(*context, start_calibration_, [this, request, response](const UnaryCall& call) {
      return parts_.desk.Start(*request, call.principal().subject, response->mutable_calibration());
    });
  }
  grpc::ServerUnaryReactor* GetCalibration(grpc::CallbackServerContext* context,
                                           const v1::GetCalibrationRequest* request,
                                           v1::GetCalibrationResponse* response) override {
    return Run(*context, get_calibration_, [this, request, response](const UnaryCall&) {
      return parts_.desk.GetCalibration(request->calibration_id(), response->mutable_calibration());
    });
  }
  grpc::ServerUnaryReactor* ListCalibrations(grpc::CallbackServerContext* context,
                                             const v1::ListCalibrationsRequest* request,
                                             v1::ListCalibrationsResponse* response) override {
    return Run(*context, list_calibrations_, [this, request, response](const UnaryCall&) {
      return parts_.desk.List(*request, response);
    });
  }
  grpc::ServerUnaryReactor* CancelCalibration(grpc::CallbackServerContext* context,
                                              const v1::CancelCalibrationRequest* request,
                                              v1::CancelCalibrationResponse* response) override {
    return Run(*context, cancel_calibration_, [this, request, response](const UnaryCall& call) {
      return parts_.desk.Cancel(*request, call.principal().subject,
                                response->mutable_calibration());
    });
  }
  grpc::ServerUnaryReactor* AcceptCalibration(grpc::CallbackServerContext* context,
                                              const v1::AcceptCalibrationRequest* request,
                                              v1::AcceptCalibrationResponse* response) override {
    return Run(*context, accept_calibration_, [this, request, response](const UnaryCall& call) {
      return parts_.desk.Accept(*request, call.principal().subject,
                                response->mutable_calibration());
    });
  }
  grpc::ServerUnaryReactor* PromoteItems(grpc::CallbackServerContext* context,
                                         const v1::PromoteItemsRequest* request,
                                         v1::PromoteItemsResponse* response) override {
    return Run(*context, promote_items_, [this, request, response](const UnaryCall& call) {
      return parts_.desk.Promote(*request, call.principal().subject, response->mutable_promotion());
    });
  }
  grpc::ServerUnaryReactor* GetPromotion(grpc::CallbackServerContext* context,
                                         const v1::GetPromotionRequest* request,
                                         v1::GetPromotionResponse* response) override {
    return Run(*context, get_promotion_, [this, request, response](const UnaryCall&) {
      return parts_.desk.GetPromotion(request->promotion_id(), response->mutable_promotion());
    });
  }
  grpc::ServerUnaryReactor* StartEquating(grpc::CallbackServerContext* context,
                                          const v1::StartEquatingRequest* request,
                                          v1::StartEquatingResponse* response) override {
    return Run(*context, start_equating_, [this, request, response](const UnaryCall& call) {
      return parts_.desk.Start(*request, call.principal().subject, response->mutable_equating());
    });
  }
  grpc::ServerUnaryReactor* GetEquating(grpc::CallbackServerContext* context,
                                        const v1::GetEquatingRequest* request,
                                        v1::GetEquatingResponse* response) override {
    return Run(*context, get_equating_, [this, request, response](const UnaryCall&) {
      return parts_.desk.GetEquating(request->equating_id(), response->mutable_equating());
    });
  }
  grpc::ServerUnaryReactor* ListEquatings(grpc::CallbackServerContext* context,
                                          const v1::ListEquatingsRequest* request,
                                          v1::ListEquatingsResponse* response) override {
    return Run(*context, list_equatings_, [this, request, response](const UnaryCall&) {
      return parts_.desk.List(*request, response);
    });
  }
  grpc::ServerUnaryReactor* CancelEquating(grpc::CallbackServerContext* context,
                                           const v1::CancelEquatingRequest* request,
                                           v1::CancelEquatingResponse* response) override {
    return Run(*context, cancel_equating_, [this, request, response](const UnaryCall& call) {
      return parts_.desk.Cancel(*request, call.principal().subject, response->mutable_equating());
    });
  }
  grpc::ServerUnaryReactor* AcceptEquating(grpc::CallbackServerContext* context,
                                           const v1::AcceptEquatingRequest* request,
                                           v1::AcceptEquatingResponse* response) override {
    return Run(*context, accept_equating_, [this, request, response](const UnaryCall& call) {
      return parts_.desk.Accept(*request, call.principal().subject, response->mutable_equating());
    });
  }
  grpc::ServerUnaryReactor* PutStandardSetting(grpc::CallbackServerContext* context,
                                               const v1::PutStandardSettingRequest* request,
                                               v1::PutStandardSettingResponse* response) override {
    return Run(*context, put_standard_setting_, [this, request, response](const UnaryCall& call) {
      return parts_.desk.Put(*request, call.principal().subject,
                             response->mutable_standard_setting());
    });
  }
  grpc::ServerUnaryReactor* GetStandardSetting(grpc::CallbackServerContext* context,
                                               const v1::GetStandardSettingRequest* request,
                                               v1::GetStandardSettingResponse* response) override {
    return Run(*context, get_standard_setting_, [this, request, response](const UnaryCall&) {
      return parts_.desk.GetStandardSetting(request->standard_setting_id(),
                                            response->mutable_standard_setting());
    });
  }
  grpc::ServerUnaryReactor* AcceptStandardSetting(
      grpc::CallbackServerContext* context, const v1::AcceptStandardSettingRequest* request,
      v1::AcceptStandardSettingResponse* response) override {
    return Run(*context, accept_standard_setting_,
               [this, request, response](const UnaryCall& call) {
                 return parts_.desk.Accept(*request, call.principal().subject,
                                           response->mutable_standard_setting());
               });
  }
  grpc::ServerWriteReactor<v1::WatchCalibrationResponse>* WatchCalibration(
      grpc::CallbackServerContext* context, const v1::WatchCalibrationRequest* request) override {
    return WatchReactor<WorkRecord, v1::WatchCalibrationResponse>::Begin(
        *context, parts_.guard, watch_, parts_.clock, watches_, request->calibration_id(),
        [](const WorkRecord& record,
           v1::WatchCalibrationResponse* message) -> absl::StatusOr<bool> {
          INVIGIL_RETURN_IF_ERROR(FillCalibration(record, false, message->mutable_calibration()));
          return IsOver(record.state);
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

  const MeasurementParts parts_;
  const rpc::Method &start_calibration_, &get_calibration_, &list_calibrations_,
      &cancel_calibration_, &accept_calibration_, &promote_items_, &get_promotion_,
      &start_equating_, &get_equating_, &list_equatings_, &cancel_equating_, &accept_equating_,
      &put_standard_setting_, &get_standard_setting_, &accept_standard_setting_, &watch_;
  Watches<WorkRecord> watches_;
};

}  // namespace

std::shared_ptr<grpc::Service> MakeMeasurementService(const MeasurementParts& parts) {
  return std::make_shared<MeasurementService>(parts);
}

}  // namespace invigil::scoring
