// JSON log lines, one object each, on standard error or a file. Never write answers, keys or
// tokens.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace invigil::log {

enum class Level { kDebug, kInfo, kWarning, kError };

// A named value of a line. The string must live for the length of the call only.
struct Field {
  std::string_view name;
  std::variant<std::string_view, int64_t, uint64_t, double, bool> value;
  Field(std::string_view n, std::string_view v) : name(n), value(v) {}
  Field(std::string_view n, const std::string& v) : name(n), value(std::string_view(v)) {}
  Field(std::string_view n, const char* v) : name(n), value(std::string_view(v)) {}
  Field(std::string_view n, int64_t v) : name(n), value(v) {}
  Field(std::string_view n, int v) : name(n), value(int64_t{v}) {}
  Field(std::string_view n, uint64_t v) : name(n), value(v) {}
  Field(std::string_view n, uint32_t v) : name(n), value(int64_t{v}) {}
  Field(std::string_view n, double v) : name(n), value(v) {}
  Field(std::string_view n, bool v) : name(n), value(v) {}
};
using Fields = std::initializer_list<Field>;

struct Options {
  std::string service;   // "session"; in every line
  std::string instance;  // which replica; in every line
  Level level = Level::kInfo;
  std::string path;  // empty: standard error
};
// "debug", "info", "warning", "error"; anything else: false.
bool ParseLevel(std::string_view text, Level* level);

// Call once at start (again only after Shutdown); before it, lines go to standard error.
// Asynchronous: a line never blocks the caller; when the queue is full the oldest lines are dropped
// and counted.
void Init(const Options& options);
// Writes what is queued; call before exit. Later lines go to standard error again.
void Shutdown();
// How many lines were lost since the start: the queue was full or the file could not be written.
uint64_t DroppedLines();

// Any thread. Names of fields are snake_case; a name the line itself uses ("time", "message", ...)
// gets an underscore behind it. Values past 4 KiB are cut.
void Write(Level level, std::string_view message, Fields fields = {});
inline void Debug(std::string_view message, Fields fields = {}) {
  Write(Level::kDebug, message, fields);
}
inline void Info(std::string_view message, Fields fields = {}) {
  Write(Level::kInfo, message, fields);
}
inline void Warning(std::string_view message, Fields fields = {}) {
  Write(Level::kWarning, message, fields);
}
inline void Error(std::string_view message, Fields fields = {}) {
  Write(Level::kError, message, fields);
}
// A line with "audit": `action`, for acts someone may have to answer for (refused identities,
// foreign session ids). Never dropped by level.
void Audit(std::string_view action, std::string_view message, Fields fields = {});

}  // namespace invigil::log
