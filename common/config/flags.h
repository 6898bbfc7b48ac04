// Command-line flags with a --help that reads well and errors that say what to do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/time.h"

namespace invigil::config {

// Declares flags bound to variables, then reads them. A variable's value when declared is the
// default, shown by --help. Accepted: --name=value, --name value, --toggle, --no-toggle, and
// --config FILE with lines `name = value` (# starts a comment; the command line wins). Variables
// outlive this, and keep their defaults when anything is wrong. A scalar given twice takes the last
// value; a list given at all loses its default. --help (or -h) is always known. One thread.
class Flags {
 public:
  // `program` as typed; `summary` in one or two sentences.
  Flags(std::string program, std::string summary);
  ~Flags();
  Flags(const Flags&) = delete;
  Flags& operator=(const Flags&) = delete;

  // Starts a group in --help.
  Flags& Section(std::string title);
  // `value_name` is what --help shows for the value, such as HOST:PORT.
  Flags& Text(std::string name, std::string* value, std::string value_name, std::string help);
  Flags& Number(std::string name, int64_t* value, int64_t min, int64_t max, std::string help);
  Flags& Real(std::string name, double* value, double min, double max, std::string help);
  Flags& Toggle(std::string name, bool* value, std::string help);
  // Such as 250ms, 5s, 2m, 1h.
  Flags& Span(std::string name, Duration* value, Duration min, Duration max, std::string help);
  // Comma-separated; repeating the flag adds.
  Flags& List(std::string name, std::vector<std::string>* value, std::string value_name,
              std::string help);
  // The last flag declared must be given a non-empty value.
  Flags& Required();
  // Names what stands behind the flags, such as "COMMAND [ARGUMENT...]"; without it extra words are
  // errors.
  Flags& Positional(std::string usage);

  // Reads the words after the program's name; returns the positional ones. Every mistake is named
  // in one INVALID_ARGUMENT (FLAGS_INVALID) status, with the nearest known name for an unknown
  // flag.
  absl::StatusOr<std::vector<std::string>> Parse(const std::vector<std::string>& words);
  // Parse for main(): on --help prints it and exits 0; on mistakes prints them and exits 2.
  std::vector<std::string> ParseOrExit(int argc, char** argv);
  // The same for the words after a command.
  std::vector<std::string> ParseOrExit(const std::vector<std::string>& words);
  // Wrapped to 80 columns.
  std::string Help() const;

 private:
  struct Flag;
  class Parser;
  Flag& Declare(std::string name, std::string value_name, std::string help);

  std::string program_, summary_, positional_, section_;
  std::vector<Flag> flags_;
};

}  // namespace invigil::config
