// The deliverer on real stores, with a receiver that does as the test says.
#include "services/session/events/deliverer.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>

#include "common/base/hash.h"
#include "common/testing/wait_until.h"
#include "invigil/session/v1/delivery.pb.h"
#include "services/session/domain/apply.h"
#include "services/session/domain/decide.h"
#include "services/session/domain/fixtures_for_test.h"
#include "services/session/events/cursor.h"
#include "services/session/events/event_message.h"
#include "services/session/events/stores_for_test.h"

namespace invigil::session {
namespace {

using fixtures::kStart;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::WaitUntil;

// What receivers got and how they answer; shared by the posters of all deliverers.
class World {
 public:
  void Answer(long status) {  // NOLINT(google-runtime-int): as the interface has it
    const std::lock_guard lock(mutex_);
    status_ = status;
  }
  // Posts that hold `text` are answered so.
  void AnswerTo(const std::string& text, long status) {  // NOLINT(google-runtime-int)
    const std::lock_guard lock(mutex_);
    poison_ = text;
    poison_status_ = status;
  }
  session::Answer Take(const Post& post) {
    const std::lock_guard lock(mutex_);
    const bool poison = !poison_.empty() && post.body.find(poison_) != std::string::npos;
    const auto status = poison ? poison_status_ : status_;
    ++tries_;
    if (status == 200) posts_.push_back(post);
    return {status, status == 0 ? "connection refused" : ""};
  }
  std::vector<Post> posts() {
    const std::lock_guard lock(mutex_);
    return posts_;
  }
  int tries() {
    const std::lock_guard lock(mutex_);
    return tries_;
  }

 private:
  std::mutex mutex_;
  long status_ = 200, poison_status_ = 500;  // NOLINT(google-runtime-int)
  std::string poison_;
  std::vector<Post> posts_;
  int tries_ = 0;
};

class FakePoster final : public Poster {
 public:
  explicit FakePoster(World& world) : world_(world) {}
  void Send(Post post, Done done) override { sent_.emplace_back(std::move(post), std::move(done)); }
  void Work(Duration) override {
    if (sent_.empty()) {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, Millis(2));
      return;
    }
    const auto sent = std::exchange(sent_, {});
    for (const auto& [post, done] : sent) done(world_.Take(post));
  }
  void Wake() override { wake_.notify_all(); }

 private:
  World& world_;
  std::vector<std::pair<Post, Done>> sent_;
  std::mutex mutex_;
  std::condition_variable wake_;
};

class DelivererTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    log_ = sessions_.OpenLog();
    store_ = webhooks_.Open();
  }
  std::unique_ptr<Deliverer> Deliver(DelivererOptions options = {}) {
    options.read_every = options.look_every = Duration(0);
    return std::make_unique<Deliverer>(sessions_.OpenNotices(), sessions_.OpenKeeper(),
                                       webhooks_.Open(), std::make_unique<FakePoster>(world_),
                                       clock_, options);
  }
  Webhook Hook(uint64_t position = 0, NoticeFilter filter = {}) {
    Webhook wanted;
    wanted.url = "https://example.org/hook";
    wanted.position = position;
    wanted.filter = std::move(filter);
    return store_->Create({"ann", "r" + std::to_string(++requests_), "h"}, wanted, clock_.Now())
        ->webhook;
  }
  struct Sitting {
    SessionId id = *SessionId::FromHex(NewId(kStart));
    State state;
  };
  void Do(Sitting& sitting, Action action) {
    ASSERT_TRUE(log_->Begin().ok());
    const Decision decision = Decide(sitting.state, Command{"", std::move(action)}, clock_.Now());
    ASSERT_TRUE(decision.status.ok()) << decision.status;
    for (const Event& event : decision.events) {
      ASSERT_TRUE(Apply(sitting.state, event, decision.at).ok());
      ASSERT_TRUE(log_->Append(sitting.id, {event}, decision.at, sitting.state).ok());
    }
    ASSERT_TRUE(log_->Commit().ok());
  }
  Sitting Start(const std::string& candidate) {
    Sitting sitting;
    Do(sitting, Reserve{{candidate, "CLF-C02", "r"}});
    Do(sitting, session::Start{fixtures::MakeForm(5)});
    return sitting;
  }
  void Score(Sitting& sitting, uint32_t version, int32_t score) {
    v1::GetScoreReportResponse report;
    report.set_scale_min(100);
    report.set_scale_max(1000);
    report.set_scaled_score(score);
    report.set_passed(score >= 700);
    Do(sitting,
       RecordScore{.score_version = version,
                   .report = std::make_shared<const std::string>(report.SerializeAsString()),
                   .release = true});
  }
  // "STARTED" and so on, of one session or of all.
  std::vector<std::string> Kinds(const std::optional<SessionId>& session = {}) {
    std::vector<std::string> kinds;
    for (const Post& post : world_.posts()) {
      if (session && post.body.find(session->ToHex()) == std::string::npos) continue;
      constexpr std::string_view kPrefix = "SESSION_EVENT_KIND_";
      const size_t begin = post.body.find(kPrefix) + kPrefix.size();
      kinds.push_back(post.body.substr(begin, post.body.find('"', begin) - begin));
    }
    return kinds;
  }
  // Moves the clock along until it holds.
  bool Eventually(const std::function<bool()>& condition) {
    return WaitUntil(
        [&] {
          clock_.Advance(Millis(200));
          return condition();
        },
        Seconds(30));
  }

  EventsTestStore sessions_{GetParam()};
  WebhookTestStore webhooks_{GetParam()};
  ManualClock clock_{kStart};
  World world_;
  std::unique_ptr<EventLog> log_;
  std::unique_ptr<WebhookStore> store_;
  int requests_ = 0;
};

