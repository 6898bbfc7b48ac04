// Live sessions to save into.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace invigil::bench {

struct LiveSession {
  std::string session_id;
  std::string token;  // the session's own
  uint32_t epoch = 1;
  std::vector<std::string> item_ids;
  std::vector<uint32_t> sequences;  // last sent, by item
  size_t next = 0;                  // item of the next save

  // The next save: walks the items round and round, so that every save is a new durable write.
  struct Save {
    const std::string* item_id;
    uint32_t sequence;
    const char* option_id;
  };
  Save NextSave() {
    const size_t item = next++ % item_ids.size();
    const uint32_t sequence = ++sequences[item];
    static constexpr const char* kOptions[] = {"A", "B", "C", "D"};
    return {&item_ids[item], sequence, kOptions[sequence % 4]};
  }
};

// Starts `count` sessions of `exam_id` at `target` (a gateway's or a session service's gRPC port)
// for new candidates whose tokens are made with the key file.
absl::StatusOr<std::vector<LiveSession>> StartSessions(const std::string& target,
                                                       const std::string& key_file,
                                                       const std::string& exam_id, int count);

// Sessions for servers that know none, such as the floor.
std::vector<LiveSession> InventSessions(int count);

}  // namespace invigil::bench
