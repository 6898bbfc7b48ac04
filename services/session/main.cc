// invigil-session: the clock and the responses.
#include <string>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "common/auth/token.h"
#include "common/base/clock.h"
#include "common/client/channel.h"
#include "common/config/flags.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/redis/client.h"
#include "common/rpc/guard.h"
#include "common/rpc/server.h"
#include "common/sql/database.h"
#include "services/session/engine/session_engine.h"
#include "services/session/event_flags.h"
#include "services/session/metrics.h"
#include "services/session/privacy/housekeeper.h"
#include "services/session/privacy/keeper.h"
#include "services/session/privacy_hooks.h"
#include "services/session/registration/registrar.h"
#include "services/session/relay/amendments.h"
#include "services/session/relay/relay.h"
#include "services/session/relay/scoring_client.h"
#include "services/session/replicas/commit_tail.h"
#include "services/session/replicas/pulse_share.h"
#include "services/session/rpc/audit_service.h"
#include "services/session/rpc/delivery_service.h"
#include "services/session/rpc/denials.h"
#include "services/session/rpc/event_service.h"
#include "services/session/rpc/item_bank.h"
#include "services/session/rpc/privacy_service.h"
#include "services/session/rpc/proctor_roster.h"
#include "services/session/rpc/proctor_service.h"
#include "services/session/rpc/registration_service.h"
#include "services/session/rpc/starter.h"
#include "services/session/rpc/ticker.h"
#include "services/session/store/open.h"
#include "services/session/timers/timers.h"

