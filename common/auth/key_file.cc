#include "common/auth/key_file.h"

#include <utility>

#include "common/error/error.h"

namespace invigil::auth {

KeyFile::KeyFile(std::string path, const Clock& clock, OnReload on_reload)
    : path_(std::move(path)),
      clock_(clock),
      on_reload_(std::move(on_reload)),
      next_poll_us_((clock.Monotonic() + kInterval).count()) {}

absl::StatusOr<std::unique_ptr<KeyFile>> KeyFile::Open(std::string path, const Clock& clock,
                                                       OnReload on_reload) {
  std::unique_ptr<KeyFile> file(new KeyFile(std::move(path), clock, std::move(on_reload)));
  {
    const std::lock_guard lock(file->look_mutex_);
    file->Look();
  }
  if (absl::Status status = file->status(); !status.ok()) return status;
  return file;
}

void KeyFile::Poll() {
  const int64_t now = clock_.Monotonic().count();
  int64_t due = next_poll_us_.load(std::memory_order_relaxed);
  if (now < due || !next_poll_us_.compare_exchange_strong(due, now + kInterval.count())) return;
  std::optional<absl::Status> news;
  {
    const std::lock_guard lock(look_mutex_);
    news = Look();
  }
  Tell(news);
}

std::shared_ptr<const PublicKey> KeyFile::Find(const std::string& key_id) {
  if (auto key = FindNow(key_id)) return key;
  std::optional<absl::Status> news;
  {
    const std::lock_guard lock(look_mutex_);
    if (auto key = FindNow(key_id)) return key;  // another thread's look brought it
    const int64_t now = clock_.Monotonic().count();
    if (now < next_unknown_us_) return nullptr;
    next_unknown_us_ = now + kInterval.count();
    news = Look();
  }
  Tell(news);
  return FindNow(key_id);
}

absl::Status KeyFile::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

std::optional<absl::Status> KeyFile::Look() {
  absl::StatusOr<SmallFile> file = ReadSmallFile(path_, version_);
  if (!file.ok()) return LookWithStatus(Unusable(std::string(file.status().message())), false);
  if (file->unchanged) return LookWithStatus(version_status_, false);
  version_ = file->version;
  absl::StatusOr<KeySet> keys = ParseKeySet(file->text);
  if (keys.ok()) {
    Use(*std::move(keys));
    version_status_ = absl::OkStatus();
  } else {
    version_status_ = Unusable(std::string(keys.status().message()));
  }
  return LookWithStatus(version_status_, true);
}

std::optional<absl::Status> KeyFile::LookWithStatus(absl::Status status, bool changed) {
  const std::lock_guard lock(mutex_);
  // A file that stays away is told of once, not every second.
  if (!changed && status == status_) return std::nullopt;
  status_ = status;
  return status;
}

void KeyFile::Use(KeySet keys) {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, old_key] : keys_) {
    const auto it = keys.find(id);
    if (it != keys.end() && it->second->SameAs(*old_key)) {
      it->second = old_key;
    } else {
      old_key->Retire();
    }
  }
  keys_ = std::move(keys);
}

std::shared_ptr<const PublicKey> KeyFile::FindNow(const std::string& key_id) const {
  const std::lock_guard lock(mutex_);
  const auto it = keys_.find(key_id);
  return it == keys_.end() ? nullptr : it->second;
}

void KeyFile::Tell(const std::optional<absl::Status>& news) const {
  if (news && on_reload_) on_reload_(*news);
}

absl::Status KeyFile::Unusable(const std::string& what) const {
  return FailedPrecondition("KEYS_UNUSABLE", "the key file " + path_ + " can't be used: " + what +
                                                 "; put a JWKS file with the public keys there")
      .With("path", path_);
}

}  // namespace invigil::auth
