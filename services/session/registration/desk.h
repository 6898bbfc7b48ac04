// Registration's answers, on one pair of connections: the rules fed from the stores.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/session/registration/admissions.h"
#include "services/session/registration/attempts.h"
#include "services/session/registration/domain/rules.h"
#include "services/session/registration/store.h"

namespace invigil::session::registration {

struct Locations {
  std::string registrations;  // made when absent
  std::string sessions;       // which the session engine has opened
  // On PostgreSQL.
  std::string registrations_schema = kPostgresSchema;
  std::string sessions_schema = "invigil_session";
};

// What is said of a start.
struct Decision {
  ExamPolicy policy;
  absl::TimeZone zone;  // the policy's
  Verdict verdict;
  Terms terms;  // that the sitting would get
};

// One thread at a time; every call blocks for its queries. Errors: those of the stores, and
// UNAVAILABLE (TIME_ZONE_UNKNOWN) when a policy has retake rules and this machine does not know its
// time zone.
class Desk {
 public:
  static absl::StatusOr<std::unique_ptr<Desk>> Open(const Locations& locations);

  Store& store() { return *store_; }
  // Whether a sitting may start `at`. `session`: the reserved session that would begin; what was
  // noted for it does not count, nor does it itself, should another start have been faster.
  absl::StatusOr<Decision> Decide(const Ask& ask, Time at, const SessionId* session = nullptr);
  // As Admissions says.
  absl::StatusOr<Admission> Admit(const Ask& ask, Time now);
  absl::StatusOr<Admission> Confirm(const SessionId& session, const Ask& ask, Time now);

 private:
  Desk(std::unique_ptr<Store> store, std::unique_ptr<AttemptReader> attempts)
      : store_(std::move(store)), attempts_(std::move(attempts)) {}
  absl::StatusOr<Terms> StandingTerms(const std::string& candidate_id, Time at);
  absl::StatusOr<uint32_t> Used(const Registration& registration,
                                const std::vector<Attempt>& attempts, const SessionId* session);

  const std::unique_ptr<Store> store_;
  const std::unique_ptr<AttemptReader> attempts_;
};

}  // namespace invigil::session::registration
