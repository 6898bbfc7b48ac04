// gRPC's own complaints, which it writes to standard error in a form of its own, as lines of our
// log.
#pragma once

namespace invigil::rpc {

// From now on, for the whole process. Refused handshakes are told in words, with OpenSSL's reason;
// at most ten lines a second, and how many were left out.
void TakeGrpcLog();

}  // namespace invigil::rpc
