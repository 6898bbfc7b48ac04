// A library to preload into a service under test: breaks the disk below its database, or ends the
// process at a chosen point between two system calls. The programs themselves have no such points.
//
// DISK_FAULT names a file of six 32-bit integers, shared with the test:
//   action, argument, syncs seen, writes seen, times fired, armed
// DISK_FAULT_NAME: only files whose path contains this are touched. See disk_fault.mjs.
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

enum Action : int32_t {
  kNone = 0,
  kSyncFails = 1,         // every sync: EIO
  kKillAfterSync = 2,     // of the log, the `argument`th: durable, and nobody was told
  kKillBeforeAnswer = 3,  // before the first byte gRPC sends after that sync
  kKillBeforeWrite = 4,   // to the log, the `argument`th
  kStopBeforeWrite = 5,   // the same with SIGSTOP, once
  kFull = 6,              // every write: ENOSPC
  kSlowSync = 7,          // every sync takes `argument` milliseconds more
  kWriteFails = 8,        // every write: EIO
};

struct Control {
  int32_t action, argument, syncs, writes, fired, armed;
};

Control* OpenControl() {
  const char* path = std::getenv("DISK_FAULT");
  const int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0) return nullptr;
  void* page = mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  return page == MAP_FAILED ? nullptr : static_cast<Control*>(page);
}

Control* TheControl() {
  static Control* const control = OpenControl();
  return control;
}

template <typename Function>
Function Real(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

int32_t Get(int32_t& value) { return __atomic_load_n(&value, __ATOMIC_SEQ_CST); }
int32_t Add(int32_t& value, int32_t more) {
  return __atomic_add_fetch(&value, more, __ATOMIC_SEQ_CST);
}

enum class File { kOther, kData, kLog };

File FileOf(int fd) {
  static const char* const name = std::getenv("DISK_FAULT_NAME");
  char link[64] = "/proc/self/fd/", path[512];
  char digits[16];
  size_t count = 0;
  for (int rest = fd; count == 0 || rest > 0; rest /= 10) {
    digits[count++] = static_cast<char>('0' + rest % 10);
  }
  for (size_t at = std::strlen(link); count > 0; link[at] = '\0') link[at++] = digits[--count];
  const ssize_t length = readlink(link, path, sizeof(path) - 1);
  if (length <= 0) return File::kOther;
  path[length] = '\0';
  if (std::strstr(path, name ? name : ".db") == nullptr) return File::kOther;
  if (std::strstr(path, "-shm") != nullptr) return File::kOther;  // memory, not disk
  return std::strstr(path, "-wal") != nullptr ? File::kLog : File::kData;
}

// Counts down to the chosen time.
bool Now(Control& control) { return Add(control.argument, -1) == 0; }

void End(Control& control, int signal) {
  Add(control.fired, 1);
  kill(getpid(), signal);
}

// True when the write must fail with the errno set.
bool WriteFails(int fd) {
  Control* const control = TheControl();
  if (!control || Get(control->action) == kNone) return false;
  const File file = FileOf(fd);
  if (file == File::kOther) return false;
  Add(control->writes, 1);
  const int32_t action = Get(control->action);
  if (action == kFull || action == kWriteFails) {
    Add(control->fired, 1);
    errno = action == kFull ? ENOSPC : EIO;
    return true;
  }
  if (file != File::kLog) return false;
  if (action == kKillBeforeWrite && Now(*control)) End(*control, SIGKILL);
  if (action == kStopBeforeWrite && Now(*control)) End(*control, SIGSTOP);
  return false;
}

// A log that begins anew has its header synced before anything is committed to it.
bool HasFrames(int fd) {
  struct stat about {};
  return fstat(fd, &about) == 0 && about.st_size > 32;
}

int Sync(int fd, int (*real)(int)) {
  Control* const control = TheControl();
  if (!control || Get(control->action) == kNone) return real(fd);
  const File file = FileOf(fd);
  if (file == File::kOther) return real(fd);
  Add(control->syncs, 1);
  const int32_t action = Get(control->action);
  if (action == kSyncFails) {
    Add(control->fired, 1);
    errno = EIO;
    return -1;
  }
  if (action == kSlowSync) {
    const int32_t ms = Get(control->argument);
    const timespec pause{ms / 1000, ms % 1000 * 1'000'000L};
    nanosleep(&pause, nullptr);
  }
  const int result = real(fd);
  if (file != File::kLog || result != 0 || !HasFrames(fd)) return result;
  if (action == kKillAfterSync && Now(*control)) End(*control, SIGKILL);
  if (action == kKillBeforeAnswer && Now(*control)) Add(control->armed, 1);
  return result;
}

}  // namespace

extern "C" {

int fsync(int fd) {
  static const auto real = Real<int (*)(int)>("fsync");
  return Sync(fd, real);
}

int fdatasync(int fd) {
  static const auto real = Real<int (*)(int)>("fdatasync");
  return Sync(fd, real);
}

ssize_t pwrite64(int fd, const void* bytes, size_t count, off64_t offset) {
  static const auto real = Real<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64");
  return WriteFails(fd) ? -1 : real(fd, bytes, count, offset);
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  static const auto real = Real<ssize_t (*)(int, const msghdr*, int)>("sendmsg");
  Control* const control = TheControl();
  if (control && Get(control->armed) != 0) End(*control, SIGKILL);
  return real(fd, message, flags);
}

}  // extern "C"
