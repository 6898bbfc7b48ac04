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
#include "invigil/scoring/v1/rescoring.grpc.pb.h"
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
    return {INVIGIL_SCORING, "--data", dir_.path(), "--item-bank",
            "127.0.0.1:" + std::to_string(bank_server_->port()), "--jwks", dir_.Path("jwks.json"),
            "--key", dir_.Path("key.pem"), "--port-file", dir_.Path("port"), "--log-file",
            dir_.Path("log"), "--instance", "one",
            // Many steps even of a small rescoring, so that a kill finds it in the middle.
            "--rescore-page", "5"};
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
    rescoring_ = v1::RescoringService::NewStub(channel);
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
  absl::StatusOr<v1::Score> Score(int right, const std::string& session = "session-1") {
    grpc::ClientContext context;
    Prepare(context, "service", "session");
    v1::ScoreSessionResponse response;
    const auto status = rpc::FromGrpc(
        stub_->ScoreSession(&context, testing::PracticeRequest(right, session), &response));
    if (!status.ok()) return status;
    return response.score();
  }
  absl::StatusOr<v1::Score> Get(const std::string& session = "session-1", uint32_t version = 0) {
    grpc::ClientContext context;
    Prepare(context, "operator", "olga");
    v1::GetScoreRequest request;
    request.set_session_id(session);
    request.set_score_version(version);
    v1::GetScoreResponse response;
    const auto status = rpc::FromGrpc(stub_->GetScore(&context, request, &response));
    if (!status.ok()) return status;
    return response.score();
  }

  // Asks RescoringService as an operator called `who`, or as the session service.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Ask(grpc::Status (v1::RescoringService::Stub::*method)(
                                   grpc::ClientContext*, const Request&, Response*),
                               const Request& request, const std::string& who = "olga") {
    grpc::ClientContext context;
    Prepare(context, who == "session" ? "service" : "operator", who);
    Response response;
    const auto status = rpc::FromGrpc((rescoring_.get()->*method)(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }
  v1::Rescoring Rescoring(const std::string& id) {
    v1::GetRescoringRequest request;
    request.set_rescoring_id(id);
    const auto answer = Ask(&v1::RescoringService::Stub::GetRescoring, request);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? answer->rescoring() : v1::Rescoring();
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
  std::unique_ptr<v1::RescoringService::Stub> rescoring_;
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

// Killed while it previews and while it writes, it goes on: each session has exactly one new
// version, the old one stands, and every version comes out again.
TEST_F(ProcessTest, ARescoringThatIsKilledGoesOnWhereItWas) {
  constexpr int kSessions = 200;
  const auto name = [](int i) { return "session-" + std::to_string(1000 + i); };
  Start();
  std::vector<std::string> before;
  for (int i = 0; i < kSessions; ++i) {
    const auto score = Score(20 + i % 25, name(i));
    ASSERT_TRUE(score.ok()) << score.status();
    before.push_back(score->SerializeAsString());
  }
  bank_server_->Drain();  // the keys are kept
  v1::CreateRescoringRequest create;
  create.set_request_id("r1");
  create.set_exam_id("CLF-C02");
  create.set_reason("item 54 has no right answer");
  auto* decision = create.add_decisions();
  decision->set_item_id("bank-53");
  decision->set_kind(v1::KEY_DECISION_KIND_DROP);
  decision->set_reason("two experts");
  const auto made = Ask(&v1::RescoringService::Stub::CreateRescoring, create);
  ASSERT_TRUE(made.ok()) << made.status();
  const std::string id = made->rescoring().rescoring_id();
  const auto kill_when = [&](auto middle, v1::RescoringState end) {
    ASSERT_TRUE(invigil::testing::WaitUntil([&] {
      const v1::Rescoring now = Rescoring(id);
      return middle(now) || now.state() == end;
    }));
    process_.Kill();
    Start();
    ASSERT_TRUE(invigil::testing::WaitUntil([&] { return Rescoring(id).state() == end; }));
  };
  kill_when([](const v1::Rescoring& now) { return now.counts().seen() > 10; },
            v1::RESCORING_STATE_PREVIEWED);
  const v1::Rescoring shown = Rescoring(id);
  EXPECT_EQ(shown.counts().seen(), kSessions);
  EXPECT_EQ(shown.counts().touched(), kSessions);
  EXPECT_EQ(shown.counts().changed() + shown.counts().protected_(), kSessions);
  v1::ApproveRescoringRequest approve;
  approve.set_rescoring_id(id);
  approve.set_preview_digest(shown.preview_digest());
  approve.set_reason("looked at it");
  const auto self = Ask(&v1::RescoringService::Stub::ApproveRescoring, approve);
  EXPECT_EQ(ReasonOf(self.status()), "APPROVER_IS_AUTHOR");
  const auto approved = Ask(&v1::RescoringService::Stub::ApproveRescoring, approve, "bea");
  ASSERT_TRUE(approved.ok()) << approved.status();
  kill_when([](const v1::Rescoring& now) { return now.counts().written() > 10; },
            v1::RESCORING_STATE_DONE);
  EXPECT_EQ(Rescoring(id).counts().written(), shown.counts().changed());
  EXPECT_TRUE(Rescoring(id).acts_intact());
  EXPECT_EQ(Rescoring(id).acts_size(), 4);
  uint64_t written = 0;
  for (int i = 0; i < kSessions; ++i) {
    EXPECT_EQ(Get(name(i), 1)->SerializeAsString(), before[static_cast<size_t>(i)]);
    const auto second = Get(name(i), 2);
    if (second.ok()) {
      ++written;
      EXPECT_EQ(second->raw_max(), 49u);
    }
    EXPECT_EQ(ReasonOf(Get(name(i), 3).status()), "SCORE_NOT_FOUND");
    v1::ReplayScoreRequest replay;
    replay.set_session_id(name(i));
    const auto replayed = Ask(&v1::RescoringService::Stub::ReplayScore, replay);
    ASSERT_TRUE(replayed.ok()) << replayed.status();
    ASSERT_EQ(replayed->scores_size(), second.ok() ? 2 : 1);
    for (const auto& score : replayed->scores()) EXPECT_TRUE(score.identical()) << score.fault();
  }
  EXPECT_EQ(written, shown.counts().changed());
  v1::ListAmendmentsRequest list;
  list.set_page_size(500);
  const auto amendments = Ask(&v1::RescoringService::Stub::ListAmendments, list, "session");
  ASSERT_TRUE(amendments.ok()) << amendments.status();
  EXPECT_EQ(static_cast<uint64_t>(amendments->amendments_size()), written);
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
