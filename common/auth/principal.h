// Who calls.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "common/base/time.h"

namespace invigil::auth {

// What a verified token says. Immutable once made.
struct Principal {
  std::string subject;             // claim sub: the candidate, author, operator or service
  std::vector<std::string> roles;  // claim roles: "candidate", "author", "operator", "service"
  std::string session_id;          // claim sid: the token acts on this session only; empty: any own
  Time expires;                    // claim exp

  bool Has(const std::string& role) const {
    return std::find(roles.begin(), roles.end(), role) != roles.end();
  }
};

}  // namespace invigil::auth
