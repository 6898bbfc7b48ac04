// What every connection sets, and schema steps in PostgreSQL's words.
#pragma once

#include <string>
#include <string_view>

namespace invigil::sql {

// A script for a new connection.
std::string SessionSettings(const std::string& schema, bool read_only);

// A schema step written for SQLite as PostgreSQL takes it: INTEGER to BIGINT, BLOB to BYTEA, REAL
// to DOUBLE PRECISION, TEXT to a text that compares by bytes, no WITHOUT ROWID. Words in quotes and
// comments stay.
std::string TranslateStep(std::string_view step);

// ? and ?1 to $1; those in quotes stay.
std::string TranslateParameters(std::string_view sql);

// A name in double quotes.
std::string Quoted(std::string_view name);

}  // namespace invigil::sql
