// hiredis and its traps end here. Not for other rooms.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/redis/address.h"
#include "common/redis/reply.h"

struct event_base;

namespace invigil::redis {

// One connection to one server, made once: who wants another makes another Link. Commands may be
// sent before it stands. Everything happens on the thread that runs `base`.
//
// What hiredis 0.14 does and callers here need not know: it calls no disconnect callback when the
// connect fails, frees itself in several ways, must not be freed in its connect callback, and
// never times out (the last is the caller's to handle, by closing).
class Link {
 public:
  // Outlives the run of `base`, also when the Link goes before.
  class Owner {
   public:
    virtual ~Owner() = default;
    // The answer to a command given to Send, exactly once, errors as type kError; nullptr: the
    // connection went first. It may be moved from.
    virtual void OnAnswer(void* token, Reply* reply) = 0;
    // The connection could not be made or has ended; the Link may be destroyed now. Not called when
    // it is closed from this side. `why` is for the log.
    virtual void OnGone(Link* link, const std::string& why) = 0;
  };
  using Reaction = std::function<void(const Reply&)>;

  // To a unix socket or a numeric host. nullptr, and why in `error`, when it cannot even begin.
  static std::unique_ptr<Link> Connect(event_base* base, const Address& address, Owner* owner,
                                       std::string* error);
  // Closes. Commands without an answer get nullptr at once, or, when this happens in a callback of
  // this very link, as soon as that returns.
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // The answer goes to Owner::OnAnswer. False: the link is ending, there will be no answer.
  bool Send(const std::vector<std::string>& args, void* token);
  // The answer goes to `done`, which is dropped when the link goes.
  bool Ask(const std::vector<std::string>& args, Reaction done);
  // `pushed` gets the confirmation and then every message. Nothing else can be sent afterwards.
  bool Subscribe(const std::string& channel, Reaction pushed);

  // Commands without an answer, and when the server was last heard (or asked, after a silence).
  int outstanding() const;
  Duration last_heard() const;

 private:
  struct Context;  // lives as long as hiredis's own
  explicit Link(Context* context) : context_(context) {}
  Context* context_;
};

}  // namespace invigil::redis
