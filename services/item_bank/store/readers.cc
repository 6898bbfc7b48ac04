#include "services/item_bank/store/readers.h"

#include <utility>

namespace invigil::item_bank {

absl::StatusOr<std::unique_ptr<Readers>> Readers::Open(const std::string& location, int count,
                                                       const std::string& schema) {
  auto readers = std::make_unique<Readers>();
  for (int i = 0; i < count; ++i) {
    auto db = sql::Database::Open(location, sql::Database::Mode::kReadOnly, schema);
    if (!db.ok()) return db.status();
    readers->idle_.push_back(std::make_unique<Connection>(*std::move(db)));
  }
  return readers;
}

Readers::Lease Readers::Take() {
  std::unique_lock lock(mutex_);
  returned_.wait(lock, [&] { return !idle_.empty(); });
  auto connection = std::move(idle_.back());
  idle_.pop_back();
  return Lease(*this, std::move(connection));
}

void Readers::Return(std::unique_ptr<Connection> connection) {
  {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(connection));
  }
  returned_.notify_one();
}

}  // namespace invigil::item_bank
