#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "common/base/deadline.h"
#include "common/client/channel.h"
#include "common/error/error.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "common/rpc/unary.h"
#include "common/testing/temp_dir.h"
#include "common/testing/wait_until.h"
#include "invigil/scoring/v1/scoring.grpc.pb.h"

namespace invigil::rpc {
namespace {

using scoring::v1::GetScoreRequest;
using scoring::v1::GetScoreResponse;
using scoring::v1::ScoringService;

class EchoScores final : public ScoringService::CallbackService {
 public:
  explicit EchoScores(const Guard& guard)
      : guard_(guard), get_score_(guard.Find("/invigil.scoring.v1.ScoringService/GetScore")) {}
  grpc::ServerUnaryReactor* GetScore(grpc::CallbackServerContext* context,
                                     const GetScoreRequest* request,
                                     GetScoreResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, guard_, get_score_);
    if (!call->admitted()) return call;
    if (request->session_id() == "wait") {
      waiting.set_value(call);
      return call;
    }
    if (request->session_id().empty()) {
      call->Finish(
          InvalidArgument("RESPONSE_INVALID", "no session").Field("session_id", "required"));
      return call;
    }
    response->mutable_score()->set_session_id(call->trace().trace_id);
    call->Finish(absl::OkStatus());
    return call;
  }
  std::promise<UnaryCall*> waiting;

 private:
  const Guard& guard_;
  const Method& get_score_;
};

class RpcTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(auth::GenerateKey(dir_.Path("p.pem"), dir_.Path("jwks.json"), "p",
                                  {"operator", "candidate", "service"})
                    .ok());
    auto verifier = auth::TokenVerifier::Create({.jwks_path = dir_.Path("jwks.json")}, clock_);
    ASSERT_TRUE(verifier.ok()) << verifier.status();
    verifier_ = *std::move(verifier);
    auto minter = auth::TokenMinter::FromFile(dir_.Path("p.pem"), clock_);
    ASSERT_TRUE(minter.ok()) << minter.status();
    minter_ = *std::move(minter);
    auto guard = Guard::Create(*verifier_, {"invigil.scoring.v1.ScoringService"});
    ASSERT_TRUE(guard.ok()) << guard.status();
    guard_ = *std::move(guard);
    service_ = std::make_unique<EchoScores>(*guard_);
    ServerOptions options;
    options.drain_timeout = Millis(200);
    guard_->CloseWhile([this] { return Ready(); });
    auto server = Server::Start("scoring", options, {service_.get()}, [this] { return Ready(); });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    auto channel = client::Connect({"127.0.0.1:" + std::to_string(server_->port())});
    ASSERT_TRUE(channel.ok());
    ASSERT_TRUE(client::WaitUntilReady(**channel));
    stub_ = ScoringService::NewStub(*channel);
  }

  absl::Status Ready() const {
    if (ready_) return absl::OkStatus();
    return Unavailable("NOT_YET", "wait a little");
  }
  // What the health service of gRPC says.
  bool Serving() {
    auto channel = client::Connect({"127.0.0.1:" + std::to_string(server_->port())});
    grpc::GenericStub stub(*channel);
    grpc::ClientContext context;
    client::Prepare(context, Seconds(5), "", telemetry::TraceContext::New());
    grpc::CompletionQueue queue;
    const grpc::Slice nothing;
    const grpc::ByteBuffer request(&nothing, 1);
    grpc::ByteBuffer response;
    grpc::Status status;
    const auto call =
        stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", request, &queue);
    call->StartCall();
    call->Finish(&response, &status, this);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    grpc::Slice bytes;
    // HealthCheckResponse{status: SERVING}
    return status.ok() && response.DumpToSingleSlice(&bytes).ok() && bytes.size() == 2 &&
           bytes.begin()[0] == 8 && bytes.begin()[1] == 1;
  }

  std::string Token(const std::string& role, const std::string& subject = "ann") {
    return minter_->Mint({.subject = subject, .roles = {role}});
  }

  absl::Status Get(const std::string& session, const std::string& token,
                   GetScoreResponse* response = nullptr,
                   const telemetry::TraceContext& trace = telemetry::TraceContext::New()) {
    grpc::ClientContext context;
    client::Prepare(context, Seconds(5), token, trace);
    GetScoreRequest request;
    request.set_session_id(session);
    GetScoreResponse scratch;
    return FromGrpc(stub_->GetScore(&context, request, response ? response : &scratch));
  }

  testing::TempDir dir_;
  SystemClock clock_;
  std::unique_ptr<auth::TokenVerifier> verifier_;
  std::unique_ptr<auth::TokenMinter> minter_;
  std::unique_ptr<Guard> guard_;
  std::unique_ptr<EchoScores> service_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<ScoringService::Stub> stub_;
  std::atomic<bool> ready_{true};
};

