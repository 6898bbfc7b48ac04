#include "services/session/events/deliverer.h"

#include <sys/prctl.h>

#include <algorithm>
#include <utility>

#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/telemetry/metrics.h"
#include "services/session/events/event_message.h"

namespace invigil::session {
namespace {

constexpr size_t kPage = 100;
constexpr size_t kPruneAtOnce = 500;
// A change is stored at the latest after so long; meanwhile others join it.
constexpr Duration kStoreAfter = Millis(50);
// Having passed over what nobody wants is no loss.
constexpr Duration kStoreMoves = Seconds(1);
constexpr Duration kTroubleWait = Seconds(1);

std::string WhyFailed(const Answer& answer) {
  return answer.status != 0 ? "HTTP " + std::to_string(answer.status) : answer.error;
}

}  // namespace

struct Deliverer::Metrics {
  telemetry::Counter& delivered = telemetry::GetCounter("invigil_session_webhook_delivered_total",
                                                        "Events that a webhook took.");
  telemetry::Counter& failed = telemetry::GetCounter("invigil_session_webhook_failed_total",
                                                     "Tries to deliver an event that failed.");
  telemetry::Counter& dead = telemetry::GetCounter("invigil_session_webhook_dead_letters_total",
                                                   "Events that were given up for a webhook.");
  telemetry::Gauge& owned =
      telemetry::GetGauge("invigil_session_webhooks", "Webhooks that this replica delivers to.");
  telemetry::Gauge& waiting =
      telemetry::GetGauge("invigil_session_webhook_waiting",
                          "Events that wait to be delivered to this replica's webhooks.");
  telemetry::Gauge& lag = telemetry::GetGauge("invigil_session_webhook_lag_seconds",
                                              "Age of the oldest of them that was not delivered.");
  telemetry::Counter& pruned =
      telemetry::GetCounter("invigil_session_events_pruned_total",
                            "Events that were taken out of the outbox for their age.");
};

struct Deliverer::Channel {
  Channel(Webhook hook, uint64_t number, const PlanOptions& options)
      : webhook(std::move(hook)), incarnation(number), plan(options, webhook.position) {}
  WebhookStore::Held held() const { return {webhook.id, webhook.version}; }
  bool changed() const {
    return results || disabled != webhook.disabled || plan.Position() != stored_position;
  }

