// Many sessions at once, a page a call: grants for many, what an incident cost, what a proctoring
// tool asks for. Each method blocks for the store: call it on an executor.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "invigil/session/v1/proctor.pb.h"
#include "services/session/rpc/proctor_convert.h"
#include "services/session/rpc/proctor_service.h"

namespace invigil::session {

using ActDone = std::function<void(absl::Status)>;

// `done` comes once, on the engine's thread or the caller's; request and response live until then.
class ProctorMany {
 public:
  explicit ProctorMany(const ProctorParts& parts) : parts_(parts) {}

  // For the included ended sessions; live ones are the roster's to list. Reads logs: the engine has
  // no part in it.
  absl::Status ListEnded(const v1::ListRosterRequest& request,
                         v1::ListRosterResponse* response) const;
  // These three are refused as a whole when the store or the engine refused a part for now: the
  // page may be repeated, and whoever was given time is not given it twice.
  void GrantTime(const v1::GrantTimeToManyRequest& request, const std::string& actor,
                 v1::GrantTimeToManyResponse* response, ActDone done) const;
  void SendMessage(const v1::SendMessageToManyRequest& request, const std::string& actor,
                   v1::SendMessageToManyResponse* response, ActDone done) const;
  void Compensate(const v1::CompensateIncidentRequest& request, const std::string& actor,
                  v1::CompensateIncidentResponse* response, ActDone done) const;
  absl::Status Report(const v1::IncidentReportRequest& request,
                      v1::IncidentReportResponse* response) const;
  absl::Status ListUnscored(const v1::ListUnscoredRequest& request,
                            v1::ListUnscoredResponse* response) const;
  // The session an assessment control message means; reservations that never ran are no attempts.
  // Errors: NOT_FOUND (ATTEMPT_NOT_FOUND).
  absl::StatusOr<SessionId> FindAttempt(const v1::ControlAssessmentRequest& request) const;

 private:
  struct Reading;
  absl::StatusOr<std::vector<Reading>> Read(const Outage& outage, const std::string& exam_id,
                                            size_t size, std::string& token,
                                            std::vector<std::string>& unreadable) const;
  // Carries out `action` in the bulk lane, fills in `result` and tells how it went.
  void Give(const SessionId& session, Action action, bool may_reopen, v1::GrantResult* result,
            ActDone done) const;

  const ProctorParts& parts_;
};

}  // namespace invigil::session
