// Inside of connection.cc: asks sentinels. Not for other rooms.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/redis/event_timer.h"
#include "common/redis/link.h"
#include "common/redis/resolver.h"

namespace invigil::redis {

struct MasterFinderOptions {
  std::vector<Address> sentinels;
  std::string master;
  std::string credentials_path;  // of the sentinels; empty: none
  // How long one sentinel may take before the next is asked.
  Duration sentinel_timeout = Millis(300);
  // Asked again so often while all is well: a message about a new master can be lost.
  Duration refresh = Seconds(10);
  Duration min_retry = Millis(100), max_retry = Seconds(1);
};

// Knows which server the sentinels call the master. Asks them in turn, the one that answered last
// first, stays subscribed to its +switch-master messages, and asks again when that link is lost and
// now and then besides. Of the thread that runs `base`; must be destroyed before it.
class MasterFinder final : Link::Owner {
 public:
  class User {
   public:
    virtual ~User() = default;
    // What a sentinel says, asked or of its own accord; usually what is known already. It may be
    // behind the times: ask the server itself for its role.
    virtual void OnMaster(const Address& master) = 0;
    // No sentinel names one. `why`: what each of them said. It is going to be tried again.
    virtual void OnNoMaster(const std::string& why) = 0;
  };

  MasterFinder(event_base* base, MasterFinderOptions options, User& user);

  // Starts a round now unless one is under way; its end is reported.
  void Ask();
  void Stop();

 private:
  void AskNext();
  void Connect(const Address& sentinel);
  void OnNamed(const Reply& reply);
  void OnPushed(const Reply& reply);
  // The sentinel being asked gave no address: notes it and asks the next.
  void Failed(const std::string& why);
  void Retry();
  const Address& Current() const;

  void OnAnswer(void* token, Reply* reply) override;
  void OnGone(Link* link, const std::string& why) override;

  event_base* const base_;
  const MasterFinderOptions options_;
  User& user_;
  Random random_;
  Resolver resolver_;
  EventTimer limit_, again_;
  std::unique_ptr<Link> asking_, listening_;
  bool in_round_ = false;
  size_t first_ = 0;  // the one that answered last
  size_t tried_ = 0;  // in this round
  std::string said_;  // by those tried in this round
  int failed_rounds_ = 0;
};

}  // namespace invigil::redis
