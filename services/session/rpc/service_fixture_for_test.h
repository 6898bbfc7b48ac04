// The whole DeliveryService in this process, over a real gRPC connection: a real engine on a file,
// a clock that stands still, and an item bank and a scoring service that do as the test says.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "common/client/channel.h"
#include "common/error/error.h"
#include "common/rpc/guard.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "common/testing/temp_dir.h"
#include "common/testing/wait_until.h"
#include "invigil/session/v1/delivery.grpc.pb.h"
#include "services/session/engine/fixtures_for_test.h"
#include "services/session/relay/relay.h"
#include "services/session/rpc/delivery_service.h"
#include "services/session/rpc/item_bank.h"
#include "services/session/rpc/starter.h"
#include "services/session/rpc/ticker.h"

namespace invigil::session::fixtures {

// A form of `items` items, each with options A to C of which one is to be selected.
inline absl::StatusOr<IssuedForm> SampleForm(size_t items = 3) {
  itembank::v1::IssueFormResponse issued;
  issued.set_form_id("form-1");
  issued.set_title("Sample Exam");
  issued.set_exam_version(1);
  issued.mutable_duration()->set_seconds(5400);
  itembank::v1::GetFormContentResponse content;
  for (size_t k = 0; k < items; ++k) {
    auto* item = content.add_items();
    item->set_item_id(ItemId(k));
    item->set_content_id("content-" + std::to_string(k));
    for (const uint32_t option : {2, 0, 1}) item->add_option_order(option);
    auto* text = content.add_contents();
    text->set_content_id(item->content_id());
    text->set_stem("question " + std::to_string(k));
    text->set_select_count(1);
    for (const char* option : {"red", "green", "blue"}) text->add_options(option);
  }
  return FromProto(issued, content);
}

// The planned form of the domain's fixtures; its agreement has a text.
inline IssuedForm PlannedForm(bool unscheduled_breaks = true) {
  const auto planned = MakePlannedForm(false, unscheduled_breaks);
  Plan plan = planned->plan();
  plan.parts[0].content_id = "agreement";
  IssuedForm issued;
  itembank::v1::ItemContent text;
  text.set_content_id("agreement");
  text.set_stem("do you agree?");
  issued.contents.push_back({"agreement", text.SerializeAsString()});
  std::vector<PlaceSpec> places;
  for (size_t k = 0; k < planned->size(); ++k) {
    const std::string_view order = planned->option_order(k);
    places.push_back({std::string(planned->item_id(k)),
                      std::string(planned->content_id(k)),
                      {order.begin(), order.end()},
                      1});
    text.Clear();
    text.set_content_id(places.back().content_id);
    text.set_stem("question " + std::to_string(k));
    text.set_select_count(1);
    for (const char* option : {"red", "green", "blue", "white"}) text.add_options(option);
    issued.contents.push_back({text.content_id(), text.SerializeAsString()});
  }
  issued.form = *Form::Create(
      {planned->form_id(), planned->title(), 1, planned->duration(), std::move(plan)}, places);
  return issued;
}

class FakeItemBank final : public ItemBank {
 public:
  using FormDone = std::function<void(absl::StatusOr<IssuedForm>)>;
  void CheckExam(const std::string& exam_id, Duration, const telemetry::TraceContext&,
                 std::function<void(absl::Status)> done) override {
    const std::lock_guard lock(mutex_);
    done(check_);
  }
  void IssueForm(const SessionId&, const std::string&, const std::string&, Duration,
                 const telemetry::TraceContext& trace, FormDone done) override {
    absl::StatusOr<IssuedForm> form;
    {
      const std::lock_guard lock(mutex_);
      trace_id_ = trace.trace_id;
      if (hold_) {
        held_.push_back(std::move(done));
        return;
      }
      form = issue_.ok() ? form_ : absl::StatusOr<IssuedForm>(issue_);
    }
    done(std::move(form));
  }
  // Issues this one from now on.
  void Use(IssuedForm form) {
    const std::lock_guard lock(mutex_);
    form_ = std::move(form);
  }
  // What the two answer from now on.
  void Answer(absl::Status check, absl::Status issue) {
    const std::lock_guard lock(mutex_);
    check_ = std::move(check);
    issue_ = std::move(issue);
  }
  // Keeps the answers of IssueForm back, for the test to give.
  void Hold() {
    const std::lock_guard lock(mutex_);
    hold_ = true;
  }
  std::vector<FormDone> held() {
    const std::lock_guard lock(mutex_);
    return held_;
  }
  std::string trace_id() {
    const std::lock_guard lock(mutex_);
    return trace_id_;
  }

