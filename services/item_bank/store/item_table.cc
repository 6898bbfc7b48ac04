#include "services/item_bank/store/item_table.h"

#include <limits>

#include "services/item_bank/wire/convert.h"

namespace invigil::item_bank {
namespace {

absl::StatusOr<Item> Parse(std::string_view body) {
  v1::Item message;
  if (!message.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return Internal("an item version in the store can't be read");
  }
  return FromProto(message);
}

constexpr char kFilter[] =
    " FROM items i WHERE i.bank_id = ?1 AND (?2 = '' OR i.domain_id = ?2)"
    " AND (?3 = '' OR i.task_id = ?3) AND (?4 = 0 OR i.status = ?4)";

}  // namespace

ItemTable::ItemTable(sql::Database& db)
    : find_bank_(
          db.MustPrepare("SELECT bank_id, title, exam_id, license FROM banks WHERE bank_id = ?1")),
      put_bank_(db.MustPrepare("INSERT INTO banks VALUES (?1, ?2, ?3, ?4) ON CONFLICT (bank_id) DO"
                               " UPDATE SET title = ?2, exam_id = ?3, license = ?4")),
      find_(db.MustPrepare("SELECT body FROM item_versions WHERE item_id = ?1 AND version = ?2")),
      find_newest_(db.MustPrepare("SELECT v.body FROM items i JOIN item_versions v ON v.item_id ="
                                  " i.item_id AND v.version = i.version WHERE i.item_id = ?1")),
      bank_of_(db.MustPrepare("SELECT bank_id FROM items WHERE item_id = ?1")),
      page_(db.MustPrepare(
          std::string("SELECT (SELECT body FROM item_versions v WHERE v.item_id = i.item_id AND"
                      " v.version = i.version)") +
          kFilter + " AND i.item_id > ?5 ORDER BY i.item_id LIMIT ?6")),
      count_(db.MustPrepare(std::string("SELECT count(*)") + kFilter)),
      insert_(db.MustPrepare("INSERT INTO item_versions VALUES (?1, ?2, ?3)")),
      set_newest_(db.MustPrepare(
          "INSERT INTO items VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (item_id) DO UPDATE SET"
          " version = ?3, domain_id = ?4, task_id = ?5, status = ?6")) {}

absl::StatusOr<std::optional<BankHeader>> ItemTable::FindBank(const std::string& bank_id) {
  const auto row = find_bank_.BindText(1, bank_id).Step();
  if (!row.ok()) return row.status();
  std::optional<BankHeader> bank;
  if (*row) {
    bank =
        BankHeader{find_bank_.Text(0), find_bank_.Text(1), find_bank_.Text(2), find_bank_.Text(3)};
  }
  find_bank_.Reset();
  return bank;
}

absl::Status ItemTable::PutBank(const BankHeader& bank) {
  return put_bank_.BindText(1, bank.bank_id)
      .BindText(2, bank.title)
      .BindText(3, bank.exam_id)
      .BindText(4, bank.license)
      .Run();
}

absl::StatusOr<std::optional<Item>> ItemTable::Find(const std::string& item_id, uint32_t version) {
  sql::Statement& query = version == 0 ? find_newest_ : find_;
  query.BindText(1, item_id);
  if (version != 0) query.Bind(2, int64_t{version});
  const auto row = query.Step();
  if (!row.ok()) return row.status();
  std::optional<absl::StatusOr<Item>> item;
  if (*row) item = Parse(query.View(0));
  query.Reset();
  if (!item) return std::optional<Item>();
  if (!item->ok()) return item->status();
  return std::optional<Item>(**std::move(item));
}

absl::StatusOr<std::optional<std::string>> ItemTable::BankOf(const std::string& item_id) {
  const auto row = bank_of_.BindText(1, item_id).Step();
  if (!row.ok()) return row.status();
  std::optional<std::string> bank;
  if (*row) bank = bank_of_.Text(0);
  bank_of_.Reset();
  return bank;
}

void ItemTable::BindFilter(sql::Statement& statement, const ItemFilter& filter) {
  statement.BindText(1, filter.bank_id)
      .BindText(2, filter.domain_id)
      .BindText(3, filter.task_id)
      .Bind(4, static_cast<int64_t>(filter.status));
}

absl::StatusOr<std::vector<Item>> ItemTable::Page(const ItemFilter& filter,
                                                  const std::string& after, int limit) {
  BindFilter(page_, filter);
  page_.BindText(5, after).Bind(6, int64_t{limit});
  std::vector<Item> items;
  while (true) {
    const auto row = page_.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    auto item = Parse(page_.View(0));
    if (!item.ok()) {
      page_.Reset();
      return item.status();
    }
    items.push_back(*std::move(item));
  }
  page_.Reset();
  return items;
}

absl::StatusOr<std::map<std::string, Item>> ItemTable::NewestOf(const std::string& bank_id) {
  auto items = Page({.bank_id = bank_id}, "", std::numeric_limits<int>::max());
  if (!items.ok()) return items.status();
  std::map<std::string, Item> by_id;
  for (Item& item : *items) {
    std::string id = item.item_id;
    by_id.emplace(std::move(id), std::move(item));
  }
  return by_id;
}

absl::StatusOr<int64_t> ItemTable::Count(const ItemFilter& filter) {
  BindFilter(count_, filter);
  const auto row = count_.Step();
  if (!row.ok()) return row.status();
  const int64_t count = count_.Int(0);
  count_.Reset();
  return count;
}

absl::Status ItemTable::Insert(const Item& item) {
  v1::Item message;
  ToProto(item, &message);
  const std::string body = message.SerializeAsString();
  INVIGIL_RETURN_IF_ERROR(
      insert_.BindText(1, item.item_id).Bind(2, int64_t{item.version}).BindBlob(3, body).Run());
  return set_newest_.BindText(1, item.item_id)
      .BindText(2, item.bank_id)
      .Bind(3, int64_t{item.version})
      .BindText(4, item.domain_id)
      .BindText(5, item.task_id)
      .Bind(6, static_cast<int64_t>(item.status))
      .Run();
}

}  // namespace invigil::item_bank
