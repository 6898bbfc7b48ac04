// The tables. Steps are appended, never edited: files in the field are brought up step by step.
#pragma once

#include <string>
#include <vector>

namespace invigil::session::registration {

// Times are microseconds since the Unix epoch by the suite's clock.
inline std::vector<std::string> SchemaSteps() {
  return {R"(
    CREATE TABLE registrations(
      registration_id TEXT NOT NULL PRIMARY KEY, candidate_id TEXT NOT NULL, exam_id TEXT NOT NULL,
      opens_us INTEGER, closes_us INTEGER, max_attempts INTEGER NOT NULL,
      time_percent INTEGER NOT NULL, extra_minutes INTEGER NOT NULL, break_minutes INTEGER NOT NULL,
      cancelled INTEGER NOT NULL, cancel_reason TEXT NOT NULL, updated_us INTEGER NOT NULL);
    -- What a start asks for.
    CREATE INDEX registrations_candidate ON registrations(candidate_id, exam_id, registration_id);
    CREATE INDEX registrations_exam ON registrations(exam_id, registration_id);

    CREATE TABLE standing(
      candidate_id TEXT NOT NULL PRIMARY KEY, time_percent INTEGER NOT NULL,
      extra_minutes INTEGER NOT NULL, break_minutes INTEGER NOT NULL, expires_us INTEGER,
      reason TEXT NOT NULL, updated_us INTEGER NOT NULL);

    -- caps: ATTEMPTS/DAYS, separated by commas.
    CREATE TABLE policies(
      exam_id TEXT NOT NULL PRIMARY KEY, registration_required INTEGER NOT NULL,
      window_policy INTEGER NOT NULL, wait_days_after_fail INTEGER NOT NULL,
      wait_days_after_pass INTEGER NOT NULL, caps TEXT NOT NULL, time_zone TEXT NOT NULL,
      updated_us INTEGER NOT NULL);

    -- Which registration a session was begun with; written before its clock starts.
    CREATE TABLE sittings(
      session_id BLOB NOT NULL PRIMARY KEY, registration_id TEXT NOT NULL,
      bound_us INTEGER NOT NULL);
    CREATE INDEX sittings_registration ON sittings(registration_id, session_id);

    -- How each bulk request was answered, so that its repeat is answered the same.
    CREATE TABLE requests(
      caller TEXT NOT NULL, request_id TEXT NOT NULL, hash TEXT NOT NULL, answer BLOB NOT NULL,
      answered_us INTEGER NOT NULL, PRIMARY KEY(caller, request_id));
  )",
          R"(
    -- By which those that are too old are found.
    CREATE INDEX requests_answered ON requests(answered_us);
  )",
          R"(
    -- Whom an answer is about, if about one candidate: it goes with them. Imports are about many.
    ALTER TABLE requests ADD COLUMN person TEXT NOT NULL DEFAULT '';
    CREATE INDEX requests_person ON requests(person) WHERE person <> '';
  )"};
}

}  // namespace invigil::session::registration
