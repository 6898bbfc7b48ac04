// bench-expiry --program FILE [--sessions 20000] [--flush] [--rate 1000] [--csv FILE]
//
// What happens when very many sessions end in the same second while others go on saving. A store
// is seeded (seed.h), a real redis-server and a real invigil-session are started on it, saves to
// other sessions come at a steady rate, and then the deadlines pass, spread evenly over a second;
// with --flush Redis forgets everything when a third is sealed. Lateness is from a session's own
// deadline until its seal can be read by another connection to the database. In the end the whole
// database is checked: one seal and one outbox row a session, none among those that save. Scoring
// is away, so that outbox rows stay.
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/auth/token.h"
#include "common/base/deadline.h"
#include "common/base/random.h"
#include "common/config/flags.h"
#include "common/redis/client.h"
#include "common/testing/process.h"
#include "common/testing/redis_server.h"
#include "common/testing/temp_dir.h"
#include "common/testing/wait_until.h"
#include "invigil/session/v1/delivery.grpc.pb.h"
#include "services/session/store/open.h"
#include "tests/bench/figures.h"
#include "tests/bench/seed.h"

namespace invigil::session::bench {
namespace {

using testing::WaitUntil;

constexpr int kSavers = 1000, kAnswered = 20;

struct Settings {
  std::string program, csv;
  int64_t sessions = 20'000, rate = 1000;
  bool flush = false;
};

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "bench-expiry: %s\n", why.c_str());
  std::exit(1);
}

template <typename T>
T Must(absl::StatusOr<T> value) {
  if (!value.ok()) Die(std::string(value.status().message()));
  return *std::move(value);
}

double Seconds(Duration d) { return static_cast<double>(d.count()) * 1e-6; }

// The q-th part of all from below. Sorts.
double Quantile(std::vector<double>& values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1,
                         static_cast<size_t>(q * static_cast<double>(values.size())))];
}

// Saves at a steady rate, whatever comes back: each is timed from when it was meant to be sent.
class Savers {
 public:
  struct Save {
    Time meant{};
    double ms = 0;
    bool ok = false;
  };

  Savers(int port, const std::vector<SessionId>& sessions, const auth::TokenMinter& minter,
         int64_t rate)
      : rate_(rate) {
    stub_ = session::v1::DeliveryService::NewStub(grpc::CreateChannel(
        "127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials()));
    for (size_t i = 0; i < sessions.size(); ++i) {
      sessions_.push_back(
          {sessions[i].ToHex(), "Bearer " + minter.Mint({.subject = "saver-" + std::to_string(i),
                                                         .roles = {"candidate"},
                                                         .session_id = sessions[i].ToHex(),
                                                         .lifetime = Minutes(60)})});
    }
    thread_ = std::thread([this] { Run(); });
  }
  ~Savers() { (void)Stop(); }

  // Sends no more, waits for what is out, and gives every save.
  std::vector<Save> Stop() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
    (void)WaitUntil([this] { return out_ == 0; }, Minutes(1));
    const std::lock_guard lock(mutex_);
    return saves_;
  }
  size_t answered() {
    const std::lock_guard lock(mutex_);
    return saves_.size();
  }
  std::string first_error() {
    const std::lock_guard lock(mutex_);
    return first_error_;
  }

 private:
  struct Session {
    std::string id, bearer;
  };
  struct Call {
    grpc::ClientContext context;
    session::v1::SaveResponsesRequest request;
    session::v1::SaveResponsesResponse response;
  };

  void Run() {
    Random random(11);
    const Duration step = Micros(1'000'000 / rate_);
    Duration next = clock_.Monotonic();
    for (uint32_t sequence = 2;; ++sequence, next += step) {
      {
        std::unique_lock lock(mutex_);
        wake_.wait_for(lock, next - clock_.Monotonic(), [this] { return stop_; });
        if (stop_) return;
      }
      Send(sessions_[random.Below(sessions_.size())], random, sequence,
           clock_.Now() - (clock_.Monotonic() - next));
    }
  }

  void Send(const Session& session, Random& random, uint32_t sequence, Time meant) {
    auto call = std::make_shared<Call>();
    call->context.AddMetadata("authorization", session.bearer);
    call->context.set_deadline(DeadlineAfter(invigil::Seconds(20)));
    call->request.set_session_id(session.id);
    call->request.set_epoch(1);
    auto* write = call->request.add_responses();
    write->set_item_id(SeededItem(static_cast<int>(random.Below(kItems))));
    write->set_sequence(sequence);
    write->add_option_ids("A");
    ++out_;
    stub_->async()->SaveResponses(&call->context, &call->request, &call->response,
                                  [this, call, meant](const grpc::Status& status) {
                                    const double ms = Seconds(clock_.Now() - meant) * 1e3;
                                    {
                                      const std::lock_guard lock(mutex_);
                                      saves_.push_back({meant, ms, status.ok()});
                                      if (!status.ok() && first_error_.empty())
                                        first_error_ = status.error_message();
                                    }
                                    --out_;
                                  });
  }

  const int64_t rate_;
  const SystemClock clock_;
  std::unique_ptr<session::v1::DeliveryService::Stub> stub_;
  std::vector<Session> sessions_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Save> saves_;  // under mutex_, as are the next two
  std::string first_error_;
  bool stop_ = false;
  std::atomic<int> out_{0};
  std::thread thread_;
};

// What the database shows of seals, as it shows it.
class SealWatch {
 public:
  // `first`: where the journal stands.
  SealWatch(const std::string& store, const std::map<SessionId, Time>& deadlines)
      : reader_(Must(OpenEventLogReader(store))), deadlines_(deadlines) {
    last_ = Must(reader_->ReadJournalHead()).n;
  }

