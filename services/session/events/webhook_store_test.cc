// What must hold of webhooks on every database.
#include "services/session/events/webhook_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error/error.h"
#include "services/session/events/stores_for_test.h"

namespace invigil::session {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Time kNow{Micros(1'800'000'000'000'000)};

class WebhookStoreTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { store_ = webhooks_.Open(); }
  static WebhookStore::Request Ask(const std::string& id, const std::string& hash = "h") {
    return {"ann", id, hash};
  }
  Webhook Create(const std::string& request, uint64_t position = 0) {
    Webhook wanted;
    wanted.url = "https://example.org/" + request;
    wanted.filter = {0b110, "CLF-C02"};
    wanted.position = position;
    const auto created = store_->Create(Ask(request), wanted, kNow);
    EXPECT_TRUE(created.ok()) << created.status();
    return created.ok() ? created->webhook : Webhook();
  }
  static Undelivered Row(uint64_t n, bool dead = false) {
    Undelivered row;
    row.n = n;
    row.key = {*SessionId::FromBytes(std::string(SessionId::kSize, 's')), n};
    row.written_at = kNow;
    row.tries = 2;
    row.next_at = kNow + Seconds(3);
    row.dead = dead;
    row.failed_at = kNow + Seconds(1);
    row.error = "HTTP 500";
    return row;
  }
  std::vector<std::string> Claimed(const std::string& owner, Time now) {
    const auto claimed = store_->Claim(owner, now, now + Seconds(30));
    EXPECT_TRUE(claimed.ok()) << claimed.status();
    std::vector<std::string> ids;
    if (claimed.ok()) {
      for (const Webhook& webhook : *claimed) ids.push_back(webhook.id);
    }
    return ids;
  }

  WebhookTestStore webhooks_{GetParam()};
  std::unique_ptr<WebhookStore> store_;
};

TEST_P(WebhookStoreTest, ARequestIsAnsweredOnceAndTheSameAgain) {
  const Webhook webhook = Create("r1", 7);
  EXPECT_EQ(webhook.secret.size(), 64u);
  EXPECT_EQ(webhook.position, 7u);
  const auto again = store_->Create(Ask("r1"), {}, kNow + Minutes(1));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_FALSE(again->anew);
  EXPECT_TRUE(again->shown);
  EXPECT_EQ(again->webhook.id, webhook.id);
  EXPECT_EQ(again->webhook.secret, webhook.secret);
  EXPECT_FALSE(store_->Create(Ask("r1"), {}, kNow + kSecretShown)->shown);
  EXPECT_EQ(ReasonOf(store_->Create(Ask("r1", "other"), {}, kNow).status()), "REQUEST_ID_REUSED");
  EXPECT_EQ(ReasonOf(store_->Create(Ask(""), {}, kNow).status()), "REQUEST_ID_INVALID");
  EXPECT_EQ(store_->List()->size(), 1u);
  const auto found = *store_->Find(webhook.id);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->url, "https://example.org/r1");
  EXPECT_EQ(found->filter.kinds, 0b110u);
  EXPECT_EQ(found->filter.exam_id, "CLF-C02");
  EXPECT_EQ(found->created_at, kNow);
}

TEST_P(WebhookStoreTest, RotatingKeepsTheSecretBefore) {
  const Webhook webhook = Create("r1");
  const auto rotated = store_->Rotate(Ask("r2"), webhook.id, kNow + Minutes(5), kNow);
  ASSERT_TRUE(rotated.ok()) << rotated.status();
  EXPECT_NE(rotated->webhook.secret, webhook.secret);
  EXPECT_EQ(rotated->webhook.old_secret, webhook.secret);
  EXPECT_EQ(rotated->webhook.old_secret_until, kNow + Minutes(5));
  EXPECT_GT(rotated->webhook.version, webhook.version);
  const auto again = store_->Rotate(Ask("r2"), webhook.id, kNow + Minutes(9), kNow);
  EXPECT_FALSE(again->anew);
  EXPECT_EQ(again->webhook.secret, rotated->webhook.secret);
  EXPECT_EQ(ReasonOf(store_->Rotate(Ask("r3"), "none", kNow, kNow).status()), "WEBHOOK_NOT_FOUND");
  EXPECT_TRUE(again->shown);
  EXPECT_FALSE(store_->Create(Ask("r1"), {}, kNow)->shown) << "it is another's secret by now";
}

TEST_P(WebhookStoreTest, ARepeatIsKnownWhateverBecameOfTheWebhook) {
  EXPECT_FALSE(store_->Repeated(Ask("r1"), kNow)->has_value());
  EXPECT_FALSE(store_->Repeated(Ask(""), kNow)->has_value());
  const Webhook webhook = Create("r1");
  ASSERT_TRUE(store_->ReplayFrom(Ask("r2"), webhook.id, 3, kNow).ok());
  EXPECT_TRUE((*store_->Repeated(Ask("r1"), kNow))->shown) << "the secret is still its own";
  ASSERT_TRUE(store_->Delete(Ask("r3"), webhook.id, kNow).ok());
  for (const char* request : {"r1", "r2", "r3"}) {
    const auto repeated = store_->Repeated(Ask(request), kNow);
    ASSERT_TRUE(repeated.ok() && *repeated) << request;
    EXPECT_FALSE((*repeated)->anew);
    EXPECT_FALSE((*repeated)->shown);
    EXPECT_EQ((*repeated)->webhook.id, webhook.id);
  }
  EXPECT_EQ(ReasonOf(store_->Repeated(Ask("r1", "other"), kNow).status()), "REQUEST_ID_REUSED");
}

TEST_P(WebhookStoreTest, OneOwnerAtATimeAndAnotherOnceTheLeaseIsUp) {
  const Webhook a = Create("a"), b = Create("b");
  EXPECT_EQ(Claimed("one", kNow).size(), 2u);
  EXPECT_THAT(Claimed("two", kNow + Seconds(29)), IsEmpty());
  EXPECT_EQ(Claimed("one", kNow + Seconds(29)).size(), 2u);  // renewed
  EXPECT_THAT(Claimed("two", kNow + Seconds(58)), IsEmpty());
  EXPECT_EQ(Claimed("two", kNow + Seconds(59)).size(), 2u);
  EXPECT_THAT(Claimed("one", kNow + Seconds(59)), IsEmpty());
  // Who lost it stores nothing.
  EXPECT_FALSE(*store_->Save("one", {a.id, a.version}, {.position = 5}));
  EXPECT_TRUE(*store_->Save("two", {a.id, a.version}, {.position = 5}));
  ASSERT_TRUE(store_->Release("two").ok());
  EXPECT_EQ(Claimed("one", kNow + Seconds(59)).size(), 2u);
  EXPECT_EQ((*store_->Find(a.id))->position, 5u);
  EXPECT_EQ((*store_->Find(b.id))->position, 0u);
}

TEST_P(WebhookStoreTest, ChangesAreSeenByWhoeverHoldsIt) {
  const Webhook a = Create("a");
  std::vector<WebhookStore::Held> held;
  EXPECT_TRUE(*store_->Differs("one", held, kNow));
  Claimed("one", kNow);
  held = {{a.id, a.version}};
  EXPECT_FALSE(*store_->Differs("one", held, kNow));
  EXPECT_FALSE(*store_->Differs("two", {}, kNow));
  EXPECT_TRUE(*store_->Differs("two", {}, kNow + Seconds(30)));
  ASSERT_TRUE(store_->Rotate(Ask("x"), a.id, kNow, kNow).ok());
  EXPECT_TRUE(*store_->Differs("one", held, kNow));
  held = {{a.id, a.version + 1}};
  EXPECT_FALSE(*store_->Differs("one", held, kNow));
  EXPECT_FALSE(*store_->Save("one", {a.id, a.version}, {.position = 5}));  // decided before
  ASSERT_TRUE(store_->Delete(Ask("y"), a.id, kNow).ok());
  EXPECT_TRUE(*store_->Differs("one", held, kNow));
  EXPECT_FALSE(*store_->Save("one", held[0], {.position = 5}));
}

TEST_P(WebhookStoreTest, RowsGoAndComeBack) {
  const Webhook a = Create("a");
  Claimed("one", kNow);
  WebhookStore::Progress progress{.position = 9, .last_error = "HTTP 500"};
  progress.put = {Row(3), Row(4, true), Row(6), Row(8, true)};
  ASSERT_TRUE(*store_->Save("one", {a.id, a.version}, progress));
  EXPECT_THAT(*store_->ListWaiting(a.id, 10), ElementsAre(Row(3), Row(6)));
  EXPECT_THAT(*store_->ListDead(a.id, 0, 10), ElementsAre(Row(4, true), Row(8, true)));
  EXPECT_THAT(*store_->ListDead(a.id, 4, 10), ElementsAre(Row(8, true)));
  ASSERT_TRUE(*store_->Save("one", {a.id, a.version}, {.position = 9, .gone = {3}}));
  auto found = *store_->Find(a.id);
  EXPECT_EQ(found->waiting, 1u);
  EXPECT_EQ(found->dead, 2u);

  // A dead letter waits again.
  auto replayed = store_->ReplayEvents(Ask("p1"), a.id, {Row(8)}, kNow + Minutes(1));
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_EQ(replayed->webhook.waiting, 2u);
  EXPECT_EQ(replayed->webhook.dead, 1u);
  EXPECT_EQ(store_->ListWaiting(a.id, 10)->back().next_at, kNow + Minutes(1));

  // Everything after a cursor is read again, and has no rows meanwhile.
  replayed = store_->ReplayFrom(Ask("p2"), a.id, 5, kNow);
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_EQ(replayed->webhook.position, 5u);
  EXPECT_THAT(*store_->ListWaiting(a.id, 10), IsEmpty());
  EXPECT_THAT(*store_->ListDead(a.id, 0, 10), ElementsAre(Row(4, true)));
  ASSERT_TRUE(store_->Prune(kNow, 4).ok());
  EXPECT_THAT(*store_->ListDead(a.id, 0, 10), IsEmpty());
}

TEST_P(WebhookStoreTest, ADisabledOneIsEnabledByAReplay) {
  const Webhook a = Create("a");
  Claimed("one", kNow);
  ASSERT_TRUE(*store_->Save("one", {a.id, a.version}, {.position = 3, .disabled = true}));
  EXPECT_TRUE((*store_->Find(a.id))->disabled);
  EXPECT_FALSE(store_->ReplayFrom(Ask("p"), a.id, 1, kNow)->webhook.disabled);
}

TEST_P(WebhookStoreTest, DeletingTakesTheRowsAlong) {
  const Webhook a = Create("a");
  Claimed("one", kNow);
  WebhookStore::Progress progress;
  progress.put = {Row(3)};
  ASSERT_TRUE(*store_->Save("one", {a.id, a.version}, progress));
  ASSERT_TRUE(store_->Delete(Ask("d"), a.id, kNow).ok());
  EXPECT_EQ(*store_->Find(a.id), std::nullopt);
  EXPECT_THAT(*store_->ListWaiting(a.id, 10), IsEmpty());
  const auto again = store_->Delete(Ask("d"), a.id, kNow);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_FALSE(again->anew);
  EXPECT_EQ(ReasonOf(store_->Delete(Ask("d2"), a.id, kNow).status()), "WEBHOOK_NOT_FOUND");
}

TEST_P(WebhookStoreTest, ThereAreAHundredAtMost) {
  for (size_t k = 0; k < kMaxWebhooks; ++k) Create("r" + std::to_string(k));
  EXPECT_EQ(ReasonOf(store_->Create(Ask("more"), {}, kNow).status()), "WEBHOOKS_FULL");
}

INSTANTIATE_TEST_SUITE_P(Stores, WebhookStoreTest, kTestStores, TestStore::Name);

}  // namespace
}  // namespace invigil::session
