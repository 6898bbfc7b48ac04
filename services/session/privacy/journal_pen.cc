#include "services/session/privacy/journal_pen.h"

#include "common/error/error.h"
#include "services/session/store/journal.h"

namespace invigil::session::privacy {

JournalPen::JournalPen(sql::Database& db)
    : take_head_(db.MustPrepare("UPDATE journal_head SET n=n WHERE one=1")),
      read_head_(db.MustPrepare("SELECT n, hash FROM journal_head WHERE one=1")),
      write_head_(db.MustPrepare("UPDATE journal_head SET n=?, hash=? WHERE one=1")),
      write_row_(db.MustPrepare("INSERT INTO journal(n, session_id, seq, at_us, kind, body_hash, "
                                "responses_hash, hash, rest_hash) VALUES(?,?,0,?,?,?,'',?,?)")),
      write_remark_(db.MustPrepare("INSERT INTO remarks(n, session_id, person, salt, body) "
                                   "VALUES(?,?,?,?,?)")) {}

absl::Status JournalPen::Append(const std::vector<Remark>& remarks) {
  JournalBatch batch;
  for (const Remark& remark : remarks) batch.Add(remark);
  INVIGIL_RETURN_IF_ERROR(take_head_.Run());
  auto found = read_head_.Step();
  if (!found.ok()) return found.status();
  if (!*found) return Error(absl::StatusCode::kDataLoss, "LOG_CORRUPT", "the journal has no head");
  JournalHead head{static_cast<uint64_t>(read_head_.Int(0)), read_head_.Text(1)};
  read_head_.Reset();
  for (const JournalRow& row : batch.Chain(head)) {
    write_row_.Bind(1, static_cast<int64_t>(row.n))
        .BindBlob(2, row.session.bytes())
        .Bind(3, ToUnixMicros(row.at))
        .BindText(4, row.kind)
        .BindText(5, row.body_hash)
        .BindText(6, row.hash)
        .BindText(7, row.rest_hash);
    INVIGIL_RETURN_IF_ERROR(write_row_.Run());
    write_remark_.Bind(1, static_cast<int64_t>(row.n))
        .BindBlob(2, row.session.bytes())
        .BindText(3, row.person)
        .BindText(4, row.salt)
        .BindBlob(5, row.remark);
    INVIGIL_RETURN_IF_ERROR(write_remark_.Run());
  }
  return write_head_.Bind(1, static_cast<int64_t>(head.n)).BindText(2, head.hash).Run();
}

}  // namespace invigil::session::privacy
