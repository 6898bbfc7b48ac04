#include "services/gateway/forward/backend.h"

#include <grpcpp/grpcpp.h>

#include "common/base/deadline.h"
#include "common/base/hash.h"
#include "common/error/error.h"
#include "common/error/wire.h"
#include "common/log/log.h"

namespace invigil::gateway {
namespace {

// A replica that leaves so many health checks in a row without an answer in time is left. One is
// not enough: a busy machine misses one now and then.
constexpr int kUnansweredLimit = 3;
constexpr uint64_t kServing = 1;  // grpc.health.v1.HealthCheckResponse.SERVING

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  // Retries are the gateway's own, with a budget; gRPC's cost a copy of every message.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  // Finds peers that stopped without closing.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 2'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1'000);
  arguments.SetMaxReceiveMessageSize(16 * 1024 * 1024);
  return arguments;
}

bool IsServing(const grpc::ByteBuffer& response) {
  std::vector<grpc::Slice> slices;
  if (!response.Dump(&slices).ok()) return false;
  std::string bytes;
  for (const grpc::Slice& slice : slices)
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  WireReader reader(bytes);
  uint64_t state = 0;
  while (auto field = reader.Next()) {
    if (field->number == 1) state = field->varint;
  }
  return state == kServing;
}

}  // namespace

struct Backend::Probe {
  grpc::ClientContext context;
  grpc::ByteBuffer request, response;
};

absl::StatusOr<std::unique_ptr<Backend>> Backend::Create(std::string name,
                                                         const std::vector<std::string>& addresses,
                                                         const rpc::TlsFiles& tls) {
  if (addresses.empty() || addresses.size() > kMaxReplicas) {
    return InvalidArgument("ADDRESS_INVALID",
                           "--" + name + ": give 1 to 64 replicas as HOST:PORT[,HOST:PORT...]");
  }
  auto credentials = rpc::ChannelCredentials(tls);
  if (!credentials.ok()) return credentials.status();
  std::unique_ptr<Backend> backend(new Backend(name));
  backend->ejections_ = &telemetry::GetCounter("invigil_gateway_ejections_total",
                                               "Times a replica was left.", {{"service", name}});
  backend->retries_ = &telemetry::GetCounter(
      "invigil_gateway_retries_total",
      "Calls sent a second time, to another replica where there is one.", {{"service", name}});
  for (const std::string& address : addresses) {
    const size_t colon = address.rfind(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == address.size()) {
      return InvalidArgument("ADDRESS_INVALID",
                             "--" + name + ": \"" + address + "\" is not HOST:PORT");
    }
    auto replica = std::make_shared<Replica>(
        address, grpc::CreateCustomChannel(address, *credentials, Arguments()));
    replica->healthy =
        &telemetry::GetGauge("invigil_gateway_replica_healthy", "1 when calls are sent to it.",
                             {{"service", name}, {"replica", address}});
    replica->healthy->Set(1);
    backend->replicas_.push_back(std::move(replica));
    backend->seeds_.push_back(StableHash(address));
  }
  backend->everyone_ =
      addresses.size() == 64 ? ~uint64_t{0} : (uint64_t{1} << addresses.size()) - 1;
  // Well until shown otherwise: the first calls must not wait for the first check.
  backend->healthy_ = backend->everyone_;
  return backend;
}

Backend::~Backend() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return probing_ == 0; });
}

int Backend::Pick(std::string_view key, int avoid) const {
  if (replicas_.size() == 1) return 0;
  uint64_t eligible = healthy_.load(std::memory_order_relaxed);
  if (avoid >= 0) eligible &= ~(uint64_t{1} << avoid);
  if (eligible == 0) {
    eligible = everyone_;
    if (avoid >= 0) eligible &= ~(uint64_t{1} << avoid);
  }
  return PickReplica(key, seeds_, eligible);
}

void Backend::ReportUnreachable(int replica) { SetHealthy(replica, false, "unreachable"); }

void Backend::SetHealthy(int replica, bool healthy, const char* why) {
  const uint64_t bit = uint64_t{1} << replica;
  const uint64_t before = healthy ? healthy_.fetch_or(bit) : healthy_.fetch_and(~bit);
  if (((before & bit) != 0) == healthy) return;
  replicas_[replica]->healthy->Set(healthy ? 1 : 0);
  if (!healthy) ejections_->Add();
  log::Write(healthy ? log::Level::kInfo : log::Level::kWarning,
             healthy ? "replica is back" : "replica is left",
             {{"backend", name_}, {"replica", replicas_[replica]->address}, {"why", why}});
}

void Backend::CheckHealth(Duration timeout) {
  for (size_t i = 0; i < replicas_.size(); ++i) {
    if (replicas_[i]->asking.exchange(true)) continue;
    {
      std::lock_guard lock(mutex_);
      ++probing_;
    }
    auto probe = std::make_shared<Probe>();
    grpc::Slice nothing;
    probe->request = grpc::ByteBuffer(&nothing, 1);
    probe->context.set_deadline(DeadlineAfter(timeout));
    replicas_[i]->stub.UnaryCall(
        &probe->context, "/grpc.health.v1.Health/Check", {}, &probe->request, &probe->response,
        [this, probe, index = static_cast<int>(i)](grpc::Status status) {
          OnHealth(index, status, status.ok() && IsServing(probe->response));
          replicas_[index]->asking = false;
          std::lock_guard lock(mutex_);
          if (--probing_ == 0) idle_.notify_all();
        });
  }
}

void Backend::OnHealth(int index, const grpc::Status& status, bool serving) {
  Replica& replica = *replicas_[index];
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    if (++replica.unanswered >= kUnansweredLimit) SetHealthy(index, false, "does not answer");
    return;
  }
  replica.unanswered = 0;
  // A service without the health protocol is well when it answers at all.
  if (serving || status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
    SetHealthy(index, true, "serving");
  } else {
    SetHealthy(index, false, status.ok() ? "not serving" : "unreachable");
  }
}

HealthWatch::HealthWatch(std::vector<Backend*> backends, Duration interval, Duration timeout)
    : backends_(std::move(backends)),
      interval_(interval),
      timeout_(timeout),
      thread_([this] { Loop(); }) {}

HealthWatch::~HealthWatch() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void HealthWatch::Loop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    for (Backend* backend : backends_) backend->CheckHealth(timeout_);
    lock.lock();
    wake_.wait_for(lock, interval_, [this] { return stopping_; });
  }
}

}  // namespace invigil::gateway
