// The load generator: saves as fast as answers come, and says what that cost.
#include <cstdio>

#include "common/config/flags.h"
#include "tests/bench/saves.h"

int main(int argc, char** argv) {
  using namespace invigil;
  std::string target, start_at, key, mode = "unary", label, csv, exam = "CLF-C02";
  std::vector<std::string> pids;
  int64_t sessions_wanted = 64, channels = 1, window = 1;
  double seconds = 5;
  config::Flags flags(
      "bench-load",
      "Saves responses in a closed loop and prints calls/s, latency and CPU per call.");
  flags.Text("target", &target, "HOST:PORT", "Where to save.").Required();
  flags.Text("mode", &mode, "MODE", "unary, deliver (gRPC) or connect (JSON over HTTP/1.1).");
  flags.Text(
      "start-at", &start_at, "HOST:PORT",
      "Where to start real sessions (gRPC). Empty: invented ones, for servers that check nothing.");
  flags.Text("key", &key, "FILE", "Private key that makes candidates' tokens.");
  flags.Text("exam", &exam, "EXAM", "The exam to start.");
  flags.Number("sessions", &sessions_wanted, 1, 100'000, "Sessions; each has one save in flight.");
  flags.Number("channels", &channels, 1, 64, "gRPC connections.");
  flags.Number("window", &window, 1, 1000, "Deliver only: saves in flight on a stream.");
  flags.Real("seconds", &seconds, 0.1, 3600, "How long.");
  flags.List("pid", &pids, "PID", "Processes whose CPU counts.");
  flags.Text("label", &label, "TEXT", "Name of the row.");
  flags.Text("csv", &csv, "FILE", "Also append the row here.");
  flags.ParseOrExit(argc, argv);

  std::vector<bench::LiveSession> sessions;
  if (start_at.empty()) {
    sessions = bench::InventSessions(static_cast<int>(sessions_wanted));
  } else {
    auto started = bench::StartSessions(start_at, key, exam, static_cast<int>(sessions_wanted));
    if (!started.ok()) {
      std::fprintf(stderr, "bench-load: can't start sessions at %s: %s\n", start_at.c_str(),
                   std::string(started.status().message()).c_str());
      return 1;
    }
    sessions = *std::move(started);
  }
  const auto run = [&](double time) {
    if (mode == "deliver")
      return bench::DeliverSaves(target, sessions, static_cast<int>(channels),
                                 static_cast<int>(window), time);
    if (mode == "connect") return bench::ConnectSaves(target, sessions, time);
    return bench::UnarySaves(target, sessions, static_cast<int>(channels), time);
  };
  if (mode != "unary" && mode != "deliver" && mode != "connect") {
    std::fprintf(stderr, "bench-load: --mode %s is none of unary, deliver, connect\n",
                 mode.c_str());
    return 2;
  }
  run(0.5);  // warm: connections, caches, branch predictors
  double cpu = 0;
  for (const std::string& pid : pids) cpu -= bench::CpuSeconds(std::stoi(pid));
  bench::Figures figures = run(seconds);
  for (const std::string& pid : pids) cpu += bench::CpuSeconds(std::stoi(pid));
  bench::Report(label, mode, static_cast<int>(sessions_wanted * window), figures, cpu, csv);
  return figures.errors == 0 && figures.calls > 0 ? 0 : 1;
}
