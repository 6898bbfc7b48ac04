#include "services/cli/stats/stats.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "common/config/flags.h"
#include "common/config/nearest.h"
#include "services/cli/core/failure.h"
#include "services/cli/core/text.h"

namespace invigil::cli::stats {
namespace {

std::string Overview(const std::vector<Subcommand>& subcommands) {
  std::string out =
      "Usage: invigil stats SUBCOMMAND [FLAG...]\n\n"
      "The measurement library on files: CSV in, tables or one line of JSON (--json)\n"
      "out. No suite is needed.\n\n";
  size_t width = 0;
  for (const Subcommand& row : subcommands) width = std::max(width, row.name.size());
  for (const Subcommand& row : subcommands) {
    out += "  " + PadRight(row.name, width) + "  " + row.summary + "\n";
  }
  return out + "\n\"invigil stats SUBCOMMAND --help\" tells the rest.\n";
}

int Run(const Subcommand& subcommand, const std::vector<std::string>& words) {
  config::Flags flags("invigil stats " + subcommand.name, subcommand.help);
  std::map<std::string, std::string> texts;
  std::map<std::string, bool> toggles;
  for (const FlagRow& row : subcommand.flags) {
    if (row.value_name.empty()) {
      flags.Toggle(row.name, &toggles[row.name], row.help);
      continue;
    }
    texts[row.name] = row.fallback;
    flags.Text(row.name, &texts[row.name], row.value_name, row.help);
    if (row.required) flags.Required();
  }
  bool json = false;
  flags.Toggle("json", &json, "The result as one line of JSON.");
  flags.ParseOrExit(words);

  Report report;
  const absl::Status status =
      subcommand.run(Arguments(std::move(texts), std::move(toggles)), report);
  if (!status.ok()) return Fail(status);
  std::fputs((json ? report.JsonText() : report.TableText()).c_str(), stdout);
  if (std::fflush(stdout) != 0) {
    std::perror("invigil: can't write the result");
    return kFailed;
  }
  return kOk;
}

}  // namespace

int RunStats(const std::vector<std::string>& words, const std::vector<Subcommand>& subcommands) {
  if (words.empty()) {
    std::fputs(Overview(subcommands).c_str(), stderr);
    return kUsage;
  }
  if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    if (words.size() == 1) {
      std::fputs(Overview(subcommands).c_str(), stdout);
      return kOk;
    }
    return RunStats({words[1], "--help"}, subcommands);
  }
  std::vector<std::string> names;
  for (const Subcommand& subcommand : subcommands) {
    if (subcommand.name == words[0]) return Run(subcommand, {words.begin() + 1, words.end()});
    names.push_back(subcommand.name);
  }
  const std::string near = config::NearestName(words[0], names);
  return Fail(UsageError("there is no subcommand \"" + Printable(words[0]) + "\"" +
                         (near.empty() ? "; \"invigil stats --help\" lists them"
                                       : "; did you mean \"" + near + "\"?")));
}

}  // namespace invigil::cli::stats
