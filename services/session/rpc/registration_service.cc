#include "services/session/rpc/registration_service.h"

#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/rpc/unary.h"
#include "invigil/session/v1/registration.grpc.pb.h"
#include "services/session/domain/refusals.h"
#include "services/session/domain/text.h"
#include "services/session/registration/domain/check.h"
#include "services/session/registration/registrar.h"
#include "services/session/rpc/registration_convert.h"

namespace invigil::session {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using registration::Desk;
using registration::Registrar;
using rpc::UnaryCall;

constexpr int kMaxRows = 5000;
constexpr int kPage = 100, kMaxPage = 500;

// A page goes on after the last id of the one before. A wrong token shows no more than a wrong id
// would: the filters are those of the request, whatever the token says.
std::string PageToken(const std::string& last) {
  return absl::WebSafeBase64Escape(absl::string_view(last.data(), last.size()));
}

absl::StatusOr<registration::PageFilter> FilterOf(const v1::ListRegistrationsRequest& request) {
  registration::PageFilter filter{request.exam_id(), request.candidate_id(),
                                  request.include_cancelled(), "", kPage};
  Error error = InvalidArgument("PAGE_INVALID", "no page was read; see the fields");
  bool valid = true;
  const auto check = [&](bool good, const char* field, const char* description) {
    if (good) return;
    error.Field(field, description);
    valid = false;
  };
  check(request.page_size() >= 0, "page_size", "must be 0 to 500");
  if (request.page_size() > 0) {
    filter.limit = static_cast<size_t>(std::min(request.page_size(), kMaxPage));
  }
  check(filter.exam_id.empty() || IsText(filter.exam_id, registration::kMaxIdLength), "exam_id",
        "is none that an exam can have");
  check(
      filter.candidate_id.empty() || IsText(filter.candidate_id, registration::kMaxCandidateLength),
      "candidate_id", "is none that a candidate can have");
  const std::string& token = request.page_token();
  const bool read =
      absl::WebSafeBase64Unescape(absl::string_view(token.data(), token.size()), &filter.after) &&
      (filter.after.empty() || IsText(filter.after, registration::kMaxIdLength));
  check(read, "page_token", "must come from a page of the same list");
  if (!valid) return error;
  return filter;
}

class RegistrationAdapter final : public v1::RegistrationService::CallbackService {
 public:
  RegistrationAdapter(const rpc::Guard& guard, Registrar& registrar, AddRemark remark)
      : guard_(guard), registrar_(registrar), remark_(std::move(remark)) {}

  ServerUnaryReactor* ProvisionRegistrations(
      CallbackServerContext* context, const v1::ProvisionRegistrationsRequest* request,
      v1::ProvisionRegistrationsResponse* response) override {
    return Run(context, provision_, Registrar::Length::kLong, [=, this](Desk& desk, auto& caller) {
      return Provision(desk, caller.subject, *request, response);
    });
  }

  ServerUnaryReactor* GetRegistration(CallbackServerContext* context,
                                      const v1::GetRegistrationRequest* request,
                                      v1::GetRegistrationResponse* response) override {
    return Run(context, get_, Registrar::Length::kShort, [=](Desk& desk, auto&) -> absl::Status {
      INVIGIL_RETURN_IF_ERROR(CheckId(request->registration_id()));
      const auto found = desk.store().Find(request->registration_id());
      if (!found.ok()) return found.status();
      if (!*found) return registration::NoSuchRegistration(request->registration_id());
      const auto sessions = desk.store().SessionsOf(request->registration_id());
      if (!sessions.ok()) return sessions.status();
      ToProto(**found, response->mutable_registration());
      for (const std::string& id : *sessions) {
        response->mutable_registration()->add_session_ids(IdFromBytes(id));
      }
      return absl::OkStatus();
    });
  }

