#include "tests/bench/figures.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace invigil::bench {
namespace {

uint32_t Percentile(std::vector<uint32_t>& values, double share) {
  if (values.empty()) return 0;
  const size_t k =
      std::min(values.size() - 1, static_cast<size_t>(share * static_cast<double>(values.size())));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(k), values.end());
  return values[k];
}

}  // namespace

void Merge(Figures& whole, Figures&& part) {
  whole.calls += part.calls;
  whole.errors += part.errors;
  whole.latencies_us.insert(whole.latencies_us.end(), part.latencies_us.begin(),
                            part.latencies_us.end());
  if (whole.first_error.empty()) whole.first_error = part.first_error;
}

double CpuSeconds(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const size_t end = text.rfind(')');  // the program's name may hold spaces
  if (end == std::string::npos) return 0;
  std::istringstream fields(text.substr(end + 2));
  std::string skip;
  for (int i = 0; i < 11; ++i) fields >> skip;
  double user = 0, system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

void Report(const std::string& label, const std::string& mode, int in_flight, Figures& figures,
            double cpu_seconds, const std::string& csv) {
  const double rate = static_cast<double>(figures.calls) / figures.seconds;
  const double cpu_us =
      figures.calls == 0 ? 0 : cpu_seconds * 1e6 / static_cast<double>(figures.calls);
  const uint32_t p50 = Percentile(figures.latencies_us, 0.50),
                 p99 = Percentile(figures.latencies_us, 0.99);
  std::printf(
      "%-26s %-8s %4d in flight %9.0f calls/s  p50 %6u us  p99 %7u us  cpu %6.1f us/call  %llu "
      "errors%s%s\n",
      label.c_str(), mode.c_str(), in_flight, rate, p50, p99, cpu_us,
      static_cast<unsigned long long>(figures.errors),
      figures.first_error.empty() ? "" : "  first: ", figures.first_error.c_str());
  std::fflush(stdout);
  if (csv.empty()) return;
  const bool fresh = !std::filesystem::exists(csv);
  std::ofstream out(csv, std::ios::app);
  if (fresh) out << "label,mode,in_flight,calls_per_s,p50_us,p99_us,cpu_us_per_call,errors\n";
  out << label << ',' << mode << ',' << in_flight << ',' << static_cast<uint64_t>(rate) << ','
      << p50 << ',' << p99 << ',' << cpu_us << ',' << figures.errors << '\n';
}

}  // namespace invigil::bench
