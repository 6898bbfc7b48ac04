// AuditService over the wire, with a journal that has no end.
#include "services/session/rpc/audit_service.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/hash.h"
#include "common/base/ids.h"
#include "invigil/session/v1/audit.grpc.pb.h"
#include "services/session/rpc/service_fixture_for_test.h"
#include "services/session/store/open.h"

namespace invigil::session {
namespace {

using testing::WaitUntil;

// Right rows for ever, or none at all.
class EndlessJournal final : public EventLogReader {
 public:
  std::atomic<int> pages{0};
  std::atomic<bool> empty{false};

  absl::StatusOr<JournalHead> ReadJournalHead() override {
    if (empty) return JournalHead();
    return JournalHead{1ull << 60, std::string(64, 'f')};
  }
  absl::StatusOr<std::vector<JournalRow>> ListJournal(uint64_t after, size_t limit) override {
    if (after == 0) last_ = {};
    std::vector<JournalRow> rows;
    for (; rows.size() < limit; last_ = {rows.back().n, rows.back().hash}) {
      JournalRow& row = rows.emplace_back();
      row = {.n = last_.n + 1,
             .session = *SessionId::FromHex(NewId(fixtures::kStart)),
             .seq = 1,
             .at = fixtures::kStart,
             .kind = "paused",
             .body_hash = Sha256Hex("body"),
             .responses_hash = "",
             .hash = ""};
      row.hash = ChainHash(last_.hash, row);
    }
    ++pages;
    return rows;
  }
  absl::Status ReadEvents(const SessionId&, RawVisitor visit) override {
    return visit(1, fixtures::kStart, "body");
  }
  absl::StatusOr<std::vector<Scheduled>> ListScheduled(std::optional<Scheduled>, Time,
                                                       size_t) override {
    return std::vector<Scheduled>();
  }
  absl::StatusOr<std::vector<OutboxEntry>> ListOutbox(std::optional<OutboxEntry>, size_t) override {
    return std::vector<OutboxEntry>();
  }
  absl::StatusOr<std::vector<SessionRow>> ListLive(std::string_view, std::string_view,
                                                   size_t) override {
    return std::vector<SessionRow>();
  }
  absl::StatusOr<std::vector<SessionRow>> ListNewest(std::optional<SessionId>, size_t) override {
    return std::vector<SessionRow>();
  }
  absl::StatusOr<std::vector<SessionRow>> ListOfCandidate(std::string_view, size_t) override {
    return std::vector<SessionRow>();
  }

 private:
  JournalHead last_;  // read by one thread
};

class AuditServiceTest : public fixtures::ServiceTest {
 protected:
  void SetUp() override {
    Serve({});
    auto guard = rpc::Guard::Create(*verifier_, {"invigil.session.v1.AuditService"});
    ASSERT_TRUE(guard.ok()) << guard.status();
    audit_guard_ = *std::move(guard);
    auto timelines = OpenEventLogReader(dir_.Path("session.db"));
    ASSERT_TRUE(timelines.ok()) << timelines.status();
    auto journal = std::make_unique<EndlessJournal>();
    journal_ = journal.get();
    audit_ = MakeAuditService(*audit_guard_, std::move(journal), *std::move(timelines));
    rpc::ServerOptions options;
    options.drain_timeout = Millis(100);
    auto server = rpc::Server::Start("audit", options, {audit_.get()});
    ASSERT_TRUE(server.ok()) << server.status();
    audit_server_ = *std::move(server);
    auto channel = client::Connect({"127.0.0.1:" + std::to_string(audit_server_->port())});
    ASSERT_TRUE(channel.ok()) << channel.status();
    ASSERT_TRUE(client::WaitUntilReady(**channel));
    audit_stub_ = v1::AuditService::NewStub(*channel);
  }
  void TearDown() override {
    if (audit_server_) audit_server_->Drain();
    audit_server_.reset();
    audit_.reset();
    Stop();
  }

  absl::Status Verify(grpc::ClientContext& context) {
    client::Prepare(context, Seconds(60), Token("olga", "", "operator"),
                    telemetry::TraceContext::New());
    v1::VerifyJournalResponse response;
    return rpc::FromGrpc(audit_stub_->VerifyJournal(&context, {}, &response));
  }
  std::future<absl::Status> VerifyMeanwhile(grpc::ClientContext& context) {
    const int before = journal_->pages;
    auto verdict = std::async(std::launch::async, [&] { return Verify(context); });
    EXPECT_TRUE(WaitUntil([&] { return journal_->pages > before; }));
    return verdict;
  }

  EndlessJournal* journal_ = nullptr;  // the service's
  std::unique_ptr<rpc::Guard> audit_guard_;
  std::shared_ptr<grpc::Service> audit_;
  std::unique_ptr<rpc::Server> audit_server_;
  std::unique_ptr<v1::AuditService::Stub> audit_stub_;
};

TEST_F(AuditServiceTest, ATimelineWaitsForNoCheckAndACheckEndsWithItsCaller) {
  const std::string session = Started("ann");
  grpc::ClientContext check;
  auto verdict = VerifyMeanwhile(check);

  grpc::ClientContext context;
  client::Prepare(context, Seconds(20), Token("olga", "", "operator"),
                  telemetry::TraceContext::New());
  v1::GetTimelineRequest request;
  request.set_session_id(session);
  v1::GetTimelineResponse timeline;
  const absl::Status told = rpc::FromGrpc(audit_stub_->GetTimeline(&context, request, &timeline));
  EXPECT_TRUE(told.ok()) << told;
  EXPECT_EQ(timeline.entries_size(), 3);

  check.TryCancel();
  EXPECT_EQ(verdict.get().code(), absl::StatusCode::kCancelled);
  // Its thread is free again.
  journal_->empty = true;
  grpc::ClientContext next;
  const absl::Status again = Verify(next);
  EXPECT_TRUE(again.ok()) << again;
}

TEST_F(AuditServiceTest, ACheckDoesNotHoldUpTheEnd) {
  grpc::ClientContext running, waiting;
  auto verdict = VerifyMeanwhile(running);
  auto second = std::async(std::launch::async, [&] { return Verify(waiting); });
  const Duration begun = local_.Monotonic();
  audit_server_->Drain();
  EXPECT_LT(local_.Monotonic() - begun, Seconds(30));
  EXPECT_FALSE(verdict.get().ok());
  EXPECT_FALSE(second.get().ok());
}

}  // namespace
}  // namespace invigil::session