  ServerUnaryReactor* ListRegistrations(CallbackServerContext* context,
                                        const v1::ListRegistrationsRequest* request,
                                        v1::ListRegistrationsResponse* response) override {
    return Run(context, list_, Registrar::Length::kLong, [=](Desk& desk, auto&) -> absl::Status {
      auto filter = FilterOf(*request);
      if (!filter.ok()) return filter.status();
      const size_t wanted = filter->limit++;  // one more tells whether there is more
      const auto page = desk.store().Page(*filter);
      if (!page.ok()) return page.status();
      for (size_t i = 0; i < std::min(wanted, page->size()); ++i) {
        ToProto((*page)[i], response->add_registrations());
      }
      if (page->size() > wanted) {
        response->set_next_page_token(PageToken((*page)[wanted - 1].registration_id));
      }
      return absl::OkStatus();
    });
  }

  ServerUnaryReactor* CancelRegistration(CallbackServerContext* context,
                                         const v1::CancelRegistrationRequest* request,
                                         v1::CancelRegistrationResponse* response) override {
    return Run(context, cancel_, Registrar::Length::kShort,
               [=, this](Desk& desk, auto& caller) -> absl::Status {
                 INVIGIL_RETURN_IF_ERROR(CheckId(request->registration_id()));
                 INVIGIL_RETURN_IF_ERROR(registration::CheckReason(request->reason()));
                 const auto cancelled = desk.store().Cancel(request->registration_id(),
                                                            request->reason(), registrar_.Now());
                 if (!cancelled.ok()) return cancelled.status();
                 ToProto(cancelled->registration, response->mutable_registration());
                 if (!cancelled->anew) return absl::OkStatus();  // it has its line
                 log::Audit("registration_cancelled", "a registration was cancelled",
                            {{"actor", caller.subject},
                             {"registration", request->registration_id()},
                             {"reason", request->reason()}});
                 Remember(cancel_, caller.subject, cancelled->registration.candidate_id,
                          request->registration_id() + ": " + request->reason());
                 return absl::OkStatus();
               });
  }

  ServerUnaryReactor* SetAccommodation(CallbackServerContext* context,
                                       const v1::SetAccommodationRequest* request,
                                       v1::SetAccommodationResponse* response) override {
    return Run(context, accommodate_, Registrar::Length::kShort,
               [=, this](Desk& desk, auto& caller) {
                 return Accommodate(desk, caller.subject, *request, response);
               });
  }

  ServerUnaryReactor* GetStandingAccommodation(
      CallbackServerContext* context, const v1::GetStandingAccommodationRequest* request,
      v1::GetStandingAccommodationResponse* response) override {
    return Run(context, get_standing_, Registrar::Length::kShort,
               [=](Desk& desk, auto&) -> absl::Status {
                 if (!IsText(request->candidate_id(), registration::kMaxCandidateLength)) {
                   return InvalidArgument("ACCOMMODATION_INVALID", "name the candidate")
                       .Field("candidate_id", "must have 1 to 256 bytes of UTF-8");
                 }
                 const auto found = desk.store().FindStanding(request->candidate_id());
                 if (!found.ok()) return found.status();
                 if (*found) ToProto(**found, response->mutable_standing());
                 return absl::OkStatus();
               });
  }

  ServerUnaryReactor* PutExamPolicy(CallbackServerContext* context,
                                    const v1::PutExamPolicyRequest* request,
                                    v1::PutExamPolicyResponse* response) override {
    return Run(context, put_policy_, Registrar::Length::kShort,
               [=, this](Desk& desk, auto& caller) -> absl::Status {
                 const registration::ExamPolicy policy = FromProto(request->policy());
                 INVIGIL_RETURN_IF_ERROR(registration::CheckPolicy(policy));
                 const auto repeated = OnceIfNamed(
                     desk, put_policy_, caller.subject, "", *request, response,
                     [&]() -> absl::Status {
                       INVIGIL_RETURN_IF_ERROR(desk.store().PutPolicy(policy, registrar_.Now()));
                       ToProto(policy, response->mutable_policy());
                       return absl::OkStatus();
                     });
                 if (!repeated.ok()) return repeated.status();
                 if (*repeated) return absl::OkStatus();  // it has its line
                 log::Audit("exam_policy_set", "what starts of an exam are held to was set",
                            {{"actor", caller.subject}, {"exam", policy.exam_id}});
                 Remember(put_policy_, caller.subject, "", policy.exam_id);
                 return absl::OkStatus();
               });
  }

