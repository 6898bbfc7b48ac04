#include "services/session/store/redact.h"

#include <utility>
#include <variant>

#include "common/base/hash.h"
#include "services/session/store/codec.h"

namespace invigil::session {
namespace {

// By the names of the fields, so that no event that comes later can be forgotten.
template <typename E>
constexpr bool kNamesCandidate = requires(E& e) {
  e.candidate_id;
}
|| requires(E& e) { e.identity.candidate_id; };
template <typename E>
constexpr bool kIsDeed = requires(E& e) {
  e.actor;
};
template <typename E>
constexpr bool kHasId = requires(E& e) {
  e.id;
}
|| requires(E& e) { e.grant.id; };
template <typename E>
constexpr bool kQuotes = requires(E& e) {
  e.reason;
}
|| requires(E& e) { e.text; }
|| requires(E& e) { e.note; };

// Changes an event in place.
struct Redactor {
  std::string_view who, name, words;

  template <typename E>
  void operator()(E& e) const {
    if constexpr (requires { e.candidate_id; }) e.candidate_id = name;
    if constexpr (requires { e.identity.candidate_id; }) {
      e.identity.candidate_id = name;
      Words(e.identity.request_id);
    }
    if constexpr (requires { e.grant.id; }) Id(e.grant.id);
    if constexpr (requires { e.id; }) Id(e.id);
    if constexpr (requires { e.actor; }) Actor(e.actor);
    if constexpr (requires { e.reason; }) Words(e.reason);
    if constexpr (requires { e.text; }) Words(e.text);
    if constexpr (requires { e.note; }) Words(e.note);
  }

 private:
  // Whole, not in part: staff have names too.
  void Actor(std::string& actor) const {
    if (actor == who && !actor.empty()) actor = name;
  }
  void Words(std::string& text) const {
    if (!text.empty()) text = words;
  }
  void Id(std::string& id) const { id = RedactId(std::move(id), who, name); }
};

}  // namespace

std::string RedactId(std::string id, std::string_view who, std::string_view name) {
  if (who.empty()) return id;
  for (size_t at = 0; (at = id.find(who, at)) != std::string::npos; at += name.size()) {
    id.replace(at, who.size(), name);
  }
  return id;
}

bool HoldsPersonal(const Event& event) {
  return std::visit(
      []<typename E>(const E&) {
        return kNamesCandidate<E> || kIsDeed<E> || kHasId<E> || kQuotes<E>;
      },
      event);
}

Event Redact(const Event& event, std::string_view who, std::string_view name) {
  Event redacted = event;
  std::visit(Redactor{who, name, kErased}, redacted);
  return redacted;
}

std::string RestHash(const Event& event, std::string_view who) {
  Event rest = event;
  std::visit(Redactor{who, "", ""}, rest);
  std::string bytes;
  EncodeEvent(rest, bytes);
  return Sha256Hex(bytes);
}

}  // namespace invigil::session
