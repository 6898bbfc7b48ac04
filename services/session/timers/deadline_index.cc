#include "services/session/timers/deadline_index.h"

#include <cassert>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/redis/script.h"
#include "services/session/timers/metrics.h"

namespace invigil::session {
namespace {

// What a generation begins with; BeginScript knows them too.
constexpr char kLoading[] = "loading:", kReady[] = "ready:";

std::string Loading(const DeadlineIndex::Hold& hold) {
  return kLoading + hold.server + ":" + hold.token;
}

// Up, so that a session is never claimed before its deadline.
std::string Score(Time t) { return std::to_string((ToUnixMicros(t) + 999) / 1000); }

// allow-oom: it moves scores and adds nothing; at maxmemory timers must drain.
// The time comes from the caller, not from Redis: see Decisions in the README.
const redis::Script& ClaimScript() {
  static const redis::Script script(R"(#!lua flags=allow-oom
-- KEYS: z, g   ARGV: now, limit, score of the lease
local g = redis.call('GET', KEYS[2])
if not g then return 'REBUILD' end
local due = redis.call('ZRANGE', KEYS[1], '-inf', ARGV[1], 'BYSCORE', 'LIMIT', 0, ARGV[2], 'WITHSCORES')
if #due > 0 then
  local leases = {}
  for i = 1, #due, 2 do
    leases[i] = ARGV[3]
    leases[i + 1] = due[i]
  end
  redis.call('ZADD', KEYS[1], 'XX', unpack(leases))
end
due[#due + 1] = g
return due)");
  return script;
}

const redis::Script& SettleScript() {
  static const redis::Script script(R"(#!lua flags=allow-oom
-- KEYS: z   ARGV: id, score it must have (of the lease, or of the timer meant), next or nothing
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not score or tonumber(score) ~= tonumber(ARGV[2]) then return 0 end
if ARGV[3] == '' then return redis.call('ZREM', KEYS[1], ARGV[1]) end
redis.call('ZADD', KEYS[1], 'XX', ARGV[3], ARGV[1])
return 1)");
  return script;
}

// Whoever has no run id (an ACL without INFO) takes only what has no generation at all.
const redis::Script& BeginScript() {
  static const redis::Script script(R"(
-- KEYS: g   ARGV: value while loading, ttl, value when ready on this server
local g = redis.call('GET', KEYS[1])
if g and (string.sub(g, 1, 8) == 'loading:' or g == ARGV[3] or g == 'ready:' or ARGV[3] == 'ready:')
then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1)");
  return script;
}

const redis::Script& RenewScript() {
  static const redis::Script script(R"(
-- KEYS: g   ARGV: value while loading, ttl
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2]))");
  return script;
}

const redis::Script& FinishScript() {
  static const redis::Script script(R"(
-- KEYS: g   ARGV: value while loading, value when ready
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1)");
  return script;
}

int64_t Milliseconds(Duration d) { return d.count() / 1000; }

redis::Client::Callback Ignoring(DeadlineIndex::Done done) {
  if (!done) return {};
  return
      [done = std::move(done)](const absl::StatusOr<redis::Reply>& reply) { done(reply.status()); };
}

redis::Client::Callback AsBool(DeadlineIndex::Held done) {
  return [done = std::move(done)](const absl::StatusOr<redis::Reply>& reply) {
    if (!reply.ok()) return done(reply.status());
    done(reply->integer == 1);
  };
}

absl::StatusOr<DeadlineIndex::ClaimResult> ReadClaim(const absl::StatusOr<redis::Reply>& reply,
                                                     const std::string& server, int shard,
                                                     int64_t lease_ms) {
  if (!reply.ok()) return reply.status();
  DeadlineIndex::ClaimResult result;
  const std::vector<redis::Reply>& elements = reply->elements;
  if (elements.empty()) {
    result.rebuild = true;
    return result;
  }
  const std::string& generation = elements.back().text;
  result.loading = generation.starts_with(kLoading);
  // Without the name of either nothing can be said.
  result.stale =
      !result.loading && !server.empty() && generation != kReady && generation != kReady + server;
  result.due.reserve(elements.size() / 2);
  for (size_t i = 0; i + 1 < elements.size(); i += 2) {
    // Another length is not ours; it stays, leased again and again, and hurts nobody.
    const std::optional<SessionId> session = SessionId::FromBytes(elements[i].text);
    if (!session.has_value()) continue;
    const double score = std::strtod(elements[i + 1].text.c_str(), nullptr);
    result.due.push_back(
        {*session, FromUnixMicros(static_cast<int64_t>(score) * 1000), shard, lease_ms});
  }
  return result;
}

}  // namespace