TEST_P(DelivererTest, DeliversInOrderSignedAndOnce) {
  const Webhook hook = Hook();
  const auto deliverer = Deliver();
  Sitting sitting = Start("ann");
  Do(sitting, Submit{1, {}});
  Score(sitting, 1, 812);
  ASSERT_TRUE(Eventually([&] { return world_.posts().size() == 4; }));
  EXPECT_THAT(Kinds(), ElementsAre("STARTED", "SUBMITTED", "SCORED", "RELEASED"));
  const Post post = world_.posts()[2];
  EXPECT_THAT(post.body, HasSubstr("\"scaledScore\":812"));
  EXPECT_THAT(post.body, HasSubstr("\"passed\":true"));
  EXPECT_THAT(post.body, HasSubstr("\"candidateId\":\"ann\""));
  std::map<std::string, std::string> headers;
  for (const std::string& header : post.headers) {
    headers[header.substr(0, header.find(": "))] = header.substr(header.find(": ") + 2);
  }
  EXPECT_EQ(ParseEventId(headers["Invigil-Event-Id"]), (NoticeKey{sitting.id, 5}));
  EXPECT_EQ(headers["Invigil-Signature"],
            SignatureOf(headers["Invigil-Timestamp"], post.body, hook.secret, ""));
  ASSERT_TRUE(Eventually([&] {
    return (*store_->Find(hook.id))->position == sessions_.OpenNotices()->ReadBounds()->head;
  }));
}

TEST_P(DelivererTest, AReceiverThatIsDownMissesNothing) {
  const Webhook hook = Hook();
  world_.Answer(0);
  auto deliverer = Deliver();
  Sitting ann = Start("ann"), bob = Start("bob");
  ASSERT_TRUE(Eventually([&] { return world_.tries() >= 4; }));
  Do(ann, Submit{1, {}});
  Do(bob, Terminate{"p", "r"});
  ASSERT_TRUE(Eventually([&] { return (*store_->Find(hook.id))->waiting == 4; }));
  EXPECT_EQ((*store_->Find(hook.id))->last_error, "connection refused");
  // Dies, and another begins.
  deliverer.reset();
  world_.Answer(200);
  deliverer = Deliver();
  ASSERT_TRUE(Eventually([&] { return world_.posts().size() >= 4; }));
  EXPECT_THAT(Kinds(ann.id), ElementsAre("STARTED", "SUBMITTED"));
  EXPECT_THAT(Kinds(bob.id), ElementsAre("STARTED", "TERMINATED"));
  ASSERT_TRUE(Eventually([&] { return (*store_->Find(hook.id))->waiting == 0; }));
  EXPECT_EQ((*store_->Find(hook.id))->last_error, "");
}

