// EventService over a real connection, beside the DeliveryService of the candidates.
#include <gmock/gmock.h>

#include <thread>

#include "common/log/log.h"
#include "common/sql/database.h"
#include "invigil/session/v1/events.grpc.pb.h"
#include "services/session/rpc/event_service.h"
#include "services/session/rpc/service_fixture_for_test.h"

namespace invigil::session {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using EventStub = v1::EventService::Stub;

class EventServiceTest : public fixtures::ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    ASSERT_TRUE(auth::GenerateKey(dir_.Path("team.pem"), dir_.Path("team.json"), "team",
                                  {"service", "operator", "candidate"})
                    .ok());
    team_verifier_ = *auth::TokenVerifier::Create({.jwks_path = dir_.Path("team.json")}, clock_);
    team_minter_ = *auth::TokenMinter::FromFile(dir_.Path("team.pem"), clock_);
    team_guard_ = *rpc::Guard::Create(*team_verifier_, {"invigil.session.v1.EventService"});
    event_service_ = MakeEventService({.guard = *team_guard_,
                                       .ticker = *ticker_,
                                       .clock = local_,
                                       .on_change = [this] { ++changes_; },
                                       .look_every = Millis(10),
                                       .heartbeat = Millis(200),
                                       .max_streams = 2},
                                      *NoticeReader::Open(dir_.Path("session.db")),
                                      *WebhookStore::Open(dir_.Path("events.db")));
    auto server = rpc::Server::Start("session", {}, {event_service_.get()});
    ASSERT_TRUE(server.ok()) << server.status();
    event_server_ = *std::move(server);
    auto channel = client::Connect({"127.0.0.1:" + std::to_string(event_server_->port())});
    ASSERT_TRUE(channel.ok() && client::WaitUntilReady(**channel));
    events_ = v1::EventService::NewStub(*channel);
  }
  void TearDown() override {
    if (event_server_) event_server_->Drain();
    event_server_.reset();
    event_service_.reset();
    ServiceTest::TearDown();
  }

  std::string TeamToken(const std::string& role = "operator") {
    return team_minter_->Mint(
        {.subject = "lms", .roles = {role}, .lifetime = std::chrono::hours(100)});
  }
  template <typename Response, typename Method, typename Request>
  absl::StatusOr<Response> Do(Method method, const Request& request,
                              const std::string& role = "operator") {
    grpc::ClientContext context;
    client::Prepare(context, Seconds(20), TeamToken(role), telemetry::TraceContext::New());
    Response response;
    absl::Status status = rpc::FromGrpc((events_.get()->*method)(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }
  absl::StatusOr<v1::ListEventsResponse> List(const v1::ListEventsRequest& request = {}) {
    return Do<v1::ListEventsResponse>(&EventStub::ListEvents, request);
  }
  static std::vector<int> Kinds(const v1::ListEventsResponse& page) {
    std::vector<int> kinds;
    for (const v1::SessionEvent& event : page.events()) kinds.push_back(event.kind());
    return kinds;
  }
  absl::StatusOr<v1::CreateWebhookResponse> Create(const std::string& request_id = "r1",
                                                   const std::string& url = "https://a.example/x") {
    v1::CreateWebhookRequest request;
    request.set_request_id(request_id);
    request.set_url(url);
    return Do<v1::CreateWebhookResponse>(&EventStub::CreateWebhook, request);
  }
  // A session that was started, submitted, scored and released.
  std::string Released(const std::string& candidate) {
    const std::string session = Started(candidate);
    EXPECT_TRUE(Save(session, Token(candidate), 0, 1, "A").ok());
    EXPECT_TRUE(Submit(session, Token(candidate), {{0, 1}}).ok());
    return session;
  }

  std::unique_ptr<auth::TokenVerifier> team_verifier_;
  std::unique_ptr<auth::TokenMinter> team_minter_;
  std::unique_ptr<rpc::Guard> team_guard_;
  std::shared_ptr<grpc::Service> event_service_;
  std::unique_ptr<rpc::Server> event_server_;
  std::unique_ptr<EventStub> events_;
  std::atomic<int> changes_{0};
};

TEST_F(EventServiceTest, PagesTellALife) {
  const std::string session = Released("ann");
  const auto page = List();
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_THAT(Kinds(*page),
              ElementsAre(v1::SESSION_EVENT_KIND_STARTED, v1::SESSION_EVENT_KIND_SUBMITTED,
                          v1::SESSION_EVENT_KIND_SCORED, v1::SESSION_EVENT_KIND_RELEASED));
  EXPECT_FALSE(page->more());
  uint64_t last = 0;
  for (const v1::SessionEvent& event : page->events()) {
    EXPECT_EQ(event.session_id(), session);
    EXPECT_EQ(ParseEventId(event.event_id()),
              (NoticeKey{*SessionId::FromHex(session), event.sequence()}));
    EXPECT_EQ(event.candidate_id(), "ann");
    EXPECT_EQ(event.exam_id(), "CLF-C02");
    EXPECT_EQ(event.session_kind(), v1::SESSION_KIND_EXAM);
    EXPECT_EQ(event.epoch(), 1u);
    EXPECT_GT(event.cursor(), last);
    last = event.cursor();
    EXPECT_EQ(event.has_result(), event.kind() == v1::SESSION_EVENT_KIND_SCORED);
  }
  // The fixture's report decides and shows no number.
  EXPECT_TRUE(page->events(2).result().passed());
  EXPECT_FALSE(page->events(2).result().has_scaled_score());
  EXPECT_EQ(page->cursor(), last);
  v1::ListEventsRequest request;
  request.set_cursor(page->events(1).cursor());
  request.add_kinds(v1::SESSION_EVENT_KIND_RELEASED);
  EXPECT_THAT(Kinds(*List(request)), ElementsAre(v1::SESSION_EVENT_KIND_RELEASED));
  request.set_exam_id("SAA-C03");
  EXPECT_THAT(Kinds(*List(request)), IsEmpty());
  EXPECT_EQ(List(request)->cursor(), last);
}

TEST_F(EventServiceTest, PagesAreCutAndGoOn) {
  for (const char* candidate : {"a", "b", "c"}) Started(candidate);
  v1::ListEventsRequest request;
  request.set_page_size(2);
  const auto first = List(request);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->events_size(), 2);
  EXPECT_TRUE(first->more());
  request.set_cursor(first->cursor());
  const auto rest = List(request);
  EXPECT_EQ(rest->events_size(), 1);
  EXPECT_EQ(rest->events(0).candidate_id(), "c");
  EXPECT_FALSE(rest->more());
}

