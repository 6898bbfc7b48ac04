#include "services/item_bank/store/schema.h"

namespace invigil::item_bank {

namespace {

// Bodies are serialised messages of the contract: they grow as it does, without new columns.
constexpr char kTables[] = R"sql(
    CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

    CREATE TABLE banks (
      bank_id TEXT PRIMARY KEY, title TEXT NOT NULL, exam_id TEXT NOT NULL, license TEXT NOT NULL
    ) WITHOUT ROWID;

    -- The newest version of each item, with what lists filter by.
    CREATE TABLE items (
      item_id TEXT PRIMARY KEY, bank_id TEXT NOT NULL, version INTEGER NOT NULL,
      domain_id TEXT NOT NULL, task_id TEXT NOT NULL, status INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX items_by_bank ON items (bank_id, item_id);

    -- Every version, never changed.
    CREATE TABLE item_versions (
      item_id TEXT NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
      UNIQUE (item_id, version)
    );

    CREATE TABLE exams (
      exam_id TEXT NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
      UNIQUE (exam_id, version)
    );

    -- A pool snapshot: the exam version and the item versions its forms are drawn from.
    CREATE TABLE pools (
      pool_id TEXT PRIMARY KEY, exam_id TEXT NOT NULL, exam_version INTEGER NOT NULL,
      members BLOB NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE forms (
      form_id TEXT NOT NULL UNIQUE, session_id TEXT NOT NULL UNIQUE, candidate_id TEXT NOT NULL,
      pool_id TEXT NOT NULL, exam_id TEXT NOT NULL, exam_version INTEGER NOT NULL,
      seed INTEGER NOT NULL, layout BLOB NOT NULL, create_us INTEGER NOT NULL
    );

    -- Answers to mutations, so that a repeated request id gives the same answer.
    CREATE TABLE requests (
      caller TEXT NOT NULL, request_id TEXT NOT NULL, request_hash TEXT NOT NULL,
      response BLOB NOT NULL, create_us INTEGER NOT NULL,
      UNIQUE (caller, request_id)
    );
    CREATE INDEX requests_by_age ON requests (create_us);
  )sql";

// A number is no blob, though SQLite let it be one among the others in meta.
constexpr char kCounters[] = R"sql(
    CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  )sql";

}  // namespace

std::vector<std::string> SchemaSteps(bool postgres) {
  if (postgres) {
    return {kTables,
            std::string(kCounters) + "INSERT INTO counters VALUES ('content_revision', 0);"};
  }
  return {std::string(kTables) + "INSERT INTO meta VALUES ('content_revision', 0);",
          std::string(kCounters) +
              "INSERT INTO counters SELECT name, value FROM meta WHERE name = 'content_revision';"
              "DELETE FROM meta WHERE name = 'content_revision';"};
}

}  // namespace invigil::item_bank
