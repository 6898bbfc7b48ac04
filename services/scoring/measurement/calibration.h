// From settings and answers to proposed item statistics. Reads through DatasetReader; the
// mathematics is domain/calibration and domain/linking.
#pragma once

#include <functional>
#include <stop_token>
#include <vector>

#include "absl/status/statusor.h"
#include "invigil/itembank/v1/statistics.pb.h"
#include "invigil/scoring/v1/measurement.pb.h"
#include "services/scoring/domain/calibration/calibration.h"
#include "services/scoring/domain/linking/drift.h"
#include "services/scoring/measurement/dataset.h"

namespace invigil::scoring {

// Raised with every change of the library that changes a digit of a result.
inline constexpr char kLibraryVersion[] = "2026.11.24";

// How work tells where it is; false stops it.
using Reporter = std::function<bool(const v1::CalibrationProgress&)>;

// A bank's parameters as the library has them.
ItemParameters ParametersOf(const itembank::v1::IrtParameters& irt);

// Every usable item of `data` calibrated freely, then linked to the parameters in the bank through
// the operational ones that did not drift.
struct LinkedCalibration {
  Dataset data;              // the items calibrated
  CalibrationResult result;  // on the bank's scale, errors too
  linking::ScaleTransformation link;
  std::vector<size_t> anchors;              // their columns in `data`
  std::vector<linking::AnchorDrift> drift;  // one per anchor
  bool stopped_at_bound = false;
};

// What the free calibration of an equating and of a recalibration have in common.
struct FreeSettings {
  v1::CalibrationModel model = v1::CALIBRATION_MODEL_UNSPECIFIED;
  uint32_t least_answers = 0;
  std::optional<NormalPrior> prior_logit_g;
  int most_iterations = 0;
  int threads = 0;
};

// Errors: those of Calibrate and of ScreenAnchors; FAILED_PRECONDITION (CALIBRATION_TOO_FEW) when
// fewer than two items have enough answers.
absl::StatusOr<LinkedCalibration> CalibrateFreely(const Dataset& data, const FreeSettings& settings,
                                                  const Reporter& report);

// The whole calibration. The same answers, settings and library give the same bytes on any number
// of threads. Errors: those above, and FAILED_PRECONDITION (CALIBRATION_WITHOUT_ANCHOR: no
// operational item has parameters; NOTHING_TO_CALIBRATE: no pretest item has enough answers).
absl::StatusOr<v1::CalibrationResult> RunCalibration(
    const v1::CalibrationSettings& settings, const itembank::v1::ListItemStatisticsResponse& bank,
    DatasetReader& reader, int threads, const Reporter& report);

// SHA-256 of the bytes of a result without its digest.
std::string DigestOf(v1::CalibrationResult result);

}  // namespace invigil::scoring
