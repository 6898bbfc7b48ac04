// invigil events tail, and invigil events webhook ...: what other teams' services are told.
#include <cstdio>
#include <string>

#include "services/cli/commands/commands.h"
#include "services/cli/commands/staff.h"
#include "services/cli/core/names.h"
#include "services/cli/events/event_text.h"

namespace invigil::cli {
namespace {

namespace ses = session::v1;

constexpr char kKinds[] =
    "Only these: started, submitted, expired, terminated, voided, reopened, scored, released, "
    "amended, incident.";

// Puts what the words name into `add`. Errors: USAGE.
template <typename Request>
absl::Status AddKinds(const std::vector<std::string>& words, Request* request) {
  for (const std::string& word : words) {
    const ses::SessionEventKind kind = ParseEventKind(word);
    if (kind == ses::SESSION_EVENT_KIND_UNSPECIFIED) {
      return UsageError("there is no event \"" + Printable(word) + "\"; see --help");
    }
    request->add_kinds(kind);
  }
  return absl::OkStatus();
}

template <typename Events>
void Print(const Events& events, bool json) {
  for (const ses::SessionEvent& event : events) {
    if (json) {
      std::printf("%s\n", ToCompactJson(event).c_str());
    } else {
      std::fputs(EventLine(event).c_str(), stdout);
    }
  }
  std::fflush(stdout);
}

int ShowWebhook(const ses::Webhook& webhook, bool json) {
  std::fputs((json ? ToJson(webhook) : WebhooksText({webhook})).c_str(), stdout);
  return kOk;
}

// With its secret, which is shown once.
template <typename Response>
int ShowSecret(const Response& response, bool json) {
  if (json) {
    std::fputs(ToJson(response).c_str(), stdout);
    return kOk;
  }
  ShowWebhook(response.webhook(), false);
  if (response.secret().empty()) {
    std::printf("\nIts secret was shown before, and is not shown again; `rotate` makes another.\n");
  } else {
    std::printf("\nSecret: %s\nIt is not shown again; deliveries are signed with it.\n",
                Printable(response.secret()).c_str());
  }
  return kOk;
}

// A command about one webhook.
struct WebhookCommand {
  WebhookCommand(const std::string& name, const std::string& summary)
      : flags("invigil events webhook " + name, summary) {
    flags.Positional("WEBHOOK");
  }
  // Reads the words and connects. Errors: USAGE and those of Connect.
  absl::StatusOr<Connection> Begin(const Words& words) {
    DeclareSettings(flags, &given);
    auto name = ParseWithArgument(flags, words, "webhook");
    if (!name.ok()) return name.status();
    webhook = *name;
    return Connect(given, who);
  }
  config::Flags flags;
  std::string webhook, who;
  Settings given;
};

}  // namespace

int EventsTail(const Words& words) {
  bool json = false, follow = true, all = false;
  int64_t cursor = -1;
  std::vector<std::string> kinds;
  std::string exam;
  Settings given;
  config::Flags flags("invigil events tail",
                      "Shows what happens to sessions, as it happens, until you end it with "
                      "Ctrl-C. Each line begins with its cursor, behind which --cursor goes on.");
  flags.Number("cursor", &cursor, -1, INT64_MAX, "Begin behind this one. -1: with what comes now.")
      .Toggle("all", &all, "Begin with the oldest event that is kept.")
      .Toggle("follow", &follow,
              "Go on with what happens; with --no-follow end with what is there.")
      .List("kind", &kinds, "EVENT,...", kKinds)
      .Text("exam", &exam, "EXAM", "Only events of this exam.")
      .Toggle("json", &json, "As JSON (one SessionEvent a line).");
  DeclareSettings(flags, &given);
  flags.ParseOrExit(words);
  if (all && cursor > 0) return Fail(UsageError("--all and --cursor exclude each other"));
  if (all) cursor = 0;
  if (!follow && cursor < 0) cursor = 0;
  auto connection = Connect(given);
  if (!connection.ok()) return Fail(connection.status());

  if (!follow) {
    ses::ListEventsRequest request;
    if (absl::Status status = AddKinds(kinds, &request); !status.ok()) return Fail(status);
    request.set_exam_id(exam);
    request.set_page_size(500);
    for (bool more = true; more;) {
      request.set_cursor(static_cast<uint64_t>(cursor));
      const auto page =
          connection->Run([&](Api& api) { return api.ListEvents(request, connection->token); });
      if (!page.ok()) return Fail(page.status());
      Print(page->events(), json);
      cursor = static_cast<int64_t>(page->cursor());
      more = page->more();
    }
    return kOk;
  }
  ses::StreamEventsRequest request;
  if (absl::Status status = AddKinds(kinds, &request); !status.ok()) return Fail(status);
  request.set_exam_id(exam);
  Stopper stopper;
  return Fail(KeepOpen(*connection, [&](bool* came) {
    request.set_from_now(cursor < 0);
    request.set_cursor(cursor < 0 ? 0 : static_cast<uint64_t>(cursor));
    return connection->suite.api().StreamEvents(request, connection->token, stopper,
                                                [&](const ses::StreamEventsResponse& news) {
                                                  *came = true;
                                                  Print(news.events(), json);
                                                  cursor = static_cast<int64_t>(news.cursor());
                                                });
  }));
}

int WebhookCreate(const Words& words) {
  bool json = false;
  int64_t cursor = -1;
  std::string id, who;
  std::vector<std::string> kinds;
  ses::CreateWebhookRequest request;
  Settings given;
  config::Flags flags("invigil events webhook create",
                      "Has events posted to an address, signed with a secret that is shown once.");
  flags.Text("url", request.mutable_url(), "URL", "Where to: https://...")
      .Required()
      .List("kind", &kinds, "EVENT,...", kKinds)
      .Text("exam", request.mutable_exam_id(), "EXAM", "Only events of this exam.")
      .Number("cursor", &cursor, -1, INT64_MAX, "Begin behind this one. -1: with what comes now.")
      .Text("as", &who, "NAME", "Your name, as it is recorded.");
  DeclareRequestId(flags, &id);
  flags.Toggle("json", &json, "As JSON (CreateWebhookResponse).");
  DeclareSettings(flags, &given);
  flags.ParseOrExit(words);
  if (absl::Status status = AddKinds(kinds, &request); !status.ok()) return Fail(status);
  request.set_request_id(id);
  if (cursor >= 0) request.set_start_cursor(static_cast<uint64_t>(cursor));
  auto connection = Connect(given, who);
  if (!connection.ok()) return Fail(connection.status());
  const auto made =
      connection->Run([&](Api& api) { return api.CreateWebhook(request, connection->token); });
  return made.ok() ? ShowSecret(*made, json) : FailRepeatable(made.status(), id);
}

int WebhookList(const Words& words) {
  bool json = false;
  Settings given;
  config::Flags flags("invigil events webhook list",
                      "Lists the addresses that events are posted to, and how it goes.");
  flags.Toggle("json", &json, "As JSON (ListWebhooksResponse).");
  DeclareSettings(flags, &given);
  flags.ParseOrExit(words);
  auto connection = Connect(given);
  if (!connection.ok()) return Fail(connection.status());
  const auto list =
      connection->Run([&](Api& api) { return api.ListWebhooks({}, connection->token); });
  if (!list.ok()) return Fail(list.status());
  std::fputs(
      (json ? ToJson(*list) : WebhooksText({list->webhooks().begin(), list->webhooks().end()}))
          .c_str(),
      stdout);
  return kOk;
}

int WebhookDelete(const Words& words) {
  WebhookCommand command("delete", "Ends deliveries to an address, and forgets its dead letters.");
  std::string id;
  command.flags.Text("as", &command.who, "NAME", "Your name, as it is recorded.");
  DeclareRequestId(command.flags, &id);
  auto connection = command.Begin(words);
  if (!connection.ok()) return Fail(connection.status());
  ses::DeleteWebhookRequest request;
  request.set_webhook_id(command.webhook);
  request.set_request_id(id);
  const auto done =
      connection->Run([&](Api& api) { return api.DeleteWebhook(request, connection->token); });
  if (!done.ok()) return FailRepeatable(done.status(), id);
  std::printf("Nothing is sent to %s any more.\n", Printable(command.webhook).c_str());
  return kOk;
}

int WebhookRotate(const Words& words) {
  WebhookCommand command("rotate", "Gives a webhook a new secret; for a while both sign.");
  bool json = false;
  std::string id;
  Duration overlap = Minutes(24 * 60);
  command.flags
      .Span("overlap", &overlap, Duration(0), Minutes(7 * 24 * 60),
            "How long the secret so far signs too.")
      .Text("as", &command.who, "NAME", "Your name, as it is recorded.");
  DeclareRequestId(command.flags, &id);
  command.flags.Toggle("json", &json, "As JSON (RotateWebhookSecretResponse).");
  auto connection = command.Begin(words);
  if (!connection.ok()) return Fail(connection.status());
  ses::RotateWebhookSecretRequest request;
  request.set_webhook_id(command.webhook);
  request.set_request_id(id);
  SetDuration(overlap, request.mutable_overlap());
  const auto made = connection->Run(
      [&](Api& api) { return api.RotateWebhookSecret(request, connection->token); });
  return made.ok() ? ShowSecret(*made, json) : FailRepeatable(made.status(), id);
}

int WebhookReplay(const Words& words) {
  WebhookCommand command("replay",
                         "Delivers events again: all behind a cursor, or those that are named. A "
                         "webhook that was disabled becomes active.");
  bool json = false, dead = false;
  int64_t cursor = -1;
  std::string id;
  std::vector<std::string> events;
  command.flags.Number("cursor", &cursor, -1, INT64_MAX, "Everything behind this one; 0: all.")
      .List("event", &events, "EVENT-ID,...", "These.")
      .Toggle("dead-letters", &dead, "Those that were given up, up to 500 of them.")
      .Text("as", &command.who, "NAME", "Your name, as it is recorded.");
  DeclareRequestId(command.flags, &id);
  command.flags.Toggle("json", &json, "As JSON (Webhook).");
  auto connection = command.Begin(words);
  if (!connection.ok()) return Fail(connection.status());
  if ((cursor >= 0 ? 1 : 0) + (events.empty() ? 0 : 1) + (dead ? 1 : 0) != 1) {
    return Fail(UsageError("say what: --cursor, --event or --dead-letters, one of them"));
  }
  ses::ReplayWebhookRequest request;
  request.set_webhook_id(command.webhook);
  request.set_request_id(id);
  if (cursor >= 0) request.set_from_cursor(static_cast<uint64_t>(cursor));
  request.mutable_event_ids()->Assign(events.begin(), events.end());
  if (dead) {
    ses::ListDeadLettersRequest list;
    list.set_webhook_id(command.webhook);
    list.set_page_size(200);
    const absl::Status status = EveryPage(
        *connection, list,
        [&](Api& api, const auto& page) { return api.ListDeadLetters(page, connection->token); },
        [&](const ses::ListDeadLettersResponse& page) {
          for (const ses::DeadLetter& letter : page.dead_letters()) {
            if (letter.has_event() && request.event_ids_size() < 500) {
              request.add_event_ids(letter.event_id());
            }
          }
          return request.event_ids_size() < 500;
        });
    if (!status.ok()) return Fail(status);
    if (request.event_ids().empty()) {
      std::printf("It has no dead letter that is still kept.\n");
      return kOk;
    }
  }
  const auto done =
      connection->Run([&](Api& api) { return api.ReplayWebhook(request, connection->token); });
  return done.ok() ? ShowWebhook(done->webhook(), json) : FailRepeatable(done.status(), id);
}

int WebhookDeadLetters(const Words& words) {
  WebhookCommand command("dead-letters", "Lists events that were given up, the oldest first.");
  bool json = false;
  command.flags.Toggle("json", &json, "As JSON (one DeadLetter a line).");
  auto connection = command.Begin(words);
  if (!connection.ok()) return Fail(connection.status());
  ses::ListDeadLettersRequest request;
  request.set_webhook_id(command.webhook);
  request.set_page_size(200);
  std::vector<ses::DeadLetter> letters;
  const absl::Status status = EveryPage(
      *connection, request,
      [&](Api& api, const auto& page) { return api.ListDeadLetters(page, connection->token); },
      [&](const ses::ListDeadLettersResponse& page) {
        letters.insert(letters.end(), page.dead_letters().begin(), page.dead_letters().end());
        return true;
      });
  if (!status.ok()) return Fail(status);
  for (const ses::DeadLetter& letter : letters) {
    if (json) std::printf("%s\n", ToCompactJson(letter).c_str());
  }
  if (!json) std::fputs(DeadLettersText(letters).c_str(), stdout);
  return kOk;
}

}  // namespace invigil::cli