TEST_P(DelivererTest, APoisonedSessionHoldsUpNobodyAndEndsAsDeadLetters) {
  const Webhook hook = Hook();
  Sitting ann = Start("ann"), bob = Start("bob");
  Do(ann, Submit{1, {}});
  Do(bob, Submit{1, {}});
  world_.AnswerTo("\"candidateId\":\"ann\"", 500);
  auto deliverer = Deliver({.plan = {.tries = 3, .backoff = Seconds(5)}});
  ASSERT_TRUE(Eventually([&] { return world_.posts().size() == 2; }));
  EXPECT_THAT(Kinds(bob.id), ElementsAre("STARTED", "SUBMITTED"));
  ASSERT_TRUE(Eventually([&] { return (*store_->Find(hook.id))->dead == 2; }));
  const auto dead = *store_->ListDead(hook.id, 0, 10);
  EXPECT_EQ(dead[0].key.session, ann.id);
  EXPECT_EQ(dead[0].tries, 3u);
  EXPECT_EQ(dead[0].error, "HTTP 500");
  // Replayed in their order once the receiver is well.
  world_.AnswerTo("", 200);
  ASSERT_TRUE(
      store_
          ->ReplayEvents({"ann", "p", "h"}, hook.id,
                         {{.n = dead[1].n, .key = dead[1].key, .written_at = dead[1].written_at},
                          {.n = dead[0].n, .key = dead[0].key, .written_at = dead[0].written_at}},
                         clock_.Now())
          .ok());
  ASSERT_TRUE(Eventually([&] { return world_.posts().size() == 4; }));
  EXPECT_THAT(Kinds(ann.id), ElementsAre("STARTED", "SUBMITTED"));
  ASSERT_TRUE(Eventually([&] { return (*store_->Find(hook.id))->waiting == 0; }));
  EXPECT_EQ((*store_->Find(hook.id))->dead, 0u);
}

TEST_P(DelivererTest, ReplayFromACursorRepeatsTheSameEvents) {
  const Webhook hook = Hook();
  const auto deliverer = Deliver();
  Sitting ann = Start("ann");
  Do(ann, Submit{1, {}});
  ASSERT_TRUE(Eventually([&] { return world_.posts().size() == 2; }));
  ASSERT_TRUE(store_->ReplayFrom({"ann", "p", "h"}, hook.id, 0, clock_.Now()).ok());
  ASSERT_TRUE(Eventually([&] { return world_.posts().size() == 4; }));
  EXPECT_EQ(world_.posts()[0].body, world_.posts()[2].body);
  EXPECT_EQ(world_.posts()[1].body, world_.posts()[3].body);
}

TEST_P(DelivererTest, OnlyWhatIsWantedIsSent) {
  Hook(0, {1u << static_cast<int>(NoticeKind::kSubmitted), "CLF-C02"});
  const Webhook other = Hook(0, {0, "SAA-C03"});
  const auto deliverer = Deliver();
  Sitting ann = Start("ann");
  Do(ann, Submit{1, {}});
  const uint64_t head = sessions_.OpenNotices()->ReadBounds()->head;
  ASSERT_TRUE(Eventually([&] { return (*store_->Find(other.id))->position == head; }));
  ASSERT_TRUE(Eventually([&] { return world_.posts().size() == 1; }));
  EXPECT_THAT(Kinds(), ElementsAre("SUBMITTED"));
}

TEST_P(DelivererTest, AReceiverThatIsGoneIsLeftInPeaceUntilAReplay) {
  const Webhook hook = Hook();
  world_.Answer(410);
  const auto deliverer = Deliver();
  Sitting ann = Start("ann");
  ASSERT_TRUE(Eventually([&] { return (*store_->Find(hook.id))->disabled; }));
  const int tries = world_.tries();
  Do(ann, Submit{1, {}});
  world_.Answer(200);
  for (int k = 0; k < 20; ++k) Eventually([] { return true; });
  EXPECT_EQ(world_.tries(), tries);
  ASSERT_TRUE(store_->ReplayFrom({"ann", "p", "h"}, hook.id, 0, clock_.Now()).ok());
  ASSERT_TRUE(Eventually([&] { return world_.posts().size() == 2; }));
}