 private:
  std::mutex mutex_;
  absl::Status check_, issue_;
  absl::StatusOr<IssuedForm> form_ = SampleForm();
  bool hold_ = false;
  std::vector<FormDone> held_;
  std::string trace_id_;
};

class ServiceTest : public ::testing::Test {
 protected:
  struct Options {
    Duration score_wait = Seconds(10);
    Duration heartbeat = Minutes(10);
    size_t queue_limit = 8192;
    Duration drain_timeout = Minutes(1);  // so that a call that never ends is seen
  };
  void SetUp() override { Serve({}); }
  // Anew when it serves already, on the same file.
  void Serve(Options options) {
    Stop();
    if (!minter_) MakeKeys();
    auto engine = SessionEngine::Open(
        dir_.Path("session.db"), clock_,
        {.queue_limit = options.queue_limit, .may_judge = [this] { return MayJudge(); }});
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
    ticker_ = std::make_unique<Ticker>(local_);
    starter_ = std::make_unique<Starter>(*engine_, item_bank_, local_, admissions_);
    relay_ = std::make_unique<Relay>(
        *engine_,
        [this](const SessionId& session, const std::shared_ptr<const State>&,
               const telemetry::TraceContext& trace,
               const std::function<void(absl::StatusOr<ScoredReport>)>& done) {
          if (scoring_away_) return done(Unavailable("SCORING_DOWN", "away"));
          {
            const std::lock_guard lock(mutex_);
            scoring_trace_ = trace.trace_id;
          }
          v1::GetScoreReportResponse report;
          report.set_session_id(session.ToHex());
          report.set_passed(true);
          done(ScoredReport{1, std::make_shared<const std::string>(report.SerializeAsString())});
        },
        local_,
        RelayOptions{
            .scan_every = Millis(20), .min_backoff = Millis(5), .max_backoff = Millis(20)});
    service_ = MakeDeliveryService({.guard = *guard_,
                                    .verifier = *verifier_,
                                    .engine = *engine_,
                                    .starter = *starter_,
                                    .relay = *relay_,
                                    .ticker = *ticker_,
                                    .minter = *minter_,
                                    .clock = clock_,
                                    .score_wait = options.score_wait,
                                    .heartbeat = options.heartbeat});
    rpc::ServerOptions server_options;
    server_options.drain_timeout = options.drain_timeout;
    auto server = rpc::Server::Start("session", server_options, {service_.get()});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    auto channel = client::Connect({"127.0.0.1:" + std::to_string(server_->port())});
    ASSERT_TRUE(channel.ok()) << channel.status();
    ASSERT_TRUE(client::WaitUntilReady(**channel));
    stub_ = v1::DeliveryService::NewStub(*channel);
  }
  void TearDown() override { Stop(); }
  // As main does.
  void Stop() {
    if (server_) server_->Drain();
    server_.reset();
    service_.reset();
    relay_.reset();
    if (engine_) engine_->Stop();
    starter_.reset();
    ticker_.reset();
    engine_.reset();
  }

  std::string Token(const std::string& subject, const std::string& session_id = "",
                    const std::string& role = "candidate") {
    return minter_->Mint({.subject = subject,
                          .roles = {role},
                          .session_id = session_id,
                          .lifetime = std::chrono::hours(100)});
  }
  // One unary call with `token`; what went wrong, or OK and `response` filled.
  template <typename Method, typename Request, typename Response>
  absl::Status Call(Method method, const Request& request, Response* response,
                    const std::string& token,
                    const telemetry::TraceContext& trace = telemetry::TraceContext::New()) {
    grpc::ClientContext context;
    client::Prepare(context, Seconds(20), token, trace);
    return rpc::FromGrpc((stub_.get()->*method)(&context, request, response));
  }

