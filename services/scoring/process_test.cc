// The program itself: serves, survives kill -9 with every acknowledged score, drains on SIGTERM,
// and refuses bad settings in a sentence.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "common/auth/token.h"
#include "common/client/channel.h"
#include "common/error/error.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "common/testing/process.h"
#include "common/testing/temp_dir.h"
#include "common/testing/wait_until.h"
#include "invigil/scoring/v1/scoring.grpc.pb.h"
#include "services/scoring/rpc/small_bank.h"

namespace invigil::scoring {
namespace {

using ::testing::HasSubstr;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class ProcessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(auth::GenerateKey(dir_.Path("key.pem"), dir_.Path("jwks.json"), "k",
                                  {"operator", "service"})
                    .ok());
    verifier_ = auth::TokenVerifier::Create({.jwks_path = dir_.Path("jwks.json")}, clock_).value();
    minter_ = auth::TokenMinter::FromFile(dir_.Path("key.pem"), clock_).value();
    guard_ = rpc::Guard::Create(*verifier_, {"invigil.itembank.v1.KeyService"}).value();
    bank_ = std::make_unique<testing::SmallBank>(*guard_);
    bank_server_ = rpc::Server::Start("item_bank", {}, {bank_.get()}).value();
  }

  std::vector<std::string> Arguments() const {
    return {INVIGIL_SCORING,
            "--data",
            dir_.path(),
            "--item-bank",
            "127.0.0.1:" + std::to_string(bank_server_->port()),
            "--jwks",
            dir_.Path("jwks.json"),
            "--key",
            dir_.Path("key.pem"),
            "--port-file",
            dir_.Path("port"),
            "--log-file",
            dir_.Path("log")};
  }
  void Start() {
    std::remove(dir_.Path("port").c_str());
    process_ = invigil::testing::Process({.argv = Arguments(), .output_path = dir_.Path("out")});
    std::string ports;
    ASSERT_TRUE(invigil::testing::WaitUntil([&] {
      ports = ReadFile(dir_.Path("port"));
      return ports.find("admin_port=") != std::string::npos && ports.back() == '\n';
    })) << ReadFile(dir_.Path("out"));
    const std::string port = ports.substr(5, ports.find('\n') - 5);
    const auto channel = client::Connect({"127.0.0.1:" + port}).value();
    ASSERT_TRUE(client::WaitUntilReady(*channel));
    stub_ = v1::ScoringService::NewStub(channel);
  }
  // What it says when it refuses to start; its exit code must be `code`.
  std::string Refusal(const std::vector<std::string>& argv, int code) {
    const std::string output = dir_.Path("refusal");
    std::remove(output.c_str());
    invigil::testing::Process process({.argv = argv, .output_path = output});
    EXPECT_EQ(process.Wait(), code);
    return ReadFile(output);
  }
  void Prepare(grpc::ClientContext& context, const std::string& role, const std::string& subject) {
    client::Prepare(context, Seconds(5), minter_->Mint({.subject = subject, .roles = {role}}),
                    telemetry::TraceContext::New());
  }
  absl::StatusOr<v1::Score> Score(int right) {
    grpc::ClientContext context;
    Prepare(context, "service", "session");
    v1::ScoreSessionResponse response;
    const auto status =
        rpc::FromGrpc(stub_->ScoreSession(&context, testing::PracticeRequest(right), &response));
    if (!status.ok()) return status;
    return response.score();
  }
  absl::StatusOr<v1::Score> Get() {
    grpc::ClientContext context;
    Prepare(context, "operator", "olga");
    v1::GetScoreRequest request;
    request.set_session_id("session-1");
    v1::GetScoreResponse response;
    const auto status = rpc::FromGrpc(stub_->GetScore(&context, request, &response));
    if (!status.ok()) return status;
    return response.score();
  }

  invigil::testing::TempDir dir_;
  SystemClock clock_;
  std::unique_ptr<auth::TokenVerifier> verifier_;
  std::unique_ptr<auth::TokenMinter> minter_;
  std::unique_ptr<rpc::Guard> guard_;
  std::unique_ptr<testing::SmallBank> bank_;
  std::unique_ptr<rpc::Server> bank_server_;
  invigil::testing::Process process_;
  std::unique_ptr<v1::ScoringService::Stub> stub_;
};

TEST_F(ProcessTest, AnAcknowledgedScoreOutlivesAKill) {
  Start();
  const auto score = Score(36);
  ASSERT_TRUE(score.ok()) << score.status();
  process_.Kill();
  bank_server_->Drain();  // reading and repeating need no item bank
  Start();
  const auto read = Get(), again = Score(36);
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(read->SerializeAsString(), score->SerializeAsString());
  EXPECT_EQ(again->SerializeAsString(), score->SerializeAsString());
}

TEST_F(ProcessTest, DrainsOnTerm) {
  Start();
  ASSERT_TRUE(Score(20).ok());
  process_.Signal(SIGTERM);
  EXPECT_EQ(process_.Wait(), 0) << ReadFile(dir_.Path("out"));
}

TEST_F(ProcessTest, BadSettingsAreRefusedInASentence) {
  EXPECT_THAT(Refusal({INVIGIL_SCORING}, 2), HasSubstr("--item-bank"));
  auto folder = Arguments();
  folder[2] = "/nonexistent";
  EXPECT_THAT(Refusal(folder, 1), HasSubstr("/nonexistent/scoring.db"));
  auto keys = Arguments();
  keys[6] = dir_.Path("none.json");
  EXPECT_THAT(Refusal(keys, 1), HasSubstr("none.json"));
  auto bank = Arguments();
  bank[4] = "not an address";
  EXPECT_THAT(Refusal(bank, 1), HasSubstr("not an address"));
  auto level = Arguments();
  level.insert(level.end(), {"--log-level", "loud"});
  EXPECT_THAT(Refusal(level, 1), HasSubstr("loud"));
  auto listen = Arguments();
  listen.insert(listen.end(), {"--listen", "127.0.0.1:" + std::to_string(bank_server_->port())});
  EXPECT_THAT(Refusal(listen, 1), HasSubstr(std::to_string(bank_server_->port())));
}

}  // namespace
}  // namespace invigil::scoring
