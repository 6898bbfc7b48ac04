// What a start asks of the item bank.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/auth/token.h"
#include "common/base/clock.h"
#include "common/telemetry/trace.h"
#include "services/session/domain/session_id.h"
#include "services/session/rpc/convert.h"

namespace grpc {
class Channel;
}

namespace invigil::session {

// Asynchronous; callbacks come on gRPC's threads, once each. Thread-safe.
class ItemBank {
 public:
  virtual ~ItemBank() = default;
  // OK when sessions of the exam can start. Answers from memory for a few seconds. Errors:
  // NOT_FOUND (EXAM_NOT_FOUND), FAILED_PRECONDITION (EXAM_UNAVAILABLE), UNAVAILABLE
  // (ITEM_BANK_UNAVAILABLE).
  virtual void CheckExam(const std::string& exam_id, Duration time_left,
                         const telemetry::TraceContext& trace,
                         std::function<void(absl::Status)> done) = 0;
  // The session's form, whatever is repeated. Errors: as above and FORM_INFEASIBLE as
  // EXAM_UNAVAILABLE.
  virtual void IssueForm(const SessionId& session, const std::string& exam_id,
                         const std::string& candidate_id, Duration time_left,
                         const telemetry::TraceContext& trace,
                         std::function<void(absl::StatusOr<IssuedForm>)> done) = 0;
};

// `identity` and `clock` outlive it.
std::unique_ptr<ItemBank> MakeItemBank(std::shared_ptr<grpc::Channel> channel,
                                       auth::ServiceIdentity& identity, const Clock& clock);

// Tells the item bank what the candidate of these sessions is called from now on; waits for it.
// Errors: those of the item bank, UNAVAILABLE when it does not answer.
using TellBank =
    std::function<absl::Status(const std::vector<SessionId>& sessions, const std::string& name)>;
TellBank MakeTellBank(std::shared_ptr<grpc::Channel> channel, auth::ServiceIdentity& identity);

}  // namespace invigil::session