TEST_F(RpcTest, AdmitsTheRightRoleAndKeepsTheTrace) {
  const auto trace = telemetry::TraceContext::New();
  GetScoreResponse response;
  const absl::Status status = Get("s", Token("operator"), &response, trace);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(response.score().session_id(), trace.trace_id);
}

TEST_F(RpcTest, BalancersAreToldWhetherItIsReadyAndAClosedGuardAdmitsNobody) {
  EXPECT_TRUE(testing::WaitUntil([&] { return Serving(); }));
  ready_ = false;
  EXPECT_EQ(ReasonOf(Get("s", Token("operator"))), "NOT_YET");
  EXPECT_EQ(ReasonOf(Get("s", "")), "NOT_YET") << "before the token, which it can't judge either";
  EXPECT_TRUE(testing::WaitUntil([&] { return !Serving(); }));
  ready_ = true;
  EXPECT_TRUE(testing::WaitUntil([&] { return Serving(); }));
  // Our own channels ask the health service too, and come back when it says so.
  EXPECT_TRUE(testing::WaitUntil([&] { return Get("s", Token("operator")).ok(); }));
}

TEST_F(RpcTest, RefusesWithReasons) {
  EXPECT_EQ(ReasonOf(Get("s", "")), "TOKEN_MISSING");
  const absl::Status wrong_role = Get("s", Token("candidate"));
  EXPECT_EQ(wrong_role.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ReasonOf(wrong_role), "ROLE_MISSING");
  EXPECT_EQ(Get("s", "garbage").code(), absl::StatusCode::kUnauthenticated);
}

TEST_F(RpcTest, CarriesFieldViolations) {
  const absl::Status status = Get("", Token("operator"));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  const ErrorView view = ViewError(status);
  ASSERT_EQ(view.fields.size(), 1u);
  EXPECT_EQ(view.fields[0].first, "session_id");
}

TEST_F(RpcTest, DrainLetsARunningCallFinish) {
  std::promise<absl::Status> answer;
  std::thread caller([&] { answer.set_value(Get("wait", Token("operator"))); });
  UnaryCall* call = service_->waiting.get_future().get();
  std::thread drainer([&] { server_->Drain(); });
  call->Finish(absl::OkStatus());
  EXPECT_TRUE(answer.get_future().get().ok());
  drainer.join();
  caller.join();
  EXPECT_EQ(Get("s", Token("operator")).code(), absl::StatusCode::kUnavailable);
}

TEST_F(RpcTest, ABusyPortIsNamed) {
  ServerOptions options;
  options.listen = "127.0.0.1:" + std::to_string(server_->port());
  const auto second = Server::Start("scoring", options, {});
  EXPECT_EQ(ReasonOf(second.status()), "PORT_BUSY");
  EXPECT_NE(std::string(second.status().message()).find(options.listen), std::string::npos);
}

// Whether the server tells which services it has.
bool Reflects(int port) {
  grpc::GenericStub stub(
      grpc::CreateChannel("127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(DeadlineAfter(Seconds(20)));
  grpc::Slice list_services(std::string("\x3a\x00", 2));
  grpc::ByteBuffer request(&list_services, 1), response;
  std::promise<grpc::Status> ended;
  stub.UnaryCall(&context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", {},
                 &request, &response, [&](grpc::Status status) { ended.set_value(status); });
  return ended.get_future().get().error_code() != grpc::StatusCode::UNIMPLEMENTED;
}

TEST_F(RpcTest, ReflectionOnlyWhenAskedFor) {
  EXPECT_FALSE(Reflects(server_->port()));
  ServerOptions options;
  options.reflection = true;
  const auto reflecting = Server::Start("scoring", options, {});
  ASSERT_TRUE(reflecting.ok()) << reflecting.status();
  EXPECT_TRUE(Reflects((*reflecting)->port()));
}

TEST(Tls, RefusesPlainTextOffLoopback) {
  EXPECT_EQ(ReasonOf(ServerCredentials({}, "0.0.0.0:1").status()), "TLS_UNUSABLE");
  EXPECT_EQ(ReasonOf(ServerCredentials({.cert = "/nowhere", .key = "/nowhere", .ca = "/nowhere"},
                                       "127.0.0.1:1")
                         .status()),
            "TLS_UNUSABLE");
}

TEST(Guard, ServicesAreNamed) {
  auth::Principal session{.subject = "session", .roles = {"service"}};
  EXPECT_TRUE(CheckRole(session, {"service"}, {"session"}).ok());
  EXPECT_FALSE(CheckRole(session, {"service"}, {"scoring"}).ok());
  EXPECT_TRUE(CheckRole(session, {"operator", "service"}, {}).ok());
}

}  // namespace
}  // namespace invigil::rpc
