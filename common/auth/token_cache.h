// Tokens found good, so that a running session costs one signature check per process.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "common/auth/principal.h"
#include "common/auth/public_key.h"

namespace invigil::auth {

struct VerifiedToken {
  Principal principal;
  Time not_before;
  std::shared_ptr<const PublicKey> key;  // which signed it
};

// Bounded; the least recently used goes first. Finds by hash, then compares the whole token, so no
// collision can turn one token into another. Only good tokens enter, so strangers can't fill it.
// Sharded: a lock is held for one map access. Thread-safe.
class TokenCache {
 public:
  // Holds at most `entries`; 0: nothing.
  explicit TokenCache(size_t entries);
  std::shared_ptr<const VerifiedToken> Find(std::string_view token);
  void Insert(std::string_view token, std::shared_ptr<const VerifiedToken> verified);
  void Erase(std::string_view token);
  size_t size() const;

 private:
  struct Entry {
    std::string token;
    std::shared_ptr<const VerifiedToken> verified;
  };
  // Views the token of its entry. The hash is kept: it also chose the shard.
  struct Key {
    size_t hash;
    absl::string_view token;
    bool operator==(const Key& other) const { return token == other.token; }
  };
  struct KeyHash {
    size_t operator()(const Key& key) const { return key.hash; }
  };
  struct alignas(64) Shard {  // a cache line each
    size_t capacity = 0;
    mutable std::mutex mutex;  // guards the rest
    std::list<Entry> entries;  // most recently used first
    absl::flat_hash_map<Key, std::list<Entry>::iterator, KeyHash> index;
  };
  static Key KeyOf(std::string_view token);
  Shard& ShardOf(const Key& key);

  std::vector<Shard> shards_;
};

}  // namespace invigil::auth
