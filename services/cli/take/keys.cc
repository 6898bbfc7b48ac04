#include "services/cli/take/keys.h"

#include <array>
#include <utility>

namespace invigil::cli::take {
namespace {

using Kind = Key::Kind;

constexpr std::pair<std::string_view, Kind> kSequences[] = {
    {"[A", Kind::kUp},      {"[B", Kind::kDown},      {"[C", Kind::kRight}, {"[D", Kind::kLeft},
    {"OA", Kind::kUp},      {"OB", Kind::kDown},      {"OC", Kind::kRight}, {"OD", Kind::kLeft},
    {"[H", Kind::kHome},    {"[F", Kind::kEnd},       {"OH", Kind::kHome},  {"OF", Kind::kEnd},
    {"[1~", Kind::kHome},   {"[4~", Kind::kEnd},      {"[7~", Kind::kHome}, {"[8~", Kind::kEnd},
    {"[5~", Kind::kPageUp}, {"[6~", Kind::kPageDown},
};

// Bytes of the escape sequence that begins `text` (after ESC); 0: it is not whole yet.
size_t SequenceLength(std::string_view text) {
  if (text.empty()) return 0;
  if (text[0] == 'O') return text.size() < 2 ? 0 : 2;
  if (text[0] != '[') return 1;  // Alt with a key
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] >= '@' && text[i] <= '~') return i + 1;
  }
  return 0;
}

std::optional<Key> Plain(unsigned char byte) {
  switch (byte) {
    case '\r':
    case '\n':
      return Key{Kind::kEnter};
    case 0x7f:
    case 0x08:
      return Key{Kind::kBackspace};
    case 0x03:
    case 0x04:
      return Key{Kind::kInterrupt};
    default:
      if (byte >= 0x20 && byte < 0x7f) return Key{Kind::kCharacter, static_cast<char>(byte)};
      return std::nullopt;
  }
}

}  // namespace

std::optional<Key> KeyReader::Next(bool settled) {
  while (!pending_.empty()) {
    if (pending_[0] != '\x1b') {
      const auto key = Plain(static_cast<unsigned char>(pending_[0]));
      pending_.erase(0, 1);
      if (key) return key;
      continue;
    }
    const std::string_view rest = std::string_view(pending_).substr(1);
    // ESC ESC: the first one is a key of its own.
    const size_t length = rest.starts_with('\x1b') ? 0 : SequenceLength(rest);
    if (length == 0) {
      if (!settled && !rest.starts_with('\x1b')) return std::nullopt;
      const bool lone = rest.empty() || rest.starts_with('\x1b');
      pending_.erase(0, lone ? 1 : pending_.size());
      if (lone) return Key{Kind::kEscape};
      continue;
    }
    const std::string sequence(rest.substr(0, length));
    pending_.erase(0, length + 1);
    for (const auto& [text, kind] : kSequences) {
      if (text == sequence) return Key{kind};
    }
  }
  return std::nullopt;
}

}  // namespace invigil::cli::take
