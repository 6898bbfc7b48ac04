// How the journal is read, in words that both databases know; parameters are ?.
#pragma once

namespace invigil::session {

// Rows above a number, and how many at most; see JournalRow.
inline constexpr char kListJournal[] =
    "SELECT j.n, j.session_id, j.seq, j.at_us, j.kind, j.body_hash, j.responses_hash, j.hash, "
    "j.rest_hash, COALESCE(s.salt, r.salt, ''), r.body FROM journal j "
    "LEFT JOIN journal_salts s ON s.session_id=j.session_id AND s.seq=j.seq "
    "LEFT JOIN remarks r ON r.n=j.n WHERE j.n>? ORDER BY j.n LIMIT ?";

// Of a session, and how many at most: kind, time, body.
inline constexpr char kListRemarks[] =
    "SELECT j.kind, j.at_us, r.body FROM remarks r JOIN journal j ON j.n=r.n "
    "WHERE r.session_id=? ORDER BY r.n LIMIT ?";

}  // namespace invigil::session