  Webhook webhook;
  const uint64_t incarnation;  // answers to an earlier one don't count
  DeliveryPlan plan;
  // Bodies of what was just read; the rest is read again when its time comes.
  std::map<uint64_t, std::string> bodies;
  std::string last_error = webhook.last_error;
  bool disabled = webhook.disabled;
  bool results = false;  // something was answered since the last Store
  // More wait in the store than are in the plan. Nothing new goes before those: once there is room,
  // all begins anew with what is stored.
  bool incomplete = false;
  bool wants_rest() const { return incomplete && !plan.full(); }
  uint64_t stored_position = webhook.position;
  Duration store_at{0}, stored_at{0}, not_before{0};
};

Deliverer::Deliverer(std::unique_ptr<NoticeReader> reader, std::unique_ptr<NoticeKeeper> keeper,
                     std::unique_ptr<WebhookStore> store, std::unique_ptr<Poster> poster,
                     const Clock& clock, DelivererOptions options)
    : reader_(std::move(reader)),
      keeper_(std::move(keeper)),
      store_(std::move(store)),
      poster_(std::move(poster)),
      clock_(clock),
      options_(std::move(options)),
      owner_(RandomHex(8)),
      metrics_(std::make_unique<Metrics>()),
      random_(StableHash(owner_)),
      thread_([this] { Loop(); }) {}

Deliverer::~Deliverer() {
  stopping_ = true;
  poster_->Wake();
  thread_.join();
}

void Deliverer::Wake() {
  woken_ = true;
  poster_->Wake();
}

void Deliverer::Loop() {
  prctl(PR_SET_NAME, "webhooks");
  while (!stopping_) {
    if (woken_.exchange(false)) next_look_ = Duration(0);
    if (clock_.Monotonic() >= next_look_) Look();
    if (!channels_.empty() && clock_.Monotonic() >= next_read_) ReadNew();
    for (auto& [id, channel] : channels_) SendDue(*channel);
    poster_->Work(channels_.empty() ? options_.look_every : options_.read_every);
    Flush(false);
    if (clock_.Monotonic() >= next_prune_) Prune();
    Tell();
  }
  Drain();
}

void Deliverer::Look() {
  const Duration monotonic = clock_.Monotonic();
  // What was read so long ago is read again: the candidate may have been erased since.
  for (auto& [id, channel] : channels_) channel->bodies.clear();
  next_look_ = monotonic + options_.look_every;
  if (options_.clock_trusted && !options_.clock_trusted()) return;
  const Time now = clock_.Now();
  std::vector<WebhookStore::Held> held;
  for (const auto& [id, channel] : channels_) held.push_back(channel->held());
  if (monotonic < renew_at_) {
    const auto differs = store_->Differs(owner_, held, now);
    if (!differs.ok()) return Trouble("webhooks can't be read", differs.status());
    if (!*differs) return;
  }
  // What was answered so far counts for the webhooks that stay as they are.
  Flush(true);
  auto claimed = store_->Claim(owner_, now, now + options_.lease);
  if (!claimed.ok()) return Trouble("webhooks can't be claimed", claimed.status());
  troubled_ = false;
  lease_until_ = now + options_.lease;
  renew_at_ = monotonic + options_.lease / 3;
  Adopt(*std::move(claimed));
}

void Deliverer::Adopt(std::vector<Webhook> held) {
  std::map<std::string, std::unique_ptr<Channel>> kept;
  for (Webhook& webhook : held) {
    const std::string id = webhook.id;
    const auto known = channels_.find(id);
    if (known != channels_.end() && known->second->webhook.version == webhook.version) {
      kept.emplace(id, std::move(known->second));
      continue;
    }
    const auto waiting = store_->ListWaiting(id, 2 * options_.plan.window);
    // Those that will be read again on the way from the position.
    const auto dead = store_->ListDead(id, webhook.position, 2 * options_.plan.window);
    if (!waiting.ok() || !dead.ok()) {
      Trouble("what waits for a webhook can't be read",
              waiting.ok() ? dead.status() : waiting.status());
      renew_at_ = Duration(0);  // claims it again at the next look
      continue;
    }
    auto channel = std::make_unique<Channel>(std::move(webhook), ++incarnations_, options_.plan);
    channel->incomplete = waiting->size() == 2 * options_.plan.window;
    for (const Undelivered& row : *waiting) channel->plan.AddWaiting(row);
    for (const Undelivered& row : *dead) channel->plan.AddDead(row.n);
    kept.emplace(id, std::move(channel));
    next_read_ = Duration(0);
  }
  channels_ = std::move(kept);
}

void Deliverer::ReadNew() {
  next_read_ = clock_.Monotonic() + options_.read_every;
  const auto bounds = reader_->ReadBounds();
  if (!bounds.ok()) return Trouble("events can't be read", bounds.status());
  for (auto& [id, channel] : channels_) {
    // There is more than a page: goes on with the next turn of the loop, without a pause.
    if (ReadInto(*channel, bounds->head)) next_read_ = Duration(0);
  }
}

bool Deliverer::ReadInto(Channel& channel, uint64_t head) {
  DeliveryPlan& plan = channel.plan;
  if (channel.disabled || channel.incomplete || plan.full() || plan.read_to() == head) return false;
  auto page = reader_->Page(plan.read_to(), kPage);
  if (ReasonOf(page.status()) == "CURSOR_PRUNED") {
    const auto bounds = reader_->ReadBounds();
    if (!bounds.ok()) return false;
    log::Error(
        "events grew too old before a webhook took them",
        {{"webhook", channel.webhook.id}, {"cursor", plan.read_to()}, {"go_on_at", bounds->floor}});
    plan.ReadTo(bounds->floor);
    return false;
  }
  if (absl::IsOutOfRange(page.status())) {
    Rewind(channel);
    return false;
  }
  if (!page.ok()) {
    Trouble("events can't be read", page.status());
    return false;
  }
  for (const NoticeRecord& record : page->records) {
    const Notice& notice = record.notice;
    if (!channel.webhook.filter.Wants(notice)) continue;
    plan.AddNew(notice.n, {notice.session, notice.seq}, notice.written_at);
    channel.bodies[notice.n] = EventJson(record);
  }
  plan.ReadTo(page->cursor);
  return page->more && !plan.full();
}

// The store has another history than the one read so far. Where webhooks are in the same database,
// the position went back with it; else, or where it was stored since, only the floor is certain.
void Deliverer::Rewind(Channel& channel) {
  const std::string& id = channel.webhook.id;
  const auto stored = store_->Find(id);
  const auto bounds = reader_->ReadBounds();
  if (!stored.ok() || !bounds.ok()) {
    return Trouble("how far a webhook got can't be read",
                   stored.ok() ? bounds.status() : stored.status());
  }
  // Gone, or an operator's change: the next look finds out.
  renew_at_ = next_look_ = Duration(0);
  if (!*stored || (*stored)->version != channel.webhook.version) return;
  const uint64_t position = (*stored)->position;
  const bool fits = reader_->Page(position, 1).ok();
  const uint64_t from = fits ? position : bounds->floor;
  log::Error(
      "the store of sessions was restored, or lost what it had committed: events are "
      "delivered again",
      {{"webhook", id}, {"cursor", channel.plan.read_to()}, {"go_on_at", from}});
  const auto replayed =
      store_->ReplayFrom({owner_, RandomHex(16), "rewind"}, id, from, clock_.Now());
  if (!replayed.ok()) Trouble("a webhook can't be set back", replayed.status());
}

void Deliverer::SendDue(Channel& channel) {
  // Whoever can't renew the lease, or judge it, must not deliver beside whoever has it by then.
  if (options_.clock_trusted && !options_.clock_trusted()) return;
  while (!channel.disabled && !channel.wants_rest() && clock_.Now() < lease_until_) {
    const auto next = channel.plan.Take(clock_.Now());
    if (!next || !Send(channel, *next)) return;
  }
}

// false: the event can't be read now.
bool Deliverer::Send(Channel& channel, const Undelivered& row) {
  Post post;
  if (const auto body = channel.bodies.find(row.n); body != channel.bodies.end()) {
    post.body = std::move(body->second);
    channel.bodies.erase(body);
  } else {
    const auto record = reader_->Find(row.key);
    if (!record.ok()) {
      channel.plan.PutBack(row.n);
      Trouble("events can't be read", record.status());
      return false;
    }
    if (!*record || (*record)->notice.written_at != row.written_at) {
      metrics_->dead.Add();
      channel.plan.GiveUp(row.n, "the event is not kept any more", clock_.Now());
      channel.results = true;
      return true;
    }
    post.body = EventJson(**record);
  }
  const Webhook& webhook = channel.webhook;
  const Time now = clock_.Now();
  const std::string timestamp = std::to_string(ToUnixMicros(now) / 1'000'000);
  const bool both = webhook.old_secret_until && now < *webhook.old_secret_until;
  Notice named;
  named.session = row.key.session;
  named.seq = row.key.seq;
  named.written_at = row.written_at;
  post.url = webhook.url;
  post.headers = {"Content-Type: application/json", "Invigil-Event-Id: " + named.EventId(),
                  "Invigil-Timestamp: " + timestamp,
                  "Invigil-Signature: " + SignatureOf(timestamp, post.body, webhook.secret,
                                                      both ? webhook.old_secret : "")};
  poster_->Send(std::move(post),
                [this, id = webhook.id, incarnation = channel.incarnation,
                 row](const Answer& answer) { Answered(id, incarnation, row, answer); });
  return true;
}

void Deliverer::Answered(const std::string& id, uint64_t incarnation, const Undelivered& row,
                         const Answer& answer) {
  const auto found = channels_.find(id);
  if (found == channels_.end() || found->second->incarnation != incarnation) return;
  Channel& channel = *found->second;
  if (!channel.results) channel.store_at = clock_.Monotonic() + kStoreAfter;
  channel.results = true;
  if (answer.status / 100 == 2) {
    metrics_->delivered.Add();
    channel.last_error.clear();
    channel.plan.Delivered(row.n);
    return;
  }
  metrics_->failed.Add();
  channel.last_error = WhyFailed(answer);
  if (answer.status == 410) {
    // Nobody is there: what was to be sent stays, for a replay.
    channel.plan.PutBack(row.n);
    channel.disabled = true;
    return;
  }
  const bool dead = channel.plan.Failed(row.n, channel.last_error, clock_.Now(), random_.Uniform());
  if (!dead) {
    log::Debug("an event was not delivered; it will be tried again",
               {{"webhook", id},
                {"session", row.key.session.ToHex()},
                {"tries", row.tries + 1},
                {"error", channel.last_error}});
    return;
  }
  metrics_->dead.Add();
  log::Warning("an event was given up for a webhook", {{"webhook", id},
                                                       {"session", row.key.session.ToHex()},
                                                       {"sequence", row.key.seq},
                                                       {"tries", row.tries + 1},
                                                       {"error", channel.last_error}});
}

void Deliverer::Flush(bool all) {
  for (auto it = channels_.begin(); it != channels_.end();) {
    Channel& channel = *it->second;
    const Duration now = clock_.Monotonic();
    const bool due = channel.results ? channel.plan.idle() || now >= channel.store_at
                                     : now >= channel.stored_at + kStoreMoves;
    const bool may = channel.changed() && now >= channel.not_before;
    bool lost = may && (all || due) && !Store(channel);
    if (!lost && channel.wants_rest() && channel.plan.idle() && !channel.changed()) {
      renew_at_ = next_look_ = Duration(0);  // adopts it with the rest
      lost = true;
    }
    it = lost ? channels_.erase(it) : std::next(it);
  }
}

// false: another has it by now, or an operator changed it; what was done here is theirs to do.
bool Deliverer::Store(Channel& channel) {
  const DeliveryPlan::Changes changes = channel.plan.changes();
  WebhookStore::Progress progress{.position = channel.plan.Position(),
                                  .disabled = channel.disabled,
                                  .last_error = channel.last_error,
                                  .put = changes.put,
                                  .gone = changes.gone};
  const auto stored = store_->Save(owner_, channel.held(), progress);
  if (!stored.ok()) {
    channel.not_before = clock_.Monotonic() + kTroubleWait;
    Trouble("what was delivered can't be stored", stored.status());
    return true;
  }
  if (!*stored) {
    renew_at_ = next_look_ = Duration(0);
    return false;
  }
  if (channel.disabled && !channel.webhook.disabled) {
    log::Audit("webhook_disabled",
               "a webhook's receiver said that it is gone: nothing more is sent",
               {{"webhook", channel.webhook.id}, {"cursor", progress.position}});
  }
  channel.webhook.disabled = channel.disabled;
  channel.stored_position = progress.position;
  channel.stored_at = clock_.Monotonic();
  channel.results = false;
  channel.plan.ChangesStored();
  return true;
}

void Deliverer::Prune() {
  next_prune_ = clock_.Monotonic() + options_.prune_every;
  if (options_.clock_trusted && !options_.clock_trusted()) return;
  const Time before = clock_.Now() - options_.retention;
  const auto pruned = keeper_->Prune(before, kPruneAtOnce);
  if (!pruned.ok()) return Trouble("old events can't be pruned", pruned.status());
  metrics_->pruned.Add(static_cast<double>(*pruned));
  // Little by little: the sessions' writer needs the store too.
  if (*pruned == kPruneAtOnce) next_prune_ = clock_.Monotonic() + options_.read_every;
  const auto bounds = reader_->ReadBounds();
  if (!bounds.ok()) return Trouble("events can't be read", bounds.status());
  const absl::Status status = store_->Prune(before, bounds->floor);
  if (!status.ok()) Trouble("old dead letters can't be pruned", status);
}

void Deliverer::Drain() {
  const Duration end = clock_.Monotonic() + options_.drain;
  const auto idle = [this] {
    return std::all_of(channels_.begin(), channels_.end(),
                       [](const auto& channel) { return channel.second->plan.idle(); });
  };
  while (!idle() && clock_.Monotonic() < end) poster_->Work(Millis(50));
  Flush(true);
  const absl::Status status = store_->Release(owner_);
  if (!status.ok()) Trouble("webhooks can't be given back", status);
}

void Deliverer::Tell() const {
  size_t waiting = 0;
  Duration lag(0);
  for (const auto& [id, channel] : channels_) {
    if (channel->disabled) continue;
    waiting += channel->plan.size();
    if (const auto oldest = channel->plan.Oldest()) lag = std::max(lag, clock_.Now() - *oldest);
  }
  metrics_->owned.Set(static_cast<double>(channels_.size()));
  metrics_->waiting.Set(static_cast<double>(waiting));
  metrics_->lag.Set(static_cast<double>(lag.count()) * 1e-6);
}

void Deliverer::Trouble(const char* what, const absl::Status& status) {
  if (std::exchange(troubled_, true)) return;
  log::Warning(what, {{"reason", ReasonOf(status)}, {"error", std::string(status.message())}});
}

}  // namespace invigil::session
