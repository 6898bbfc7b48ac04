// Answers already given, and the store's own few values, in one connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "common/sql/database.h"

namespace invigil::item_bank {

// Answers are kept this long: far beyond any retry.
inline constexpr Duration kRequestMemory = std::chrono::hours(24 * 30);

// One thread at a time, like its connection. Errors: those of sql::Statement.
class RequestTable {
 public:
  explicit RequestTable(sql::Database& db);
  // The answer given to that caller under that id; nullopt: none yet. Error: INVALID_ARGUMENT
  // (REQUEST_ID_REUSED) when the id stood for another request.
  absl::StatusOr<std::optional<std::string>> Find(const std::string& caller,
                                                  const std::string& request_id,
                                                  const std::string& request_hash);
  // Remembers an answer, and forgets those older than kRequestMemory.
  absl::Status Insert(const std::string& caller, const std::string& request_id,
                      const std::string& request_hash, const std::string& response, Time now);

 private:
  sql::Statement find_, insert_, forget_;
};

// One thread at a time, like its connection. Errors: those of sql::Statement.
class MetaTable {
 public:
  explicit MetaTable(sql::Database& db);
  // Rises with every change of items, banks or exams, whichever process makes it.
  absl::StatusOr<int64_t> ContentRevision();
  absl::Status BumpContentRevision();
  // The stored value of `name`; stores `initial` first when there is none.
  absl::StatusOr<std::string> GetOrSet(const std::string& name, const std::string& initial);

 private:
  sql::Statement get_, revision_, bump_, set_once_;
};

}  // namespace invigil::item_bank