  ServerUnaryReactor* GetExamPolicy(CallbackServerContext* context,
                                    const v1::GetExamPolicyRequest* request,
                                    v1::GetExamPolicyResponse* response) override {
    return Run(context, get_policy_, Registrar::Length::kShort,
               [=](Desk& desk, auto&) -> absl::Status {
                 if (!IsText(request->exam_id(), registration::kMaxIdLength)) {
                   return InvalidArgument("POLICY_INVALID", "name the exam")
                       .Field("exam_id", "required, such as CLF-C02");
                 }
                 const auto found = desk.store().FindPolicy(request->exam_id());
                 if (!found.ok()) return found.status();
                 registration::ExamPolicy none;
                 none.exam_id = request->exam_id();
                 ToProto(found->value_or(none), response->mutable_policy());
                 return absl::OkStatus();
               });
  }

  ServerUnaryReactor* CheckEligibility(CallbackServerContext* context,
                                       const v1::CheckEligibilityRequest* request,
                                       v1::CheckEligibilityResponse* response) override {
    return Run(context, check_, Registrar::Length::kShort,
               [=, this](Desk& desk, auto&) { return Check(desk, *request, response); });
  }

 private:
  // Runs `work`, which fills in `response`; for a request with an id once, and gives its answer
  // again. true: it was given before. `person` is whom the answer is about, as far as `work` found
  // out; empty: nobody.
  template <typename Request, typename Response, typename Work>
  absl::StatusOr<bool> OnceIfNamed(Desk& desk, const rpc::Method& method, const std::string& caller,
                                   const std::string& person, const Request& request,
                                   Response* response, Work work) {
    if (request.request_id().empty()) {
      absl::Status status = work();
      if (!status.ok()) return status;
      return false;
    }
    registration::Store::Request asked{caller, request.request_id(),
                                       Sha256Hex(method.name + request.SerializeAsString())};
    const auto answer =
        desk.store().Once(asked, registrar_.Now(), [&]() -> absl::StatusOr<std::string> {
          response->Clear();
          absl::Status status = work();
          if (!status.ok()) return status;
          asked.person = person;
          return response->SerializeAsString();
        });
    if (!answer.ok()) return answer.status();
    if (answer->repeated && !response->ParseFromString(answer->bytes)) {
      return Internal("a remembered answer can't be read");
    }
    return answer->repeated;
  }

  // A row of the journal for an act that is stored.
  void Remember(const rpc::Method& method, const std::string& actor, const std::string& person,
                std::string what) const {
    if (!remark_) return;
    Remark remark;
    remark.kind = kAct;
    remark.actor = actor;
    remark.method = method.name;
    remark.reason = std::move(what);
    remark.person = person;
    remark_(std::move(remark));
  }

  // Ids that no registration can have; a database refuses some of them less kindly.
  static absl::Status CheckId(const std::string& registration_id) {
    if (IsText(registration_id, registration::kMaxIdLength)) return absl::OkStatus();
    return registration::NoSuchRegistration(registration_id);
  }

  // Admits, then runs `work(desk, caller)` on a thread that may wait, and answers what it returns.
  template <typename Work>
  ServerUnaryReactor* Run(CallbackServerContext* context, const rpc::Method& method,
                          Registrar::Length length, Work work) {
    UnaryCall* call = UnaryCall::Begin(*context, guard_, method);
    if (!call->admitted()) return call;
    const bool queued = registrar_.TryRun(length, [call, work = std::move(work)](Desk& desk) {
      if (call->cancelled()) return call->Finish(absl::CancelledError("the caller left"));
      call->Finish(work(desk, call->principal()));
    });
    if (!queued) {
      call->Finish(ResourceExhausted("OVERLOADED", "too many calls wait; try again shortly"));
    }
    return call;
  }

