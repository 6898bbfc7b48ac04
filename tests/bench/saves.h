// Closed-loop load: each session always has exactly one save in flight.
#pragma once

#include <string>
#include <vector>

#include "tests/bench/figures.h"
#include "tests/bench/sessions.h"

namespace invigil::bench {

// gRPC unary calls over `channels` connections.
Figures UnarySaves(const std::string& target, std::vector<LiveSession>& sessions, int channels,
                   double seconds);
// One Deliver stream a session, `window` saves in flight on each.
Figures DeliverSaves(const std::string& target, std::vector<LiveSession>& sessions, int channels,
                     int window, double seconds);
// Connect JSON over HTTP/1.1 keep-alive, one connection a session.
Figures ConnectSaves(const std::string& target, std::vector<LiveSession>& sessions, double seconds);

}  // namespace invigil::bench
