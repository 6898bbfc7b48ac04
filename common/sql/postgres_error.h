// What PostgreSQL's five-letter codes mean to a store, and where a URL leads.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct pg_result;

namespace invigil::sql {

// The error a result carries, as sql::Statement::Step names it.
absl::Status ResultStatus(const pg_result* result, const std::string& place);
// By its SQLSTATE; `text` is the server's own message.
absl::Status StateStatus(std::string_view state, const std::string& text);
// Whether the connection is of no use after this error: the server goes down, or can't write.
bool EndsConnection(const pg_result* result);

// Where a URL leads.
struct Target {
  std::string place;  // "host:port/database", for messages
};
// Errors: FAILED_PRECONDITION (STORE_UNUSABLE) for a URL that libpq can't read or that holds a
// password, which every user of the machine would see in the list of processes.
absl::StatusOr<Target> ReadTarget(const std::string& url);

// FAILED_PRECONDITION (STORE_UNUSABLE) for a database that can't hold every text.
absl::Status CheckEncoding(std::string_view server_encoding, const std::string& place);

// libpq's messages go on for lines.
std::string FirstLine(std::string_view text);

}  // namespace invigil::sql
