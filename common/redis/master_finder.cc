#include "common/redis/master_finder.h"

#include <string_view>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/log/log.h"
#include "common/redis/backoff.h"

namespace invigil::redis {
namespace {

// "NOAUTH Authentication required." -> "NOAUTH": the rest may quote what was sent.
std::string CodeOf(const Reply& reply) { return reply.text.substr(0, reply.text.find(' ')); }

bool ReadAddress(const std::string& host, const std::string& port, Address* address) {
  address->host = host;
  return !host.empty() && absl::SimpleAtoi(port, &address->port) && address->port > 0 &&
         address->port < 65536;
}

}  // namespace

MasterFinder::MasterFinder(event_base* base, MasterFinderOptions options, User& user)
    : base_(base),
      options_(std::move(options)),
      user_(user),
      random_(StableHash(RandomHex(16))),
      resolver_(base),
      limit_(base,
             [this] {
               Failed("no answer within " +
                      std::to_string(options_.sentinel_timeout.count() / 1000) + " ms");
             }),
      again_(base, [this] { Ask(); }) {}

void MasterFinder::Stop() {
  in_round_ = false;
  resolver_.Cancel();
  limit_.Cancel();
  again_.Cancel();
  asking_.reset();
  listening_.reset();
}

void MasterFinder::Ask() {
  if (in_round_) return;
  in_round_ = true;
  again_.Cancel();
  tried_ = 0;
  said_.clear();
  AskNext();
}

const Address& MasterFinder::Current() const {
  return options_.sentinels[(first_ + tried_) % options_.sentinels.size()];
}

void MasterFinder::AskNext() {
  if (tried_ == options_.sentinels.size()) {
    in_round_ = false;
    Retry();
    user_.OnNoMaster(said_);
    return;
  }
  limit_.Set(options_.sentinel_timeout);
  resolver_.Resolve(Current().host, [this](absl::StatusOr<std::string> host) {
    if (!host.ok()) {
      Failed("its name cannot be resolved");
      return;
    }
    Address numeric = Current();
    numeric.host = *std::move(host);
    Connect(numeric);
  });
}

void MasterFinder::Connect(const Address& sentinel) {
  const absl::StatusOr<Credentials> credentials = ReadCredentials(options_.credentials_path);
  if (!credentials.ok()) {
    Failed("the credentials file of the sentinels cannot be read");
    return;
  }
  std::string error;
  asking_ = Link::Connect(base_, sentinel, this, &error);
  if (asking_ == nullptr) {
    Failed("cannot connect: " + error);
    return;
  }
  if (!credentials->password.empty()) {
    std::vector<std::string> auth = {"AUTH", credentials->user, credentials->password};
    if (credentials->user.empty()) auth.erase(auth.begin() + 1);
    asking_->Ask(auth, [this](const Reply& reply) {
      if (reply.type == Reply::Type::kError) Failed("it refused the credentials: " + CodeOf(reply));
    });
  }
  asking_->Ask({"SENTINEL", "get-master-addr-by-name", options_.master},
               [this](const Reply& reply) { OnNamed(reply); });
}

void MasterFinder::OnNamed(const Reply& reply) {
  Address master;
  if (reply.type == Reply::Type::kError) return Failed("it refused to tell: " + CodeOf(reply));
  if (reply.IsNil()) {
    return Failed("it knows no master \"" + options_.master + "\"");
  }
  if (reply.elements.size() != 2 ||
      !ReadAddress(reply.elements[0].text, reply.elements[1].text, &master)) {
    return Failed("its answer is not an address");
  }
  limit_.Cancel();
  in_round_ = false;
  first_ = (first_ + tried_) % options_.sentinels.size();
  // The sentinel reads both commands before it looks around again: no switch falls in between.
  listening_ = std::move(asking_);
  listening_->Subscribe("+switch-master", [this](const Reply& push) { OnPushed(push); });
  again_.Set(options_.refresh);
  user_.OnMaster(master);
}

void MasterFinder::OnPushed(const Reply& reply) {
  if (reply.elements.size() != 3) return;
  if (reply.elements[0].text == "subscribe") failed_rounds_ = 0;
  if (reply.elements[0].text != "message") return;
  // "name old-host old-port new-host new-port"
  const std::string message = reply.elements[2].text;
  const std::vector<std::string> words = absl::StrSplit(message, ' ');
  Address master;
  if (words.size() != 5 || words[0] != options_.master ||
      !ReadAddress(words[3], words[4], &master)) {
    return;
  }
  log::Warning("a sentinel announces another redis master",
               {{"sentinel", options_.sentinels[first_].ToString()},
                {"master", words[0]},
                {"was", words[1] + ":" + words[2]},
                {"is", master.ToString()}});
  user_.OnMaster(master);
}

void MasterFinder::Failed(const std::string& why) {
  limit_.Cancel();
  resolver_.Cancel();
  asking_.reset();
  if (!in_round_) return;
  said_ += (said_.empty() ? "" : "; ") + Current().ToString() + ": " + why;
  ++tried_;
  AskNext();
}

void MasterFinder::Retry() {
  again_.Set(BackoffDelay(random_, failed_rounds_++, options_.min_retry, options_.max_retry));
}

void MasterFinder::OnAnswer(void*, Reply*) {}

void MasterFinder::OnGone(Link* link, const std::string& why) {
  if (link == asking_.get()) {
    Failed("cannot connect: " + why);
  } else if (link == listening_.get()) {
    listening_.reset();
    if (!in_round_) Retry();
  }
}

}  // namespace invigil::redis
