#include <algorithm>

#include "common/config/flag.h"
#include "common/config/flags.h"

namespace invigil::config {
namespace {

constexpr size_t kWidth = 80;
constexpr size_t kLongestLeft = 28;  // a longer flag gets a line of its own

std::vector<std::string> Words(const std::string& text) {
  std::vector<std::string> words;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

// Appends `words`, broken so that no line passes kWidth. The first goes to `column` of the current
// line, later lines are indented by `indent`.
void Wrap(std::string& out, const std::vector<std::string>& words, size_t column, size_t indent) {
  bool line_start = true;
  for (const std::string& word : words) {
    if (!line_start && column + 1 + word.size() > kWidth) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
      line_start = true;
    }
    if (!line_start) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    line_start = false;
  }
  out += "\n";
}

struct Entry {
  std::string left, help, notes, section;
};

}  // namespace

std::string Flags::Help() const {
  std::vector<Entry> entries;
  std::string usage = program_;
  for (const Flag& flag : flags_) {
    const std::string value = flag.value_name.empty() ? "" : " " + flag.value_name;
    if (flag.required) usage += " --" + flag.name + value;
    std::string notes;
    const auto note = [&notes](const std::string& text) {
      if (!text.empty()) notes += (notes.empty() ? "" : "; ") + text;
    };
    if (flag.required) {
      note("required");
    } else if (!flag.default_text.empty()) {
      note("default: " + flag.default_text);
    }
    note(flag.range_text);
    entries.push_back({(flag.is_toggle() ? "--[no-]" : "--") + flag.name + value, flag.help,
                       notes.empty() ? "" : "[" + notes + "]", flag.section});
  }
  usage += " [FLAG...]" + (positional_.empty() ? "" : " " + positional_);
  entries.push_back({"--config FILE",
                     "Reads flags from lines \"name = value\"; # starts a comment. Flags given "
                     "here win over the file.",
                     "", "Help"});
  entries.push_back({"--help", "Shows this.", "", "Help"});

  size_t left_width = 0;
  for (const Entry& entry : entries) {
    if (entry.left.size() <= kLongestLeft) left_width = std::max(left_width, entry.left.size());
  }
  const size_t indent = 2 + left_width + 2;

  std::string out = "Usage: ";
  Wrap(out, Words(usage), out.size(), 7);
  out += "\n";
  Wrap(out, Words(summary_), 0, 0);
  std::string section;
  bool first = true;
  for (const Entry& entry : entries) {
    if (first || entry.section != section) {
      out += "\n" + (entry.section.empty() ? "Flags" : entry.section) + ":\n";
    }
    first = false;
    section = entry.section;
    out += "  " + entry.left;
    if (entry.left.size() > left_width) {
      out += "\n" + std::string(indent, ' ');
    } else {
      out += std::string(indent - 2 - entry.left.size(), ' ');
    }
    std::vector<std::string> words = Words(entry.help);
    // Notes stay in one piece as long as they fit a line.
    const std::vector<std::string> notes = Words(entry.notes);
    if (entry.notes.size() + indent > kWidth) {
      words.insert(words.end(), notes.begin(), notes.end());
    } else if (!notes.empty()) {
      words.push_back(entry.notes);
    }
    Wrap(out, words, indent, indent);
  }
  return out;
}

}  // namespace invigil::config
