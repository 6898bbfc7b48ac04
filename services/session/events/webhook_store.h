// Where webhooks are kept and how far their deliveries got: tables of their own, in a file beside
// the sessions' or in a schema of the same PostgreSQL.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "common/sql/database.h"
#include "services/session/events/webhook.h"

namespace invigil::session {

// The schema on PostgreSQL, in whichever database the URL names.
inline constexpr char kWebhookSchema[] = "invigil_events";

// One connection; one thread at a time. What a change answered OK is durable. Errors besides those
// named: those of sql::Statement::Step, and UNAVAILABLE (CONTENDED) when others were always first.
class WebhookStore {
 public:
  // Makes the tables when absent. Errors: FAILED_PRECONDITION (STORE_UNUSABLE, STORE_NEWER).
  static absl::StatusOr<std::unique_ptr<WebhookStore>> Open(
      const std::string& location, const std::string& schema = kWebhookSchema);
  ~WebhookStore();

  // --- For operators. Each change names its request, and its repeat changes nothing. Errors:
  // INVALID_ARGUMENT (REQUEST_ID_INVALID, REQUEST_ID_REUSED), NOT_FOUND (WEBHOOK_NOT_FOUND).
  struct Request {
    std::string caller, request_id;
    std::string hash;  // of what is asked for
  };
  struct Changed {
    Webhook webhook;     // as it stands, with its counts; only the id when it was deleted
    bool anew = true;    // false: a repeat
    bool shown = false;  // the secret may be shown: it is this request's, and not long ago
  };
  // How the request was answered, if it was: a repeat is answered so whatever became of what it
  // names. nullopt: it is new.
  absl::StatusOr<std::optional<Changed>> Repeated(const Request& request, Time now);
  // `wanted` has what Create is to store but the id and the secret, which are made here. Errors
  // besides: FAILED_PRECONDITION (WEBHOOKS_FULL).
  absl::StatusOr<Changed> Create(const Request& request, Webhook wanted, Time now);
  absl::StatusOr<Changed> Delete(const Request& request, const std::string& id, Time now);
  // A new secret; the one before signs until `old_until`.
  absl::StatusOr<Changed> Rotate(const Request& request, const std::string& id, Time old_until,
                                 Time now);
  // Everything after `position` is delivered again, and nothing after it is a dead letter.
  absl::StatusOr<Changed> ReplayFrom(const Request& request, const std::string& id,
                                     uint64_t position, Time now);
  // These are delivered again. `events` have n, key and written_at.
  absl::StatusOr<Changed> ReplayEvents(const Request& request, const std::string& id,
                                       const std::vector<Undelivered>& events, Time now);
  // With counts.
  absl::StatusOr<std::optional<Webhook>> Find(const std::string& id);
  absl::StatusOr<std::vector<Webhook>> List();
  // Dead letters with n above `after`.
  absl::StatusOr<std::vector<Undelivered>> ListDead(const std::string& id, uint64_t after,
                                                    size_t limit);

  // --- For deliverers.
  // Takes every webhook whose lease is free or was `owner`'s, until `until`; gives those that are
  // `owner`'s then, without counts.
  absl::StatusOr<std::vector<Webhook>> Claim(const std::string& owner, Time now, Time until);
  // Whether Claim would give other webhooks, or other versions, than (id, version) in `held`.
  struct Held {
    std::string id;
    uint64_t version = 0;
  };
  absl::StatusOr<bool> Differs(const std::string& owner, const std::vector<Held>& held, Time now);
  // Gives the leases back.
  absl::Status Release(const std::string& owner);
  // What waits to be tried again, in order of n, up to `limit`.
  absl::StatusOr<std::vector<Undelivered>> ListWaiting(const std::string& id, size_t limit);
  struct Progress {
    uint64_t position = 0;
    bool disabled = false;
    std::string last_error;
    std::vector<Undelivered> put;  // rows to write, dead ones too
    std::vector<uint64_t> gone;    // rows to take out
  };
  // false, and nothing is stored: the lease or the version is another by now.
  absl::StatusOr<bool> Save(const std::string& owner, const Held& held, const Progress& progress);

  // Takes out requests from before `before`, and dead letters up to `floor`, which nobody can
  // replay any more.
  absl::Status Prune(Time before, uint64_t floor);

 private:
  struct Statements;
  explicit WebhookStore(sql::Database db);
  absl::Status Transact(absl::FunctionRef<absl::Status()> work);
  // Runs `change` on the webhook once for the request.
  absl::StatusOr<Changed> Once(const Request& request, const std::string& id, Time now,
                               absl::FunctionRef<absl::Status(Webhook&)> change);
  absl::StatusOr<std::optional<Changed>> Recall(const Request& request, Time now);
  absl::StatusOr<std::optional<Webhook>> Load(const std::string& id);
  absl::Status Count(Webhook& webhook);
  absl::Status Insert(const Webhook& webhook);
  absl::Status Update(const Webhook& webhook);
  absl::Status Put(const std::string& id, const Undelivered& row);

  sql::Database db_;
  std::unique_ptr<Statements> statements_;  // after the database they need
};

absl::Status NoSuchWebhook(const std::string& id);

}  // namespace invigil::session
