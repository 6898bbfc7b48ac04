#include "services/item_bank/store/form_table.h"

#include <charconv>

#include "common/base/hash.h"
#include "services/item_bank/store/layout.h"

namespace invigil::item_bank {
namespace {

constexpr char kColumns[] =
    "SELECT form_id, session_id, candidate_id, pool_id, exam_id, exam_version, seed, layout,"
    " create_us FROM forms WHERE ";

// One line per member: id, blank, version.
std::string EncodeMembers(const PoolRow& pool) {
  std::string text;
  for (const auto& [id, version] : pool.members) {
    text += id + " " + std::to_string(version) + "\n";
  }
  return text;
}

bool DecodeMembers(std::string_view text, PoolRow* pool) {
  while (!text.empty()) {
    const size_t end = text.find('\n'), blank = text.find(' ');
    if (end == text.npos || blank == text.npos || blank > end) return false;
    uint32_t version = 0;
    const auto parsed = std::from_chars(text.data() + blank + 1, text.data() + end, version);
    if (parsed.ptr != text.data() + end) return false;
    pool->members.emplace_back(text.substr(0, blank), version);
    text.remove_prefix(end + 1);
  }
  return true;
}

}  // namespace

std::string PoolIdOf(const PoolRow& pool) {
  return Sha256Hex(pool.exam_id + " " + std::to_string(pool.exam_version) + "\n" +
                   EncodeMembers(pool))
      .substr(0, 32);
}

FormTable::FormTable(sql::Database& db)
    : db_(db),
      by_id_(db.MustPrepare(std::string(kColumns) + "form_id = ?1")),
      by_session_(db.MustPrepare(std::string(kColumns) + "session_id = ?1")),
      insert_(db.MustPrepare("INSERT INTO forms VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
                             " ON CONFLICT (session_id) DO NOTHING")),
      rename_(db.MustPrepare("UPDATE forms SET candidate_id = ?1 WHERE session_id = ?2")),
      find_pool_(
          db.MustPrepare("SELECT exam_id, exam_version, members FROM pools WHERE pool_id = ?1")),
      put_pool_(db.MustPrepare(
          "INSERT INTO pools VALUES (?1, ?2, ?3, ?4) ON CONFLICT (pool_id) DO NOTHING")) {}

absl::StatusOr<std::optional<FormRow>> FormTable::One(sql::Statement& query,
                                                      const std::string& id) {
  const auto row = query.BindText(1, id).Step();
  if (!row.ok()) return row.status();
  if (!*row) {
    query.Reset();
    return std::optional<FormRow>();
  }
  FormRow form;
  form.form_id = query.Text(0);
  form.session_id = query.Text(1);
  form.candidate_id = query.Text(2);
  form.pool_id = query.Text(3);
  form.exam_id = query.Text(4);
  form.exam_version = static_cast<uint32_t>(query.Int(5));
  form.form.seed = static_cast<uint64_t>(query.Int(6));
  auto places = DecodeLayout(query.View(7));
  form.create_time = FromUnixMicros(query.Int(8));
  query.Reset();
  if (!places.ok()) return places.status();
  form.form.places = *std::move(places);
  return std::optional<FormRow>(std::move(form));
}

absl::StatusOr<std::optional<FormRow>> FormTable::ById(const std::string& form_id) {
  return One(by_id_, form_id);
}
absl::StatusOr<std::optional<FormRow>> FormTable::BySession(const std::string& session_id) {
  return One(by_session_, session_id);
}

absl::StatusOr<bool> FormTable::Insert(const FormRow& row) {
  const std::string layout = EncodeLayout(row.form.places);
  INVIGIL_RETURN_IF_ERROR(insert_.BindText(1, row.form_id)
                              .BindText(2, row.session_id)
                              .BindText(3, row.candidate_id)
                              .BindText(4, row.pool_id)
                              .BindText(5, row.exam_id)
                              .Bind(6, int64_t{row.exam_version})
                              .Bind(7, static_cast<int64_t>(row.form.seed))
                              .BindBlob(8, layout)
                              .Bind(9, ToUnixMicros(row.create_time))
                              .Run());
  return db_.Changes() == 1;
}

absl::StatusOr<bool> FormTable::Rename(const std::string& session_id,
                                       const std::string& candidate_id) {
  INVIGIL_RETURN_IF_ERROR(rename_.BindText(1, candidate_id).BindText(2, session_id).Run());
  return db_.Changes() == 1;
}

absl::StatusOr<std::optional<PoolRow>> FormTable::FindPool(const std::string& pool_id) {
  const auto row = find_pool_.BindText(1, pool_id).Step();
  if (!row.ok()) return row.status();
  std::optional<PoolRow> pool;
  bool good = true;
  if (*row) {
    pool = PoolRow{pool_id, find_pool_.Text(0), static_cast<uint32_t>(find_pool_.Int(1)), {}};
    good = DecodeMembers(find_pool_.View(2), &*pool);
  }
  find_pool_.Reset();
  if (!good) return Internal("a pool snapshot in the store can't be read");
  return pool;
}

absl::Status FormTable::PutPool(const PoolRow& pool) {
  const std::string members = EncodeMembers(pool);
  return put_pool_.BindText(1, pool.pool_id)
      .BindText(2, pool.exam_id)
      .Bind(3, int64_t{pool.exam_version})
      .BindBlob(4, members)
      .Run();
}

}  // namespace invigil::item_bank