  using Stub = v1::DeliveryService::Stub;
  absl::StatusOr<v1::StartSessionResponse> Start(const std::string& candidate,
                                                 const std::string& request_id = "r1",
                                                 bool take_over = false,
                                                 v1::SessionKind kind = {}) {
    v1::StartSessionRequest request;
    request.set_kind(kind);
    request.set_exam_id("CLF-C02");
    request.set_request_id(request_id);
    request.set_take_over(take_over);
    v1::StartSessionResponse response;
    absl::Status status = Call(&Stub::StartSession, request, &response, Token(candidate));
    if (!status.ok()) return status;
    return response;
  }
  // A running session's id.
  std::string Started(const std::string& candidate) {
    const auto started = Start(candidate);
    EXPECT_TRUE(started.ok()) << started.status();
    return started.ok() ? started->session().session_id() : "";
  }
  absl::StatusOr<v1::Session> Get(const std::string& session, const std::string& token) {
    v1::GetSessionRequest request;
    request.set_session_id(session);
    v1::GetSessionResponse response;
    absl::Status status = Call(&Stub::GetSession, request, &response, token);
    if (!status.ok()) return status;
    return response.session();
  }
  static void Fill(v1::ResponseWrite* write, size_t item, uint32_t sequence,
                   const std::string& option) {
    write->set_item_id(ItemId(item));
    write->set_sequence(sequence);
    write->add_option_ids(option);
  }
  absl::StatusOr<v1::SaveResponsesResponse> Save(const std::string& session,
                                                 const std::string& token, size_t item,
                                                 uint32_t sequence, const std::string& option,
                                                 uint32_t epoch = 1) {
    v1::SaveResponsesRequest request;
    request.set_session_id(session);
    request.set_epoch(epoch);
    Fill(request.add_responses(), item, sequence, option);
    v1::SaveResponsesResponse response;
    absl::Status status = Call(&Stub::SaveResponses, request, &response, token);
    if (!status.ok()) return status;
    return response;
  }
  absl::StatusOr<v1::SubmitSessionResponse> Submit(
      const std::string& session, const std::string& token,
      const std::vector<std::pair<size_t, uint32_t>>& seen = {},
      const telemetry::TraceContext& trace = telemetry::TraceContext::New()) {
    v1::SubmitSessionRequest request;
    request.set_session_id(session);
    request.set_epoch(1);
    for (const auto& [item, sequence] : seen) {
      auto* entry = request.add_seen();
      entry->set_item_id(ItemId(item));
      entry->set_sequence(sequence);
    }
    v1::SubmitSessionResponse response;
    absl::Status status = Call(&Stub::SubmitSession, request, &response, token, trace);
    if (!status.ok()) return status;
    return response;
  }
  absl::StatusOr<v1::GetScoreReportResponse> Report(const std::string& session,
                                                    const std::string& token) {
    v1::GetScoreReportRequest request;
    request.set_session_id(session);
    v1::GetScoreReportResponse response;
    absl::Status status = Call(&Stub::GetScoreReport, request, &response, token);
    if (!status.ok()) return status;
    return response;
  }

  testing::TempDir dir_;
  ManualClock clock_{kStart};
  const SystemClock local_;
  FakeItemBank item_bank_;
  registration::Admissions* admissions_ = nullptr;  // asked by starts, where a test sets it
  std::atomic<bool> scoring_away_{false};
  std::atomic<bool> engine_refuses_{false};  // every command, as it does while the clock is wrong
  std::vector<Duration> refused_at_;         // under mutex_; by the local clock
  std::mutex mutex_;
  std::string scoring_trace_;  // under mutex_
  std::unique_ptr<auth::TokenVerifier> verifier_;
  std::unique_ptr<auth::TokenMinter> minter_;
  std::unique_ptr<rpc::Guard> guard_;
  std::unique_ptr<SessionEngine> engine_;
  std::unique_ptr<Ticker> ticker_;
  std::unique_ptr<Starter> starter_;
  std::unique_ptr<Relay> relay_;
  std::shared_ptr<grpc::Service> service_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<Stub> stub_;

 private:
  bool MayJudge() {
    if (!engine_refuses_) return true;
    const std::lock_guard lock(mutex_);
    refused_at_.push_back(local_.Monotonic());
    return false;
  }
  void MakeKeys() {
    ASSERT_TRUE(auth::GenerateKey(dir_.Path("p.pem"), dir_.Path("jwks.json"), "p",
                                  {"operator", "candidate"})
                    .ok());
    auto verifier = auth::TokenVerifier::Create({.jwks_path = dir_.Path("jwks.json")}, clock_);
    ASSERT_TRUE(verifier.ok()) << verifier.status();
    verifier_ = *std::move(verifier);
    auto minter = auth::TokenMinter::FromFile(dir_.Path("p.pem"), clock_);
    ASSERT_TRUE(minter.ok()) << minter.status();
    minter_ = *std::move(minter);
    auto guard = rpc::Guard::Create(*verifier_, {"invigil.session.v1.DeliveryService"});
    ASSERT_TRUE(guard.ok()) << guard.status();
    guard_ = *std::move(guard);
  }
};

}  // namespace invigil::session::fixtures