TEST_F(EventServiceTest, WrongQuestionsAreRefusedByTheField) {
  v1::ListEventsRequest request;
  request.set_page_size(-1);
  EXPECT_EQ(ReasonOf(List(request).status()), "EVENTS_INVALID");
  request.set_page_size(0);
  request.add_kinds(static_cast<v1::SessionEventKind>(77));
  EXPECT_EQ(ViewError(List(request).status()).fields[0].first, "kinds");
  request.clear_kinds();
  request.set_cursor(1'000'000);
  const absl::Status ahead = List(request).status();
  EXPECT_EQ(ahead.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(ReasonOf(ahead), "CURSOR_AHEAD");
  request.set_cursor(UINT64_MAX);
  EXPECT_EQ(ReasonOf(List(request).status()), "EVENTS_INVALID");
  EXPECT_EQ(ReasonOf(Do<v1::ListEventsResponse>(&EventStub::ListEvents, v1::ListEventsRequest(),
                                                "candidate")
                         .status()),
            "ROLE_MISSING");
}

// One stream of events, read by the test.
class Reader {
 public:
  Reader(EventStub& stub, const std::string& token, const v1::StreamEventsRequest& request) {
    client::Prepare(context_, Seconds(60), token, telemetry::TraceContext::New());
    reader_ = stub.StreamEvents(&context_, request);
  }
  ~Reader() {
    context_.TryCancel();
    if (!ended_) (void)End();
  }
  // The next message; none when the stream ended.
  std::optional<v1::StreamEventsResponse> Next() {
    v1::StreamEventsResponse message;
    if (!reader_->Read(&message)) return std::nullopt;
    return message;
  }
  // The next event, past heartbeats; the cursor never goes back.
  std::optional<v1::SessionEvent> NextEvent() {
    while (waiting_.empty()) {
      auto message = Next();
      if (!message) return std::nullopt;
      EXPECT_GE(message->cursor(), cursor_);
      cursor_ = message->cursor();
      for (const auto& event : message->events()) waiting_.push_back(event);
    }
    auto event = waiting_.front();
    waiting_.erase(waiting_.begin());
    return event;
  }
  absl::Status End() {
    v1::StreamEventsResponse rest;
    while (reader_->Read(&rest)) {
    }
    ended_ = true;
    return rpc::FromGrpc(reader_->Finish());
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::StreamEventsResponse>> reader_;
  std::vector<v1::SessionEvent> waiting_;
  uint64_t cursor_ = 0;
  bool ended_ = false;
};

TEST_F(EventServiceTest, AStreamTellsWhatWasAndThenWhatHappens) {
  const std::string before = Started("ann");
  Reader reader(*events_, TeamToken("service"), {});
  auto event = reader.NextEvent();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->session_id(), before);
  const std::string after = Started("bob");
  event = reader.NextEvent();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->session_id(), after);
  clock_.Advance(std::chrono::hours(3));
  EXPECT_EQ(Get(after, Token("bob"))->state(), v1::SESSION_STATE_EXPIRED);
  event = reader.NextEvent();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind(), v1::SESSION_EVENT_KIND_EXPIRED);
}