  // Reads what is new.
  void Look() {
    constexpr size_t kPage = 20'000;
    const auto rows = Must(reader_->ListJournal(last_, kPage));
    const Time now = clock_.Now();
    for (const JournalRow& row : rows) {
      last_ = row.n;
      if (!row.kind.starts_with("sealed")) continue;
      const auto due = deadlines_.find(row.session);
      if (due == deadlines_.end()) Die("a session was sealed that was not due");
      if (row.kind != "sealed.expired") Die("a session was sealed, but not as expired");
      lateness_.push_back(Seconds(now - due->second));
      if (lateness_.back() < 0) Die("a session was sealed before its deadline");
      ended_ = now;
    }
  }
  size_t sealed() const { return lateness_.size(); }
  std::vector<double>& lateness() { return lateness_; }
  Time ended() const { return ended_; }

 private:
  const SystemClock clock_;
  const std::unique_ptr<EventLogReader> reader_;
  const std::map<SessionId, Time>& deadlines_;
  uint64_t last_ = 0;
  std::vector<double> lateness_;
  Time ended_{};
};

// One seal and one outbox row a session that was due.
void CheckStore(const std::string& store, const std::map<SessionId, Time>& deadlines) {
  const auto reader = Must(OpenEventLogReader(store));
  std::map<SessionId, int> owed;
  std::optional<OutboxEntry> after;
  for (;;) {
    const auto page = Must(reader->ListOutbox(after, 10'000));
    for (const OutboxEntry& entry : page) ++owed[entry.session];
    if (page.empty()) break;
    after = page.back();
  }
  if (owed.size() != deadlines.size()) Die("the outbox has not one session for each that was due");
  for (const auto& [session, count] : owed) {
    if (count != 1 || !deadlines.contains(session)) Die("an outbox row is double or undue");
  }
  for (const auto& [session, due] : deadlines) {
    int seals = 0;
    const absl::Status read =
        reader->ReadLog(session, [&seals, due](uint64_t, Time, const Event& event) {
          if (const auto* sealed = std::get_if<Sealed>(&event)) {
            ++seals;
            if (sealed->ended_at != due) Die("a session did not end on its deadline");
          }
          return absl::OkStatus();
        });
    if (!read.ok()) Die(std::string(read.message()));
    if (seals != 1) Die("session " + session.ToHex() + " has " + std::to_string(seals) + " seals");
  }
}

class Suite {
 public:
  Suite(const Settings& settings, const testing::TempDir& dir) : dir_(dir) {
    const SystemClock clock;
    if (const auto made = auth::GenerateKey(dir.Path("session.pem"), dir.Path("jwks.json"),
                                            "session", {"candidate", "service"});
        !made.ok())
      Die(std::string(made.message()));
    minter_ = Must(auth::TokenMinter::FromFile(dir.Path("session.pem"), clock_));
    process_ = testing::Process(
        {.argv = {settings.program, "--data", dir.path(), "--redis", redis_.unix_address(),
                  "--item-bank", "127.0.0.1:1", "--scoring", "127.0.0.1:1", "--jwks",
                  dir.Path("jwks.json"), "--key", dir.Path("session.pem"), "--port-file",
                  dir.Path("ports"), "--log-file", dir.Path("session.log")},
         .env = {},
         .output_path = dir.Path("session.out")});
    if (!WaitUntil([&] { return std::filesystem::exists(dir.Path("ports")); },
                   invigil::Seconds(60))) {
      Die("the session service does not start; see its output: " + Output());
    }
    std::ifstream ports(dir.Path("ports"));
    std::string line;
    std::getline(ports, line);
    port_ = std::stoi(line.substr(line.find('=') + 1));
  }

  int port() const { return port_; }
  int pid() const { return process_.pid(); }
  const auth::TokenMinter& minter() const { return *minter_; }
  void Flush() const {
    if (redis_.Command("FLUSHALL") != "+OK") Die("Redis can't be flushed");
  }
  // Every session is in the index.
  bool Indexed(size_t sessions) {
    if (!client_) {
      redis::ClientOptions options;
      options.address = *redis::ParseAddress(redis_.unix_address());
      client_ = std::make_unique<redis::Client>(options);
    }
    const auto count = CallAndWait(*client_,
                                   {"EVAL",
                                    "local n = 0 for _, k in ipairs(redis.call('KEYS', 'z:*')) do "
                                    "n = n + redis.call('ZCARD', k) end return n",
                                    "0"},
                                   invigil::Seconds(5));
    return count.ok() && count->integer == static_cast<int64_t>(sessions);
  }

 private:
  std::string Output() const {
    std::ifstream file(dir_.Path("session.out"));
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const testing::TempDir& dir_;
  const SystemClock clock_;
  testing::RedisServer redis_;
  std::unique_ptr<auth::TokenMinter> minter_;
  testing::Process process_;
  std::unique_ptr<redis::Client> client_;
  int port_ = 0;
};

void Report(const Settings& settings, SealWatch& watch, const std::vector<Savers::Save>& saves,
            Time first_deadline, double cpu_us, Suite& suite, std::string error) {
  std::vector<double> before, during;
  size_t failed = 0;
  for (const Savers::Save& save : saves) {
    if (!save.ok) ++failed;
    if (save.meant < first_deadline) {
      before.push_back(save.ms);
    } else if (save.meant <= watch.ended()) {
      during.push_back(save.ms);
    }
  }
  std::vector<double>& late = watch.lateness();
  const double drained = Seconds(watch.ended() - first_deadline);
  const double p50 = Quantile(late, 0.5), p99 = Quantile(late, 0.99), max = late.back();
  const double was50 = Quantile(before, 0.5), was99 = Quantile(before, 0.99);
  const double is50 = Quantile(during, 0.5), is99 = Quantile(during, 0.99);
  std::printf(
      "%6zu in one second%s: sealed once each; late p50 %.2f s, p99 %.2f s, max %.2f s; all in "
      "%.2f s (%.0f/s), %.0f us of the service's CPU a session\n"
      "  saves, %lld/s: before p50 %.1f ms p99 %.1f ms (%zu); during p50 %.1f ms p99 %.1f ms "
      "(%zu): "
      "p99 x %.2f; failed %zu%s%s\n",
      late.size(), settings.flush ? ", Redis flushed" : "", p50, p99, max, drained,
      static_cast<double>(late.size()) / drained, cpu_us, static_cast<long long>(settings.rate),
      was50, was99, before.size(), is50, is99, during.size(), is99 / was99, failed,
      error.empty() ? "" : ": ", error.c_str());
  std::fflush(stdout);
  if (settings.csv.empty()) return;
  const bool fresh = !std::filesystem::exists(settings.csv);
  std::ofstream csv(settings.csv, std::ios::app);
  if (fresh) {
    csv << "sessions,flushed,late_p50_s,late_p99_s,late_max_s,drained_s,cpu_us_per_session,"
           "save_rate,save_p50_before_ms,save_p99_before_ms,save_p50_during_ms,save_p99_during_ms,"
           "saves_failed\n";
  }
  csv << late.size() << ',' << settings.flush << ',' << p50 << ',' << p99 << ',' << max << ','
      << drained << ',' << cpu_us << ',' << settings.rate << ',' << was50 << ',' << was99 << ','
      << is50 << ',' << is99 << ',' << failed << '\n';
}

void Run(const Settings& settings) {
  const SystemClock clock;
  const testing::TempDir dir;
  const std::string store = dir.Path("session.db");
  const Duration begun = clock.Monotonic();
  const std::vector<SessionId> savers =
      Must(Seed({.store = store,
                 .name = "saver",
                 .sessions = kSavers,
                 .answered = kAnswered,
                 .started_at = [now = clock.Now()](int) { return now - Minutes(30); },
                 .length = Minutes(600)}));
  // Deadlines are in the log, so how long the rest takes has to be guessed.
  const double a_session = Seconds(clock.Monotonic() - begun) / kSavers;
  const auto count = static_cast<int>(settings.sessions);
  const Time due =
      clock.Now() + invigil::Seconds(20) + Micros(static_cast<int64_t>(a_session * count * 1.5e6));
  const auto deadline = [due, count](int k) {
    return due + Micros(int64_t{1'000'000} / count * ((k * int64_t{7919}) % count));
  };
  const std::vector<SessionId> ending =
      Must(Seed({.store = store,
                 .name = "ending",
                 .sessions = count,
                 .answered = kAnswered,
                 .started_at = [&](int k) { return deadline(k) - Minutes(90); }}));
  std::map<SessionId, Time> deadlines;
  for (int k = 0; k < count; ++k) deadlines.emplace(ending[static_cast<size_t>(k)], deadline(k));

  Suite suite(settings, dir);
  if (!WaitUntil([&] { return suite.Indexed(ending.size() + savers.size()); }, Minutes(1))) {
    Die("not every session is in the index");
  }
  if (clock.Now() > due - invigil::Seconds(6))
    Die("seeding took longer than guessed: run it again");
  {
    // Waking connections and caches are not what is measured.
    Savers warm(suite.port(), savers, suite.minter(), settings.rate);
    if (!WaitUntil([&] { return warm.answered() >= kSavers; }, Minutes(1))) Die("saves hang");
  }
  Savers saving(suite.port(), savers, suite.minter(), settings.rate);
  SealWatch watch(store, deadlines);
  (void)WaitUntil([&] { return clock.Now() >= due; }, Minutes(60));
  const double cpu = invigil::bench::CpuSeconds(suite.pid());
  bool flushed = !settings.flush;
  const auto look = [&] {
    watch.Look();
    if (!flushed && watch.sealed() * 3 >= ending.size()) {
      suite.Flush();
      flushed = true;
    }
    return watch.sealed() >= ending.size();
  };
  if (!WaitUntil(look, Minutes(3))) Die("not every session is sealed after three minutes");
  const double used = invigil::bench::CpuSeconds(suite.pid()) - cpu;
  const std::vector<Savers::Save> saves = saving.Stop();
  watch.Look();
  if (watch.sealed() != ending.size()) Die("a session was sealed twice");
  CheckStore(store, deadlines);
  Report(settings, watch, saves, due, used * 1e6 / static_cast<double>(ending.size()), suite,
         saving.first_error());
}

}  // namespace
}  // namespace invigil::session::bench

int main(int argc, char** argv) {
  invigil::session::bench::Settings settings;
  invigil::config::Flags flags("bench-expiry",
                               "Very many sessions end in the same second while others save.");
  flags.Text("program", &settings.program, "FILE", "invigil-session.")
      .Required()
      .Number("sessions", &settings.sessions, 100, 1'000'000, "Sessions that end.")
      .Number("rate", &settings.rate, 1, 100'000, "Saves a second to others.")
      .Toggle("flush", &settings.flush, "Redis forgets everything when a third is sealed.")
      .Text("csv", &settings.csv, "FILE", "Also append a row here.");
  flags.ParseOrExit(argc, argv);
  invigil::session::bench::Run(settings);
}