  absl::Status Provision(Desk& desk, const std::string& caller,
                         const v1::ProvisionRegistrationsRequest& request,
                         v1::ProvisionRegistrationsResponse* response) {
    if (request.registrations_size() < 1 || request.registrations_size() > kMaxRows) {
      return InvalidArgument("PROVISION_INVALID", "send 1 to 5000 rows in one request")
          .Field("registrations", "must be 1 to 5000");
    }
    const Time now = registrar_.Now();
    const auto work = [&]() -> absl::StatusOr<std::string> {
      v1::ProvisionRegistrationsResponse answer;
      std::unordered_set<std::string> seen;
      for (const v1::Registration& sent : request.registrations()) {
        registration::Row row;
        absl::StatusOr<registration::RowResult> result;
        if (const auto refused = FromProto(sent, &row)) {
          result = *refused;
        } else if (!seen.insert(sent.registration_id()).second) {
          result = registration::RowResult{registration::Outcome::kRefused, "REGISTRATION_REPEATED",
                                           "registration_id",
                                           "stands in an earlier row of this request too"};
        } else {
          result = desk.store().Provision(row, now);
        }
        if (!result.ok()) return result.status();
        ToProto(sent.registration_id(), *result, answer.add_results());
      }
      return answer.SerializeAsString();
    };
    const auto answer = desk.store().Once(
        {caller, request.request_id(), Sha256Hex(request.SerializeAsString())}, now, work);
    if (!answer.ok()) return answer.status();
    if (!response->ParseFromString(answer->bytes)) {
      return Internal("a remembered answer can't be read");
    }
    if (answer->repeated) return absl::OkStatus();  // it has its line
    std::vector<int64_t> counts(v1::ProvisionOutcome_ARRAYSIZE);
    for (const v1::ProvisionResult& result : response->results()) {
      ++counts[static_cast<size_t>(result.outcome())];
    }
    log::Audit("registrations_provisioned", "registrations were created or updated",
               {{"actor", caller},
                {"created", counts[v1::PROVISION_OUTCOME_CREATED]},
                {"updated", counts[v1::PROVISION_OUTCOME_UPDATED]},
                {"refused", counts[v1::PROVISION_OUTCOME_REFUSED]}});
    Remember(provision_, caller, "",
             "created " + std::to_string(counts[v1::PROVISION_OUTCOME_CREATED]) + ", updated " +
                 std::to_string(counts[v1::PROVISION_OUTCOME_UPDATED]) + ", refused " +
                 std::to_string(counts[v1::PROVISION_OUTCOME_REFUSED]) + ", request " +
                 request.request_id());
    return absl::OkStatus();
  }

