#include "common/redis/connection.h"

#include <utility>

#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/log/log.h"
#include "common/redis/backoff.h"

namespace invigil::redis {
namespace {

constexpr char kNobody[] = "no sentinel names a master: ";

std::unique_ptr<MasterFinder> MakeFinder(event_base* base, const ClientOptions& options,
                                         MasterFinder::User& user) {
  if (!options.address.by_sentinel()) return nullptr;
  return std::make_unique<MasterFinder>(
      base,
      MasterFinderOptions{.sentinels = options.address.sentinels,
                          .master = options.address.master,
                          .credentials_path = options.sentinel_credentials_path,
                          .sentinel_timeout = options.sentinel_timeout,
                          .max_retry = options.max_backoff},
      user);
}

// "...\r\nrun_id:0123...\r\n..." of INFO server.
std::string RunId(const std::string& info) {
  constexpr std::string_view kField = "run_id:";
  const size_t at = info.find(kField);
  if (at == std::string::npos) return "";
  const size_t begin = at + kField.size();
  return info.substr(begin, info.find_first_of("\r\n", begin) - begin);
}

}  // namespace

Connection::Connection(event_base* base, const ClientOptions& options, User& user)
    : base_(base),
      options_(options),
      user_(user),
      connected_(telemetry::GetGauge("invigil_redis_connected", "1 while Redis answers",
                                     {{"client", options.name}})),
      connects_(telemetry::GetCounter("invigil_redis_connects_total",
                                      "Connections that became ready", {{"client", options.name}})),
      server_changes_(telemetry::GetCounter(
          "invigil_redis_server_changes_total",
          "Connections to a server that was not the last one: failovers and restarts",
          {{"client", options.name}})),
      random_(StableHash(RandomHex(16))),
      resolver_(base),
      connect_limit_(base,
                     [this] {
                       resolver_.Cancel();
                       Drop("no answer while connecting");
                     }),
      reconnect_(base, [this] { Connect(); }),
      watch_(base, [this] { Watch(); }),
      finder_(MakeFinder(base, options, *this)) {}

void Connection::Start() {
  watch_.Set(options_.watchdog / 4);
  Connect();
}

void Connection::Stop() {
  if (finder_ != nullptr) finder_->Stop();
  resolver_.Cancel();
  connect_limit_.Cancel();
  reconnect_.Cancel();
  watch_.Cancel();
  link_.reset();
  SetState(ConnectionState::kClosed);
}

bool Connection::Send(const std::vector<std::string>& args, void* token) {
  return link_ != nullptr && link_->Send(args, token);
}

void Connection::OnAnswer(void* token, Reply* reply) { user_.OnAnswer(token, reply); }

void Connection::Connect() {
  SetState(ConnectionState::kConnecting);
  if (finder_ == nullptr) {
    Begin(options_.address.address);
    return;
  }
  // A round has its own limits, sentinel by sentinel.
  wants_master_ = true;
  finder_->Ask();
}

void Connection::Begin(const Address& server) {
  wants_master_ = false;
  server_ = server;
  refusal_.clear();
  connect_limit_.Set(options_.connect_timeout);
  if (!server.unix_path.empty()) {
    ConnectTo(server);
    return;
  }
  resolver_.Resolve(server.host, [this](absl::StatusOr<std::string> host) {
    if (!host.ok()) {
      Lost("the host name is unknown");
      return;
    }
    Address numeric = server_;
    numeric.host = *std::move(host);
    ConnectTo(numeric);
  });
}

void Connection::ConnectTo(const Address& numeric) {
  std::string error;
  link_ = Link::Connect(base_, numeric, this, &error);
  if (link_ == nullptr) {
    Lost("cannot connect: " + error);
    return;
  }
  SendHandshake();
}

// Queued before the connection stands; a connect into the backlog of a stopped server succeeds, so
// only the answer to PING makes it ready.
void Connection::SendHandshake() {
  absl::StatusOr<Credentials> credentials = options_.address.credentials;
  if (!options_.credentials_path.empty()) credentials = ReadCredentials(options_.credentials_path);
  if (!credentials.ok()) {
    Drop("the credentials file cannot be read");
    return;
  }
  const auto refused = [this](const Reply& reply) {
    if (reply.type == Reply::Type::kError && refusal_.empty()) {
      refusal_ = "refused: " + reply.text.substr(0, reply.text.find(' '));
    }
  };
  if (!credentials->password.empty()) {
    std::vector<std::string> auth = {"AUTH", credentials->user, credentials->password};
    if (credentials->user.empty()) auth.erase(auth.begin() + 1);
    // A refused AUTH leaves the connection usable as the default user: it must not be used.
    link_->Ask(auth, refused);
  }
  // A user without the right to these two may still work.
  link_->Ask({"CLIENT", "SETNAME", "invigil-" + options_.name}, [](const Reply&) {});
  link_->Ask({"INFO", "server"}, [this](const Reply& reply) {
    handshake_id_ = reply.type == Reply::Type::kString ? RunId(reply.text) : "";
  });
  if (finder_ != nullptr) {
    link_->Ask({"ROLE"}, [this, refused](const Reply& reply) {
      refused(reply);
      if (refusal_.empty() && (reply.elements.empty() || reply.elements[0].text != "master")) {
        refusal_ = "the sentinels call it the master, but it says it is none";
      }
    });
  }
  link_->Ask({"PING"}, [this, refused](const Reply& reply) {
    refused(reply);
    OnPong(reply);
  });
}

void Connection::OnPong(const Reply&) {
  if (!refusal_.empty()) {
    Drop(refusal_);
    return;
  }
  failures_ = 0;
  connect_limit_.Cancel();
  connects_.Add();
  Connected(handshake_id_);
  SetState(ConnectionState::kReady);
}

void Connection::OnMaster(const Address& master) {
  if (wants_master_) {
    Begin(master);
    return;
  }
  // What we know already; when it does not answer, the pauses between attempts stand.
  if (master == server_) return;
  // Closing first: commands outstanding at the old one are told so before any goes to the new.
  link_.reset();
  resolver_.Cancel();
  connect_limit_.Cancel();
  reconnect_.Cancel();
  if (state_ == ConnectionState::kReady) SetState(ConnectionState::kDisconnected);
  SetState(ConnectionState::kConnecting);
  Begin(master);
}

void Connection::OnNoMaster(const std::string& why) {
  if (!wants_master_) return;  // the finder looked around on its own, and we are connected
  wants_master_ = false;
  Lost(kNobody + why);
}

void Connection::OnGone(Link* link, const std::string& why) {
  if (link != link_.get()) return;
  link_.reset();
  Lost(why);
}

void Connection::Drop(const std::string& why) {
  link_.reset();
  Lost(why);
}

void Connection::Lost(const std::string& why) {
  if (state_ == ConnectionState::kClosed || state_ == ConnectionState::kDisconnected) return;
  connect_limit_.Cancel();
  const Duration delay =
      BackoffDelay(random_, failures_++, options_.min_backoff, options_.max_backoff);
  const bool nobody = why.starts_with(kNobody);  // no server was tried
  const std::string to = nobody ? options_.address.ToString() : server_.ToString();
  {
    const std::lock_guard lock(mutex_);
    trouble_ = nobody ? why : to + ": " + why;
  }
  // The first attempts, then ever fewer: an hour without Redis is not 3600 lines.
  if ((failures_ & (failures_ - 1)) == 0 || failures_ % 256 == 0) {
    log::Warning(
        "redis connection lost",
        {{"client", options_.name}, {"address", to}, {"why", why}, {"attempts", failures_}});
  }
  reconnect_.Set(delay);
  SetState(ConnectionState::kDisconnected);
}

void Connection::Watch() {
  watch_.Set(options_.watchdog / 4);
  if (state_ != ConnectionState::kReady || link_ == nullptr) return;
  if (link_->outstanding() > 0) {
    if (clock_.Monotonic() - link_->last_heard() >= options_.watchdog) Drop("it stopped answering");
    return;
  }
  // Nothing outstanding: ask, so that a dead peer is found before someone needs it.
  link_->Ask({"PING"}, [](const Reply&) {});
}

void Connection::SetState(ConnectionState state) {
  if (std::exchange(state_, state) == state) return;
  connected_.Set(state == ConnectionState::kReady ? 1 : 0);
  if (state == ConnectionState::kReady) {
    log::Info("redis connected", {{"client", options_.name}, {"address", server_.ToString()}});
  }
  user_.OnState(state);
}

void Connection::Connected(std::string id) {
  const std::lock_guard lock(mutex_);
  if (!server_id_.empty() && !id.empty() && id != server_id_) server_changes_.Add();
  server_id_ = std::move(id);
  trouble_.clear();
}

std::string Connection::server_id() const {
  const std::lock_guard lock(mutex_);
  return server_id_;
}

std::string Connection::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

}  // namespace invigil::redis
