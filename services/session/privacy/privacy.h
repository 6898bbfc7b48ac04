// A candidate's rights over what is kept of them: erasing it, in every table of this service, and
// in the item bank.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "services/session/privacy/eraser.h"
#include "services/session/privacy/traces.h"
#include "services/session/registration/store.h"

namespace invigil::session::privacy {

// What the eraser works with; any of the functions may be empty, all block.
struct Parts {
  std::string sessions;       // location of the sessions' store, which the engine has opened
  std::string registrations;  // of the registrations'
  std::string sessions_schema = kPostgresSchema;
  std::string registrations_schema = registration::kPostgresSchema;
  // Memory forgets a session, in this process.
  std::function<void(const SessionId&)> reload{};
  // Tells the item bank what the candidate of these sessions is called from now on.
  std::function<absl::Status(const std::vector<SessionId>&, const std::string& person)> tell_bank{};
  TracesOptions traces{};
};

struct Order {
  std::string candidate_id;
  std::string request_id;
  std::string actor;
  std::string reason;
};

struct Receipt {
  std::string person;  // what the candidate is called from now on
  Counts counts;
  // How often the candidate's id still stands in the files of an SQLite store, in free space. On
  // PostgreSQL 0: dead rows go with the server's next vacuum.
  uint64_t traces = 0;
  bool bank_told = false;
};

// What registrations know of a candidate.
struct Enrolment {
  struct One {
    registration::Registration registration;
    std::vector<std::string> sessions;  // begun with it, 16 bytes each
  };
  std::vector<One> registrations;
  std::optional<registration::Standing> standing;
};

// Thread-safe: one call at a time, others wait but for NewlyErased. Blocks, for seconds where there
// is much.
class Privacy {
 public:
  // Errors: FAILED_PRECONDITION (STORE_UNUSABLE, STORE_NEWER).
  static absl::StatusOr<std::unique_ptr<Privacy>> Open(Parts parts, const Clock& clock);

  // The same request again is answered as before, and wipes once more. Of somebody nothing is known
  // of, it counts nothing. Errors: INVALID_ARGUMENT (ERASURE_INVALID, REQUEST_ID_REUSED),
  // FAILED_PRECONDITION (SESSION_LIVE: nothing was erased, or not all yet), those of the stores;
  // repeat it after any of them.
  absl::StatusOr<Receipt> Erase(const Order& order);

  // Ends what a process before this one left half done, and tells the item bank what it does not
  // know. Call now and then. One that fails holds up no other; the first error of all.
  absl::Status CatchUp();

  // Sessions whose candidate, or whose words, any process took out since the last call; the first
  // gives none. Waits for no other call.
  absl::StatusOr<std::vector<SessionId>> NewlyErased();

  absl::StatusOr<std::vector<HeldSession>> SessionsOf(std::string_view candidate_id);
  absl::StatusOr<Enrolment> EnrolmentOf(const std::string& candidate_id);

 private:
  Privacy(Parts parts, const Clock& clock, std::unique_ptr<Eraser> eraser,
          std::unique_ptr<Eraser> watcher, std::unique_ptr<registration::Store> registrations);
  absl::StatusOr<Receipt> Repeat(const Order& order, const Erasure& done);
  absl::Status CheckNoneLive(const std::string& candidate_id);
  // Does what is left of it.
  absl::Status Carry(Erasure& erasure);
  absl::Status EraseSessions(const Erasure& erasure, Counts& counts);
  absl::Status TellBank(const Erasure& erasure, bool& told);
  absl::StatusOr<uint64_t> Wipe(const std::string& candidate_id) const;

  const Parts parts_;
  const Clock& clock_;
  std::mutex mutex_;  // held for as long as a call takes
  const std::unique_ptr<Eraser> eraser_;
  const std::unique_ptr<registration::Store> registrations_;
  // NewlyErased's own: memory must learn of an erasure while another is under way.
  std::mutex watch_mutex_;
  const std::unique_ptr<Eraser> watcher_;
  std::optional<uint64_t> seen_;  // the journal's last row that it looked at
};

}  // namespace invigil::session::privacy
