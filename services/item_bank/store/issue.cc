#include "services/item_bank/store/issue.h"

#include <cstdlib>
#include <utility>

#include "common/base/ids.h"

namespace invigil::item_bank {
namespace {

uint64_t RandomSeed() { return std::strtoull(RandomHex(8).c_str(), nullptr, 16); }

absl::Status CheckSameOrder(const FormRow& row, const IssueOrder& order) {
  if (row.exam_id == order.exam_id && row.candidate_id == order.candidate_id) {
    return absl::OkStatus();
  }
  return InvalidArgument("SESSION_REUSED",
                         "this session has a form of another exam or candidate: name a new session")
      .Field("session_id", "has a form of another exam or candidate");
}

absl::StatusOr<IssuedForm> Attach(Store& store, Connection& db, FormRow row) {
  auto pool = store.pools().ById(db, row.pool_id);
  if (!pool.ok()) return pool.status();
  for (const Place& place : row.form.places) {
    const auto& items = (*pool)->pool.items();
    if (place.pool_index >= items.size() ||
        place.option_order.size() != items[place.pool_index].item->options.size()) {
      return Internal("a form in the store does not fit its pool");
    }
  }
  return IssuedForm{std::move(row), *std::move(pool)};
}

// The form the session has already, if any.
absl::StatusOr<std::optional<IssuedForm>> Existing(Store& store, Connection& db,
                                                   const IssueOrder& order) {
  auto row = db.forms.BySession(order.session_id);
  if (!row.ok()) return row.status();
  if (!*row) return std::optional<IssuedForm>();
  INVIGIL_RETURN_IF_ERROR(CheckSameOrder(**row, order));
  auto form = Attach(store, db, **std::move(row));
  if (!form.ok()) return form.status();
  return std::optional<IssuedForm>(*std::move(form));
}

absl::StatusOr<std::shared_ptr<StoredPool>> PoolFor(Store& store, Connection& db,
                                                    const std::string& exam_id) {
  auto pool = store.pools().Current(db, exam_id);
  if (!pool.ok()) return pool.status();
  if (!(*pool)->pool.feasible().ok()) return (*pool)->pool.feasible();
  if (const std::string reason = UnavailableReason(**pool); !reason.empty()) {
    return FailedPrecondition("FORM_INFEASIBLE", "exam " + exam_id + " can't start: " + reason)
        .With("exam_id", exam_id);
  }
  return pool;
}

}  // namespace

void IssueForm(Store& store, const Clock& clock, IssueOrder order,
               std::function<void(absl::StatusOr<IssuedForm>)> done) {
  std::shared_ptr<StoredPool> pool;
  {
    const auto db = store.readers().Take();
    auto existing = Existing(store, *db, order);
    if (!existing.ok()) return done(existing.status());
    if (*existing) return done(**std::move(existing));
    auto current = PoolFor(store, *db, order.exam_id);
    if (!current.ok()) return done(current.status());
    pool = *std::move(current);
  }
  auto form = Assemble(pool->pool, RandomSeed(), store.secret());
  if (!form.ok()) return done(form.status());
  const Time now = clock.Now();
  auto issued = std::make_shared<IssuedForm>(
      IssuedForm{{NewId(now), order.session_id, order.candidate_id, pool->row.pool_id,
                  order.exam_id, pool->row.exam_version, *std::move(form), now},
                 pool});
  auto write = [&store, pool, issued, order = std::move(order)](Connection& db) -> absl::Status {
    if (!pool->stored) INVIGIL_RETURN_IF_ERROR(db.forms.PutPool(pool->row));
    const auto inserted = db.forms.Insert(issued->row);
    if (!inserted.ok()) return inserted.status();
    if (*inserted) return absl::OkStatus();
    // The same call raced and won: its form is the session's.
    auto winner = Existing(store, db, order);
    if (!winner.ok()) return winner.status();
    if (!*winner) return Internal("a form vanished while it was issued");
    *issued = **std::move(winner);
    return absl::OkStatus();
  };
  auto report = std::make_shared<decltype(done)>(std::move(done));
  const bool queued =
      store.writer().Submit(std::move(write), [pool, issued, report](const absl::Status& status) {
        if (!status.ok()) return (*report)(status);
        pool->stored = true;
        (*report)(std::move(*issued));
      });
  if (!queued) {
    (*report)(ResourceExhausted("OVERLOADED", "too many writes are waiting: try again shortly"));
  }
}

absl::StatusOr<IssuedForm> FindForm(Store& store, Connection& db, const std::string& form_id) {
  auto row = db.forms.ById(form_id);
  if (!row.ok()) return row.status();
  if (!*row) {
    return NotFound("FORM_NOT_FOUND", "no form \"" + form_id.substr(0, 64) + "\"")
        .With("form_id", form_id.substr(0, 64));
  }
  return Attach(store, db, **std::move(row));
}

}  // namespace invigil::item_bank
