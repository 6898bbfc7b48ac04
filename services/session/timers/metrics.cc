#include "services/session/timers/metrics.h"

namespace invigil::session {

using telemetry::GetCounter;
using telemetry::GetGauge;
using telemetry::GetHistogram;

TimerMetrics& TimerMetrics::Get() {
  static TimerMetrics metrics{
      GetGauge("invigil_timers_oldest_overdue_seconds",
               "Age of the most overdue session that is not sealed; 0 when there is none"),
      GetHistogram("invigil_timers_finalise_lateness_seconds",
                   "From a session's deadline to its durable seal by a timer",
                   {0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600}),
      GetCounter("invigil_timers_expired_total", "Sessions ended by a timer"),
      GetCounter("invigil_timers_not_due_total",
                 "Sessions found to run longer than the index knew"),
      GetCounter("invigil_timers_expire_failures_total", "Attempts to end a session that failed"),
      GetCounter("invigil_timers_claims_total", "Claims answered by Redis"),
      GetCounter("invigil_timers_claims_empty_total", "Claims that found nothing due"),
      GetCounter("invigil_timers_claims_failed_total", "Claims without a usable answer"),
      GetGauge("invigil_timers_claim_empty_ratio",
               "Share of the last round's claims that found nothing due"),
      GetCounter("invigil_timers_rebuild_total", "Shards of the index rebuilt by this replica"),
      GetCounter("invigil_timers_rebuild_failed_total", "Rebuilds given up"),
      GetCounter("invigil_timers_reconciled_total",
                 "Overdue sessions found by the database scan instead of the index"),
      GetCounter("invigil_timers_list_failures_total", "Database scans that failed"),
      GetCounter("invigil_timers_schedule_failures_total",
                 "Deadlines that did not reach Redis for sure"),
      GetGauge("invigil_clock_offset_seconds", "Redis TIME minus this machine's wall clock"),
      GetGauge("invigil_clock_correction_seconds",
               "Redis TIME minus the suite's clock at the last reading"),
      GetGauge("invigil_clock_trusted", "1 while exams may be ended by this replica's clock"),
      GetGauge("invigil_clock_skewed",
               "1 while this machine's wall clock or the suite's is not where Redis TIME is"),
      GetCounter("invigil_clock_jumps_total", "Large corrections that were believed in the end"),
      GetCounter("invigil_clock_disputes_total", "Readings of Redis TIME that were not believed"),
  };
  return metrics;
}

}  // namespace invigil::session
