#include "services/session/privacy/housekeeper.h"

#include <sys/prctl.h>

#include "common/error/error.h"

namespace invigil::session::privacy {

Housekeeper::Housekeeper(Privacy& privacy, Keeper& keeper, Hooks hooks, Options options)
    : privacy_(privacy),
      keeper_(keeper),
      hooks_(std::move(hooks)),
      options_(options),
      thread_([this] { Run(); }) {}

Housekeeper::~Housekeeper() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

bool Housekeeper::stopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void Housekeeper::Run() {
  prctl(PR_SET_NAME, "privacy");
  Duration until_catch_up{0}, until_keep = options_.keep_first;
  while (!stopping()) {
    Look();
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
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, options_.look_every, [this] { return stopping_; });
  }
}

void Housekeeper::Look() {
  const auto erased = privacy_.NewlyErased();
  if (!erased.ok()) return hooks_.failed(erased.status());
  for (const SessionId& session : *erased) hooks_.reload(session);
}

void Housekeeper::Keep() {
  const auto kept = keeper_.Run(false, hooks_.reload, [this] { return stopping(); });
  if (kept.ok()) return hooks_.kept(*kept);
  if (ReasonOf(kept.status()) != "RETENTION_BUSY") hooks_.failed(kept.status());
}

}  // namespace invigil::session::privacy
