#include "services/cli/core/settings.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <vector>

#include "common/config/value.h"
#include "common/error/error.h"

namespace invigil::cli {
namespace {

namespace fs = std::filesystem;

constexpr char kNotFound[] = "no suite found: run deploy/up, or give --gateway and --key";

absl::Status NotFoundSuite(const std::string& message) {
  return FailedPrecondition("SUITE_NOT_FOUND", message);
}

bool IsFile(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

// .data/cli.conf in `folder` or the nearest of its parents; empty: none has it.
fs::path Upwards(fs::path folder) {
  if (folder.empty()) return {};
  for (;;) {
    fs::path conf = folder / ".data" / "cli.conf";
    if (IsFile(conf)) return conf;
    const fs::path parent = folder.parent_path();
    if (parent == folder || parent.empty()) return {};
    folder = parent;
  }
}

}  // namespace

void DeclareSettings(config::Flags& flags, Settings* given) {
  flags.Section("Suite")
      .Text("gateway", &given->gateway, "HOST:PORT",
            "The gateway's gRPC port; without it, what deploy/up wrote to .data/cli.conf.")
      .Text("key", &given->key, "FILE",
            "Private key that tokens are made with; without it, as for --gateway.");
}

Surroundings ThisProcess() {
  std::error_code error;
  Surroundings around;
  if (const char* data = std::getenv("INVIGIL_DATA")) around.data = data;
  around.working_folder = fs::current_path(error).string();
  around.program_folder = fs::read_symlink("/proc/self/exe", error).parent_path().string();
  return around;
}

absl::StatusOr<Settings> ParseSettings(std::string_view text, const std::string& folder,
                                       const std::string& path) {
  Settings settings;
  settings.source = path;
  std::istringstream lines{std::string(text)};
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    const std::string_view trimmed = config::Trim(line);
    if (trimmed.empty() || trimmed.front() == '#') continue;
    const size_t equals = trimmed.find('=');
    const std::string_view name = config::Trim(trimmed.substr(0, equals));
    const std::string where = path + ":" + std::to_string(number);
    if (equals == std::string_view::npos || (name != "gateway" && name != "key")) {
      return FailedPrecondition("SETTINGS_INVALID",
                                where + ": expected \"gateway = HOST:PORT\" or \"key = FILE\"");
    }
    const std::string value(config::Trim(trimmed.substr(equals + 1)));
    if (value.empty()) {
      return FailedPrecondition("SETTINGS_INVALID",
                                where + ": " + std::string(name) + " has no value");
    }
    if (name == "gateway") {
      settings.gateway = value;
    } else {
      settings.key = (fs::path(folder) / value).string();
    }
  }
  return settings;
}

absl::StatusOr<Settings> FindSettings(const Settings& given, const Surroundings& around) {
  if (!given.gateway.empty() && !given.key.empty()) return given;
  fs::path conf;
  if (!around.data.empty()) {
    conf = fs::path(around.data) / "cli.conf";
    // A suite was named: another one that lies near must not be taken instead.
    if (!IsFile(conf)) {
      return NotFoundSuite("no suite found in INVIGIL_DATA=" + around.data +
                           ": run deploy/up --data there, or give --gateway and --key");
    }
  } else {
    conf = Upwards(around.working_folder);
    if (conf.empty()) conf = Upwards(around.program_folder);
    if (conf.empty()) return NotFoundSuite(kNotFound);
  }
  std::ifstream file(conf);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) {
    return FailedPrecondition("SETTINGS_INVALID",
                              "can't read " + conf.string() + ": give --gateway and --key");
  }
  auto settings = ParseSettings(text.str(), conf.parent_path().string(), conf.string());
  if (!settings.ok()) return settings;
  if (!given.gateway.empty()) settings->gateway = given.gateway;
  if (!given.key.empty()) settings->key = given.key;
  if (settings->gateway.empty() || settings->key.empty()) {
    return FailedPrecondition("SETTINGS_INVALID",
                              conf.string() + " lacks " +
                                  (settings->gateway.empty() ? "gateway" : "key") +
                                  ": run deploy/up again, or give --gateway and --key");
  }
  return settings;
}

}  // namespace invigil::cli
