// What people may ask of measurement, without the wire: checks, records, and who may accept what.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "invigil/scoring/v1/measurement.pb.h"
#include "services/scoring/measurement/store.h"

namespace invigil::scoring {

// Thread-safe. Every method blocks on the disk: call them on an executor. `who` is the subject of
// the caller's token. Errors: see MeasurementService in the contract.
class MeasurementDesk {
 public:
  // `kick` is called when there is something to do for the worker. What it is given outlives it.
  MeasurementDesk(MeasurementStore& store, const Clock& clock, std::function<void()> kick);

  absl::Status Start(const v1::StartCalibrationRequest& request, const std::string& who,
                     v1::Calibration* out);
  absl::Status GetCalibration(const std::string& id, v1::Calibration* out);
  absl::Status List(const v1::ListCalibrationsRequest& request,
                    v1::ListCalibrationsResponse* response);
  absl::Status Cancel(const v1::CancelCalibrationRequest& request, const std::string& who,
                      v1::Calibration* out);
  absl::Status Accept(const v1::AcceptCalibrationRequest& request, const std::string& who,
                      v1::Calibration* out);

  absl::Status Promote(const v1::PromoteItemsRequest& request, const std::string& who,
                       v1::Promotion* out);
  absl::Status GetPromotion(const std::string& id, v1::Promotion* out);

  absl::Status Start(const v1::StartEquatingRequest& request, const std::string& who,
                     v1::Equating* out);
  absl::Status GetEquating(const std::string& id, v1::Equating* out);
  absl::Status List(const v1::ListEquatingsRequest& request, v1::ListEquatingsResponse* response);
  absl::Status Cancel(const v1::CancelEquatingRequest& request, const std::string& who,
                      v1::Equating* out);
  absl::Status Accept(const v1::AcceptEquatingRequest& request, const std::string& who,
                      v1::Equating* out);

  absl::Status Put(const v1::PutStandardSettingRequest& request, const std::string& who,
                   v1::StandardSetting* out);
  absl::Status GetStandardSetting(const std::string& id, v1::StandardSetting* out);
  absl::Status Accept(const v1::AcceptStandardSettingRequest& request, const std::string& who,
                      v1::StandardSetting* out);

 private:
  // Stores new work and wakes the worker.
  absl::StatusOr<WorkRecord> Begin(WorkRecord record);
  absl::StatusOr<WorkRecord> CancelWork(WorkKind kind, const std::string& id,
                                        const std::string& reason, const std::string& who);
  // The work, if `who` may accept it now; `done` is set when `who` has already.
  absl::StatusOr<WorkRecord> ForAcceptance(WorkKind kind, const std::string& id,
                                           const std::string& digest, const std::string& reason,
                                           const std::string& who, bool* done);
  template <typename Message>
  absl::Status AddActs(const std::string& id, Message* out);

  MeasurementStore& store_;
  const Clock& clock_;
  const std::function<void()> kick_;
};

// A calibration as it stands, without items and acts. Errors: INTERNAL when it can't be read.
absl::Status FillCalibration(const WorkRecord& record, bool with_items, v1::Calibration* out);

}  // namespace invigil::scoring
