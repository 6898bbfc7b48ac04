// LearnerService without its wire: finds the sittings of a learner with their keys, asks the
// signals, fills the answers. Who may ask for whom is judged here, too.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "invigil/scoring/v1/learner.pb.h"
#include "services/scoring/domain/signals/misses.h"
#include "services/scoring/learner/history.h"
#include "services/scoring/rpc/key_ring.h"
#include "services/scoring/store/score_store.h"
#include "services/scoring/store/sitting_store.h"

namespace invigil::scoring {

// Who asks, as the token says.
struct Asker {
  std::string subject;
  std::string session_id;  // the token is for this session only; empty: it is not
  bool staff = false;
};

struct LearnerParts {
  ScoreStore& scores;
  SittingStore& sittings;
  KeyRing& ring;
  const Clock& clock;
  // Of keys in practice and diagnostics; exams never show any.
  KeyExposure exposure = KeyExposure::kCounts;
};

// Thread-safe; what it is given outlives it. Every method reads the store: call them on an
// executor. Errors besides those of the store: PERMISSION_DENIED (LEARNER_NOT_YOU),
// INVALID_ARGUMENT (LEARNER_REQUEST_INVALID, naming fields), and those that LearnerService names.
class LearnerDesk {
 public:
  explicit LearnerDesk(const LearnerParts& parts) : parts_(parts) {}

  absl::StatusOr<v1::GetReadinessResponse> GetReadiness(const Asker& asker,
                                                        const v1::GetReadinessRequest& request);
  absl::StatusOr<v1::GetStudyPlanResponse> GetStudyPlan(const Asker& asker,
                                                        const v1::GetStudyPlanRequest& request);
  absl::StatusOr<v1::GetWhatIfResponse> GetWhatIf(const Asker& asker,
                                                  const v1::GetWhatIfRequest& request);
  absl::StatusOr<v1::GetMissesResponse> GetMisses(const Asker& asker,
                                                  const v1::GetMissesRequest& request);
  absl::StatusOr<v1::GetDiagnosticResponse> GetDiagnostic(const Asker& asker,
                                                          const v1::GetDiagnosticRequest& request);
  // Fits at most kMostFitted learners, drawn by their digests.
  absl::StatusOr<v1::RefitPriorResponse> RefitPrior(const v1::RefitPriorRequest& request);
  absl::StatusOr<v1::AssignSessionsResponse> AssignSessions(
      const v1::AssignSessionsRequest& request);

  static constexpr size_t kMostFitted = 2000;

 private:
  // One learner's sittings, and the exam among them.
  struct Learner {
    std::vector<Sitting> sittings;
    History history;  // points into `sittings`
    std::optional<PriorRecord> prior;
  };
  absl::StatusOr<Learner> Load(const std::string& digest, const std::string& exam_id);
  absl::StatusOr<Learner> LoadFor(const Asker& asker, const std::string& learner_id,
                                  const std::string& exam_id);
  absl::StatusOr<std::vector<Sitting>> LoadSittings(std::vector<SittingRecord> records);
  // The asker's own, or anybody's for staff.
  absl::StatusOr<Sitting> LoadSession(const Asker& asker, const std::string& session_id);

  const LearnerParts parts_;
};

}  // namespace invigil::scoring