TEST_P(DelivererTest, OneOfTwoDelivers) {
  Hook();
  auto one = Deliver(), two = Deliver();
  std::vector<Sitting> sittings;
  for (int k = 0; k < 20; ++k) sittings.push_back(Start("c" + std::to_string(k)));
  ASSERT_TRUE(WaitUntil([&] { return world_.posts().size() >= 20; }, Seconds(30)));
  one.reset();  // gives its lease back
  for (Sitting& sitting : sittings) Do(sitting, Submit{1, {}});
  ASSERT_TRUE(WaitUntil([&] { return world_.posts().size() >= 40; }, Seconds(30)));
  EXPECT_EQ(world_.posts().size(), 40u);
  for (const Sitting& sitting : sittings) {
    EXPECT_THAT(Kinds(sitting.id), ElementsAre("STARTED", "SUBMITTED"));
  }
}

TEST_P(DelivererTest, DuringARotationBothSecretsSign) {
  const Webhook hook = Hook();
  const auto rotated =
      store_->Rotate({"ann", "x", "h"}, hook.id, clock_.Now() + Minutes(30), clock_.Now());
  const auto deliverer = Deliver();
  Sitting ann = Start("ann");
  ASSERT_TRUE(Eventually([&] { return world_.posts().size() == 1; }));
  const Post post = world_.posts()[0];
  const std::string time = post.headers[2].substr(post.headers[2].find(": ") + 2);
  EXPECT_EQ(
      post.headers[3],
      "Invigil-Signature: " + SignatureOf(time, post.body, rotated->webhook.secret, hook.secret));
  clock_.Advance(Minutes(40));
  Do(ann, Terminate{"p", "r"});
  ASSERT_TRUE(Eventually([&] { return world_.posts().size() == 2; }));
  EXPECT_THAT(world_.posts()[1].headers[3], Not(HasSubstr(",")));
}

TEST_P(DelivererTest, OldEventsArePruned) {
  Start("ann");
  clock_.Advance(std::chrono::hours(48));
  Start("bob");
  const auto deliverer = Deliver({.retention = std::chrono::hours(24), .prune_every = Duration(0)});
  const auto reader = sessions_.OpenNotices();
  ASSERT_TRUE(WaitUntil([&] { return reader->ReadBounds()->floor > 0; }));
  const auto page = reader->Page(reader->ReadBounds()->floor, 10);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->records.size(), 1u);
  EXPECT_EQ(page->records[0].notice.candidate_id, "bob");
}

// The store comes back from before bob began, and goes on with others, past where it was.
TEST_P(DelivererTest, WhatTakesThePlaceOfLostEventsIsDelivered) {
  const Webhook hook = Hook();
  auto deliverer = Deliver();
  const auto reader = sessions_.OpenNotices();
  Start("ann");
  const uint64_t kept = ParseCursor(reader->ReadBounds()->head).n;
  const auto delivered_to_head = [&] {
    return Eventually(
        [&] { return (*store_->Find(hook.id))->position == reader->ReadBounds()->head; });
  };
  const auto candidates = [&] {
    std::set<std::string> names;
    for (const Post& post : world_.posts()) {
      v1::SessionEvent event;
      EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(post.body, &event).ok());
      names.insert(event.candidate_id());
    }
    return names;
  };
  for (const bool running : {false, true}) {
    const std::string tag = running ? "2" : "1";
    for (const char* name : {"bob", "bert", "bea"}) Start(name + tag);
    ASSERT_TRUE(delivered_to_head());
    if (!running) deliverer.reset();
    sessions_.Execute(CutJournal(kept));
    for (const char* name : {"cat", "carl", "cleo", "cora"}) Start(name + tag);
    if (!running) deliverer = Deliver();
    ASSERT_TRUE(delivered_to_head());
    for (const char* name : {"cat", "carl", "cleo", "cora"}) {
      EXPECT_TRUE(Eventually([&] { return candidates().contains(name + tag); })) << name + tag;
    }
  }
  // What was sent twice is known by its id.
  std::map<std::string, std::string> bodies;
  for (const Post& post : world_.posts()) {
    const auto [known, anew] = bodies.emplace(post.headers[1], post.body);
    EXPECT_TRUE(anew || known->second == post.body) << post.headers[1];
  }
}