  absl::Status Accommodate(Desk& desk, const std::string& caller,
                           const v1::SetAccommodationRequest& request,
                           v1::SetAccommodationResponse* response) {
    if (!request.has_terms()) {
      // Unset would read as 100 percent, which takes away what there is.
      return InvalidArgument("ACCOMMODATION_INVALID", "nothing was set; see the fields")
          .Field("terms", "required; terms of 100 percent take it away");
    }
    const registration::Terms terms = FromProto(request.terms());
    INVIGIL_RETURN_IF_ERROR(registration::CheckTerms(terms));
    INVIGIL_RETURN_IF_ERROR(registration::CheckReason(request.reason()));
    const Time now = registrar_.Now();
    std::string expires, person = request.candidate_id();
    if (request.has_registration_id()) {
      if (request.has_expire_time()) {
        return InvalidArgument("ACCOMMODATION_INVALID", "nothing was set; see the fields")
            .Field("expire_time", "is for standing ones; a registration's own ends with it");
      }
      INVIGIL_RETURN_IF_ERROR(CheckId(request.registration_id()));
    }
    registration::Standing standing{request.candidate_id(), terms, {}, request.reason()};
    if (!request.has_registration_id()) {
      if (!IsText(standing.candidate_id, registration::kMaxCandidateLength)) {
        return InvalidArgument("ACCOMMODATION_INVALID", "nothing was set; see the fields")
            .Field("candidate_id", "name a candidate, or a registration");
      }
      if (request.has_expire_time()) {
        const auto expire_time = FromProto(request.expire_time(), "expire_time");
        if (!expire_time.ok()) return expire_time.status();
        standing.expires = *expire_time;
        expires = FormatTime(*expire_time);
      }
    }
    const auto repeated =
        OnceIfNamed(desk, accommodate_, caller, person, request, response, [&]() -> absl::Status {
          if (!request.has_registration_id()) {
            INVIGIL_RETURN_IF_ERROR(desk.store().PutStanding(standing, now));
            ToProto(standing, response->mutable_standing());
            return absl::OkStatus();
          }
          const auto changed = desk.store().SetTerms(request.registration_id(), terms, now);
          if (!changed.ok()) return changed.status();
          person = changed->registration.candidate_id;
          ToProto(changed->registration, response->mutable_registration());
          return absl::OkStatus();
        });
    if (!repeated.ok()) return repeated.status();
    if (*repeated) return absl::OkStatus();  // it has its line
    log::Audit("accommodation_set", "more time was set for sittings to come",
               {{"actor", caller},
                {"candidate", request.candidate_id()},
                {"registration", request.registration_id()},
                {"time_percent", int64_t{terms.time_percent}},
                {"extra_minutes", int64_t{terms.extra_minutes}},
                {"break_minutes", int64_t{terms.break_minutes}},
                {"expires", expires},
                {"reason", request.reason()}});
    Remember(accommodate_, caller, person,
             request.registration_id() + " " + std::to_string(terms.time_percent) + " %, +" +
                 std::to_string(terms.extra_minutes) + " min, breaks " +
                 std::to_string(terms.break_minutes) + " min: " + request.reason());
    return absl::OkStatus();
  }

  absl::Status Check(Desk& desk, const v1::CheckEligibilityRequest& request,
                     v1::CheckEligibilityResponse* response) {
    Error error = InvalidArgument("ELIGIBILITY_INVALID", "nothing was checked; see the fields");
    const bool candidate = IsText(request.candidate_id(), registration::kMaxCandidateLength);
    const bool exam = IsText(request.exam_id(), registration::kMaxIdLength);
    if (!candidate) error.Field("candidate_id", "must have 1 to 256 bytes of UTF-8");
    if (!exam) error.Field("exam_id", "must have 1 to 64 bytes of UTF-8");
    if (!candidate || !exam) return error;
    Time at = registrar_.Now();
    if (request.has_at_time()) {
      const auto asked = FromProto(request.at_time(), "at_time");
      if (!asked.ok()) return asked.status();
      at = *asked;
    }
    const auto decision =
        desk.Decide({request.candidate_id(), request.exam_id(), SessionKind::kExam}, at);
    if (!decision.ok()) return decision.status();
    ToProto(*decision, response);
    return absl::OkStatus();
  }

  const rpc::Method& Find(const char* name) const {
    return guard_.Find(std::string("/invigil.session.v1.RegistrationService/") + name);
  }

  const rpc::Guard& guard_;
  Registrar& registrar_;
  const AddRemark remark_;
  const rpc::Method& provision_ = Find("ProvisionRegistrations");
  const rpc::Method& get_ = Find("GetRegistration");
  const rpc::Method& list_ = Find("ListRegistrations");
  const rpc::Method& cancel_ = Find("CancelRegistration");
  const rpc::Method& accommodate_ = Find("SetAccommodation");
  const rpc::Method& get_standing_ = Find("GetStandingAccommodation");
  const rpc::Method& put_policy_ = Find("PutExamPolicy");
  const rpc::Method& get_policy_ = Find("GetExamPolicy");
  const rpc::Method& check_ = Find("CheckEligibility");
};

}  // namespace

std::shared_ptr<grpc::Service> MakeRegistrationService(const rpc::Guard& guard,
                                                       Registrar& registrar, AddRemark remark) {
  return std::make_shared<RegistrationAdapter>(guard, registrar, std::move(remark));
}

}  // namespace invigil::session
