// The service as its callers meet it: real gRPC on loopback, real tokens, a real store; only the
// item bank is a small one made here.
#include "services/scoring/rpc/scoring_service.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "common/auth/token.h"
#include "common/client/channel.h"
#include "common/error/error.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "common/testing/temp_dir.h"
#include "invigil/scoring/v1/scoring.grpc.pb.h"
#include "services/scoring/rpc/item_bank_keys.h"
#include "services/scoring/rpc/small_bank.h"
#include "services/scoring/store/sql_score_store.h"

namespace invigil::scoring {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;
using testing::PracticeRequest;
using testing::SmallBank;

class ScoringServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(auth::GenerateKey(dir_.Path("key.pem"), dir_.Path("jwks.json"), "k",
                                  {"operator", "candidate", "service"})
                    .ok());
    verifier_ = auth::TokenVerifier::Create({.jwks_path = dir_.Path("jwks.json")}, clock_).value();
    minter_ = auth::TokenMinter::FromFile(dir_.Path("key.pem"), clock_).value();
    identity_ = std::make_unique<auth::ServiceIdentity>(minter_, "scoring", clock_);
    guard_ = rpc::Guard::Create(*verifier_, {"invigil.scoring.v1.ScoringService",
                                             "invigil.itembank.v1.KeyService"})
                 .value();
    bank_ = std::make_unique<SmallBank>(*guard_);
    StartBank("127.0.0.1:0");
    store_ = OpenSqlScoreStore({.location = dir_.Path("scoring.db")}).value();
    keys_ = MakeItemBankKeys(ChannelTo(bank_server_->port()), *identity_);
    ring_ = std::make_unique<KeyRing>(*keys_, *store_);
    scorer_ = std::make_unique<Scorer>(*keys_, *ring_, *store_, executor_, clock_);
    service_ = MakeScoringService(*guard_, *scorer_, executor_);
    server_ = rpc::Server::Start("scoring", {}, {service_.get()}).value();
    stub_ = v1::ScoringService::NewStub(ChannelTo(server_->port()));
  }
  void TearDown() override {
    server_.reset();
    bank_server_.reset();
  }
  void StartBank(const std::string& listen) {
    rpc::ServerOptions options;
    options.listen = listen;
    bank_server_ = rpc::Server::Start("item_bank", options, {bank_.get()}).value();
  }
  static std::shared_ptr<grpc::Channel> ChannelTo(int port) {
    auto channel = client::Connect({"127.0.0.1:" + std::to_string(port)}).value();
    EXPECT_TRUE(client::WaitUntilReady(*channel));
    return channel;
  }
  std::string Token(const std::string& role, const std::string& subject) {
    return minter_->Mint({.subject = subject, .roles = {role}});
  }
  template <typename Response, typename Request, typename Method>
  absl::StatusOr<Response> Call(Method method, const Request& request, const std::string& token) {
    grpc::ClientContext context;
    client::Prepare(context, Seconds(5), token, telemetry::TraceContext::New());
    Response response;
    const absl::Status status = rpc::FromGrpc((stub_.get()->*method)(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }
  absl::StatusOr<v1::ScoreSessionResponse> Score(const v1::ScoreSessionRequest& request,
                                                 const std::string& token) {
    return Call<v1::ScoreSessionResponse>(&v1::ScoringService::Stub::ScoreSession, request, token);
  }
  absl::StatusOr<v1::ScoreSessionResponse> Score(const v1::ScoreSessionRequest& request) {
    return Score(request, Token("service", "session"));
  }

  invigil::testing::TempDir dir_;
  SystemClock clock_;
  std::unique_ptr<auth::TokenVerifier> verifier_;
  std::shared_ptr<auth::TokenMinter> minter_;
  std::unique_ptr<auth::ServiceIdentity> identity_;
  std::unique_ptr<rpc::Guard> guard_;
  std::unique_ptr<SmallBank> bank_;
  std::unique_ptr<rpc::Server> bank_server_;
  std::unique_ptr<ScoringStore> store_;
  std::unique_ptr<KeySource> keys_;
  std::unique_ptr<KeyRing> ring_;
  rpc::Executor executor_{"scoring-test", 2, 100};
  std::unique_ptr<Scorer> scorer_;
  std::shared_ptr<grpc::Service> service_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<v1::ScoringService::Stub> stub_;
};

TEST_F(ScoringServiceTest, ScoresReadsAndExplains) {
  const auto scored = Score(PracticeRequest(32));
  ASSERT_TRUE(scored.ok()) << scored.status();
  const v1::Score& score = scored->score();
  EXPECT_EQ(score.session_id(), "session-1");
  EXPECT_EQ(score.score_version(), 1u);
  EXPECT_EQ(score.raw_score(), 32u);
  EXPECT_EQ(score.raw_max(), 50u);
  EXPECT_EQ(score.scaled_score(), 649);  // 100 + 32 * 600 / 35 = 648.57
  EXPECT_FALSE(score.passed());
  EXPECT_EQ(score.cut_score(), 700);
  EXPECT_EQ(score.conversion_hash().size(), 64u);
  EXPECT_GT(score.standard_error(), 30);
  EXPECT_LT(score.standard_error(), 90);
  EXPECT_EQ(score.domains_size(), 2);
  EXPECT_EQ(score.domains(0).raw_score() + score.domains(1).raw_score(), 32u);
  EXPECT_NE(score.domains(0).band(), v1::DOMAIN_BAND_UNSPECIFIED);
  EXPECT_EQ(score.disclaimer(), "A practice estimate.");
  EXPECT_THAT(score.basis(), HasSubstr("not calibrated on responses"));
  EXPECT_GT(score.score_time().seconds(), 1'700'000'000);

  v1::GetScoreRequest get;
  get.set_session_id("session-1");
  const auto read = Call<v1::GetScoreResponse>(&v1::ScoringService::Stub::GetScore, get,
                                               Token("operator", "olga"));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->score().SerializeAsString(), score.SerializeAsString());

  v1::ExplainScoreRequest explain;
  explain.set_session_id("session-1");
  const auto explained = Call<v1::ExplainScoreResponse>(&v1::ScoringService::Stub::ExplainScore,
                                                        explain, Token("operator", "olga"));
  ASSERT_TRUE(explained.ok()) << explained.status();
  EXPECT_EQ(explained->conversion_size(), 51);
  EXPECT_FALSE(explained->conversion(0).has_theta());
  EXPECT_TRUE(explained->conversion(32).has_theta());
  EXPECT_EQ(explained->cut_raw(), 35u);
  EXPECT_EQ(explained->questions_from_cut(), -3);
  EXPECT_NEAR(explained->points_per_question_up(), 17.142857, 1e-6);
  EXPECT_THAT(explained->text(), HasSubstr("3 questions below"));
}

TEST_F(ScoringServiceTest, ARepeatGivesTheSameBytesAndOtherResponsesAConflict) {
  const auto first = Score(PracticeRequest(40)), second = Score(PracticeRequest(40));
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->SerializeAsString(), second->SerializeAsString());
  const auto other = Score(PracticeRequest(41));
  EXPECT_EQ(other.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ReasonOf(other.status()), "SCORE_CONFLICT");
}

