// The tables. Steps are appended, never edited: files in the field are brought up step by step.
#pragma once

#include <string>
#include <vector>

namespace invigil::session {

// Apart from the sessions' tables: what is delivered must cost those who save nothing. Times are
// microseconds since the Unix epoch by the suite's clock.
inline std::vector<std::string> WebhookSchema() {
  return {R"(
    -- Secrets are kept as they are, for they must sign: whoever can read this can sign.
    -- kinds: bit k is NoticeKind k, 0 all. position, version: see webhook.h. Whoever holds the lease
    -- delivers.
    CREATE TABLE webhooks(
      webhook_id TEXT NOT NULL PRIMARY KEY, url TEXT NOT NULL, kinds INTEGER NOT NULL,
      exam_id TEXT NOT NULL, disabled INTEGER NOT NULL, created_us INTEGER NOT NULL,
      secret TEXT NOT NULL, old_secret TEXT NOT NULL, old_secret_until_us INTEGER,
      position INTEGER NOT NULL, version INTEGER NOT NULL, last_error TEXT NOT NULL,
      lease_owner TEXT NOT NULL, lease_until_us INTEGER NOT NULL) WITHOUT ROWID;

    -- What was not delivered at the first try; dead: given up. No names and no results: those stay
    -- with the sessions.
    CREATE TABLE undelivered(
      webhook_id TEXT NOT NULL, n INTEGER NOT NULL, session_id BLOB NOT NULL,
      seq INTEGER NOT NULL, written_us INTEGER NOT NULL, tries INTEGER NOT NULL,
      next_us INTEGER NOT NULL, dead INTEGER NOT NULL, failed_us INTEGER NOT NULL,
      error TEXT NOT NULL, PRIMARY KEY(webhook_id, n)) WITHOUT ROWID;

    -- What was asked for, so that a repeat is answered the same.
    CREATE TABLE requests(
      caller TEXT NOT NULL, request_id TEXT NOT NULL, hash TEXT NOT NULL, webhook_id TEXT NOT NULL,
      at_us INTEGER NOT NULL, PRIMARY KEY(caller, request_id)) WITHOUT ROWID;
    CREATE INDEX requests_at ON requests(at_us);
  )",
          R"(
    -- Of the secret that the request made, so that its repeat shows no other.
    ALTER TABLE requests ADD COLUMN secret_hash TEXT NOT NULL DEFAULT '';
  )"};
}

}  // namespace invigil::session
