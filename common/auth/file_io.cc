#include "common/auth/file_io.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "common/base/ids.h"

namespace invigil::auth {
namespace {

constexpr size_t kMaxBytes = 1 << 20;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

absl::Status FromErrno() {
  const int error = errno;
  const std::string text = std::generic_category().message(error);
  if (error == ENOENT) return absl::NotFoundError(text);
  if (error == EEXIST) return absl::AlreadyExistsError(text);
  return absl::FailedPreconditionError(text);
}

int64_t Nanoseconds(const timespec& t) { return t.tv_sec * 1'000'000'000LL + t.tv_nsec; }

bool WriteAll(int fd, const std::string& text) {
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = write(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    done += static_cast<size_t>(n);
  }
  return true;
}

// A complete, synced file of a name nobody else uses, beside `path`.
absl::StatusOr<std::string> WriteBeside(const std::string& path, const std::string& text,
                                        mode_t mode) {
  std::string name = path + ".new-" + RandomHex(8);
  const Descriptor fd(open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (fd.get() < 0) return FromErrno();
  // fchmod: the process's umask must not decide who may read the keys.
  if (!WriteAll(fd.get(), text) || fchmod(fd.get(), mode) != 0 || fsync(fd.get()) != 0) {
    absl::Status status = FromErrno();
    unlink(name.c_str());
    return status;
  }
  return name;
}

absl::Status SyncFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const Descriptor fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || fsync(fd.get()) != 0) return FromErrno();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SmallFile> ReadSmallFile(const std::string& path, const FileVersion& known) {
  // O_NONBLOCK: a pipe of this name must not hang the caller.
  const Descriptor fd(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat info;
  if (fd.get() < 0 || fstat(fd.get(), &info) != 0) return FromErrno();
  if (!S_ISREG(info.st_mode)) return absl::FailedPreconditionError("it is not a regular file");
  SmallFile file;
  file.mode = info.st_mode & 07777;
  // Taken before reading: a change while reading gives another version next time.
  file.version = {info.st_dev, info.st_ino, static_cast<uint64_t>(info.st_size),
                  Nanoseconds(info.st_mtim), Nanoseconds(info.st_ctim)};
  if (file.version == known) {
    file.unchanged = true;
    return file;
  }
  char buffer[16384];
  for (;;) {
    const ssize_t n = read(fd.get(), buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FromErrno();
    if (n == 0) return file;
    file.text.append(buffer, static_cast<size_t>(n));
    if (file.text.size() > kMaxBytes) return absl::FailedPreconditionError("it is over 1 MB");
  }
}

absl::Status CreateFile(const std::string& path, const std::string& text, mode_t mode) {
  const auto made = WriteBeside(path, text, mode);
  if (!made.ok()) return made.status();
  // link, unlike rename, refuses a name that is taken.
  const absl::Status status =
      link(made->c_str(), path.c_str()) == 0 ? absl::OkStatus() : FromErrno();
  unlink(made->c_str());
  return status.ok() ? SyncFolderOf(path) : status;
}

absl::Status ReplaceFile(const std::string& path, const std::string& text, mode_t mode) {
  const auto made = WriteBeside(path, text, mode);
  if (!made.ok()) return made.status();
  if (rename(made->c_str(), path.c_str()) == 0) return SyncFolderOf(path);
  absl::Status status = FromErrno();
  unlink(made->c_str());
  return status;
}

FileLock::FileLock(const std::string& path)
    : fd_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  while (fd_ >= 0 && flock(fd_, LOCK_EX) != 0) {
    if (errno == EINTR) continue;
    close(fd_);
    fd_ = -1;
  }
}

FileLock::~FileLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace invigil::auth
