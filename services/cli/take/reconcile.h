// What a device that was cut off has to send again: what the server does not hold as it is here.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "invigil/session/v1/delivery.pb.h"

namespace invigil::cli::take {

// As ResponseDigest states it: of the selected letters in order, of nothing when cleared.
uint64_t DigestOf(const session::v1::ResponseWrite& write);

struct Differences {
  std::vector<session::v1::ResponseWrite> missing;  // to be sent (again)
  std::vector<session::v1::ResponseWrite> held;     // there already, as they are here
};
// Compares the newest write of each item here with the vector of the server. What the server holds
// with a higher sequence and another value is missing too: the answer to sending it says what
// counts. Pure.
Differences Compare(const std::map<std::string, session::v1::ResponseWrite>& newest,
                    const session::v1::GetResponseVectorResponse& vector);

}  // namespace invigil::cli::take
