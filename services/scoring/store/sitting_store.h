// What the scoring service keeps of how sittings went, for the signals of learners: whose they
// were (a digest, never a name), what sort, and how long items were shown. None of it touches a
// score.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/time.h"

namespace invigil::scoring {

// Numbers are those of the wire and of the store; they never change.
enum class SittingKind { kUnknown = 0, kExam = 1, kPractice = 2, kDiagnostic = 3 };

struct SittingRecord {
  std::string session_id;
  uint32_t attempt_version = 0;  // the newest seal known
  std::string learner;           // LearnerDigest
  std::string exam_id;
  SittingKind kind = SittingKind::kUnknown;
  std::optional<Time> start;  // unset: the clock never started
  Time end{};
  uint32_t clock_stops = 0;
  bool revealed = false;
  bool held = false;
  std::vector<std::pair<std::string, uint32_t>> shown;  // item of the form, milliseconds
  bool operator==(const SittingRecord&) const = default;
};

// What stands for a learner here: a digest of the subject of the tokens.
std::string LearnerDigest(std::string_view subject);

// The prior of an exam's population, as it was last fitted.
struct PriorRecord {
  double mean = 0, sd = 0;
  uint32_t learners = 0;
  Time fit_time{};
};

// Thread-safe. Everything blocks on the disk. Errors: those of sql::Statement::Step.
class SittingStore {
 public:
  virtual ~SittingStore() = default;

  virtual absl::StatusOr<std::optional<SittingRecord>> FindSitting(
      const std::string& session_id) = 0;
  // Every sitting of the learner, of whatever exam, in the order in which they began.
  virtual absl::StatusOr<std::vector<SittingRecord>> ListSittings(const std::string& learner) = 0;
  // Learners with sittings at the exam, in order, behind `after`.
  virtual absl::StatusOr<std::vector<std::string>> ListLearners(const std::string& exam_id,
                                                                const std::string& after,
                                                                size_t limit) = 0;
  // The sessions are the learner's from now on; those not known are passed over.
  virtual absl::Status AssignSittings(const std::vector<std::string>& session_ids,
                                      const std::string& learner) = 0;
  virtual absl::StatusOr<std::optional<PriorRecord>> FindPrior(const std::string& exam_id) = 0;
  virtual absl::Status PutPrior(const std::string& exam_id, const PriorRecord& prior) = 0;
};

}  // namespace invigil::scoring
