// Keys from the item bank, over gRPC.
#pragma once

#include <memory>

#include "common/auth/token.h"
#include "services/scoring/rpc/key_source.h"

namespace grpc {
class Channel;
}

namespace invigil::scoring {

// `identity` outlives it. Whatever the item bank answers but "no such form" is
// ITEM_BANK_UNAVAILABLE: the relay that asked tries again, and nothing is lost meanwhile.
std::unique_ptr<KeySource> MakeItemBankKeys(std::shared_ptr<grpc::Channel> channel,
                                            auth::ServiceIdentity& identity);

}  // namespace invigil::scoring