TEST_F(EventServiceTest, HeartbeatsMoveTheCursorOfWhoeverWaitsInVain) {
  v1::StreamEventsRequest request;
  request.set_exam_id("SAA-C03");
  request.set_from_now(true);
  Reader reader(*events_, TeamToken(), request);
  const auto first = reader.Next();
  ASSERT_TRUE(first);
  Started("ann");
  const uint64_t head = List()->cursor();
  EXPECT_GT(head, first->cursor());
  for (;;) {
    const auto beat = reader.Next();
    ASSERT_TRUE(beat);
    EXPECT_THAT(beat->events(), IsEmpty());
    if (beat->cursor() == head) break;
  }
  v1::StreamEventsRequest both;
  both.set_from_now(true);
  both.set_cursor(3);
  EXPECT_EQ(ReasonOf(Reader(*events_, TeamToken(), both).End()), "EVENTS_INVALID");
}

TEST_F(EventServiceTest, StreamsAreCountedAndGoBack) {
  {
    Reader one(*events_, TeamToken(), {}), two(*events_, TeamToken(), {});
    ASSERT_TRUE(one.Next() && two.Next());
    const absl::Status refused = Reader(*events_, TeamToken(), {}).End();
    EXPECT_EQ(ReasonOf(refused), "TOO_MANY_STREAMS");
    EXPECT_TRUE(ViewError(refused).retry_after);
  }
  EXPECT_TRUE(testing::WaitUntil([&] {
    Reader again(*events_, TeamToken(), {});
    return again.Next().has_value();
  }));
}

TEST_F(EventServiceTest, ACursorThatIsTooOldEndsWithTheOldestThereIs) {
  Started("ann");
  auto keeper = *NoticeKeeper::Open(dir_.Path("session.db"));
  ASSERT_EQ(*keeper->Prune(clock_.Now() + Seconds(1), 10), 1u);
  v1::StreamEventsRequest request;
  request.set_cursor(1);
  const absl::Status status = Reader(*events_, TeamToken(), request).End();
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(ReasonOf(status), "CURSOR_PRUNED");
  request.set_cursor(std::stoull(ViewError(status).metadata[0].second));
  EXPECT_TRUE(Reader(*events_, TeamToken(), request).Next());
}

TEST_F(EventServiceTest, AWebhookFromItsBeginningToItsEnd) {
  Started("ann");
  const auto created = Create();
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(created->secret().size(), 64u);
  EXPECT_EQ(created->webhook().state(), v1::WEBHOOK_STATE_ACTIVE);
  EXPECT_EQ(created->webhook().cursor(), List()->cursor());  // from now on
  EXPECT_EQ(changes_, 1);
  const auto again = Create();
  EXPECT_EQ(again->secret(), created->secret());
  EXPECT_EQ(again->webhook().webhook_id(), created->webhook().webhook_id());
  EXPECT_EQ(changes_, 1);
  EXPECT_EQ(ReasonOf(Create("r1", "https://b.example/").status()), "REQUEST_ID_REUSED");

  v1::GetWebhookRequest get;
  get.set_webhook_id(created->webhook().webhook_id());
  const auto got = Do<v1::GetWebhookResponse>(&EventStub::GetWebhook, get);
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->webhook().url(), "https://a.example/x");
  EXPECT_THAT(got->ShortDebugString(), Not(HasSubstr(created->secret())));

  v1::RotateWebhookSecretRequest rotate;
  rotate.set_webhook_id(get.webhook_id());
  rotate.set_request_id("r2");
  const auto rotated = Do<v1::RotateWebhookSecretResponse>(&EventStub::RotateWebhookSecret, rotate);
  ASSERT_TRUE(rotated.ok()) << rotated.status();
  EXPECT_EQ(rotated->secret().size(), 64u);
  EXPECT_NE(rotated->secret(), created->secret());
  EXPECT_TRUE(rotated->webhook().has_old_secret_expire_time());
  rotate.set_request_id("r3");
  rotate.mutable_overlap()->set_seconds(8 * 24 * 3600);
  EXPECT_EQ(
      ReasonOf(
          Do<v1::RotateWebhookSecretResponse>(&EventStub::RotateWebhookSecret, rotate).status()),
      "WEBHOOK_INVALID");

  v1::DeleteWebhookRequest remove;
  remove.set_webhook_id(get.webhook_id());
  remove.set_request_id("r4");
  EXPECT_TRUE(Do<v1::DeleteWebhookResponse>(&EventStub::DeleteWebhook, remove).ok());
  EXPECT_TRUE(Do<v1::DeleteWebhookResponse>(&EventStub::DeleteWebhook, remove).ok());
  EXPECT_EQ(ReasonOf(Do<v1::GetWebhookResponse>(&EventStub::GetWebhook, get).status()),
            "WEBHOOK_NOT_FOUND");
  EXPECT_EQ(Do<v1::ListWebhooksResponse>(&EventStub::ListWebhooks, v1::ListWebhooksRequest())
                ->webhooks_size(),
            0);
}

