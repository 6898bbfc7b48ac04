// A service behind the gateway: its replicas, one channel each, and which of them are well.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/generic/generic_stub.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "common/rpc/tls.h"
#include "common/telemetry/metrics.h"
#include "services/gateway/forward/rendezvous.h"

namespace invigil::gateway {

// Retries are a tenth of what was asked at most, with a small reserve, so that a failing service is
// not buried under its own retries. Thread-safe.
class RetryBudget {
 public:
  void NoteRequest() {
    if (tenths_.load(std::memory_order_relaxed) < kReserve)
      tenths_.fetch_add(1, std::memory_order_relaxed);
  }
  bool TryTake() {
    int64_t have = tenths_.load(std::memory_order_relaxed);
    while (have >= 10) {
      if (tenths_.compare_exchange_weak(have, have - 10, std::memory_order_relaxed)) return true;
    }
    return false;
  }

 private:
  static constexpr int64_t kReserve = 1000;  // 100 retries
  std::atomic<int64_t> tenths_{kReserve};
};

// Thread-safe.
class Backend {
 public:
  // `addresses`: HOST:PORT, 1 to 64. Doesn't wait for connections. Errors: INVALID_ARGUMENT
  // (ADDRESS_INVALID), and those of rpc::ChannelCredentials.
  static absl::StatusOr<std::unique_ptr<Backend>> Create(std::string name,
                                                         const std::vector<std::string>& addresses,
                                                         const rpc::TlsFiles& tls);
  ~Backend();

  const std::string& name() const { return name_; }
  size_t size() const { return replicas_.size(); }
  grpc::GenericStub& stub(int replica) { return replicas_[replica]->stub; }
  RetryBudget& budget() { return budget_; }
  void CountRetry() { retries_->Add(); }

  // The replica for `key` among the healthy ones; when none is, among all, because a health check
  // may be wrong where a call would succeed. `avoid`: not this one, if there is another.
  int Pick(std::string_view key, int avoid = -1) const;
  // A call could not reach the replica: it is left until a health check succeeds.
  void ReportUnreachable(int replica);
  bool AnyHealthy() const { return healthy_.load(std::memory_order_relaxed) != 0; }
  uint64_t healthy() const { return healthy_.load(std::memory_order_relaxed); }

  // Asks every replica that has answered the last question (grpc.health.v1). `timeout` bounds each.
  void CheckHealth(Duration timeout);

 private:
  struct Replica {
    Replica(std::string a, std::shared_ptr<grpc::Channel> channel)
        : address(std::move(a)), stub(std::move(channel)) {}
    const std::string address;
    grpc::GenericStub stub;
    std::atomic<bool> asking{false};
    std::atomic<int> unanswered{0};
    telemetry::Gauge* healthy = nullptr;
  };
  struct Probe;
  explicit Backend(std::string name) : name_(std::move(name)) {}
  void OnHealth(int replica, const grpc::Status& status, bool serving);
  void SetHealthy(int replica, bool healthy, const char* why);

  const std::string name_;
  std::vector<std::shared_ptr<Replica>> replicas_;  // shared with probes in flight
  std::vector<uint64_t> seeds_;
  uint64_t everyone_ = 0;
  std::atomic<uint64_t> healthy_{0};
  RetryBudget budget_;
  telemetry::Counter* ejections_ = nullptr;
  telemetry::Counter* retries_ = nullptr;
  // Probes in flight: the destructor waits for them.
  std::mutex mutex_;
  std::condition_variable idle_;
  int probing_ = 0;
};

// Checks the health of backends, again and again. Own thread; stops when destroyed.
class HealthWatch {
 public:
  // `backends` outlive it.
  HealthWatch(std::vector<Backend*> backends, Duration interval, Duration timeout);
  ~HealthWatch();

 private:
  void Loop();
  const std::vector<Backend*> backends_;
  const Duration interval_, timeout_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace invigil::gateway
