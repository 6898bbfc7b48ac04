// invigil-gateway: the only door of the suite. Reads flags, opens the doors, waits, drains.
#include <cstdio>

#include "common/config/flags.h"
#include "common/log/log.h"
#include "common/rpc/server.h"
#include "services/gateway/gateway.h"

namespace invigil::gateway {
namespace {

constexpr char kProgram[] = "invigil-gateway";

struct Settings {
  GatewayOptions gateway;
  auth::TokenVerifier::Options tokens;
};

std::vector<std::string> Parse(int argc, char** argv, Settings* settings) {
  GatewayOptions& options = settings->gateway;
  config::Flags flags(kProgram,
                      "The only door of the suite: checks who calls, limits how much, and forwards "
                      "bytes to the services. gRPC on --listen, Connect and gRPC-Web on "
                      "--http-listen.");
  rpc::DeclareServerFlags(flags, &options.server);
  flags.Section("HTTP door")
      .Text("http-listen", &options.http.listen, "HOST:PORT",
            "Where to serve Connect (JSON and binary) and gRPC-Web; port 0 picks a free one.")
      .Number("http-threads", &options.http.threads, 1, 64, "Event loops, one thread each.")
      .Number("http-connections", &options.http.connections, 1, 1'000'000,
              "Open connections; further ones are closed at once.")
      .Number("http-connections-per-ip", &options.http.connections_per_ip, 0, 1'000'000,
              "The same for one address; 0 for no limit, as behind a proxy.")
      .Number("http-header-bytes", &options.http.header_bytes, 1024, 65'536,
              "Largest head of a request.")
      .Span("http-header-timeout", &options.http.header_timeout, Millis(10), Minutes(1),
            "How long a head may take from its first byte to its last.")
      .Span("http-body-timeout", &options.http.body_timeout, Millis(10), Minutes(10),
            "How long a body may take.")
      .Span("http-idle-timeout", &options.http.idle_timeout, Millis(10), Minutes(60),
            "How long a connection may rest between requests.")
      .List("cors-origins", &options.http.cors_origins, "ORIGIN",
            "Origins whose pages may call from a browser; * for any.");
  flags.Section("Services behind it (one or more replicas each)")
      .List("item-bank", &options.backends[static_cast<size_t>(Area::kItemBank)], "HOST:PORT",
            "The item bank service.")
      .Required()
      .List("session", &options.backends[static_cast<size_t>(Area::kSession)], "HOST:PORT",
            "The session service.")
      .Required()
      .List("scoring", &options.backends[static_cast<size_t>(Area::kScoring)], "HOST:PORT",
            "The scoring service.")
      .Required()
      .Span("health-interval", &options.health_interval, Millis(10), Minutes(1),
            "How often every replica is asked whether it is well.")
      .Span("default-deadline", &options.default_deadline, Millis(1), Minutes(10),
            "For unary calls that name none.")
      .Span("max-deadline", &options.max_deadline, Millis(1), Minutes(60),
            "No unary call gets more.");
  flags.Section("Identity")
      .Text("jwks", &settings->tokens.jwks_path, "FILE",
            "Public keys that may sign tokens, as a JWKS file; read again when it changes.")
      .Required()
      .Text("issuer", &settings->tokens.issuer, "NAME", "What the claim iss must be.")
      .Text("audience", &settings->tokens.audience, "NAME", "What the claim aud must hold.");
  flags.Section("Admission (calls and streams at once, lane by lane)");
  for (size_t i = 0; i < kLanes; ++i) {
    const std::string lane(LaneName(static_cast<Lane>(i)));
    flags
        .Number(lane + "-limit", &options.lanes.calls[i], 1, 1'000'000,
                "Unary calls in the " + lane + " lane.")
        .Number(lane + "-streams", &options.lanes.streams[i], 1, 1'000'000,
                "Streams in the " + lane + " lane.");
  }
  return flags.ParseOrExit(argc, argv);
}

absl::Status Run(const Settings& settings) {
  if (auto status = rpc::StartLogging("gateway", settings.gateway.server); !status.ok())
    return status;
  static const SystemClock clock;
  auto verifier = auth::TokenVerifier::Create(settings.tokens, clock);
  if (!verifier.ok()) return verifier.status();
  auto gateway = Gateway::Start(settings.gateway, **verifier, clock);
  if (!gateway.ok()) return gateway.status();
  log::Info("doors open", {{"grpc_port", (*gateway)->grpc_port()},
                           {"http_port", (*gateway)->http_port()},
                           {"admin_port", (*gateway)->admin_port()}});
  (*gateway)->WaitForSignal();
  (*gateway)->Drain();
  return absl::OkStatus();
}

}  // namespace
}  // namespace invigil::gateway

int main(int argc, char** argv) {
  invigil::rpc::PrepareProcess();
  invigil::gateway::Settings settings;
  invigil::gateway::Parse(argc, argv, &settings);
  if (const absl::Status status = invigil::gateway::Run(settings); !status.ok())
    return invigil::rpc::ExitWith(invigil::gateway::kProgram, status);
  invigil::log::Shutdown();
  return 0;
}
