#include "services/session/relay/amendments.h"

#include <optional>
#include <utility>

#include "common/error/error.h"
#include "common/log/log.h"
#include "common/telemetry/metrics.h"

namespace invigil::session {
namespace {

// Whether asking again can't help: the session is gone or voided, or was sealed again since and is
// scored by the new key anyway.
bool IsForGood(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsFailedPrecondition(status) ||
         absl::IsAlreadyExists(status) || absl::IsInvalidArgument(status);
}

}  // namespace

struct Amendments::Shared {
  std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;  // under mutex

  telemetry::Counter& taken = telemetry::GetCounter("invigil_session_amendments_total",
                                                    "New score versions that were taken over.");
  telemetry::Counter& refused =
      telemetry::GetCounter("invigil_session_amendments_refused_total",
                            "New score versions that their session can never take over.");
  telemetry::Counter& failed = telemetry::GetCounter(
      "invigil_session_amendments_failed_total",
      "Tries to take a new score version over that failed and are made again.");
};

struct Amendments::Page {
  size_t open = 0;             // under Shared::mutex, as all here
  std::vector<uint64_t> done;  // to be acknowledged
};

Amendments::Amendments(SessionEngine& engine, AmendmentSource source, AmendmentOptions options)
    : engine_(engine),
      source_(std::move(source)),
      options_(std::move(options)),
      shared_(std::make_shared<Shared>()),
      thread_([this] { Loop(); }) {}

Amendments::~Amendments() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
  }
  shared_->wake.notify_all();
  thread_.join();
}

bool Amendments::Wait(const std::function<bool()>& ready) {
  std::unique_lock lock(shared_->mutex);
  shared_->wake.wait(lock, [&] { return shared_->stopping || ready(); });
  return !shared_->stopping;
}

void Amendments::Loop() {
  bool told = false;  // that scoring is away
  for (;;) {
    const bool may = !options_.may_judge || options_.may_judge();
    const bool asked = may && Scan();
    std::unique_lock lock(shared_->mutex);
    if (shared_->stopping) return;
    if (may && !asked && !told) log::Warning("scoring can't be asked for amended scores");
    told = may && !asked;
    shared_->wake.wait_for(lock, options_.scan_every, [this] { return shared_->stopping; });
    if (shared_->stopping) return;
  }
}

bool Amendments::Scan() {
  uint64_t after = 0;
  for (;;) {
    // Shared with replies that may come after this has ended.
    const auto listed = std::make_shared<std::optional<absl::StatusOr<std::vector<Amendment>>>>();
    source_.list(after, options_.page, [shared = shared_, listed](auto answer) {
      {
        const std::lock_guard lock(shared->mutex);
        *listed = std::move(answer);
      }
      shared->wake.notify_all();
    });
    if (!Wait([&] { return listed->has_value(); })) return true;
    const absl::StatusOr<std::vector<Amendment>>& answer = **listed;
    if (!answer.ok()) return false;
    if (answer->empty()) return true;
    after = answer->back().sequence;

    const auto page = std::make_shared<Page>();
    page->open = answer->size();
    for (const Amendment& amendment : *answer) Record(amendment, page);
    if (!Wait([&] { return page->open == 0; })) return true;
    std::vector<uint64_t> done;
    {
      const std::lock_guard lock(shared_->mutex);
      done = page->done;
    }
    if (!done.empty()) {
      const auto acknowledged = std::make_shared<std::optional<absl::Status>>();
      source_.acknowledge(std::move(done), [shared = shared_, acknowledged](absl::Status status) {
        {
          const std::lock_guard lock(shared->mutex);
          *acknowledged = std::move(status);
        }
        shared->wake.notify_all();
      });
      if (!Wait([&] { return acknowledged->has_value(); })) return true;
      if (!(*acknowledged)->ok()) return false;  // met again: recording twice changes nothing
    }
    if (answer->size() < options_.page) return true;
  }
}

void Amendments::Record(const Amendment& amendment, const std::shared_ptr<Page>& page) {
  const auto ended = [shared = shared_, page, sequence = amendment.sequence,
                      name = amendment.session_id](const absl::Status& status) {
    const bool final = status.ok() || IsForGood(status);
    if (status.ok()) shared->taken.Add();
    if (!final) shared->failed.Add();
    if (final && !status.ok()) {
      shared->refused.Add();
      log::Warning("an amended score concerns no result of this session",
                   {{"session", name},
                    {"reason", ReasonOf(status)},
                    {"error", std::string(status.message())}});
    }
    {
      const std::lock_guard lock(shared->mutex);
      if (final) page->done.push_back(sequence);
      --page->open;
    }
    shared->wake.notify_all();
  };
  const auto session = SessionId::FromHex(amendment.session_id);
  if (!session) {
    ended(NotFound("SESSION_NOT_FOUND", "such an id names no session").Build());
    return;
  }
  engine_.Get(
      *session, "", false,
      [&engine = engine_, session = *session, amendment, ended](absl::StatusOr<Outcome> outcome) {
        if (!outcome.ok()) {
          ended(outcome.status());
          return;
        }
        // As visible as it was; one that overtakes the first score is released like it.
        RecordScore record{.score_version = amendment.scored.score_version,
                           .report = amendment.scored.report,
                           .release = outcome->state->score_version == 0,
                           .attempt_version = amendment.attempt_version};
        // The engine is there: it is inside this callback.
        engine.ExecuteBulk(session, {"", std::move(record)},
                           [ended](absl::StatusOr<Outcome> recorded) { ended(recorded.status()); });
      });
}

}  // namespace invigil::session
