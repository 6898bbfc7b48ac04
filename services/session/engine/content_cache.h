// Contents that are in the store for certain. Used by the writer thread only.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace invigil::session {

class ContentCache {
 public:
  using Bytes = std::shared_ptr<const std::string>;

  // null: not here.
  Bytes Find(std::string_view content_id) const {
    const auto it = contents_.find(Key(content_id));
    return it == contents_.end() ? nullptr : it->second;
  }
  void Put(const std::string& content_id, Bytes bytes) {
    // Whole banks fit; a suite that outgrows it pays one more read for each content.
    if (contents_.size() >= kCapacity) contents_.clear();
    contents_.insert_or_assign(content_id, std::move(bytes));
  }

 private:
  static constexpr size_t kCapacity = 100'000;
  static absl::string_view Key(std::string_view s) { return {s.data(), s.size()}; }
  absl::flat_hash_map<std::string, Bytes> contents_;
};

}  // namespace invigil::session
