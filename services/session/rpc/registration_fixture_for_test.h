// RegistrationService over the wire beside a whole DeliveryService whose starts are held to it.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "invigil/session/v1/registration.grpc.pb.h"
#include "services/session/registration/registrar.h"
#include "services/session/rpc/registration_service.h"
#include "services/session/rpc/service_fixture_for_test.h"

namespace invigil::session::fixtures {

// Starts are made before the registrar is; it is asked from then on.
class Forwarding final : public registration::Admissions {
 public:
  void Admit(registration::Ask ask, Done done) override {
    ++asked_;
    {
      const std::lock_guard lock(mutex_);
      admit_end_ = ask.end;
    }
    if (away_) return done(Unavailable("STORE_IO", "the database is away"));
    to_->Admit(std::move(ask), std::move(done));
  }
  void Confirm(const SessionId& session, registration::Ask ask, Done done) override {
    if (before_confirm_) std::exchange(before_confirm_, nullptr)();
    const auto confirming = ask.end;
    auto go = [this, session, ask = std::move(ask), done = std::move(done)] {
      to_->Confirm(session, ask, done);
    };
    {
      const std::lock_guard lock(mutex_);
      confirm_end_ = confirming;
      if (hold_) {
        held_.push_back(std::move(go));
        return;
      }
    }
    go();
  }
  // Keeps the questions of Confirm back, until Release.
  void Hold() {
    const std::lock_guard lock(mutex_);
    hold_ = true;
  }
  // Those that come from now on are asked at once.
  void HoldNoMore() {
    const std::lock_guard lock(mutex_);
    hold_ = false;
  }
  size_t held() {
    const std::lock_guard lock(mutex_);
    return held_.size();
  }
  void Release() {
    std::vector<std::function<void()>> held;
    {
      const std::lock_guard lock(mutex_);
      held = std::exchange(held_, {});
    }
    for (const auto& go : held) go();
  }
  // When the last callers of each have given up.
  std::optional<Duration> admit_end() {
    const std::lock_guard lock(mutex_);
    return admit_end_;
  }
  std::optional<Duration> confirm_end() {
    const std::lock_guard lock(mutex_);
    return confirm_end_;
  }
  registration::Admissions* to_ = nullptr;
  std::function<void()> before_confirm_;
  std::atomic<int> asked_{0};
  std::atomic<bool> away_{false};

 private:
  std::mutex mutex_;
  // All under mutex_.
  bool hold_ = false;
  std::vector<std::function<void()>> held_;
  std::optional<Duration> admit_end_, confirm_end_;
};

// The suite's time stands still; how long callers wait is measured by this machine, as starts do.
class SuiteTimeClock final : public Clock {
 public:
  SuiteTimeClock(const Clock& suite, const Clock& local) : suite_(suite), local_(local) {}
  Time Now() const override { return suite_.Now(); }
  Duration Monotonic() const override { return local_.Monotonic(); }

 private:
  const Clock &suite_, &local_;
};

class RegistrationServiceTest : public ServiceTest {
 protected:
  using Registrations = v1::RegistrationService::Stub;

  void SetUp() override {
    admissions_ = &admissions;
    Serve({});
    auto registrar = registration::Registrar::Open(
        {.registrations = dir_.Path("registration.db"), .sessions = dir_.Path("session.db")},
        registrar_clock_);
    ASSERT_TRUE(registrar.ok()) << registrar.status();
    registrar_ = *std::move(registrar);
    admissions.to_ = registrar_.get();
    auto guard = rpc::Guard::Create(*verifier_, {"invigil.session.v1.RegistrationService"});
    ASSERT_TRUE(guard.ok()) << guard.status();
    registration_guard_ = *std::move(guard);
    registrations_ =
        MakeRegistrationService(*registration_guard_, *registrar_, [this](Remark remark) {
          const std::lock_guard lock(remarks_mutex_);
          remarks_.push_back(std::move(remark));
        });
    rpc::ServerOptions options;
    options.max_receive_bytes = 1'200'000;
    auto server = rpc::Server::Start("registration", options, {registrations_.get()});
    ASSERT_TRUE(server.ok()) << server.status();
    registration_server_ = *std::move(server);
    auto channel = client::Connect({"127.0.0.1:" + std::to_string(registration_server_->port())});
    ASSERT_TRUE(channel.ok()) << channel.status();
    ASSERT_TRUE(client::WaitUntilReady(**channel));
    registration_stub_ = v1::RegistrationService::NewStub(*channel);
  }
  void TearDown() override {
    if (registration_server_) registration_server_->Drain();
    registration_server_.reset();
    Stop();
    if (registrar_) registrar_->Stop();
  }