namespace invigil::session {
namespace {

constexpr char kProgram[] = "invigil-session";

struct Settings {
  rpc::ServerOptions server;
  std::string data, store, jwks, key, redis, redis_credentials, sentinel_credentials, redis_prefix;
  std::vector<std::string> item_bank, scoring;
  privacy::Policy keep;
  EventSettings events;
  Duration score_wait = Seconds(2);
  int64_t queue = 8192, cached_sessions = 50'000;
};

Settings ReadFlags(int argc, char** argv) {
  Settings settings;
  settings.server.max_receive_bytes = 1'200'000;  // ProvisionRegistrations takes up to 1 MiB
  config::Flags flags(
      kProgram,
      "Runs sessions: who sits which form, what was answered when, and how much time is left.");
  rpc::DeclareServerFlags(flags, &settings.server);
  flags.Section("Store")
      .Text("data", &settings.data, "DIR",
            "Folder of the databases session.db, registration.db and events.db; it must exist.")
      .Text("store", &settings.store, "LOCATION", sql::kStoreHelp);
  flags.Section("Timers")
      .Text("redis", &settings.redis, "ADDRESS",
            "HOST:PORT, redis://HOST:PORT or unix:PATH of the Redis that holds the live timers, or "
            "sentinel://HOST:PORT,HOST:PORT/MASTER-NAME for the one that these sentinels name. "
            "Sessions end on time without it too.")
      .Required()
      .Text("redis-credentials", &settings.redis_credentials, "FILE",
            "User and password, a line each; or a password alone.")
      .Text("sentinel-credentials", &settings.sentinel_credentials, "FILE",
            "The same for the sentinels.")
      .Text("redis-prefix", &settings.redis_prefix, "TEXT",
            "Before every key, so that several suites can share a Redis.");
  flags.Section("Other services")
      .List("item-bank", &settings.item_bank, "HOST:PORT", "Where the item bank issues forms.")
      .Required()
      .List("scoring", &settings.scoring, "HOST:PORT", "Where scoring takes sealed sessions.")
      .Required()
      .Span("score-wait", &settings.score_wait, Duration(0), Minutes(1),
            "How long SubmitSession waits for the score before it answers SUBMITTED.");
  flags.Section("Identity")
      .Text("jwks", &settings.jwks, "FILE", "Public keys that may sign callers' tokens.")
      .Required()
      .Text("key", &settings.key, "FILE",
            "Private key of this service: signs session tokens and its own identity.")
      .Required();
  flags.Section("Capacity")
      .Number("queue", &settings.queue, 1, 1'000'000,
              "Commands that may wait for a commit in each lane; more are refused at once.")
      .Number("cached-sessions", &settings.cached_sessions, 1, 10'000'000,
              "Sessions kept in memory, about 5 KB each.");
  DeclareRetentionFlags(flags, &settings.keep);
  DeclareEventFlags(flags, &settings.events);
  flags.ParseOrExit(argc, argv);
  return settings;
}

// Registrations stand beside the sessions: in a file of their own, or in a schema of the same
// PostgreSQL.
absl::StatusOr<registration::Locations> LocationsOf(const Settings& settings,
                                                    const std::string& sessions) {
  const bool file = !settings.store.empty() && !sql::IsPostgres(settings.store);
  auto registrations = sql::LocationOf(file ? settings.store + ".registration" : settings.store,
                                       settings.data, "registration.db");
  if (!registrations.ok()) return registrations.status();
  return registration::Locations{.registrations = *std::move(registrations), .sessions = sessions};
}

// Seals through the engine; says NotDue when the session's own deadline is later.
ExpireHook ExpireThrough(SessionEngine*& engine) {
  return [&engine](const SessionId& session, ExpireDone done) {
    engine->Execute(session, {"", Expire{}},
                    [session, done = std::move(done)](absl::StatusOr<Outcome> outcome) {
                      if (outcome.ok() && outcome->changed)
                        log::Info("session sealed",
                                  {{"session", session.ToHex()},
                                   {"state", std::string(StateName(outcome->state->state))}});
                      done(ExpireAnswer(outcome.status()));
                    });
  };
}

ListHook ListThrough(SessionEngine*& engine) {
  return [&engine](std::optional<Timer> after, Time until,
                   size_t limit) -> absl::StatusOr<std::vector<Timer>> {
    std::optional<Scheduled> start;
    if (after) start = Scheduled{.deadline = after->deadline, .session = after->session};
    auto due = engine->ListScheduled(start, until, limit);
    if (!due.ok()) return due.status();
    std::vector<Timer> timers;
    for (const Scheduled& scheduled : *due)
      timers.push_back({.deadline = scheduled.deadline, .session = scheduled.session});
    return timers;
  };
}

// Settles every few seconds, as long as the ticker runs.
void KeepSettling(Ticker& ticker, Denials& denials) {
  ticker.After(Seconds(5), [&ticker, &denials] {
    denials.Settle();
    KeepSettling(ticker, denials);
  });
}

// Item bank and scoring both call an erased candidate by the new name; told again until both know.
TellBank TellBoth(TellBank bank, AssignSessions scoring) {
  return [bank = std::move(bank), scoring = std::move(scoring)](
             const std::vector<SessionId>& sessions, const std::string& name) {
    INVIGIL_RETURN_IF_ERROR(bank(sessions, name));
    return sessions.empty() ? absl::OkStatus() : scoring(sessions, name);
  };
}

absl::Status Run(const Settings& settings) {
  INVIGIL_RETURN_IF_ERROR(rpc::StartLogging("session", settings.server));
  auto location = sql::LocationOf(settings.store, settings.data, "session.db");
  if (!location.ok()) return location.status();
  const SystemClock local;
  DisciplinedClock clock(local);

  auto verifier = rpc::OpenVerifier(settings.jwks, clock);
  if (!verifier.ok()) return verifier.status();
  auto guard = rpc::Guard::Create(
      **verifier, {"invigil.session.v1.AuditService", "invigil.session.v1.DeliveryService",
                   "invigil.session.v1.EventService", "invigil.session.v1.PrivacyService",
                   "invigil.session.v1.ProctorService", "invigil.session.v1.RegistrationService"});
  if (!guard.ok()) return guard.status();
  auto made = auth::TokenMinter::FromFile(settings.key, clock);
  if (!made.ok()) return made.status();
  const std::shared_ptr<const auth::TokenMinter> minter = *std::move(made);
  auth::ServiceIdentity identity(minter, "session", clock);
  auto item_bank_channel = client::Connect(settings.item_bank, settings.server.tls);
  if (!item_bank_channel.ok()) return item_bank_channel.status();
  auto scoring_channel = client::Connect(settings.scoring, settings.server.tls);
  if (!scoring_channel.ok()) return scoring_channel.status();
  auto redis_address = redis::ParseEndpoint(settings.redis);
  if (!redis_address.ok()) return redis_address.status();

  redis::Client redis({.address = *redis_address,
                       .credentials_path = settings.redis_credentials,
                       .sentinel_credentials_path = settings.sentinel_credentials,
                       .name = "timers"});
  SessionEngine* engine = nullptr;  // known to the timers before it exists; they ask from Start on
  Timers timers(redis, clock, local, {.expire = ExpireThrough(engine), .list = ListThrough(engine)},
                {.index = {.prefix = settings.redis_prefix}});
  EngineHooks hooks = MetricsHooks();
  hooks.on_scheduled = [&timers](const SessionId& session, Time deadline) {
    timers.Schedule(session, deadline);
  };
  hooks.on_unscheduled = [&timers](const SessionId& session, Time was) {
    timers.Remove(session, was);
  };
  auto opened =
      SessionEngine::Open(*location, clock,
                          {.queue_limit = static_cast<size_t>(settings.queue),
                           .cached_sessions = static_cast<size_t>(settings.cached_sessions),
                           .may_judge = [&timers] { return timers.ClockTrusted(); }},
                          std::move(hooks));
  if (!opened.ok()) return opened.status();
  engine = opened->get();
  // The roster's own connection: its long lists don't hold up the timers.
  auto roster_reader = OpenEventLogReader(*location);
  if (!roster_reader.ok()) return roster_reader.status();

  const auto item_bank = MakeItemBank(*item_bank_channel, identity, local);
  auto locations = LocationsOf(settings, *location);
  if (!locations.ok()) return locations.status();
  auto registrar = registration::Registrar::Open(*locations, clock);
  if (!registrar.ok()) return registrar.status();
  auto privacy = privacy::Privacy::Open(
      {.sessions = *location,
       .registrations = locations->registrations,
       .reload = ReloadAtOnce(*engine),
       .tell_bank = TellBoth(MakeTellBank(*item_bank_channel, identity),
                             MakeAssignSessions(*scoring_channel, identity))},
      clock);
  if (!privacy.ok()) return privacy.status();
  auto keeper = privacy::Keeper::Open(
      {.sessions = *location, .registrations = locations->registrations}, settings.keep, clock);
  if (!keeper.ok()) return keeper.status();
  Starter starter(*engine, *item_bank, local, registrar->get());
  Denials denials(RemarkThrough(*engine), local);
  (*guard)->TellDenials([&denials](const rpc::Denial& denial) {
    denials.Add(denial.method, denial.reason, denial.subject, denial.session);
  });
  Ticker ticker(local);
  KeepSettling(ticker, denials);
  const auto clock_trusted = [&timers]() -> absl::Status {
    if (timers.ClockTrusted()) return absl::OkStatus();
    return Unavailable("CLOCK_NOT_TRUSTED",
                       "this replica's clock is not confirmed by Redis; try again, or set the "
                       "clock of one of the two right");
  };
  // A wrong clock must not judge a deadline: not even of a call that was sent here all the same.
  (*guard)->CloseWhile(clock_trusted);
  const auto pulse = std::make_shared<Pulse>();
  const auto roster = Roster::Start(*engine, **roster_reader, clock, local, {}, pulse);
  PulseShare pulse_share(redis, pulse, clock, local, [&roster] { return roster->active(); },
                         {.prefix = settings.redis_prefix});
  auto tail_reader = OpenEventLogReader(*location);
  if (!tail_reader.ok()) return tail_reader.status();
  CommitTail commit_tail(*engine, *std::move(tail_reader));
  // On every way out, also when the port is taken: the timers end before the engine they ask, and
  // its last callbacks run before what they use goes.
  const absl::Cleanup stop = [&timers, &roster, &pulse_share, &commit_tail, &denials, engine] {
    timers.Stop();
    pulse_share.Stop();
    commit_tail.Stop();
    roster->Stop();
    denials.Settle(true);
    engine->Stop();
  };
  {
    Relay relay(*engine, MakeScoringClient(*scoring_channel, identity), local,
                {.may_judge = [&timers] { return timers.ClockTrusted(); }});
    const Amendments amendments(*engine, MakeAmendmentSource(*scoring_channel, identity),
                                {.may_judge = [&timers] { return timers.ClockTrusted(); }});
    const auto service = MakeDeliveryService({.guard = **guard,
                                              .verifier = **verifier,
                                              .engine = *engine,
                                              .starter = starter,
                                              .relay = relay,
                                              .ticker = ticker,
                                              .minter = *minter,
                                              .clock = clock,
                                              .score_wait = settings.score_wait});
    const auto registration_service =
        MakeRegistrationService(**guard, **registrar, RemarkThrough(*engine));
    const auto proctor_service = MakeProctorService({.guard = **guard,
                                                     .engine = *engine,
                                                     .reader = **roster_reader,
                                                     .roster = roster,
                                                     .relay = relay,
                                                     .ticker = ticker,
                                                     .clock = clock});
    auto check_reader = OpenEventLogReader(*location);
    if (!check_reader.ok()) return check_reader.status();
    auto timeline_reader = OpenEventLogReader(*location);
    if (!timeline_reader.ok()) return timeline_reader.status();
    const auto audit_service =
        MakeAuditService(**guard, *std::move(check_reader), *std::move(timeline_reader));
    auto privacy_reader = OpenEventLogReader(*location);
    if (!privacy_reader.ok()) return privacy_reader.status();
    const auto privacy_service = MakePrivacyService({.guard = **guard,
                                                     .privacy = **privacy,
                                                     .keeper = **keeper,
                                                     .reader = *std::move(privacy_reader),
                                                     .remark = RemarkAtOnce(*engine),
                                                     .reload = ReloadThrough(*engine)});
    const privacy::Housekeeper housekeeper(**privacy, **keeper, HousekeepingHooks(*engine));
    auto webhooks = WebhookLocation(settings.store, settings.data);
    if (!webhooks.ok()) return webhooks.status();
    auto deliverer = StartDeliverer(*location, *webhooks, settings.events, clock,
                                    [&timers] { return timers.ClockTrusted(); });
    if (!deliverer.ok()) return deliverer.status();
    auto notice_reader = NoticeReader::Open(*location);
    if (!notice_reader.ok()) return notice_reader.status();
    auto webhook_store = WebhookStore::Open(*webhooks);
    if (!webhook_store.ok()) return webhook_store.status();
    const auto event_service =
        MakeEventService({.guard = **guard,
                          .ticker = ticker,
                          .clock = clock,
                          .rule = settings.events.http.rule,
                          .on_change = [&] { (*deliverer)->Wake(); }},
                         *std::move(notice_reader), *std::move(webhook_store));
    timers.Start();
    pulse_share.Start();
    commit_tail.Start();
    auto server = rpc::Server::Start(
        "session", settings.server,
        {service.get(), audit_service.get(), event_service.get(), privacy_service.get(),
         proctor_service.get(), registration_service.get()},
        [&] {
          if (!engine->Healthy()) return absl::UnavailableError("the database can't be written");
          return clock_trusted();
        });
    if (!server.ok()) return server.status();
    (*server)->WaitForSignal();
    (*server)->Drain();  // every call is answered
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace invigil::session

int main(int argc, char** argv) {
  using namespace invigil;  // NOLINT: the program's own namespace
  rpc::PrepareProcess();
  const absl::Status status = session::Run(session::ReadFlags(argc, argv));
  if (!status.ok()) return rpc::ExitWith(session::kProgram, status);
  log::Shutdown();
  return 0;
}
