#include "services/item_bank/store/store.h"

#include <utility>

#include "common/base/ids.h"
#include "services/item_bank/store/schema.h"

namespace invigil::item_bank {
namespace {

constexpr size_t kWriteQueue =
    4096;  // a second or two of writes: beyond it, callers are told to wait

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const std::string& location, int readers,
                                                   const std::string& schema) {
  auto db = sql::Database::Open(location, sql::Database::Mode::kReadWrite, schema);
  if (!db.ok()) return db.status();
  INVIGIL_RETURN_IF_ERROR(db->Migrate(SchemaSteps(sql::IsPostgres(location))));
  auto connection = std::make_unique<Connection>(*std::move(db));
  auto secret = connection->meta.GetOrSet("secret", RandomHex(32));
  if (!secret.ok()) return secret.status();
  auto opened = Readers::Open(location, readers, schema);
  if (!opened.ok()) return opened.status();
  auto store = std::make_unique<Store>();
  store->secret_ = *std::move(secret);
  store->pools_ = std::make_unique<PoolCache>(store->secret_);
  store->readers_ = *std::move(opened);
  store->writer_ = std::make_unique<Writer>(std::move(connection), kWriteQueue);
  return store;
}

}  // namespace invigil::item_bank
