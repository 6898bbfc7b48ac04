// Where registrations, accommodations and policies are kept: tables of their own, in a file beside
// the sessions' or in a schema of the same PostgreSQL.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "common/sql/database.h"
#include "services/session/registration/domain/records.h"

namespace invigil::session::registration {

// The schema on PostgreSQL, in whichever database the URL names.
inline constexpr char kPostgresSchema[] = "invigil_registration";

// How long the answer to a bulk request is kept for its repeat, at least.
inline constexpr Duration kRequestMemory = std::chrono::hours(24 * 90);

// What a caller wants of one registration.
struct Row {
  Registration wanted;
  bool with_terms = false;  // else those there are stay
};

// Numbers are those of the wire.
enum class Outcome : uint8_t { kCreated = 1, kUpdated = 2, kUnchanged = 3, kRefused = 4 };

struct RowResult {
  Outcome outcome = Outcome::kRefused;
  std::string reason, field, message;  // when refused
};

struct PageFilter {
  std::string exam_id, candidate_id;  // empty: any
  bool include_cancelled = false;
  std::string after;  // registrations with greater ids
  size_t limit = 100;
};

// One connection; one thread at a time. What a change answered OK is durable. Errors besides those
// named: those of sql::Statement::Step, and UNAVAILABLE (CONTENDED) when others were always first.
class Store {
 public:
  // Makes the tables when absent. Errors: FAILED_PRECONDITION (STORE_UNUSABLE, STORE_NEWER).
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& location,
                                                     const std::string& schema = kPostgresSchema);
  ~Store();

  absl::StatusOr<std::optional<Registration>> Find(std::string_view registration_id);
  // Cancelled ones too, by id.
  absl::StatusOr<std::vector<Registration>> OfCandidate(std::string_view candidate_id,
                                                        std::string_view exam_id);
  absl::StatusOr<std::vector<Registration>> Page(const PageFilter& filter);
  // Ids (16 bytes) of the sessions that were begun with it.
  absl::StatusOr<std::vector<std::string>> SessionsOf(std::string_view registration_id);
  absl::StatusOr<std::optional<Standing>> FindStanding(std::string_view candidate_id);
  absl::StatusOr<std::optional<ExamPolicy>> FindPolicy(std::string_view exam_id);

  // Runs `work` once for a caller's request id, in one transaction with the memory of its answer:
  // the same request gets the same bytes again, until it is older than kRequestMemory and others
  // came. `hash` is of the request. Errors: those of `work`; INVALID_ARGUMENT (REQUEST_ID_INVALID,
  // REQUEST_ID_REUSED).
  // `person`: the candidate whom the answer is about; it is read when `work` is done. Empty: nobody
  // in particular.
  struct Request {
    std::string caller, request_id, hash;
    std::string person{};
  };
  struct Answer {
    std::string bytes;
    bool repeated = false;  // an earlier answer again: nothing was done
  };
  absl::StatusOr<Answer> Once(const Request& request, Time now,
                              absl::FunctionRef<absl::StatusOr<std::string>()> work);
  // Creates or updates one; only within Once. A row that is refused is no error and changes
  // nothing.
  absl::StatusOr<RowResult> Provision(const Row& row, Time now);

  // These two give the registration as it stands then. Errors: NOT_FOUND (REGISTRATION_NOT_FOUND).
  struct Changed {
    Registration registration;
    bool anew = false;  // it was not so already
  };
  absl::StatusOr<Changed> Cancel(const std::string& registration_id, const std::string& reason,
                                 Time now);
  // And FAILED_PRECONDITION (REGISTRATION_CANCELLED).
  absl::StatusOr<Changed> SetTerms(const std::string& registration_id, const Terms& terms,
                                   Time now);
  absl::Status PutStanding(const Standing& standing, Time now);
  absl::Status PutPolicy(const ExamPolicy& policy, Time now);
  // Takes a candidate out: registrations with their sittings, the standing accommodation, the
  // answers that are about the candidate alone or whose request id names them, and from other
  // answers every field that is the candidate's id or that of a registration; repeats of these are
  // answered all the same.
  struct Forgotten {
    uint64_t registrations = 0, sittings = 0, accommodations = 0, requests = 0;
  };
  absl::StatusOr<Forgotten> Forget(const std::string& candidate_id);

  // The session is begun with this registration; it may have been another before. Errors:
  // FAILED_PRECONDITION (NOT_REGISTERED) when it was cancelled meanwhile.
  absl::Status Bind(std::string_view session_id, const std::string& registration_id, Time now);

 private:
  struct Statements;
  explicit Store(sql::Database db);
  // Within another one, a part of it.
  absl::Status Transact(absl::FunctionRef<absl::Status()> work);
  absl::StatusOr<Changed> Change(const std::string& registration_id, Time now,
                                 absl::FunctionRef<absl::Status(Registration&)> change);
  absl::Status Put(const Registration& registration);
  // Deletes some of the answers that are older than kRequestMemory.
  void Forget(Time now);

  sql::Database db_;
  bool within_ = false;                     // a transaction
  std::unique_ptr<Statements> statements_;  // after the database they need
};

absl::Status NoSuchRegistration(std::string_view registration_id);

}  // namespace invigil::session::registration
