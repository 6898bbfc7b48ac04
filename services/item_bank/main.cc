// invigil-item-bank: items, exams, forms and keys. Wiring only.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "common/auth/token.h"
#include "common/base/clock.h"
#include "common/config/flags.h"
#include "common/log/log.h"
#include "common/rpc/guard.h"
#include "common/rpc/server.h"
#include "common/sql/database.h"
#include "services/item_bank/rpc/services.h"
#include "services/item_bank/store/store.h"

namespace {

constexpr char kProgram[] = "invigil-item-bank";

struct Settings {
  invigil::rpc::ServerOptions server;
  std::string data, store;
  std::string jwks;
};

Settings ReadFlags(int argc, char** argv) {
  Settings settings;
  settings.server.listen = "127.0.0.1:7101";
  settings.server.admin = "127.0.0.1:7201";
  settings.server.max_receive_bytes = 4'500'000;  // ImportBank takes up to 4 MiB
  invigil::config::Flags flags(
      kProgram,
      "The item bank: keeps items and exam definitions, builds forms, and alone knows keys.");
  flags.Section("Store and identity")
      .Text("data", &settings.data, "DIR", "Folder of the database item_bank.db; made when absent.")
      .Text("store", &settings.store, "LOCATION", invigil::sql::kStoreHelp)
      .Text("jwks", &settings.jwks, "FILE", "Public keys that tokens are verified with (JWKS).")
      .Required();
  invigil::rpc::DeclareServerFlags(flags, &settings.server);
  flags.ParseOrExit(argc, argv);
  return settings;
}

absl::Status Run(const Settings& settings) {
  auto location = invigil::sql::LocationOf(settings.store, settings.data, "item_bank.db");
  if (!location.ok()) return location.status();
  std::error_code error;
  if (!settings.data.empty()) std::filesystem::create_directories(settings.data, error);
  auto store = invigil::item_bank::Store::Open(*location, invigil::item_bank::Services::kReaders);
  if (!store.ok()) return store.status();
  const invigil::SystemClock clock;
  auto verifier = invigil::rpc::OpenVerifier(settings.jwks, clock);
  if (!verifier.ok()) return verifier.status();
  auto services = invigil::item_bank::Services::Create(**store, clock, **verifier);
  if (!services.ok()) return services.status();
  auto server = invigil::rpc::Server::Start("item_bank", settings.server, (*services)->all(),
                                            [&] { return (*services)->Ready(); });
  if (!server.ok()) return server.status();
  (*server)->WaitForSignal();
  (*server)->Drain();
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  invigil::rpc::PrepareProcess();
  const Settings settings = ReadFlags(argc, argv);
  absl::Status status = invigil::rpc::StartLogging("item_bank", settings.server);
  if (status.ok()) status = Run(settings);
  invigil::log::Shutdown();
  return status.ok() ? 0 : invigil::rpc::ExitWith(kProgram, status);
}
