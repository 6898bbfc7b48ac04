#include "services/session/event_flags.h"

#include <utility>

#include "common/config/flags.h"
#include "common/sql/database.h"

namespace invigil::session {

void DeclareEventFlags(config::Flags& flags, EventSettings* settings) {
  constexpr Duration kYear = std::chrono::hours(24 * 365);
  flags.Section("Events for other teams")
      .Span("event-retention", &settings->retention, Minutes(1), 10 * kYear,
            "How long events can be read and replayed.")
      .Number("webhook-tries", &settings->tries, 1, 50,
              "How often a webhook is tried with an event before it is given up.")
      .Span("webhook-backoff", &settings->backoff, Millis(10), Minutes(30),
            "Before the second try; each further wait is three times as long, at most 30 minutes.")
      .Span("webhook-timeout", &settings->http.timeout, Millis(100), Minutes(1),
            "How long a webhook may take to answer.")
      .Span("webhook-lease", &settings->lease, Seconds(1), Minutes(10),
            "How long after a replica died another delivers to its webhooks.")
      .Text("webhook-ca", &settings->http.ca_path, "FILE",
            "Certificates that webhooks' certificates may be signed by, instead of the system's.")
      .Toggle("webhook-allow-http", &settings->http.rule.allow_http,
              "Allow webhooks without encryption; for development only.")
      .Toggle("webhook-allow-private", &settings->http.rule.allow_private,
              "Allow webhooks on this machine and on private networks.");
}

absl::StatusOr<std::string> WebhookLocation(const std::string& store, const std::string& data) {
  const bool file = !store.empty() && !sql::IsPostgres(store);
  return sql::LocationOf(file ? store + ".events" : store, data, "events.db");
}

absl::StatusOr<std::unique_ptr<Deliverer>> StartDeliverer(const std::string& sessions,
                                                          const std::string& webhooks,
                                                          const EventSettings& settings,
                                                          const Clock& clock,
                                                          std::function<bool()> clock_trusted) {
  auto reader = NoticeReader::Open(sessions);
  if (!reader.ok()) return reader.status();
  auto keeper = NoticeKeeper::Open(sessions);
  if (!keeper.ok()) return keeper.status();
  auto store = WebhookStore::Open(webhooks);
  if (!store.ok()) return store.status();
  DelivererOptions options;
  options.plan.tries = static_cast<uint32_t>(settings.tries);
  options.plan.backoff = settings.backoff;
  options.lease = settings.lease;
  options.retention = settings.retention;
  options.clock_trusted = std::move(clock_trusted);
  return std::make_unique<Deliverer>(*std::move(reader), *std::move(keeper), *std::move(store),
                                     MakeHttpPoster(settings.http), clock, std::move(options));
}

}  // namespace invigil::session
