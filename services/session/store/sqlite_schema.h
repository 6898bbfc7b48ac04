// The tables. Steps are appended, never edited: files in the field are brought up step by step.
#pragma once

#include <string>
#include <vector>

namespace invigil::session {

// session_id leads every key, ids come from the application, times are bound values, and there are
// no triggers, sequences or defaults that compute: the same statements run on PostgreSQL and its
// kin.
inline std::vector<std::string> SqliteSchema() {
  return {R"(
    -- The truth. The primary key is the compare-and-set.
    CREATE TABLE events(
      session_id BLOB NOT NULL, seq INTEGER NOT NULL, at_us INTEGER NOT NULL, body BLOB NOT NULL,
      PRIMARY KEY(session_id, seq)) WITHOUT ROWID;

    -- A projection for finding sessions; written when a session's life changes, never by a save.
    CREATE TABLE sessions(
      session_id BLOB NOT NULL PRIMARY KEY, candidate_id TEXT NOT NULL, exam_id TEXT NOT NULL,
      state INTEGER NOT NULL, deadline_us INTEGER, last_seq INTEGER NOT NULL) WITHOUT ROWID;
    -- One live session of a candidate and exam; states below 5 are live.
    CREATE UNIQUE INDEX sessions_live ON sessions(candidate_id, exam_id) WHERE state < 5;
    -- For the reconciler and the timers.
    CREATE INDEX sessions_due ON sessions(state, deadline_us, session_id);

    -- How each start was answered, so that its repeat is answered the same.
    CREATE TABLE starts(
      candidate_id TEXT NOT NULL, request_id TEXT NOT NULL, session_id BLOB NOT NULL,
      PRIMARY KEY(candidate_id, request_id)) WITHOUT ROWID;

    -- Seals that scoring has not answered for. Written with the seal, deleted with the score.
    CREATE TABLE outbox(
      session_id BLOB NOT NULL, attempt_version INTEGER NOT NULL, sealed_at_us INTEGER NOT NULL,
      PRIMARY KEY(session_id, attempt_version)) WITHOUT ROWID;
    CREATE INDEX outbox_order ON outbox(sealed_at_us, session_id, attempt_version);

    -- What items say; immutable and shared by all sessions that show them.
    CREATE TABLE contents(content_id TEXT NOT NULL PRIMARY KEY, body BLOB NOT NULL);
  )",
          R"(
    -- A time is due in breaks too, and nowhere else is a deadline kept: the index needs no state.
    DROP INDEX sessions_due;
    UPDATE sessions SET deadline_us = NULL WHERE state <> 2;
    CREATE INDEX sessions_due ON sessions(deadline_us, session_id) WHERE deadline_us IS NOT NULL;
  )",
          R"(
    -- Who did what, chained: see journal.h. Hashes are hexadecimal.
    CREATE TABLE journal(
      n INTEGER NOT NULL PRIMARY KEY, session_id BLOB NOT NULL, seq INTEGER NOT NULL,
      at_us INTEGER NOT NULL, kind TEXT NOT NULL, body_hash TEXT NOT NULL,
      responses_hash TEXT NOT NULL, hash TEXT NOT NULL) WITHOUT ROWID;
    -- Its end: one row, which orders the transactions that add to it.
    CREATE TABLE journal_head(one INTEGER NOT NULL PRIMARY KEY, n INTEGER NOT NULL,
      hash TEXT NOT NULL) WITHOUT ROWID;
    INSERT INTO journal_head VALUES(
      1, 0, '0000000000000000000000000000000000000000000000000000000000000000');
  )",
          R"(
    -- What other teams are told (../events/notice.h), numbered as the journal's rows of its events.
    -- Results are not kept twice: they are in the event.
    CREATE TABLE notices(
      n INTEGER NOT NULL PRIMARY KEY, session_id BLOB NOT NULL, seq INTEGER NOT NULL,
      kind INTEGER NOT NULL, written_us INTEGER NOT NULL, occurred_us INTEGER NOT NULL,
      candidate_id TEXT NOT NULL, exam_id TEXT NOT NULL, exam_version INTEGER NOT NULL,
      session_kind INTEGER NOT NULL, epoch INTEGER NOT NULL, attempt_version INTEGER NOT NULL,
      score_version INTEGER NOT NULL, incident_id TEXT NOT NULL) WITHOUT ROWID;
    CREATE UNIQUE INDEX notices_event ON notices(session_id, seq);
    -- The number up to which there are none: pruned, or older than this table.
    CREATE TABLE notices_floor(one INTEGER NOT NULL PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
    INSERT INTO notices_floor SELECT 1, n FROM journal_head;
  )",
          R"(
    -- What an erasure leaves of an event, hashed; empty in rows from before: see journal.h.
    ALTER TABLE journal ADD COLUMN rest_hash TEXT NOT NULL DEFAULT '';
    -- What keeps hashes of personal events from being guessed: deleted when a candidate is erased.
    CREATE TABLE journal_salts(
      session_id BLOB NOT NULL, seq INTEGER NOT NULL, salt TEXT NOT NULL,
      PRIMARY KEY(session_id, seq)) WITHOUT ROWID;
    -- The bodies of the journal's rows that no event stands behind: see remark.h.
    CREATE TABLE remarks(
      n INTEGER NOT NULL PRIMARY KEY, session_id BLOB NOT NULL, person TEXT NOT NULL,
      salt TEXT NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
    CREATE INDEX remarks_session ON remarks(session_id, n);
    CREATE INDEX remarks_person ON remarks(person) WHERE person <> '';
  )",
          R"(
    -- Candidates who asked to be erased (../privacy/eraser.h): known until it is done.
    CREATE TABLE erasures(
      request_id TEXT NOT NULL PRIMARY KEY, candidate_id TEXT NOT NULL, person TEXT NOT NULL,
      actor TEXT NOT NULL, reason TEXT NOT NULL, asked_us INTEGER NOT NULL, counts TEXT NOT NULL,
      bank_told INTEGER NOT NULL) WITHOUT ROWID;
    -- What one process at a time does for all: who, and until when (../privacy/keeper.h).
    CREATE TABLE leases(
      name TEXT NOT NULL PRIMARY KEY, holder TEXT NOT NULL, until_us INTEGER NOT NULL)
      WITHOUT ROWID;
    -- How far a kind of retention has come.
    CREATE TABLE retention_marks(kind TEXT NOT NULL PRIMARY KEY, mark TEXT NOT NULL) WITHOUT ROWID;
    -- The journal begins behind this row: those before were kept long enough (../privacy/keeper.h).
    CREATE TABLE journal_begin(
      one INTEGER NOT NULL PRIMARY KEY, n INTEGER NOT NULL, hash TEXT NOT NULL) WITHOUT ROWID;
    INSERT INTO journal_begin VALUES(
      1, 0, '0000000000000000000000000000000000000000000000000000000000000000');
  )"};
}

}  // namespace invigil::session
