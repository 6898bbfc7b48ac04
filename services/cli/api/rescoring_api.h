// Rescoring as a command sees it: the part of the suite's interface (api.h) that only it uses.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "invigil/scoring/v1/rescoring.pb.h"

namespace invigil::cli {

// As Api. A suite that can't rescore, such as the one in memory, answers UNIMPLEMENTED.
class RescoringApi {
 public:
  virtual ~RescoringApi() = default;

  virtual absl::StatusOr<scoring::v1::CreateRescoringResponse> CreateRescoring(
      const scoring::v1::CreateRescoringRequest&, const std::string&) {
    return None();
  }
  virtual absl::StatusOr<scoring::v1::GetRescoringResponse> GetRescoring(
      const scoring::v1::GetRescoringRequest&, const std::string&) {
    return None();
  }
  virtual absl::StatusOr<scoring::v1::ListRescoringsResponse> ListRescorings(
      const scoring::v1::ListRescoringsRequest&, const std::string&) {
    return None();
  }
  virtual absl::StatusOr<scoring::v1::ListRescoringChangesResponse> ListRescoringChanges(
      const scoring::v1::ListRescoringChangesRequest&, const std::string&) {
    return None();
  }
  virtual absl::StatusOr<scoring::v1::ApproveRescoringResponse> ApproveRescoring(
      const scoring::v1::ApproveRescoringRequest&, const std::string&) {
    return None();
  }
  virtual absl::StatusOr<scoring::v1::CancelRescoringResponse> CancelRescoring(
      const scoring::v1::CancelRescoringRequest&, const std::string&) {
    return None();
  }
  virtual absl::StatusOr<scoring::v1::ReplayScoreResponse> ReplayScore(
      const scoring::v1::ReplayScoreRequest&, const std::string&) {
    return None();
  }
  // Calls `on_update` for every message until the stream ends.
  virtual absl::Status WatchRescoring(
      const scoring::v1::WatchRescoringRequest&, const std::string&,
      const std::function<void(const scoring::v1::WatchRescoringResponse&)>&) {
    return None();
  }

 private:
  static absl::Status None() { return absl::UnimplementedError("this suite can't rescore"); }
};

}  // namespace invigil::cli
