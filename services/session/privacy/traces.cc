#include "services/session/privacy/traces.h"

#include <filesystem>
#include <fstream>

#include "common/error/error.h"
#include "common/sql/database.h"

namespace invigil::session::privacy {
namespace {

constexpr size_t kShortest = 4;
constexpr size_t kChunk = size_t{1} << 20;

// Errors: UNAVAILABLE (STORE_BUSY).
absl::Status EmptyLog(sql::Database& db) {
  // Briefly and often: while SQLite waits here for those who read, writers wait for it.
  INVIGIL_RETURN_IF_ERROR(db.Execute("PRAGMA busy_timeout=50"));
  for (int attempt = 0; attempt < 50; ++attempt) {
    auto checkpoint = db.Prepare("PRAGMA wal_checkpoint(TRUNCATE)");
    if (!checkpoint.ok()) return checkpoint.status();
    const auto row = checkpoint->Step();
    const bool empty = row.ok() && *row && checkpoint->Int(0) == 0;
    checkpoint->Reset();
    if (empty) return db.Execute("PRAGMA busy_timeout=5000");
  }
  return Unavailable("STORE_BUSY", "the database's log is read all the time; try again");
}

// Errors: UNAVAILABLE (STORE_IO).
absl::StatusOr<uint64_t> CountIn(const std::string& path, std::string_view word) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return uint64_t{0};  // the log of a file that nobody has open
  uint64_t count = 0;
  std::string buffer;
  for (std::string chunk(kChunk, '\0'); file;) {
    file.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    buffer.append(chunk, 0, static_cast<size_t>(file.gcount()));
    for (size_t at = 0; (at = buffer.find(word, at)) != std::string::npos; at += word.size()) {
      ++count;
    }
    // What may go on in the next chunk stays; a whole word that was counted does not.
    if (buffer.size() >= word.size()) buffer.erase(0, buffer.size() - (word.size() - 1));
  }
  if (file.bad()) return Unavailable("STORE_IO", "the database's file can't be read: " + path);
  return count;
}

absl::StatusOr<uint64_t> Count(const std::string& path, std::string_view word) {
  if (word.size() < kShortest) return uint64_t{0};
  const auto in_file = CountIn(path, word);
  if (!in_file.ok()) return in_file.status();
  const auto in_log = CountIn(path + "-wal", word);
  if (!in_log.ok()) return in_log.status();
  return *in_file + *in_log;
}

}  // namespace

absl::StatusOr<uint64_t> WipeTraces(const std::string& path, std::string_view word,
                                    TracesOptions options) {
  auto db = sql::Database::Open(path);
  if (!db.ok()) return db.status();
  INVIGIL_RETURN_IF_ERROR(EmptyLog(*db));
  auto found = Count(path, word);
  if (!found.ok() || (*found == 0 && word.size() >= kShortest)) return found;
  std::error_code error;
  const auto size = static_cast<int64_t>(std::filesystem::file_size(path, error));
  if (error || size > options.pack_up_to) return found;
  INVIGIL_RETURN_IF_ERROR(db->Execute("VACUUM"));
  INVIGIL_RETURN_IF_ERROR(EmptyLog(*db));
  return Count(path, word);
}

}  // namespace invigil::session::privacy
