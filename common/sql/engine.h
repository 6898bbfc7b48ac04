// What a database engine does for the face in database.h; see there for what each means.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/sql/database.h"

namespace invigil::sql::engine {

class Statement {
 public:
  virtual ~Statement() = default;
  virtual void Bind(int index, int64_t value) = 0;
  virtual void Bind(int index, double value) = 0;
  virtual void BindText(int index, std::string_view value) = 0;
  virtual void BindBlob(int index, std::string_view value) = 0;
  virtual void BindNull(int index) = 0;
  virtual absl::StatusOr<bool> Step() = 0;
  virtual void Reset() = 0;
  virtual int64_t Int(int column) const = 0;
  virtual double Real(int column) const = 0;
  virtual std::string_view View(int column) const = 0;
  virtual bool IsNull(int column) const = 0;
};

class Database {
 public:
  virtual ~Database() = default;
  virtual absl::Status Execute(const std::string& sql) = 0;
  virtual absl::StatusOr<std::unique_ptr<Statement>> Prepare(const std::string& sql) = 0;
  virtual int64_t Changes() const = 0;
  virtual absl::Status Migrate(const std::vector<std::string>& steps) = 0;
  virtual absl::Status Begin(Isolation isolation) = 0;
  virtual absl::Status BeginRead() = 0;
  virtual absl::Status Commit() = 0;
  virtual void Rollback() = 0;
};

absl::StatusOr<std::unique_ptr<Database>> OpenSqlite(const std::string& path,
                                                     sql::Database::Mode mode);
absl::StatusOr<std::unique_ptr<Database>> OpenPostgres(const std::string& url,
                                                       sql::Database::Mode mode,
                                                       const std::string& schema);

// FAILED_PRECONDITION (STORE_NEWER): the tables are of a newer program.
absl::Status Newer(size_t version, size_t known);

}  // namespace invigil::sql::engine
