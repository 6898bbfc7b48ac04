#include "common/log/log.h"

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <vector>

#include "common/base/clock.h"
#include "common/log/json.h"
#include "common/log/output.h"

namespace invigil::log {
namespace {

constexpr size_t kQueueLines = 8192;
constexpr size_t kMaxValueBytes = 4096;
constexpr std::string_view kLevelNames[] = {"debug", "info", "warning", "error"};
constexpr std::string_view kOwnNames[] = {"time",     "level",   "service",
                                          "instance", "message", "audit"};

std::atomic<uint64_t> dropped_lines{0};

spdlog::level::level_enum ToSpdlog(Level level) {
  constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                   spdlog::level::warn, spdlog::level::err};
  return kLevels[static_cast<int>(level)];
}

struct Appender {
  std::string& out;
  void operator()(std::string_view v) const { AppendJsonString(out, v, kMaxValueBytes); }
  void operator()(int64_t v) const { out += std::to_string(v); }
  void operator()(uint64_t v) const { out += std::to_string(v); }
  void operator()(double v) const { AppendJsonNumber(out, v); }
  void operator()(bool v) const { out += v ? "true" : "false"; }
};

void AppendField(std::string& out, const Field& field) {
  std::string name(field.name);
  for (std::string_view own : kOwnNames) {
    if (field.name == own) name += '_';
  }
  out += ',';
  AppendJsonString(out, name, kMaxValueBytes);
  out += ':';
  std::visit(Appender{out}, field.value);
}

// `identity`: the members service and instance, ready made.
void FormatLine(std::string& out, Level level, std::string_view identity, std::string_view audit,
                std::string_view message, Fields fields) {
  out += "{\"time\":\"";
  AppendRfc3339(out, SystemClock().Now());
  out += "\",\"level\":\"";
  out += kLevelNames[static_cast<int>(level)];
  out += '"';
  out += identity;
  out += ",\"message\":";
  AppendJsonString(out, message, kMaxValueBytes);
  if (!audit.empty()) {
    out += ",\"audit\":";
    AppendJsonString(out, audit, kMaxValueBytes);
  }
  for (const Field& field : fields) AppendField(out, field);
  out += '}';
}

// Runs on the thread of the queue: gathers lines and writes them when the queue runs empty, so that
// a burst costs few system calls and a quiet process still shows each line at once.
class Sink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit Sink(std::string identity) : identity_(std::move(identity)) {}

  std::string Open(const std::string& path) { return output_.Open(path); }
  // Before the first line.
  void Watch(spdlog::details::thread_pool* pool) { pool_ = pool; }
  void Close() {
    std::lock_guard lock(mutex_);
    flush_();
    output_.Close();
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& line) override {
    ReportDrops();
    output_.Add({line.payload.data(), line.payload.size()});
    // One left may be the order to stop, behind which nobody asks again.
    if (line.level >= spdlog::level::warn || pool_->queue_size() <= 1) flush_();
  }
  void flush_() override {
    output_.Flush();
    dropped_lines += output_.TakeLost();
  }

 private:
  void ReportDrops() {
    const size_t overruns = pool_->overrun_counter();
    if (overruns == overruns_) return;
    const auto lost = static_cast<uint64_t>(overruns - overruns_);
    overruns_ = overruns;
    dropped_lines += lost;
    std::string line;
    FormatLine(line, Level::kWarning, identity_, "", "log lines dropped, the queue was full",
               {{"dropped", lost}});
    output_.Add(line);
  }

  const std::string identity_;
  Output output_;
  spdlog::details::thread_pool* pool_ = nullptr;
  size_t overruns_ = 0;
};

// One Init. The pool alone ends with Shutdown; the rest stays, since another thread may be in the
// middle of a Write.
struct State {
  Level level;
  std::string identity;
  std::shared_ptr<Sink> sink;
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> logger;
};

std::atomic<State*> current{nullptr};

std::vector<std::unique_ptr<State>>& States() {
  static auto* states = new std::vector<std::unique_ptr<State>>;
  return *states;
}

void WriteLine(Level level, std::string_view audit, std::string_view message, Fields fields) {
  State* state = current.load(std::memory_order_acquire);
  if (state && audit.empty() && level < state->level) return;
  thread_local std::string line;
  line.clear();
  FormatLine(line, level, state ? std::string_view(state->identity) : std::string_view(), audit,
             message, fields);
  if (state) {
    state->logger->log(ToSpdlog(level), spdlog::string_view_t(line.data(), line.size()));
  } else {
    Output output;
    output.Add(line);
  }
}

}  // namespace

bool ParseLevel(std::string_view text, Level* level) {
  for (int i = 0; i < 4; ++i) {
    if (text != kLevelNames[i]) continue;
    *level = static_cast<Level>(i);
    return true;
  }
  return false;
}

void Init(const Options& options) {
  Shutdown();
  auto state = std::make_unique<State>();
  state->level = options.level;
  state->identity = ",\"service\":";
  AppendJsonString(state->identity, options.service, kMaxValueBytes);
  state->identity += ",\"instance\":";
  AppendJsonString(state->identity, options.instance, kMaxValueBytes);
  state->sink = std::make_shared<Sink>(state->identity);
  const std::string refused = options.path.empty() ? "" : state->sink->Open(options.path);
  state->pool = std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1);
  state->sink->Watch(state->pool.get());
  state->logger = std::make_shared<spdlog::async_logger>(
      "log", state->sink, state->pool, spdlog::async_overflow_policy::overrun_oldest);
  state->logger->set_level(spdlog::level::trace);  // levels are decided before formatting
  // Reached when a line comes after the pool has gone.
  state->logger->set_error_handler([](const std::string&) { ++dropped_lines; });
  current.store(state.get(), std::memory_order_release);
  States().push_back(std::move(state));
  if (!refused.empty()) {
    Error("cannot open the log file, logging to standard error",
          {{"path", options.path}, {"error", refused}});
  }
}

void Shutdown() {
  State* state = current.exchange(nullptr);
  if (!state) return;
  state->pool.reset();  // takes what is queued, then joins
  state->sink->Close();
}

uint64_t DroppedLines() { return dropped_lines.load(); }

void Write(Level level, std::string_view message, Fields fields) {
  WriteLine(level, "", message, fields);
}

void Audit(std::string_view action, std::string_view message, Fields fields) {
  WriteLine(Level::kInfo, action, message, fields);
}

}  // namespace invigil::log
