// Bytes from a terminal as keys.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace invigil::cli::take {

struct Key {
  enum class Kind {
    kCharacter,
    kEnter,
    kEscape,
    kBackspace,
    kLeft,
    kRight,
    kUp,
    kDown,
    kPageUp,
    kPageDown,
    kHome,
    kEnd,
    kInterrupt,  // Ctrl-C, Ctrl-D, or the terminal is gone
  };
  Kind kind = Kind::kCharacter;
  char character = 0;  // ASCII, for kCharacter

  friend bool operator==(const Key&, const Key&) = default;
};

// Puts bytes together that arrive in pieces. What is no key of ours is dropped.
class KeyReader {
 public:
  void Feed(std::string_view bytes) { pending_ += bytes; }
  // The next whole key. `settled`: nothing followed for a while, so a lone ESC is the key Escape
  // and not the beginning of a sequence.
  std::optional<Key> Next(bool settled);
  // Whether the beginning of a sequence waits for its rest.
  bool waiting() const { return !pending_.empty(); }

 private:
  std::string pending_;
};

}  // namespace invigil::cli::take
