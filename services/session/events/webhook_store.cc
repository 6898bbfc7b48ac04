#include "services/session/events/webhook_store.h"

#include <algorithm>
#include <utility>

#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/error/error.h"
#include "services/session/domain/text.h"
#include "services/session/events/webhook_schema.h"

namespace invigil::session {
namespace {

using sql::Database;
using sql::Statement;

constexpr int kRaceAttempts = 8;
constexpr size_t kSecretBytes = 32;
constexpr size_t kMaxRequestId = 64;

constexpr char kColumns[] =
    "webhook_id, url, kinds, exam_id, disabled, created_us, secret, old_secret, "
    "old_secret_until_us, position, version, last_error";

std::string Select(const std::string& rest) {
  return std::string("SELECT ") + kColumns + " FROM webhooks " + rest;
}
std::string SelectRows(const std::string& rest) {
  return "SELECT n, session_id, seq, written_us, tries, next_us, dead, failed_us, error FROM "
         "undelivered WHERE " +
         rest;
}

Webhook WebhookAt(const Statement& row) {
  Webhook webhook;
  webhook.id = row.Text(0);
  webhook.url = row.Text(1);
  webhook.filter.kinds = static_cast<uint32_t>(row.Int(2));
  webhook.filter.exam_id = row.Text(3);
  webhook.disabled = row.Int(4) != 0;
  webhook.created_at = FromUnixMicros(row.Int(5));
  webhook.secret = row.Text(6);
  webhook.old_secret = row.Text(7);
  if (!row.IsNull(8)) webhook.old_secret_until = FromUnixMicros(row.Int(8));
  webhook.position = static_cast<uint64_t>(row.Int(9));
  webhook.version = static_cast<uint64_t>(row.Int(10));
  webhook.last_error = row.Text(11);
  return webhook;
}

Undelivered UndeliveredAt(const Statement& row) {
  Undelivered one;
  one.n = static_cast<uint64_t>(row.Int(0));
  one.key.session = SessionId::FromBytes(row.View(1)).value_or(SessionId());
  one.key.seq = static_cast<uint64_t>(row.Int(2));
  one.written_at = FromUnixMicros(row.Int(3));
  one.tries = static_cast<uint32_t>(row.Int(4));
  one.next_at = FromUnixMicros(row.Int(5));
  one.dead = row.Int(6) != 0;
  one.failed_at = FromUnixMicros(row.Int(7));
  one.error = row.Text(8);
  return one;
}

template <typename Row>
absl::StatusOr<std::vector<Row>> All(Statement& query, Row (*read)(const Statement&)) {
  std::vector<Row> list;
  while (true) {
    auto row = query.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    list.push_back(read(query));
  }
  query.Reset();
  return list;
}

// Binds what both writing statements share, from the first parameter on.
void BindWebhook(Statement& statement, const Webhook& webhook) {
  statement.BindText(1, webhook.url)
      .Bind(2, int64_t{webhook.filter.kinds})
      .BindText(3, webhook.filter.exam_id)
      .Bind(4, int64_t{webhook.disabled})
      .Bind(5, ToUnixMicros(webhook.created_at))
      .BindText(6, webhook.secret)
      .BindText(7, webhook.old_secret);
  if (webhook.old_secret_until) {
    statement.Bind(8, ToUnixMicros(*webhook.old_secret_until));
  } else {
    statement.BindNull(8);
  }
  statement.Bind(9, static_cast<int64_t>(webhook.position))
      .Bind(10, static_cast<int64_t>(webhook.version))
      .BindText(11, webhook.last_error)
      .BindText(12, webhook.id);
}

}  // namespace

absl::Status NoSuchWebhook(const std::string& id) {
  return NotFound("WEBHOOK_NOT_FOUND", "there is no such webhook; see ListWebhooks")
      .With("webhook_id", id);
}

struct WebhookStore::Statements {
  explicit Statements(Database& db)
      : find(db.MustPrepare(Select("WHERE webhook_id=?"))),
        list(db.MustPrepare(Select("ORDER BY created_us, webhook_id"))),
        held(db.MustPrepare(Select("WHERE lease_owner=? ORDER BY webhook_id"))),
        insert(db.MustPrepare(
            "INSERT INTO webhooks(url, kinds, exam_id, disabled, created_us, secret, old_secret, "
            "old_secret_until_us, position, version, last_error, webhook_id, lease_owner, "
            "lease_until_us) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,'',0)")),
        update(db.MustPrepare(
            "UPDATE webhooks SET url=?, kinds=?, exam_id=?, disabled=?, created_us=?, secret=?, "
            "old_secret=?, old_secret_until_us=?, position=?, version=?, last_error=? WHERE "
            "webhook_id=?")),
        remove(db.MustPrepare("DELETE FROM webhooks WHERE webhook_id=?")),
        remove_rows(db.MustPrepare("DELETE FROM undelivered WHERE webhook_id=? AND n>?")),
        counts(db.MustPrepare("SELECT dead, COUNT(*) FROM undelivered WHERE webhook_id=? GROUP BY "
                              "dead")),
        put(db.MustPrepare(
            "INSERT INTO undelivered(webhook_id, n, session_id, seq, written_us, tries, next_us, "
            "dead, failed_us, error) VALUES(?,?,?,?,?,?,?,?,?,?) ON CONFLICT(webhook_id, n) DO "
            "UPDATE SET tries=excluded.tries, next_us=excluded.next_us, dead=excluded.dead, "
            "failed_us=excluded.failed_us, error=excluded.error")),
        take(db.MustPrepare("DELETE FROM undelivered WHERE webhook_id=? AND n=?")),
        list_dead(db.MustPrepare(SelectRows("webhook_id=? AND dead=1 AND n>? ORDER BY n LIMIT ?"))),
        list_waiting(db.MustPrepare(SelectRows("webhook_id=? AND dead=0 ORDER BY n LIMIT ?"))),
        claim(db.MustPrepare("UPDATE webhooks SET lease_owner=?, lease_until_us=? WHERE "
                             "lease_owner=? OR lease_until_us<=?")),
        // Mine as they are, and what I could take.
        leases(db.MustPrepare("SELECT webhook_id, version, lease_owner FROM webhooks WHERE "
                              "lease_owner=? OR lease_until_us<=?")),
        release(db.MustPrepare("UPDATE webhooks SET lease_owner='', lease_until_us=0 WHERE "
                               "lease_owner=?")),
        progress(db.MustPrepare("UPDATE webhooks SET position=?, disabled=?, last_error=? WHERE "
                                "webhook_id=? AND lease_owner=? AND version=?")),
        find_request(db.MustPrepare("SELECT hash, webhook_id, at_us, secret_hash FROM requests "
                                    "WHERE caller=? AND request_id=?")),
        put_request(db.MustPrepare("INSERT INTO requests(caller, request_id, hash, webhook_id, "
                                   "at_us, secret_hash) VALUES(?,?,?,?,?,?)")),
        old_requests(db.MustPrepare("DELETE FROM requests WHERE at_us<?")),
        old_letters(db.MustPrepare("DELETE FROM undelivered WHERE dead=1 AND n<=?")) {}