TEST_P(DelivererTest, MoreThanAPlanHoldsIsSentBeforeWhatIsNew) {
  Sitting sitting = Start("ann");
  for (int i = 0; i < 30; ++i) {
    Do(sitting, ReportIrregularity{"i-" + std::to_string(i), "other", "x", "proctor"});
  }
  const auto notices = sessions_.OpenNotices();
  const auto all = notices->Page(0, 100);
  ASSERT_TRUE(all.ok()) << all.status();
  ASSERT_EQ(all->records.size(), 31u);
  const Webhook hook = Hook(all->bounds.head);
  std::vector<Undelivered> rows;
  std::vector<std::string> kinds;
  for (const NoticeRecord& record : all->records) {
    Undelivered& row = rows.emplace_back();
    row.n = record.notice.n;
    row.key = {record.notice.session, record.notice.seq};
    row.written_at = record.notice.written_at;
    kinds.emplace_back(NoticeName(record.notice.kind));
  }
  ASSERT_TRUE(store_->ReplayEvents({"ann", "again", "h"}, hook.id, rows, clock_.Now()).ok());
  Do(sitting, Terminate{"proctor", "after all"});
  kinds.emplace_back("TERMINATED");
  DelivererOptions options;
  options.plan.window = 3;
  const auto deliverer = Deliver(options);
  EXPECT_TRUE(Eventually([&] { return Kinds().size() >= kinds.size(); }));
  EXPECT_EQ(Kinds(), kinds);
  EXPECT_TRUE(Eventually([&] { return (*store_->Find(hook.id))->waiting == 0; }));
}

TEST_P(DelivererTest, WhatWaitsIsToldAsItIsWhenItsTurnComes) {
  world_.Answer(500);
  Hook();
  Sitting sitting = Start("candidate-ann");
  Do(sitting, Terminate{"proctor", "left"});
  const auto deliverer = Deliver();
  EXPECT_TRUE(Eventually([&] { return world_.tries() > 0; }));
  sessions_.Execute("UPDATE notices SET candidate_id='erased-1'");
  world_.Answer(200);
  EXPECT_TRUE(Eventually([&] { return Kinds().size() == 2; }));
  for (const Post& post : world_.posts()) {
    EXPECT_THAT(post.body, HasSubstr("erased-1"));
    EXPECT_THAT(post.body, Not(HasSubstr("candidate-ann")));
  }
}

TEST_P(DelivererTest, AResultThatIsHeldBackIsToldToNobody) {
  Hook();
  Sitting sitting = Start("ann");
  Do(sitting, Submit{1, {}});
  Do(sitting, HoldScore{"looked at", "proctor"});
  Score(sitting, 1, 720);
  const auto deliverer = Deliver();
  EXPECT_TRUE(Eventually([&] { return Kinds().size() == 3; }));
  EXPECT_THAT(Kinds(), ElementsAre("STARTED", "SUBMITTED", "SCORED"));
  EXPECT_THAT(world_.posts()[2].body, Not(HasSubstr("720")));
  EXPECT_THAT(world_.posts()[2].body, Not(HasSubstr("passed")));
}

INSTANTIATE_TEST_SUITE_P(Stores, DelivererTest, kTestStores, TestStore::Name);

TEST(EventMessageTest, AResultShowsANumberOnlyWhereTheReportDoes) {
  NoticeRecord record;
  record.notice.kind = NoticeKind::kScored;
  record.notice.score_version = 1;
  v1::GetScoreReportResponse report;
  report.set_passed(true);
  report.set_scaled_score(900);
  record.report = std::make_shared<const std::string>(report.SerializeAsString());
  v1::SessionEvent event;
  ToProto(record, &event);
  EXPECT_TRUE(event.result().passed());
  EXPECT_FALSE(event.result().has_scaled_score());
  EXPECT_THAT(EventJson(record), Not(HasSubstr("900")));
  report.set_scale_max(1000);
  record.report = std::make_shared<const std::string>(report.SerializeAsString());
  event.Clear();
  ToProto(record, &event);
  EXPECT_EQ(event.result().scaled_score(), 900);
  for (const char* unreadable : {"\xff\xff\xff", ""}) {
    record.report = *unreadable ? std::make_shared<const std::string>(unreadable) : nullptr;
    event.Clear();
    ToProto(record, &event);
    EXPECT_FALSE(event.has_result());
  }
}

TEST(EventMessageTest, ASignatureIsWhatAnyReceiverComputes) {
  // echo -n '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret
  EXPECT_EQ(SignatureOf("1700000000", "{\"a\":1}", "secret", ""),
            "v1=49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686");
}

}  // namespace
}  // namespace invigil::session
