// Banks, items and their versions in one connection.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/sql/database.h"
#include "services/item_bank/domain/item.h"

namespace invigil::item_bank {

// Which newest versions a list wants. Empty members: all.
struct ItemFilter {
  std::string bank_id;
  std::string domain_id;
  std::string task_id;
  ItemStatus status = ItemStatus::kUnspecified;
};

// One thread at a time, like its connection. Errors: those of sql::Statement.
class ItemTable {
 public:
  explicit ItemTable(sql::Database& db);

  absl::StatusOr<std::optional<BankHeader>> FindBank(const std::string& bank_id);
  absl::Status PutBank(const BankHeader& bank);

  // `version` 0: the newest.
  absl::StatusOr<std::optional<Item>> Find(const std::string& item_id, uint32_t version = 0);
  // The bank an item belongs to; nullopt: no such item.
  absl::StatusOr<std::optional<std::string>> BankOf(const std::string& item_id);
  // Newest versions of a bank by id.
  absl::StatusOr<std::map<std::string, Item>> NewestOf(const std::string& bank_id);
  // Newest versions after `after` by id, at most `limit`.
  absl::StatusOr<std::vector<Item>> Page(const ItemFilter& filter, const std::string& after,
                                         int limit);
  absl::StatusOr<int64_t> Count(const ItemFilter& filter);
  // Stores a version and makes it the newest. Error: ALREADY_EXISTS when that version is there.
  absl::Status Insert(const Item& item);

 private:
  void BindFilter(sql::Statement& statement, const ItemFilter& filter);

  sql::Statement find_bank_, put_bank_, find_, find_newest_, bank_of_, page_, count_, insert_,
      set_newest_;
};

}  // namespace invigil::item_bank
