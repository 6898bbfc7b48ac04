// The flags of one subcommand, declared as rows and read strictly.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace invigil::cli::stats {

struct FlagRow {
  std::string name;        // without dashes
  std::string value_name;  // what --help shows, such as FILE; empty: a toggle, off unless typed
  std::string help;
  std::string fallback;   // when not typed; empty: none
  bool required = false;  // else leaving it out is a usage error
};

// The values typed. Every error is a usage error (exit code 2) that names the flag. Asking for a
// flag that was not declared is a mistake in the program and ends it.
class Arguments {
 public:
  Arguments(std::map<std::string, std::string> texts, std::map<std::string, bool> toggles)
      : texts_(std::move(texts)), toggles_(std::move(toggles)) {}

  // Whether there is a value, typed or by fallback.
  bool Has(const std::string& name) const { return !Text(name).empty(); }
  const std::string& Text(const std::string& name) const;
  bool On(const std::string& name) const;

  // Bounds are included.
  absl::StatusOr<double> Real(const std::string& name, double min, double max) const;
  absl::StatusOr<int64_t> Number(const std::string& name, int64_t min, int64_t max) const;
  // Exactly `count` finite numbers separated by commas, or any number of them when it is 0.
  absl::StatusOr<std::vector<double>> Reals(const std::string& name, size_t count) const;
  // Which of `choices`; an unknown one gets the nearest.
  absl::StatusOr<size_t> Choice(const std::string& name,
                                const std::vector<std::string>& choices) const;

 private:
  std::map<std::string, std::string> texts_;
  std::map<std::string, bool> toggles_;
};

}  // namespace invigil::cli::stats
