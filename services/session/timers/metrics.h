#pragma once

#include "common/telemetry/metrics.h"

namespace invigil::session {

// What an operator watches to know that exams end on time.
struct TimerMetrics {
  telemetry::Gauge& oldest_overdue_seconds;
  telemetry::Histogram& lateness_seconds;
  telemetry::Counter& expired;
  telemetry::Counter& not_due;
  telemetry::Counter& expire_failures;
  telemetry::Counter& claims;
  telemetry::Counter& claims_empty;
  telemetry::Counter& claims_failed;
  telemetry::Gauge& claim_empty_ratio;
  telemetry::Counter& rebuilds;
  telemetry::Counter& rebuilds_failed;
  telemetry::Counter& reconciled;
  telemetry::Counter& list_failures;
  telemetry::Counter& schedule_failures;
  telemetry::Gauge& clock_offset_seconds;
  telemetry::Gauge& clock_correction_seconds;
  telemetry::Gauge& clock_trusted;
  telemetry::Gauge& clock_skewed;
  telemetry::Counter& clock_jumps;
  telemetry::Counter& clock_disputes;

  static TimerMetrics& Get();
};

}  // namespace invigil::session
