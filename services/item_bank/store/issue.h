// Issuing forms: one per session, whatever is repeated.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "services/item_bank/store/store.h"

namespace invigil::item_bank {

// A stored form with the pool it was drawn from.
struct IssuedForm {
  FormRow row;
  std::shared_ptr<const StoredPool> pool;
};

struct IssueOrder {
  std::string exam_id;
  std::string session_id;
  std::string candidate_id;
};

// Draws a form from a fresh random seed and stores it, or finds the one the session has. Reads and
// computes on the calling thread (some 0.1 ms); `done` runs on the writer's thread after the
// commit, or on this one when nothing is written. Errors: NOT_FOUND (EXAM_NOT_FOUND),
// FAILED_PRECONDITION (FORM_INFEASIBLE), INVALID_ARGUMENT (SESSION_REUSED) when the session's form
// is for another exam or candidate, RESOURCE_EXHAUSTED (OVERLOADED), those of sql::Statement.
void IssueForm(Store& store, const Clock& clock, IssueOrder order,
               std::function<void(absl::StatusOr<IssuedForm>)> done);

// A form that was issued. Errors: NOT_FOUND (FORM_NOT_FOUND), those of sql::Statement.
absl::StatusOr<IssuedForm> FindForm(Store& store, Connection& db, const std::string& form_id);

}  // namespace invigil::item_bank