TEST_F(EventServiceTest, WhereItMayNotGoIsRefused) {
  for (const char* url : {"http://a.example/", "https://127.0.0.1/", "https://10.0.0.1/x", "x"}) {
    const absl::Status status = Create("r", url).status();
    EXPECT_EQ(ReasonOf(status), "WEBHOOK_INVALID") << url;
    EXPECT_EQ(ViewError(status).fields[0].first, "url") << url;
  }
  EXPECT_EQ(ReasonOf(Create("").status()), "REQUEST_ID_INVALID");
}

TEST_F(EventServiceTest, DeadLettersAreListedAndReplayed) {
  Released("ann");
  const auto events = List();
  const std::string id = Create()->webhook().webhook_id();
  // As the deliverer leaves them.
  auto store = *WebhookStore::Open(dir_.Path("events.db"));
  const Time now = local_.Now();
  const auto held = *store->Claim("test", now, now + Seconds(30));
  ASSERT_EQ(held.size(), 1u);
  WebhookStore::Progress progress{.position = events->cursor()};
  for (const v1::SessionEvent& event : events->events()) {
    Undelivered row;
    row.n = event.cursor();
    row.key = *ParseEventId(event.event_id());
    row.written_at =
        FromUnixMicros(std::stoll(event.event_id().substr(event.event_id().rfind('-') + 1)));
    row.dead = true;
    row.tries = 8;
    row.error = "HTTP 500";
    progress.put.push_back(row);
  }
  ASSERT_TRUE(*store->Save("test", {id, held[0].version}, progress));

  v1::ListDeadLettersRequest list;
  list.set_webhook_id(id);
  list.set_page_size(3);
  auto page = Do<v1::ListDeadLettersResponse>(&EventStub::ListDeadLetters, list);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->dead_letters_size(), 3);
  EXPECT_EQ(page->dead_letters(0).error(), "HTTP 500");
  EXPECT_EQ(page->dead_letters(0).tries(), 8u);
  EXPECT_EQ(page->dead_letters(0).event().kind(), v1::SESSION_EVENT_KIND_STARTED);
  list.set_page_token(page->next_page_token());
  page = Do<v1::ListDeadLettersResponse>(&EventStub::ListDeadLetters, list);
  EXPECT_EQ(page->dead_letters_size(), 1);
  EXPECT_EQ(page->next_page_token(), "");
  list.set_page_token("x");
  EXPECT_EQ(ReasonOf(Do<v1::ListDeadLettersResponse>(&EventStub::ListDeadLetters, list).status()),
            "WEBHOOK_INVALID");

  v1::ReplayWebhookRequest replay;
  replay.set_webhook_id(id);
  replay.set_request_id("p1");
  EXPECT_EQ(ReasonOf(Do<v1::ReplayWebhookResponse>(&EventStub::ReplayWebhook, replay).status()),
            "WEBHOOK_INVALID");
  replay.add_event_ids(events->events(1).event_id());
  replay.add_event_ids("nothing");
  EXPECT_EQ(ReasonOf(Do<v1::ReplayWebhookResponse>(&EventStub::ReplayWebhook, replay).status()),
            "EVENT_NOT_FOUND");
  replay.mutable_event_ids()->RemoveLast();
  auto replayed = Do<v1::ReplayWebhookResponse>(&EventStub::ReplayWebhook, replay);
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_EQ(replayed->webhook().waiting_events(), 1u);
  EXPECT_EQ(replayed->webhook().dead_letters(), 3u);
  replay.clear_event_ids();
  replay.set_from_cursor(0);
  replay.set_request_id("p2");
  replayed = Do<v1::ReplayWebhookResponse>(&EventStub::ReplayWebhook, replay);
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_EQ(replayed->webhook().cursor(), 0u);
  EXPECT_EQ(replayed->webhook().dead_letters(), 0u);
  replay.set_from_cursor(events->cursor() + (uint64_t{1} << 20));
  replay.set_request_id("p3");
  EXPECT_EQ(ReasonOf(Do<v1::ReplayWebhookResponse>(&EventStub::ReplayWebhook, replay).status()),
            "CURSOR_AHEAD");
}

}  // namespace
}  // namespace invigil::session
