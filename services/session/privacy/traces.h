// What SQLite leaves behind: deleted text is overwritten where it stood, but a page that was
// rearranged may keep a copy in its free space, and the write-ahead log keeps pages as they were.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace invigil::session::privacy {

struct TracesOptions {
  // A file up to so large is packed anew when a trace is found; writers wait meanwhile, a second or
  // two. A larger one is left as it is, to be packed when no exam runs (VACUUM).
  int64_t pack_up_to = int64_t{256} << 20;
};

// Empties the log of the file at `path` into the file, looks for `word` in both, and packs the file
// if it is there. How often it is there afterwards: 0 is what is wanted. A word of less than four
// bytes is not looked for, and the file packed if it is small. Blocks; reads the whole file.
// Writers never wait but for a packing. Errors: UNAVAILABLE (STORE_BUSY, STORE_IO): the log could
// not be emptied, because others read from it all the time: do it again.
absl::StatusOr<uint64_t> WipeTraces(const std::string& path, std::string_view word,
                                    TracesOptions options = {});

}  // namespace invigil::session::privacy
