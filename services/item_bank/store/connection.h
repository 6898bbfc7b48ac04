// One connection with every table's statements prepared.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "common/sql/database.h"
#include "services/item_bank/store/exam_table.h"
#include "services/item_bank/store/form_table.h"
#include "services/item_bank/store/item_table.h"
#include "services/item_bank/store/request_table.h"

namespace invigil::item_bank {

// One thread at a time. The schema must be up to date.
class Connection {
 public:
  explicit Connection(sql::Database db)
      : db_(std::move(db)), items(db_), exams(db_), forms(db_), requests(db_), meta(db_) {}
  Connection(const Connection&) = delete;

  sql::Database& db() { return db_; }

 private:
  sql::Database db_;  // first: the tables' statements go before it does

 public:
  ItemTable items;
  ExamTable exams;
  FormTable forms;
  RequestTable requests;
  MetaTable meta;
};

}  // namespace invigil::item_bank
