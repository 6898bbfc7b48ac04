// Posts bodies to URLs, many at once, from one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "services/session/events/address_rule.h"

namespace invigil::session {

struct Post {
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;
};

// How it was answered.
struct Answer {
  long status = 0;    // of HTTP; 0: there was no answer  NOLINT(google-runtime-int): curl's
  std::string error;  // why not, for people; never holds the URL
};

// One thread, but for Wake.
class Poster {
 public:
  using Done = std::function<void(const Answer&)>;
  virtual ~Poster() = default;
  // `done` is called by a later Work, unless this is destroyed before.
  virtual void Send(Post post, Done done) = 0;
  // Works on what is on its way for as long as `wait` at most; returns earlier when something was
  // answered or Wake was called.
  virtual void Work(Duration wait) = 0;
  // From any thread.
  virtual void Wake() = 0;
};

struct HttpPosterOptions {
  AddressRule rule;
  Duration timeout = Seconds(10);  // for all of it
  std::string ca_path;             // certificates to trust; empty: the system's
};

// Over HTTP/1.1 by libcurl: no redirects, no proxy, no cookies; certificates are verified; the
// address of every connection is held to the rule when it is opened.
std::unique_ptr<Poster> MakeHttpPoster(const HttpPosterOptions& options);

}  // namespace invigil::session
