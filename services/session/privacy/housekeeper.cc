#include "services/session/privacy/housekeeper.h"

#include <sys/prctl.h>

#include "common/error/error.h"

namespace invigil::session::privacy {

struct Housekeeper::Refused {
  std::mutex mutex;
  std::vector<SessionId> sessions;  // under mutex
};

Housekeeper::Housekeeper(Privacy& privacy, Keeper& keeper, Hooks hooks, Options options)
    : privacy_(privacy),
      keeper_(keeper),
      hooks_(std::move(hooks)),
      options_(options),
      refused_(std::make_shared<Refused>()),
      watcher_([this] { Watch(); }),
      worker_([this] { Work(); }) {}

Housekeeper::~Housekeeper() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  watcher_.join();
  worker_.join();
}

bool Housekeeper::stopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

bool Housekeeper::Sleep(Duration time) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, time, [this] { return stopping_; });
  return !stopping_;
}

void Housekeeper::Watch() {
  prctl(PR_SET_NAME, "privacy-watch");
  do {
    Look();
  } while (Sleep(options_.look_every));
}

void Housekeeper::Work() {
  prctl(PR_SET_NAME, "privacy");
  Duration until_catch_up{0}, until_keep = options_.keep_first;
  do {
    if (until_catch_up <= Duration(0)) {
      if (const absl::Status status = privacy_.CatchUp(); !status.ok()) hooks_.failed(status);
      until_catch_up = options_.catch_up_every;
    }
    if (until_keep <= Duration(0)) {
      Keep();
      until_keep = options_.keep_every;
    }
    until_catch_up -= options_.look_every;
    until_keep -= options_.look_every;
  } while (Sleep(options_.look_every));
}

void Housekeeper::Look() {
  std::vector<SessionId> again;
  {
    const std::lock_guard lock(refused_->mutex);
    again.swap(refused_->sessions);
  }
  for (const SessionId& session : again) Reload(session);
  const auto erased = privacy_.NewlyErased();
  if (!erased.ok()) return hooks_.failed(erased.status());
  for (const SessionId& session : *erased) Reload(session);
}

void Housekeeper::Reload(const SessionId& session) {
  hooks_.reload(session, [refused = refused_, session](const absl::Status& status) {
    if (status.ok()) return;
    const std::lock_guard lock(refused->mutex);
    refused->sessions.push_back(session);
  });
}

void Housekeeper::Keep() {
  const auto kept = keeper_.Run(
      false, [this](const SessionId& session) { Reload(session); }, [this] { return stopping(); });
  if (kept.ok()) return hooks_.kept(*kept);
  if (ReasonOf(kept.status()) != "RETENTION_BUSY") hooks_.failed(kept.status());
}

}  // namespace invigil::session::privacy
