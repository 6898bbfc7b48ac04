// Where keys come from.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "common/telemetry/trace.h"
#include "services/scoring/domain/key.h"

namespace invigil::scoring {

// Thread-safe.
class KeySource {
 public:
  using Done = std::function<void(absl::StatusOr<std::shared_ptr<const ScoringKey>>)>;
  virtual ~KeySource() = default;
  // Calls `done` once, within `time_left`, on any thread, also this one; `done` must be quick.
  // Errors: NOT_FOUND (FORM_NOT_FOUND); UNAVAILABLE (ITEM_BANK_UNAVAILABLE).
  virtual void Fetch(const std::string& form_id, Duration time_left,
                     const telemetry::TraceContext& trace, Done done) = 0;
};

}  // namespace invigil::scoring
