#include "services/session/rpc/denials.h"

#include <utility>
#include <vector>

namespace invigil::session {
namespace {

constexpr Duration kMinute = Minutes(1);
// Subjects are as long as whoever signs tokens likes.
constexpr size_t kLongestActor = 256;

Remark MakeRemark(const char* kind, SessionId session, std::string_view actor,
                  std::string_view method, std::string_view reason) {
  Remark remark;
  remark.kind = kind;
  remark.session = session;
  remark.actor = actor;
  remark.method = method;
  remark.reason = reason;
  return remark;
}

}  // namespace

Denials::Denials(Write write, const Clock& clock, Options options)
    : write_(std::move(write)), clock_(clock), options_(options), begun_(clock.Monotonic()) {}

void Denials::Add(std::string_view method, std::string_view reason, std::string_view actor,
                  std::string_view session) {
  const std::string name(actor.substr(0, kLongestActor));
  const SessionId id = SessionId::FromHex(std::string(session)).value_or(SessionId());
  std::vector<Remark> out;
  {
    const std::lock_guard lock(mutex_);
    Settle(clock_.Monotonic(), false, out);
    auto it = actors_.find(name);
    if (it == actors_.end() && actors_.size() < options_.actors) {
      it = actors_.try_emplace(name).first;
    }
    if (it == actors_.end()) {
      ++of_others_;
    } else if (it->second.rows < options_.rows_of_one && rows_ < options_.rows_of_all) {
      ++it->second.rows;
      ++rows_;
      out.push_back(MakeRemark(kDenied, id, name, method, reason));
    } else {
      ++it->second.more;
      it->second.session = id;
      it->second.reason = reason;
    }
  }
  for (Remark& remark : out) write_(std::move(remark));
}

void Denials::Settle(bool now) {
  std::vector<Remark> out;
  {
    const std::lock_guard lock(mutex_);
    Settle(clock_.Monotonic(), now, out);
  }
  for (Remark& remark : out) write_(std::move(remark));
}

void Denials::Settle(Duration at, bool now, std::vector<Remark>& out) {
  if (at - begun_ < kMinute && !now) return;
  uint32_t rows = 0;
  for (const auto& [name, actor] : actors_) {
    if (actor.more == 0) continue;
    if (++rows > options_.rows_of_all) {  // as many again, at most
      of_others_ += actor.more;
      continue;
    }
    out.push_back(MakeRemark(kDeniedMore, actor.session, name, "", actor.reason));
    out.back().count = actor.more;
  }
  if (of_others_ > 0) {
    out.push_back(MakeRemark(kDeniedMore, {}, "", "", "of actors not counted apart"));
    out.back().count = of_others_;
  }
  actors_.clear();
  of_others_ = 0;
  rows_ = 0;
  begun_ = at;
}

}  // namespace invigil::session