  template <typename Response, typename Method, typename Request>
  absl::StatusOr<Response> Ask(Method method, const Request& request,
                               const std::string& role = "operator") {
    grpc::ClientContext context;
    client::Prepare(context, Seconds(20), Token("olga", "", role), telemetry::TraceContext::New());
    Response response;
    absl::Status status =
        rpc::FromGrpc((registration_stub_.get()->*method)(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }
  absl::StatusOr<v1::ProvisionRegistrationsResponse> Provision(
      const std::vector<v1::Registration>& rows, const std::string& request_id) {
    v1::ProvisionRegistrationsRequest request;
    for (const v1::Registration& row : rows) *request.add_registrations() = row;
    request.set_request_id(request_id);
    return Ask<v1::ProvisionRegistrationsResponse>(&Registrations::ProvisionRegistrations, request);
  }
  static v1::Registration Row(const std::string& id, const std::string& candidate = "ann") {
    v1::Registration row;
    row.set_registration_id(id);
    row.set_candidate_id(candidate);
    row.set_exam_id("CLF-C02");
    return row;
  }
  void Register(v1::Registration row) {
    const auto answer = Provision({row}, "q-" + row.registration_id());
    ASSERT_TRUE(answer.ok()) << answer.status();
    ASSERT_EQ(answer->results(0).outcome(), v1::PROVISION_OUTCOME_CREATED);
  }
  void Put(v1::ExamPolicy policy) {
    v1::PutExamPolicyRequest request;
    policy.set_exam_id("CLF-C02");
    *request.mutable_policy() = policy;
    const auto put = Ask<v1::PutExamPolicyResponse>(&Registrations::PutExamPolicy, request);
    ASSERT_TRUE(put.ok()) << put.status();
  }
  v1::CheckEligibilityResponse Check(const std::string& candidate) {
    v1::CheckEligibilityRequest request;
    request.set_candidate_id(candidate);
    request.set_exam_id("CLF-C02");
    auto answer = Ask<v1::CheckEligibilityResponse>(&Registrations::CheckEligibility, request);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? *answer : v1::CheckEligibilityResponse();
  }
  void SetStanding(const std::string& candidate, uint32_t percent) {
    v1::SetAccommodationRequest request;
    request.set_candidate_id(candidate);
    request.mutable_terms()->set_time_percent(percent);
    request.set_reason("approved");
    ASSERT_TRUE(Ask<v1::SetAccommodationResponse>(&Registrations::SetAccommodation, request).ok());
  }
  // Taken out.
  std::vector<Remark> Remarks() {
    const std::lock_guard lock(remarks_mutex_);
    return std::exchange(remarks_, {});
  }
  // Sits to the end; the fixture's scoring passes everybody.
  void SitAndPass(const std::string& candidate, const std::string& request_id) {
    const auto started = Start(candidate, request_id);
    ASSERT_TRUE(started.ok()) << started.status();
    const std::string& session = started->session().session_id();
    ASSERT_TRUE(Submit(session, Token(candidate)).ok());
    ASSERT_TRUE(testing::WaitUntil([&] { return Report(session, Token(candidate)).ok(); }));
  }
  // The planned form, where a proctor checks in.
  void UseFormWithCheckIn() {
    IssuedForm form = PlannedForm();
    Plan plan = form.form->plan();
    plan.check_in = true;
    std::vector<PlaceSpec> places;
    for (size_t k = 0; k < form.form->size(); ++k) {
      const std::string_view order = form.form->option_order(k);
      places.push_back({std::string(form.form->item_id(k)),
                        std::string(form.form->content_id(k)),
                        {order.begin(), order.end()},
                        1});
    }
    form.form = *Form::Create(
        {form.form->form_id(), form.form->title(), 1, form.form->duration(), plan}, places);
    item_bank_.Use(form);
  }
  // The wrong fields that an error names, each with a blank behind it.
  static std::string FieldsOf(const absl::Status& status) {
    std::string fields;
    for (const auto& [field, description] : ViewError(status).fields) fields += field + " ";
    return fields;
  }
  static std::string Metadata(const absl::Status& status, const std::string& name) {
    for (const auto& [key, value] : ViewError(status).metadata) {
      if (key == name) return value;
    }
    return "";
  }

  const SuiteTimeClock registrar_clock_{clock_, local_};
  Forwarding admissions;
  std::mutex remarks_mutex_;
  std::vector<Remark> remarks_;  // under remarks_mutex_
  std::unique_ptr<registration::Registrar> registrar_;
  std::unique_ptr<rpc::Guard> registration_guard_;
  std::shared_ptr<grpc::Service> registrations_;
  std::unique_ptr<rpc::Server> registration_server_;
  std::unique_ptr<Registrations> registration_stub_;
};

}  // namespace invigil::session::fixtures
