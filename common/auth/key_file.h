// The key set in use, and the file it comes from.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/auth/file_io.h"
#include "common/auth/key_set.h"
#include "common/base/clock.h"

namespace invigil::auth {

// Looks at the file at most once a second, and once a second more when a key id is unknown (the
// signer may have rotated just now). A file that can't be used changes nothing. A key that is gone
// or changed is retired; one that is the same stays the same object. Thread-safe.
class KeyFile {
 public:
  using OnReload = std::function<void(const absl::Status&)>;
  // `clock` outlives this. Errors: FAILED_PRECONDITION (KEYS_UNUSABLE).
  static absl::StatusOr<std::unique_ptr<KeyFile>> Open(std::string path, const Clock& clock,
                                                       OnReload on_reload);

  // Looks at the file when a look is due.
  void Poll();
  // nullptr: no such key, not even after a look.
  std::shared_ptr<const PublicKey> Find(const std::string& key_id);
  // OK, or why the file of now is not in use.
  absl::Status status() const;

  static constexpr Duration kInterval = Seconds(1);

 private:
  KeyFile(std::string path, const Clock& clock, OnReload on_reload);
  // Both with look_mutex_ held. What to tell on_reload, if anything.
  std::optional<absl::Status> Look();
  std::optional<absl::Status> LookWithStatus(absl::Status status, bool changed);
  void Use(KeySet keys);
  std::shared_ptr<const PublicKey> FindNow(const std::string& key_id) const;
  void Tell(const std::optional<absl::Status>& news) const;
  absl::Status Unusable(const std::string& what) const;

  const std::string path_;
  const Clock& clock_;
  const OnReload on_reload_;
  std::atomic<int64_t> next_poll_us_;

  std::mutex look_mutex_;  // held while reading, guards the next three; taken before mutex_
  int64_t next_unknown_us_ = 0;
  FileVersion version_;          // read last
  absl::Status version_status_;  // what came of it

  mutable std::mutex mutex_;  // held for a map access only, guards the rest
  KeySet keys_;
  absl::Status status_;
};

}  // namespace invigil::auth
