// Which replica serves a key: highest random weight (Thaler and Ravishankar 1998). When a replica
// leaves, only its own keys move; when it comes back, the same keys return.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace invigil::gateway {

// Sets of replicas are bit masks.
inline constexpr size_t kMaxReplicas = 64;

// Index of the replica with the highest weight among those whose bit in `eligible` is set; -1 when
// none is. `seeds` holds one hash per replica, made from its address, so that every gateway picks
// the same.
int PickReplica(std::string_view key, const std::vector<uint64_t>& seeds, uint64_t eligible);

}  // namespace invigil::gateway
