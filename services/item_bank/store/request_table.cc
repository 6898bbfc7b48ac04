#include "services/item_bank/store/request_table.h"

namespace invigil::item_bank {

RequestTable::RequestTable(sql::Database& db)
    : find_(db.MustPrepare(
          "SELECT request_hash, response FROM requests WHERE caller = ?1 AND request_id = ?2")),
      insert_(db.MustPrepare("INSERT INTO requests VALUES (?1, ?2, ?3, ?4, ?5)")),
      forget_(db.MustPrepare("DELETE FROM requests WHERE create_us < ?1")) {}

absl::StatusOr<std::optional<std::string>> RequestTable::Find(const std::string& caller,
                                                              const std::string& request_id,
                                                              const std::string& request_hash) {
  const auto row = find_.BindText(1, caller).BindText(2, request_id).Step();
  if (!row.ok()) return row.status();
  std::optional<std::string> response;
  bool same = true;
  if (*row) {
    same = find_.View(0) == request_hash;
    response = find_.Text(1);
  }
  find_.Reset();
  if (!same) {
    return InvalidArgument("REQUEST_ID_REUSED",
                           "this request_id was used for another request: choose a new one")
        .Field("request_id", "stands for another request already");
  }
  return response;
}

absl::Status RequestTable::Insert(const std::string& caller, const std::string& request_id,
                                  const std::string& request_hash, const std::string& response,
                                  Time now) {
  INVIGIL_RETURN_IF_ERROR(forget_.Bind(1, ToUnixMicros(now - kRequestMemory)).Run());
  return insert_.BindText(1, caller)
      .BindText(2, request_id)
      .BindText(3, request_hash)
      .BindBlob(4, response)
      .Bind(5, ToUnixMicros(now))
      .Run();
}

MetaTable::MetaTable(sql::Database& db)
    : get_(db.MustPrepare("SELECT value FROM meta WHERE name = ?1")),
      revision_(db.MustPrepare("SELECT value FROM counters WHERE name = 'content_revision'")),
      bump_(
          db.MustPrepare("UPDATE counters SET value = value + 1 WHERE name = 'content_revision'")),
      set_once_(db.MustPrepare("INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING")) {}

absl::StatusOr<int64_t> MetaTable::ContentRevision() {
  const auto row = revision_.Step();
  if (!row.ok()) return row.status();
  const int64_t revision = *row ? revision_.Int(0) : 0;
  revision_.Reset();
  return revision;
}

absl::Status MetaTable::BumpContentRevision() { return bump_.Run(); }

absl::StatusOr<std::string> MetaTable::GetOrSet(const std::string& name,
                                                const std::string& initial) {
  INVIGIL_RETURN_IF_ERROR(set_once_.BindText(1, name).BindBlob(2, initial).Run());
  const auto row = get_.BindText(1, name).Step();
  if (!row.ok()) return row.status();
  std::string value = get_.Text(0);
  get_.Reset();
  return value;
}

}  // namespace invigil::item_bank
