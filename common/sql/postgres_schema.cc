#include "common/sql/postgres_schema.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "common/sql/engine.h"
#include "common/sql/postgres.h"

namespace invigil::sql {
namespace {

constexpr int kMigrateAttempts = 10;

bool IsWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// The end of the quoted text or comment that begins at `at`; `at` itself when none does.
size_t EndOfQuoted(std::string_view sql, size_t at) {
  size_t end = std::string_view::npos;
  if (sql[at] == '\'' || sql[at] == '"') {
    end = sql.find(sql[at], at + 1);
  } else if (sql.substr(at, 2) == "--") {
    end = sql.find('\n', at);
  } else {
    return at;
  }
  return end == std::string_view::npos ? sql.size() : end + 1;
}

}  // namespace

std::string Quoted(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + "\"";
}

std::string SessionSettings(const std::string& schema, bool read_only) {
  return "SET search_path TO " + Quoted(schema) +
         "; SET client_min_messages TO warning"
         // A replica that stopped in the middle must not hold up the others: whoever waits for a
         // lock must outlast who holds it and says nothing.
         "; SET lock_timeout TO 5000; SET idle_in_transaction_session_timeout TO 2000"
         // Acknowledged means durable, here and on the standby that is waited for, whatever the
         // server's own choice is; remote_apply is more than that.
         "; SELECT set_config('synchronous_commit', 'on', false)"
         " WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')" +
         (read_only ? "; SET default_transaction_read_only TO on" : "");
}

std::string TranslateParameters(std::string_view sql) {
  std::string out;
  int next = 1;
  for (size_t at = 0; at < sql.size();) {
    if (const size_t end = EndOfQuoted(sql, at); end > at) {
      out.append(sql.substr(at, end - at));
      at = end;
    } else if (sql[at] != '?') {
      out.push_back(sql[at++]);
    } else {
      out.push_back('$');
      ++at;
      if (at == sql.size() || std::isdigit(static_cast<unsigned char>(sql[at])) == 0) {
        out += std::to_string(next++);
      }
    }
  }
  return out;
}

std::string TranslateStep(std::string_view step) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kWords = {
      {{"INTEGER", "BIGINT"},
       {"BLOB", "BYTEA"},
       {"REAL", "DOUBLE PRECISION"},
       {"TEXT", "TEXT COLLATE \"C\""},
       {"WITHOUT", ""}}};
  std::string out;
  for (size_t at = 0; at < step.size();) {
    size_t end = EndOfQuoted(step, at);
    if (end > at) {
      out.append(step.substr(at, end - at));
      at = end;
      continue;
    }
    if (!IsWord(step[at])) {
      out.push_back(step[at++]);
      continue;
    }
    end = at;
    while (end < step.size() && IsWord(step[end])) ++end;
    const std::string_view word = step.substr(at, end - at);
    at = end;
    const auto* const found = std::find_if(kWords.begin(), kWords.end(),
                                           [&](const auto& pair) { return pair.first == word; });
    if (word == "WITHOUT") {
      constexpr std::string_view kRowid = " ROWID";
      if (step.substr(at, kRowid.size()) == kRowid) {
        at += kRowid.size();
        continue;
      }
    }
    out.append(found != kWords.end() ? found->second : word);
  }
  return out;
}

absl::Status Postgres::Migrate(const std::vector<std::string>& steps) {
  absl::Status status;
  // Others may start at the same time; making what is made just now fails.
  for (int attempt = 0; attempt < kMigrateAttempts; ++attempt) {
    status = MigrateOnce(steps);
    if (status.ok() || !IsRace(status)) break;
  }
  if (status.code() != absl::StatusCode::kInternal) return status;
  return FailedPrecondition("STORE_UNUSABLE",
                            "can't make the tables in schema " + options_.schema + " of " + place_ +
                                ": " + std::string(status.message()) +
                                "; the user needs CREATE on the database, or to own the schema");
}

absl::Status Postgres::MigrateOnce(const std::vector<std::string>& steps) {
  INVIGIL_RETURN_IF_ERROR(Connect());
  const int find = Prepare("SELECT 1 FROM information_schema.schemata WHERE schema_name = $1");
  const auto found = Ask(find, Arguments().Text(options_.schema));
  if (!found.ok()) return found.status();
  if (found->size() == 0) {
    INVIGIL_RETURN_IF_ERROR(Script("CREATE SCHEMA IF NOT EXISTS " + Quoted(options_.schema)));
  }
  INVIGIL_RETURN_IF_ERROR(
      Script("CREATE TABLE IF NOT EXISTS invigil_schema(one BIGINT PRIMARY KEY, version BIGINT NOT "
             "NULL); INSERT INTO invigil_schema VALUES(1, 0) ON CONFLICT (one) DO NOTHING"));
  INVIGIL_RETURN_IF_ERROR(Begin());
  absl::Status status = MigrateOpen(steps);
  if (status.ok()) return Commit();
  Rollback();
  return status;
}

absl::Status Postgres::MigrateOpen(const std::vector<std::string>& steps) {
  const int ask = Prepare("SELECT version FROM invigil_schema WHERE one = 1 FOR UPDATE");
  const auto row = Ask(ask, Arguments());
  if (!row.ok()) return row.status();
  if (row->size() != 1) return Internal("the table invigil_schema is empty");
  const auto version = static_cast<size_t>(row->Int(0, 0));
  if (version > steps.size()) return engine::Newer(version, steps.size());
  if (version == steps.size()) return absl::OkStatus();
  for (size_t step = version; step < steps.size(); ++step) {
    INVIGIL_RETURN_IF_ERROR(Script(TranslateStep(steps[step])));
  }
  return Script("UPDATE invigil_schema SET version = " + std::to_string(steps.size()) +
                " WHERE one = 1");
}

}  // namespace invigil::sql
