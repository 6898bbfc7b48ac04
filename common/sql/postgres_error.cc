#include "common/sql/postgres_error.h"

#include <libpq-fe.h>

#include <memory>

#include "common/error/error.h"

namespace invigil::sql {
namespace {

std::string_view StateOf(const pg_result* result) {
  const char* const state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return state ? state : "";
}

}  // namespace

std::string FirstLine(std::string_view text) {
  return std::string(text.substr(0, text.find('\n')));
}

absl::Status StateStatus(std::string_view state, const std::string& text) {
  const std::string_view kind = state.substr(0, 2);
  // The last three: a table, schema or type of that name. Two that make it at once, IF NOT EXISTS
  // or not, meet them as often as the first.
  if (state == "23505" || state == "42P07" || state == "42P06" || state == "42710") {
    return AlreadyExists("SQL_CONSTRAINT", text);
  }
  if (state == "40001" || state == "40P01") {
    return Aborted("SQL_RACE", "another transaction was first; do it again: " + text);
  }
  if (state == "53100") {
    return ResourceExhausted(
        "STORE_FULL",
        "the database's disk is full: free space; nothing acknowledged is lost: " + text,
        Seconds(5));
  }
  if (state == "55P03" || state == "57014" || state == "53200" || state == "53300") {
    return Unavailable("STORE_BUSY", "the database is too busy: " + text);
  }
  // Also: shutting down or recovering, a standby that can't be written, and a transaction that was
  // ended for lying idle.
  if (kind == "08" || kind == "57" || kind == "58" || kind == "XX" || state == "25006" ||
      state == "25P03" || state == "40003") {
    return Unavailable("STORE_IO", "the database can't be read or written: " + text);
  }
  if (state == "22021" || state == "22P05") {
    return InvalidArgument("SQL_TEXT", "a text holds a character that can't be stored");
  }
  return Internal("database: " + text);
}

absl::Status ResultStatus(const pg_result* result, const std::string& place) {
  // The primary message alone: details quote rows.
  const char* const message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const std::string_view state = StateOf(result);
  if (state.empty()) {
    return Unavailable("STORE_IO", "the connection to the database " + place +
                                       " was lost: " + FirstLine(PQresultErrorMessage(result)));
  }
  return StateStatus(state, std::string(message ? message : "no message") + " (postgresql " +
                                std::string(state) + ")");
}

bool EndsConnection(const pg_result* result) {
  const std::string_view state = StateOf(result);
  return state.empty() || state.starts_with("08") || state.starts_with("57P") || state == "25006" ||
         state == "25P03";
}

absl::StatusOr<Target> ReadTarget(const std::string& url) {
  const auto unusable = [](const std::string& why) {
    return FailedPrecondition("STORE_UNUSABLE",
                              why + "; name the store as postgresql://user@host:port/database");
  };
  char* error = nullptr;
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(
      PQconninfoParse(url.c_str(), &error), &PQconninfoFree);
  const std::unique_ptr<char, void (*)(void*)> message(error, &PQfreemem);
  // libpq's message may quote the URL, and with it what should not be in it.
  if (!options) return unusable("this is not a PostgreSQL URL");
  std::string host = "localhost", port = "5432", database;
  for (const PQconninfoOption* at = options.get(); at->keyword; ++at) {
    if (!at->val) continue;
    const std::string_view name = at->keyword;
    if (name == "password" || name == "sslpassword") {
      return unusable(
          "a password in the URL can be seen by every user of the machine: put it in a file that "
          "only the service can read, and add ?passfile=FILE");
    }
    if (name == "host") host = at->val;
    if (name == "port") port = at->val;
    if (name == "dbname") database = at->val;
  }
  return Target{host + ":" + port + "/" + database};
}

absl::Status CheckEncoding(std::string_view server_encoding, const std::string& place) {
  if (server_encoding == "UTF8" || server_encoding == "SQL_ASCII") return absl::OkStatus();
  return FailedPrecondition("STORE_UNUSABLE", "the database " + place + " has the encoding " +
                                                  std::string(server_encoding) +
                                                  " and can't hold every name: make one with "
                                                  "ENCODING 'UTF8' TEMPLATE template0");
}

}  // namespace invigil::sql
