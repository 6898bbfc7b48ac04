#include "services/scoring/measurement/rpc/measurement_service.h"

#include <mutex>
#include <utility>

#include "common/error/error.h"
#include "common/rpc/status.h"
#include "common/rpc/unary.h"
#include "invigil/scoring/v1/measurement.grpc.pb.h"
#include "services/scoring/measurement/rpc/measurement_watch.h"

namespace invigil::scoring {
namespace {

using rpc::UnaryCall;

constexpr char kService[] = "/invigil.scoring.v1.MeasurementService/";

bool IsOver(WorkState state) {
  return state != WorkState::kRunning && state != WorkState::kApplying;
}

// Sends the calibration whenever it has moved, one message at a time.
class Watch final : public grpc::ServerWriteReactor<v1::WatchCalibrationResponse> {
 public:
  Watch(const MeasurementParts& parts, const rpc::Method& method)
      : parts_(parts), method_(method), begin_(parts.clock.Monotonic()) {}

  // Gives what the watches shall call, or nothing when the call is refused.
  CalibrationWatches::Told Begin(grpc::CallbackServerContext& context) {
    self_ = std::shared_ptr<Watch>(this);
    auto caller = parts_.guard.Admit(context, method_);
    if (!caller.ok()) {
      End(caller.status());
      return nullptr;
    }
    caller_ = *std::move(caller);
    return [weak = std::weak_ptr<Watch>(self_)](const absl::StatusOr<WorkRecord>& record) {
      const auto self = weak.lock();
      return self && self->Tell(record);
    };
  }

 private:
  bool Tell(const absl::StatusOr<WorkRecord>& record) {
    if (!record.ok()) {
      End(record.status());
      return false;
    }
    v1::WatchCalibrationResponse message;
    const absl::Status filled = FillCalibration(*record, false, message.mutable_calibration());
    if (!filled.ok()) {
      End(filled);
      return false;
    }
    const std::lock_guard lock(mutex_);
    if (ended_) return false;
    std::string text = message.SerializeAsString();
    // A slow reader misses steps, never the last one.
    if (writing_ || text == sent_) return true;
    writing_ = true;
    last_ = IsOver(record->state);
    sent_ = std::move(text);
    sending_.Swap(&message);
    StartWrite(&sending_);
    return !last_;
  }
  void OnWriteDone(bool ok) override {
    bool last = false;
    {
      const std::lock_guard lock(mutex_);
      writing_ = false;
      last = last_ || !ok;
    }
    if (last) End(absl::OkStatus());
  }
  void OnCancel() override { End(absl::CancelledError("the client went away")); }
  void End(const absl::Status& status) {
    {
      const std::lock_guard lock(mutex_);
      if (ended_) return;
      ended_ = true;
    }
    rpc::RecordEnd(method_, caller_.trace, absl::IsCancelled(status) ? absl::OkStatus() : status,
                   parts_.clock.Monotonic() - begin_);
    Finish(rpc::ToGrpc(status));
  }
  void OnDone() override { self_.reset(); }  // may delete this

  const MeasurementParts parts_;
  const rpc::Method& method_;
  const Duration begin_;
  rpc::Caller caller_;
  std::shared_ptr<Watch> self_;
  std::mutex mutex_;
  bool ended_ = false;  // under mutex_, as all below
  bool writing_ = false;
  bool last_ = false;
  std::string sent_;
  v1::WatchCalibrationResponse sending_;
};

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
        watches_(parts.store, parts.watch_every) {}

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
    auto* watch = new Watch(parts_, watch_);  // its own, until gRPC is done with it
    if (auto told = watch->Begin(*context)) {
      watches_.Add(request->calibration_id(), std::move(told));
    }
    return watch;
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
  CalibrationWatches watches_;
};

}  // namespace

std::shared_ptr<grpc::Service> MakeMeasurementService(const MeasurementParts& parts) {
  return std::make_shared<MeasurementService>(parts);
}

}  // namespace invigil::scoring
