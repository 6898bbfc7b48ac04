// What a run is boiled down to.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace invigil::bench {

// One measured run.
struct Figures {
  uint64_t calls = 0;
  uint64_t errors = 0;
  double seconds = 0;
  std::vector<uint32_t> latencies_us;  // one a call
  std::string first_error;
};

// Adds the calls of one worker to the whole.
void Merge(Figures& whole, Figures&& part);

// CPU seconds (user and system) a process has used. 0 when it is gone.
double CpuSeconds(int pid);

// Prints one line for people and appends one to the CSV file (with a header when it is new):
// label,mode,in_flight,calls_per_s,p50_us,p99_us,cpu_us_per_call,errors. `cpu_seconds` is what the
// measured processes used, not the load generator.
void Report(const std::string& label, const std::string& mode, int in_flight, Figures& figures,
            double cpu_seconds, const std::string& csv);

}  // namespace invigil::bench