  Statement find, list, held, insert, update, remove, remove_rows, counts, put, take, list_dead,
      list_waiting, claim, leases, release, progress, find_request, put_request, old_requests,
      old_letters;
};

WebhookStore::WebhookStore(Database db)
    : db_(std::move(db)), statements_(std::make_unique<Statements>(db_)) {}
WebhookStore::~WebhookStore() = default;

absl::StatusOr<std::unique_ptr<WebhookStore>> WebhookStore::Open(const std::string& location,
                                                                 const std::string& schema) {
  auto db = Database::Open(location, Database::Mode::kReadWrite, schema);
  if (!db.ok()) return db.status();
  INVIGIL_RETURN_IF_ERROR(db->Migrate(WebhookSchema()));
  return std::unique_ptr<WebhookStore>(new WebhookStore(*std::move(db)));
}

absl::Status WebhookStore::Transact(absl::FunctionRef<absl::Status()> work) {
  absl::Status status;
  for (int attempt = 0; attempt < kRaceAttempts; ++attempt) {
    auto transaction = sql::Transaction::Begin(db_);
    if (!transaction.ok()) return transaction.status();
    status = work();
    if (status.ok()) status = transaction->Commit();
    if (status.ok() || !sql::IsRace(status)) return status;
  }
  return Unavailable("CONTENDED", "others were always first; try again");
}

// Within a transaction, how the request was answered before.
absl::StatusOr<std::optional<WebhookStore::Changed>> WebhookStore::Recall(const Request& request,
                                                                          Time now) {
  Statement& find = statements_->find_request;
  find.BindText(1, request.caller).BindText(2, request.request_id);
  auto row = find.Step();
  if (!row.ok()) return row.status();
  if (!*row) {
    find.Reset();
    return std::optional<Changed>();
  }
  const std::string hash = find.Text(0);
  Changed changed;
  changed.anew = false;
  changed.webhook.id = find.Text(1);
  const Time at = FromUnixMicros(find.Int(2));
  const std::string secret_hash = find.Text(3);
  find.Reset();
  if (hash != request.hash) {
    return InvalidArgument("REQUEST_ID_REUSED",
                           "this request id asked for something else before; use a new one")
        .Field("request_id", "was used for another request");
  }
  auto webhook = Load(changed.webhook.id);
  if (!webhook.ok()) return webhook.status();
  if (!*webhook) return std::optional(std::move(changed));  // it was deleted
  changed.webhook = **std::move(webhook);
  changed.shown = now - at < kSecretShown && Sha256Hex(changed.webhook.secret) == secret_hash;
  INVIGIL_RETURN_IF_ERROR(Count(changed.webhook));
  return std::optional(std::move(changed));
}

absl::StatusOr<std::optional<WebhookStore::Changed>> WebhookStore::Repeated(const Request& request,
                                                                            Time now) {
  if (!IsText(request.request_id, kMaxRequestId)) return std::optional<Changed>();
  std::optional<Changed> changed;
  const absl::Status status = Transact([&]() -> absl::Status {
    auto repeated = Recall(request, now);
    if (!repeated.ok()) return repeated.status();
    changed = *std::move(repeated);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return changed;
}

absl::StatusOr<WebhookStore::Changed> WebhookStore::Once(
    const Request& request, const std::string& id, Time now,
    absl::FunctionRef<absl::Status(Webhook&)> change) {
  if (!IsText(request.request_id, kMaxRequestId)) {
    return InvalidArgument("REQUEST_ID_INVALID",
                           "give the request an id, so that it can be repeated")
        .Field("request_id", "must have 1 to 64 characters");
  }
  Changed changed;
  const absl::Status status = Transact([&]() -> absl::Status {
    auto repeated = Recall(request, now);
    if (!repeated.ok()) return repeated.status();
    if (*repeated) {
      changed = **std::move(repeated);
      return absl::OkStatus();
    }
    changed = {};
    if (!id.empty()) {
      auto webhook = Load(id);
      if (!webhook.ok()) return webhook.status();
      if (!*webhook) return NoSuchWebhook(id);
      changed.webhook = **std::move(webhook);
    }
    ++changed.webhook.version;
    INVIGIL_RETURN_IF_ERROR(change(changed.webhook));
    changed.shown = true;
    const std::string secret_hash = Sha256Hex(changed.webhook.secret);
    statements_->put_request.BindText(1, request.caller)
        .BindText(2, request.request_id)
        .BindText(3, request.hash)
        .BindText(4, changed.webhook.id)
        .Bind(5, ToUnixMicros(now))
        .BindText(6, secret_hash);
    INVIGIL_RETURN_IF_ERROR(statements_->put_request.Run());
    return Count(changed.webhook);
  });
  if (!status.ok()) return status;
  return changed;
}

absl::StatusOr<WebhookStore::Changed> WebhookStore::Create(const Request& request, Webhook wanted,
                                                           Time now) {
  return Once(request, "", now, [&](Webhook& webhook) -> absl::Status {
    const auto there = All(statements_->list, &WebhookAt);
    if (!there.ok()) return there.status();
    if (there->size() >= kMaxWebhooks) {
      return FailedPrecondition("WEBHOOKS_FULL", "there are 100 webhooks; delete one first");
    }
    wanted.version = webhook.version;
    webhook = wanted;
    webhook.id = NewId(now);
    webhook.created_at = now;
    webhook.secret = RandomHex(kSecretBytes);
    return Insert(webhook);
  });
}

absl::StatusOr<WebhookStore::Changed> WebhookStore::Delete(const Request& request,
                                                           const std::string& id, Time now) {
  auto changed = Once(request, id, now, [&](Webhook& webhook) -> absl::Status {
    statements_->remove.BindText(1, id);
    INVIGIL_RETURN_IF_ERROR(statements_->remove.Run());
    statements_->remove_rows.BindText(1, id).Bind(2, int64_t{-1});
    return statements_->remove_rows.Run();
  });
  return changed;
}

absl::StatusOr<WebhookStore::Changed> WebhookStore::Rotate(const Request& request,
                                                           const std::string& id, Time old_until,
                                                           Time now) {
  return Once(request, id, now, [&](Webhook& webhook) {
    webhook.old_secret = std::exchange(webhook.secret, RandomHex(kSecretBytes));
    webhook.old_secret_until = old_until;
    return Update(webhook);
  });
}

absl::StatusOr<WebhookStore::Changed> WebhookStore::ReplayFrom(const Request& request,
                                                               const std::string& id,
                                                               uint64_t position, Time now) {
  return Once(request, id, now, [&](Webhook& webhook) -> absl::Status {
    webhook.position = position;
    webhook.disabled = false;
    INVIGIL_RETURN_IF_ERROR(Update(webhook));
    statements_->remove_rows.BindText(1, id).Bind(2, static_cast<int64_t>(position));
    return statements_->remove_rows.Run();
  });
}

absl::StatusOr<WebhookStore::Changed> WebhookStore::ReplayEvents(
    const Request& request, const std::string& id, const std::vector<Undelivered>& events,
    Time now) {
  return Once(request, id, now, [&](Webhook& webhook) -> absl::Status {
    webhook.disabled = false;
    INVIGIL_RETURN_IF_ERROR(Update(webhook));
    for (Undelivered event : events) {
      event.next_at = now;
      INVIGIL_RETURN_IF_ERROR(Put(id, event));
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<std::optional<Webhook>> WebhookStore::Load(const std::string& id) {
  statements_->find.BindText(1, id);
  auto found = All(statements_->find, &WebhookAt);
  if (!found.ok()) return found.status();
  if (found->empty()) return std::optional<Webhook>();
  return std::optional<Webhook>(std::move(found->front()));
}

absl::Status WebhookStore::Count(Webhook& webhook) {
  webhook.waiting = webhook.dead = 0;
  Statement& counts = statements_->counts;
  counts.BindText(1, webhook.id);
  while (true) {
    auto row = counts.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    (counts.Int(0) != 0 ? webhook.dead : webhook.waiting) = static_cast<size_t>(counts.Int(1));
  }
  counts.Reset();
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Webhook>> WebhookStore::Find(const std::string& id) {
  auto webhook = Load(id);
  if (webhook.ok() && *webhook) INVIGIL_RETURN_IF_ERROR(Count(**webhook));
  return webhook;
}

absl::StatusOr<std::vector<Webhook>> WebhookStore::List() {
  auto list = All(statements_->list, &WebhookAt);
  if (!list.ok()) return list.status();
  for (Webhook& webhook : *list) INVIGIL_RETURN_IF_ERROR(Count(webhook));
  return list;
}

absl::StatusOr<std::vector<Undelivered>> WebhookStore::ListDead(const std::string& id,
                                                                uint64_t after, size_t limit) {
  statements_->list_dead.BindText(1, id)
      .Bind(2, static_cast<int64_t>(after))
      .Bind(3, static_cast<int64_t>(limit));
  return All(statements_->list_dead, &UndeliveredAt);
}

absl::StatusOr<std::vector<Undelivered>> WebhookStore::ListWaiting(const std::string& id,
                                                                   size_t limit) {
  statements_->list_waiting.BindText(1, id).Bind(2, static_cast<int64_t>(limit));
  return All(statements_->list_waiting, &UndeliveredAt);
}

absl::StatusOr<std::vector<Webhook>> WebhookStore::Claim(const std::string& owner, Time now,
                                                         Time until) {
  std::vector<Webhook> held;
  const absl::Status status = Transact([&]() -> absl::Status {
    statements_->claim.BindText(1, owner)
        .Bind(2, ToUnixMicros(until))
        .BindText(3, owner)
        .Bind(4, ToUnixMicros(now));
    INVIGIL_RETURN_IF_ERROR(statements_->claim.Run());
    statements_->held.BindText(1, owner);
    auto rows = All(statements_->held, &WebhookAt);
    if (!rows.ok()) return rows.status();
    held = *std::move(rows);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return held;
}

absl::StatusOr<bool> WebhookStore::Differs(const std::string& owner, const std::vector<Held>& held,
                                           Time now) {
  Statement& leases = statements_->leases;
  leases.BindText(1, owner).Bind(2, ToUnixMicros(now));
  size_t mine = 0;
  bool differs = false;
  while (true) {
    auto row = leases.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    const auto known = std::find_if(held.begin(), held.end(), [&](const Held& one) {
      return one.id == leases.View(0) && one.version == static_cast<uint64_t>(leases.Int(1));
    });
    if (known == held.end()) differs = true;  // new, changed, or free
    if (leases.View(2) == owner) ++mine;
  }
  leases.Reset();
  return differs || mine != held.size();
}

absl::Status WebhookStore::Release(const std::string& owner) {
  statements_->release.BindText(1, owner);
  return statements_->release.Run();
}

absl::StatusOr<bool> WebhookStore::Save(const std::string& owner, const Held& held,
                                        const Progress& progress) {
  bool mine = false;
  const absl::Status status = Transact([&]() -> absl::Status {
    statements_->progress.Bind(1, static_cast<int64_t>(progress.position))
        .Bind(2, int64_t{progress.disabled})
        .BindText(3, progress.last_error)
        .BindText(4, held.id)
        .BindText(5, owner)
        .Bind(6, static_cast<int64_t>(held.version));
    INVIGIL_RETURN_IF_ERROR(statements_->progress.Run());
    mine = db_.Changes() == 1;
    if (!mine) return absl::OkStatus();
    for (const Undelivered& row : progress.put) INVIGIL_RETURN_IF_ERROR(Put(held.id, row));
    for (const uint64_t n : progress.gone) {
      statements_->take.BindText(1, held.id).Bind(2, static_cast<int64_t>(n));
      INVIGIL_RETURN_IF_ERROR(statements_->take.Run());
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return mine;
}

absl::Status WebhookStore::Prune(Time before, uint64_t floor) {
  statements_->old_requests.Bind(1, ToUnixMicros(before));
  INVIGIL_RETURN_IF_ERROR(statements_->old_requests.Run());
  statements_->old_letters.Bind(1, static_cast<int64_t>(floor));
  return statements_->old_letters.Run();
}

absl::Status WebhookStore::Insert(const Webhook& webhook) {
  BindWebhook(statements_->insert, webhook);
  return statements_->insert.Run();
}

absl::Status WebhookStore::Update(const Webhook& webhook) {
  BindWebhook(statements_->update, webhook);
  return statements_->update.Run();
}

absl::Status WebhookStore::Put(const std::string& id, const Undelivered& row) {
  statements_->put.BindText(1, id)
      .Bind(2, static_cast<int64_t>(row.n))
      .BindBlob(3, row.key.session.bytes())
      .Bind(4, static_cast<int64_t>(row.key.seq))
      .Bind(5, ToUnixMicros(row.written_at))
      .Bind(6, int64_t{row.tries})
      .Bind(7, ToUnixMicros(row.next_at))
      .Bind(8, int64_t{row.dead})
      .Bind(9, ToUnixMicros(row.failed_at))
      .BindText(10, row.error);
  return statements_->put.Run();
}

}  // namespace invigil::session
