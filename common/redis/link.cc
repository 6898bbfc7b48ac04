#include "common/redis/link.h"

#include <hiredis/adapters/libevent.h>
#include <hiredis/async.h>

#include <utility>

#include "common/base/clock.h"

namespace invigil::redis {
namespace {

Reply ToReply(const redisReply& raw) {
  Reply reply;
  switch (raw.type) {
    case REDIS_REPLY_INTEGER:
      reply.type = Reply::Type::kInteger;
      reply.integer = raw.integer;
      break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_ERROR:
      reply.type = raw.type == REDIS_REPLY_STRING   ? Reply::Type::kString
                   : raw.type == REDIS_REPLY_STATUS ? Reply::Type::kStatus
                                                    : Reply::Type::kError;
      reply.text.assign(raw.str, raw.len);
      break;
    case REDIS_REPLY_ARRAY:
      reply.type = Reply::Type::kArray;
      reply.elements.reserve(raw.elements);
      for (size_t i = 0; i < raw.elements; ++i) reply.elements.push_back(ToReply(*raw.element[i]));
      break;
    default:
      break;  // nil
  }
  return reply;
}

Reply ToReply(const void* raw) { return ToReply(*static_cast<const redisReply*>(raw)); }

}  // namespace

struct Link::Context {
  Link* link = nullptr;  // null: closed from this side
  Owner* owner = nullptr;
  redisAsyncContext* raw = nullptr;
  int outstanding = 0;
  Duration last_heard{0};
  Reaction pushed;
  SystemClock clock;

  static Context* Of(const redisAsyncContext* raw) { return static_cast<Context*>(raw->data); }

  void Heard(const void* reply) {
    --outstanding;
    if (reply != nullptr) last_heard = clock.Monotonic();
  }

  static void Answered(redisAsyncContext* raw, void* reply, void* token) {
    Context* self = Of(raw);
    self->Heard(reply);
    if (reply == nullptr) {
      self->owner->OnAnswer(token, nullptr);
      return;
    }
    Reply answer = ToReply(reply);
    self->owner->OnAnswer(token, &answer);
  }
  static void Reacted(redisAsyncContext* raw, void* reply, void* token) {
    Context* self = Of(raw);
    self->Heard(reply);
    const std::unique_ptr<Reaction> done(static_cast<Reaction*>(token));
    if (reply != nullptr && self->link != nullptr) (*done)(ToReply(reply));
  }
  static void Pushed(redisAsyncContext* raw, void* reply, void*) {
    Context* self = Of(raw);
    if (reply == nullptr || self->link == nullptr) return;
    self->last_heard = self->clock.Monotonic();
    self->pushed(ToReply(reply));
  }
  // The one thing hiredis does on every way to its end, after the callbacks of all commands.
  static void Cleaned(void* libevent_data) {
    const redisAsyncContext* raw = static_cast<redisLibeventEvents*>(libevent_data)->context;
    const std::unique_ptr<Context> self(Of(raw));
    const std::string why = raw->err != 0 ? raw->errstr : "it closed the connection";
    redisLibeventCleanup(libevent_data);
    if (self->link == nullptr) return;
    self->link->context_ = nullptr;
    self->owner->OnGone(self->link, why);
  }

  bool Issue(const std::vector<std::string>& args, redisCallbackFn* done, void* token) {
    std::vector<const char*> argv;
    std::vector<size_t> sizes;
    argv.reserve(args.size());
    sizes.reserve(args.size());
    for (const std::string& arg : args) {
      argv.push_back(arg.data());
      sizes.push_back(arg.size());
    }
    if (redisAsyncCommandArgv(raw, done, token, static_cast<int>(argv.size()), argv.data(),
                              sizes.data()) != REDIS_OK) {
      return false;
    }
    if (outstanding++ == 0) last_heard = clock.Monotonic();
    return true;
  }
};

std::unique_ptr<Link> Link::Connect(event_base* base, const Address& address, Owner* owner,
                                    std::string* error) {
  redisAsyncContext* raw = address.unix_path.empty()
                               ? redisAsyncConnect(address.host.c_str(), address.port)
                               : redisAsyncConnectUnix(address.unix_path.c_str());
  if (raw == nullptr || raw->err != 0) {
    *error = raw == nullptr ? "out of memory" : raw->errstr;
    if (raw != nullptr) redisAsyncFree(raw);
    return nullptr;
  }
  auto* context = new Context;  // NOLINT: deleted in Cleaned
  std::unique_ptr<Link> link(new Link(context));
  context->link = link.get();
  context->owner = owner;
  context->raw = raw;
  raw->data = context;
  redisLibeventAttach(raw, base);
  raw->ev.cleanup = Context::Cleaned;
  return link;
}

Link::~Link() {
  if (context_ == nullptr) return;
  context_->link = nullptr;
  redisAsyncFree(context_->raw);
}

bool Link::Send(const std::vector<std::string>& args, void* token) {
  return context_ != nullptr && context_->Issue(args, Context::Answered, token);
}

bool Link::Ask(const std::vector<std::string>& args, Reaction done) {
  if (context_ == nullptr) return false;
  auto reaction = std::make_unique<Reaction>(std::move(done));
  if (!context_->Issue(args, Context::Reacted, reaction.get())) return false;
  (void)reaction.release();  // Reacted deletes it
  return true;
}

bool Link::Subscribe(const std::string& channel, Reaction pushed) {
  if (context_ == nullptr) return false;
  context_->pushed = std::move(pushed);
  return redisAsyncCommand(context_->raw, Context::Pushed, nullptr, "SUBSCRIBE %b", channel.data(),
                           channel.size()) == REDIS_OK;
}

int Link::outstanding() const { return context_ == nullptr ? 0 : context_->outstanding; }
Duration Link::last_heard() const {
  return context_ == nullptr ? Duration(0) : context_->last_heard;
}

}  // namespace invigil::redis