TEST_F(ScoringServiceTest, OnlyTheSessionServiceMayAsk) {
  EXPECT_EQ(ReasonOf(Score(PracticeRequest(1), "").status()), "TOKEN_MISSING");
  for (const auto& [role, subject] : std::vector<std::pair<std::string, std::string>>{
           {"candidate", "ann"}, {"operator", "olga"}, {"service", "gateway"}}) {
    EXPECT_EQ(Score(PracticeRequest(1), Token(role, subject)).status().code(),
              absl::StatusCode::kPermissionDenied)
        << role;
  }
  v1::ExplainScoreRequest explain;
  explain.set_session_id("session-1");
  for (const auto& [role, subject] : std::vector<std::pair<std::string, std::string>>{
           {"candidate", "ann"}, {"service", "session"}}) {
    EXPECT_EQ(Call<v1::ExplainScoreResponse>(&v1::ScoringService::Stub::ExplainScore, explain,
                                             Token(role, subject))
                  .status()
                  .code(),
              absl::StatusCode::kPermissionDenied)
        << role;
  }
}

TEST_F(ScoringServiceTest, BadRequestsNameTheirFields) {
  const auto empty = Score({});
  EXPECT_EQ(empty.status().code(), absl::StatusCode::kInvalidArgument);
  const ErrorView view = ViewError(empty.status());
  EXPECT_EQ(view.reason, "RESPONSE_INVALID");
  for (const char* field : {"session_id", "form_id", "attempt_version"}) {
    EXPECT_THAT(view.fields, Contains(Pair(field, ::testing::_)));
  }
  v1::ScoreSessionRequest foreign = PracticeRequest(3);
  foreign.mutable_responses(7)->set_item_id("nowhere");
  EXPECT_EQ(ReasonOf(Score(foreign).status()), "RESPONSE_INVALID");
  v1::ScoreSessionRequest form = PracticeRequest(3);
  form.set_form_id("nowhere");
  EXPECT_EQ(ReasonOf(Score(form).status()), "FORM_NOT_FOUND");
  v1::GetScoreRequest get;
  get.set_session_id("nobody");
  const auto read = Call<v1::GetScoreResponse>(&v1::ScoringService::Stub::GetScore, get,
                                               Token("operator", "olga"));
  EXPECT_EQ(ReasonOf(read.status()), "SCORE_NOT_FOUND");
}

TEST_F(ScoringServiceTest, TheItemBankAwayIsSaidAndOutlived) {
  const int port = bank_server_->port();
  bank_server_->Drain();
  bank_server_.reset();
  const auto away = Score(PracticeRequest(36));
  EXPECT_EQ(away.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(away.status()), "ITEM_BANK_UNAVAILABLE");
  EXPECT_TRUE(ViewError(away.status()).retry_after.has_value());
  StartBank("127.0.0.1:" + std::to_string(port));
  absl::StatusOr<v1::ScoreSessionResponse> back = absl::UnknownError("");
  const Duration begin = clock_.Monotonic();
  while (!(back = Score(PracticeRequest(36))).ok() && clock_.Monotonic() - begin < Seconds(20)) {
  }
  EXPECT_TRUE(back.ok()) << back.status();
}

}  // namespace
}  // namespace invigil::scoring
