// Against a real redis-server. Times are given by hand: the index has no clock of its own.
#include "services/session/timers/deadline_index.h"

#include <fstream>
#include <future>
#include <set>

#include "common/base/random.h"
#include "common/testing/redis_server.h"
#include "common/testing/temp_dir.h"
#include "common/testing/wait_until.h"
#include "gtest/gtest.h"
#include "services/session/timers/fake_engine_for_test.h"

namespace invigil::session {
namespace {

const Time kNow = FromUnixMicros(1'800'000'000'000'000);

// Waits for the one answer of a call.
template <typename T, typename Call>
T Await(Call call) {
  std::promise<T> answer;
  call([&](T value) { answer.set_value(std::move(value)); });
  return answer.get_future().get();
}

class DeadlineIndexTest : public ::testing::Test {
 protected:
  static redis::ClientOptions Options(const testing::RedisServer& server) {
    redis::ClientOptions options;
    options.address = *redis::ParseAddress(server.unix_address());
    return options;
  }

  absl::Status Schedule(const SessionId& id, Time deadline) {
    return Await<absl::Status>([&](auto done) { index_.Schedule(id, deadline, done); });
  }
  absl::Status Remove(const SessionId& id, Time was) {
    return Await<absl::Status>([&](auto done) { index_.Remove(id, was, done); });
  }
  DeadlineIndex::ClaimResult Claim(Time now, int limit = 100, Duration lease = Seconds(5)) {
    auto result = Await<absl::StatusOr<DeadlineIndex::ClaimResult>>(
        [&](auto done) { index_.Claim(0, now, limit, lease, done); });
    EXPECT_TRUE(result.ok()) << result.status();
    return *result;
  }
  void Settle(const DeadlineIndex::Claimed& claimed, std::optional<Time> next) {
    EXPECT_TRUE(Await<absl::Status>([&](auto done) { index_.Settle(claimed, next, done); }).ok());
  }
  // The same name, the same hold.
  DeadlineIndex::Hold HoldOf(const std::string& token) {
    return {.server = index_.NewHold().server, .token = token};
  }
  bool Begin(const std::string& token, Duration ttl = Seconds(60)) {
    return *Await<absl::StatusOr<bool>>(
        [&](auto done) { index_.BeginLoad(0, HoldOf(token), ttl, done); });
  }
  bool Finish(const std::string& token) {
    return *Await<absl::StatusOr<bool>>(
        [&](auto done) { index_.FinishLoad(0, HoldOf(token), done); });
  }
  void SetUp() override {
    ASSERT_TRUE(testing::WaitUntil([this] { return client_.ready(); }));
  }
  void MakeReady() {
    ASSERT_TRUE(Begin("t"));
    ASSERT_TRUE(Finish("t"));
  }

  testing::RedisServer server_;
  redis::Client client_{Options(server_)};
  DeadlineIndex index_{client_, {.prefix = "test:", .shards = 1, .timeout = Seconds(5)}};
};

TEST_F(DeadlineIndexTest, ClaimsWhatIsDueOnceUntilTheLeaseEnds) {
  MakeReady();
  const SessionId due = AnySession(), later = AnySession();
  ASSERT_TRUE(Schedule(due, kNow).ok());
  ASSERT_TRUE(Schedule(later, kNow + Seconds(10)).ok());

  EXPECT_TRUE(Claim(kNow - Millis(1)).due.empty());
  const auto first = Claim(kNow);
  ASSERT_EQ(first.due.size(), 1u);
  EXPECT_EQ(first.due[0].session, due);
  EXPECT_EQ(first.due[0].due, kNow);
  EXPECT_FALSE(first.rebuild || first.loading);

  // Leased: nobody else gets it, until the claimer proves dead.
  EXPECT_TRUE(Claim(kNow + Seconds(5) - Millis(1)).due.empty());
  const auto second = Claim(kNow + Seconds(5));
  ASSERT_EQ(second.due.size(), 1u);
  EXPECT_EQ(second.due[0].session, due);

  // The first claimer wakes up: his claim is no longer his.
  Settle(first.due[0], std::nullopt);
  Settle(second.due[0], kNow + Seconds(6));
  EXPECT_EQ(Claim(kNow + Seconds(6)).due.size(), 1u);
}

TEST_F(DeadlineIndexTest, SettledSessionsAreGoneAndAnExtensionInBetweenStands) {
  MakeReady();
  const SessionId ended = AnySession(), extended = AnySession();
  ASSERT_TRUE(Schedule(ended, kNow).ok());
  ASSERT_TRUE(Schedule(extended, kNow).ok());
  const auto claim = Claim(kNow);
  ASSERT_EQ(claim.due.size(), 2u);
  ASSERT_TRUE(Schedule(extended, kNow + Seconds(60)).ok());
  for (const auto& claimed : claim.due) Settle(claimed, std::nullopt);
  const auto later = Claim(kNow + Seconds(60));
  ASSERT_EQ(later.due.size(), 1u);
  EXPECT_EQ(later.due[0].session, extended);
}

TEST_F(DeadlineIndexTest, RemovedSessionsAreNotClaimed) {
  MakeReady();
  const SessionId id = AnySession();
  // Between two milliseconds, too.
  for (const Time deadline : {kNow, kNow - Micros(1)}) {
    ASSERT_TRUE(Schedule(id, deadline).ok());
    ASSERT_TRUE(Remove(id, deadline).ok());
    EXPECT_TRUE(Claim(kNow).due.empty());
  }
}

// One replica seals or pauses, another reopens or resumes; their commands come in any order.
TEST_F(DeadlineIndexTest, ALateRemoveLeavesANewerTimerAlone) {
  MakeReady();
  const SessionId reopened = AnySession(), claimed = AnySession();
  ASSERT_TRUE(Schedule(reopened, kNow).ok());
  ASSERT_TRUE(Schedule(reopened, kNow + Seconds(60)).ok());
  ASSERT_TRUE(Remove(reopened, kNow).ok());
  EXPECT_TRUE(Claim(kNow).due.empty());
  EXPECT_EQ(Claim(kNow + Seconds(60)).due.size(), 1u);

  // Nor does it take a claim from whoever has it; that one settles.
  ASSERT_TRUE(Schedule(claimed, kNow).ok());
  const auto claim = Claim(kNow);
  ASSERT_EQ(claim.due.size(), 1u);
  ASSERT_TRUE(Remove(claimed, kNow).ok());
  Settle(claim.due[0], kNow + Seconds(2));
  EXPECT_EQ(Claim(kNow + Seconds(2)).due.size(), 1u);
}

TEST_F(DeadlineIndexTest, NeverClaimsBeforeADeadlineBetweenMilliseconds) {
  MakeReady();
  ASSERT_TRUE(Schedule(AnySession(), kNow + Micros(1)).ok());
  EXPECT_TRUE(Claim(kNow + Micros(999)).due.empty());
  EXPECT_EQ(Claim(kNow + Millis(1)).due.size(), 1u);
}

TEST_F(DeadlineIndexTest, TakesTheMostOverdueFirstAndNoMoreThanTheLimit) {
  MakeReady();
  std::vector<SessionId> ids(50);
  for (size_t i = 0; i < ids.size(); ++i) {
    ids[i] = AnySession();
    ASSERT_TRUE(Schedule(ids[i], kNow - Seconds(int64_t(i))).ok());
  }
  const auto claim = Claim(kNow, 10);
  ASSERT_EQ(claim.due.size(), 10u);
  for (size_t i = 0; i < 10; ++i) EXPECT_EQ(claim.due[i].session, ids[49 - i]);
}

TEST_F(DeadlineIndexTest, CarriesEveryBytePattern) {
  MakeReady();
  Random random(3);
  std::set<SessionId> expected;
  for (int i = 0; i < 500; ++i) {
    std::string bytes(16, '\0');
    for (char& byte : bytes) {
      // Often the bytes that break text protocols and Lua strings.
      const uint64_t kind = random.Below(4);
      byte = kind == 0 ? '\0' : kind == 1 ? "\r\n\xff "[random.Below(4)] : char(random.Below(256));
    }
    const SessionId id = *SessionId::FromBytes(bytes);
    expected.insert(id);
    ASSERT_TRUE(Schedule(id, kNow).ok());
  }
  std::set<SessionId> claimed;
  const auto claim = Claim(kNow, 1000);
  for (const auto& one : claim.due) claimed.insert(one.session);
  EXPECT_EQ(claimed, expected);
  for (const auto& one : claim.due) Settle(one, std::nullopt);
  EXPECT_TRUE(Claim(kNow + Seconds(100)).due.empty());
}

TEST_F(DeadlineIndexTest, WithoutGenerationNothingIsClaimedAndOneLoaderTakesOver) {
  const SessionId id = AnySession();
  ASSERT_TRUE(Schedule(id, kNow).ok());
  EXPECT_TRUE(Claim(kNow).rebuild);

  EXPECT_TRUE(Begin("one", Millis(300)));
  EXPECT_FALSE(Begin("two"));
  EXPECT_FALSE(Finish("two"));
  // While loading, what is there is claimed.
  const auto during = Claim(kNow);
  EXPECT_TRUE(during.loading);
  EXPECT_EQ(during.due.size(), 1u);

  // The first loader dies: its hold lapses, the shard asks again.
  ASSERT_TRUE(testing::WaitUntil([&] { return Claim(kNow).rebuild; }));
  EXPECT_FALSE(Finish("one"));
  EXPECT_TRUE(Begin("two"));
  EXPECT_TRUE(Finish("two"));
  EXPECT_FALSE(Claim(kNow).loading);

  ASSERT_EQ(server_.Command("FLUSHALL"), "+OK");
  EXPECT_TRUE(Claim(kNow).rebuild);
}

TEST_F(DeadlineIndexTest, AGenerationOfAnotherServerIsStaleAndReplacedOnce) {
  MakeReady();
  const SessionId id = AnySession();
  ASSERT_TRUE(Schedule(id, kNow).ok());
  EXPECT_FALSE(Claim(kNow - Seconds(1)).stale);
  EXPECT_FALSE(Begin("again")) << "the generation is of this very server";

  // As a promoted replica has it.
  const std::string other(40, 'f');
  ASSERT_EQ(server_.Command("SET test:g:{0/1} ready:" + other), "+OK");
  const auto claim = Claim(kNow);
  EXPECT_TRUE(claim.stale);
  EXPECT_FALSE(claim.rebuild || claim.loading);
  EXPECT_EQ(claim.due.size(), 1u) << "what is there is claimed all the same";
  EXPECT_TRUE(Begin("one"));
  EXPECT_FALSE(Begin("two"));
  EXPECT_FALSE(Claim(kNow).stale) << "somebody is at work on it";
  EXPECT_TRUE(Finish("one"));
  EXPECT_FALSE(Claim(kNow).stale);

  // A load that began on another server is not whole here.
  ASSERT_EQ(server_.Command("SET test:g:{0/1} loading:" + other + ":t"), "+OK");
  EXPECT_FALSE(Begin("three"));
  ASSERT_TRUE(*Await<absl::StatusOr<bool>>(
      [&](auto done) { index_.FinishLoad(0, {.server = other, .token = "t"}, done); }));
  EXPECT_TRUE(Claim(kNow).stale);
}

TEST_F(DeadlineIndexTest, WithoutTheRightToAskForTheRunIdNothingIsStale) {
  MakeReady();
  ASSERT_EQ(server_.Command("ACL SETUSER blind on nopass ~* +@all -info"), "+OK");
  const testing::TempDir dir;
  std::ofstream(dir.Path("credentials")) << "blind\nany\n";
  redis::ClientOptions options = Options(server_);
  options.credentials_path = dir.Path("credentials");
  redis::Client client(options);
  DeadlineIndex index(client, {.prefix = "test:", .shards = 1, .timeout = Seconds(5)});
  ASSERT_TRUE(testing::WaitUntil([&] { return client.ready(); }));
  EXPECT_EQ(client.server_id(), "");
  const auto claim = Await<absl::StatusOr<DeadlineIndex::ClaimResult>>(
      [&](auto done) { index.Claim(0, kNow, 10, Seconds(5), done); });
  EXPECT_FALSE(claim->stale || claim->rebuild);
  EXPECT_FALSE(*Await<absl::StatusOr<bool>>(
      [&](auto done) { index.BeginLoad(0, index.NewHold(), Seconds(5), done); }));
}

TEST_F(DeadlineIndexTest, LoadingDoesNotOverwriteWhatWasScheduledMeanwhile) {
  ASSERT_TRUE(Begin("t"));
  const SessionId extended = AnySession(), other = AnySession();
  ASSERT_TRUE(Schedule(extended, kNow + Seconds(60)).ok());
  ASSERT_TRUE(Await<absl::Status>([&](auto done) {
                index_.Load(0, {{kNow, extended}, {kNow, other}}, done);
              }).ok());
  const auto claim = Claim(kNow);
  ASSERT_EQ(claim.due.size(), 1u);
  EXPECT_EQ(claim.due[0].session, other);
}

}  // namespace
}  // namespace invigil::session