DeadlineIndex::DeadlineIndex(redis::Client& client, DeadlineIndexOptions options)
    : client_(client), options_(std::move(options)) {
  assert(options_.shards > 0);
  // A brace would move the hash tag and spread one shard over two cluster nodes.
  assert(options_.prefix.find_first_of("{}") == std::string::npos);
}

std::string DeadlineIndex::Key(char kind, int shard) const {
  return options_.prefix + kind + ":{" + std::to_string(shard) + "/" +
         std::to_string(options_.shards) + "}";
}

int DeadlineIndex::ShardOf(const SessionId& session) const {
  return static_cast<int>(StableHash(session.bytes()) % static_cast<uint64_t>(options_.shards));
}

void DeadlineIndex::Schedule(const SessionId& session, Time deadline, Done done) {
  client_.Command(
      {"ZADD", Key('z', ShardOf(session)), Score(deadline), std::string(session.bytes())},
      options_.timeout, [done = std::move(done)](const absl::StatusOr<redis::Reply>& reply) {
        if (!reply.ok()) TimerMetrics::Get().schedule_failures.Add();
        if (done) done(reply.status());
      });
}

void DeadlineIndex::Remove(const SessionId& session, Time was, Done done) {
  Settle(ShardOf(session), session, Score(was), std::nullopt, std::move(done));
}

void DeadlineIndex::Claim(int shard, Time now, int limit, Duration lease,
                          std::function<void(absl::StatusOr<ClaimResult>)> done) {
  const int64_t now_ms = ToUnixMillis(now);
  const int64_t lease_ms = now_ms + Milliseconds(lease);
  client_.Eval(
      ClaimScript(), {Key('z', shard), Key('g', shard)},
      {std::to_string(now_ms), std::to_string(limit), std::to_string(lease_ms)}, options_.timeout,
      [this, shard, lease_ms, done = std::move(done)](const absl::StatusOr<redis::Reply>& reply) {
        done(ReadClaim(reply, client_.server_id(), shard, lease_ms));
      });
}

void DeadlineIndex::Settle(const Claimed& claimed, std::optional<Time> next, Done done) {
  Settle(claimed.shard, claimed.session, std::to_string(claimed.lease_ms), next, std::move(done));
}

void DeadlineIndex::Settle(int shard, const SessionId& session, std::string score,
                           std::optional<Time> next, Done done) {
  client_.Eval(
      SettleScript(), {Key('z', shard)},
      {std::string(session.bytes()), std::move(score), next.has_value() ? Score(*next) : ""},
      options_.timeout, Ignoring(std::move(done)));
}

DeadlineIndex::Hold DeadlineIndex::NewHold() const {
  return {.server = client_.server_id(), .token = RandomHex(8)};
}

void DeadlineIndex::BeginLoad(int shard, const Hold& hold, Duration ttl, Held done) {
  client_.Eval(BeginScript(), {Key('g', shard)},
               {Loading(hold), std::to_string(Milliseconds(ttl)), kReady + hold.server},
               options_.timeout, AsBool(std::move(done)));
}

void DeadlineIndex::RenewLoad(int shard, const Hold& hold, Duration ttl, Held done) {
  client_.Eval(RenewScript(), {Key('g', shard)}, {Loading(hold), std::to_string(Milliseconds(ttl))},
               options_.timeout, AsBool(std::move(done)));
}

void DeadlineIndex::FinishLoad(int shard, const Hold& hold, Held done) {
  client_.Eval(FinishScript(), {Key('g', shard)}, {Loading(hold), kReady + hold.server},
               options_.timeout, AsBool(std::move(done)));
}

void DeadlineIndex::Load(int shard, const std::vector<Timer>& timers, Done done) {
  std::vector<std::string> args = {"ZADD", Key('z', shard), "NX"};
  args.reserve(3 + 2 * timers.size());
  for (const Timer& timer : timers) {
    args.push_back(Score(timer.deadline));
    args.emplace_back(timer.session.bytes());
  }
  client_.Command(std::move(args), options_.timeout, Ignoring(std::move(done)));
}

}  // namespace invigil::session
