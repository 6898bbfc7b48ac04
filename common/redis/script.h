#pragma once

#include <string>

namespace invigil::redis {

// A Lua script and its name in Redis's script cache. Must outlive the clients that run it: make it
// a function-local static.
class Script {
 public:
  explicit Script(std::string source);
  const std::string& source() const { return source_; }
  const std::string& sha1() const { return sha1_; }

 private:
  std::string source_, sha1_;
};

}  // namespace invigil::redis
