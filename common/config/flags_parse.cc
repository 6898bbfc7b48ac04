// Reading of words and config files: first everything is collected and checked, then assigned, so
// that a mistake changes no variable.
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <utility>

#include "common/config/flag.h"
#include "common/config/flags.h"
#include "common/config/nearest.h"
#include "common/config/value.h"
#include "common/error/error.h"

namespace invigil::config {

class Flags::Parser {
 public:
  explicit Parser(const Flags& flags) : flags_(flags) {
    for (const Flag& flag : flags.flags_) names_.push_back(flag.name);
  }

  absl::StatusOr<std::vector<std::string>> Run(const std::vector<std::string>& words) {
    ReadWords(words);
    if (help_) {
      return Error(absl::StatusCode::kCancelled, "HELP_REQUESTED", flags_.Help()).Build();
    }
    for (const std::string& path : config_paths_) ReadFile(path);
    CheckRequired();
    if (!mistakes_.empty()) return Mistakes();
    // Of a scalar the last value counts; for a list the command line replaces the files.
    for (const Flag& flag : flags_.flags_) {
      if (!Apply(flag, from_words_)) Apply(flag, from_files_);
    }
    return std::move(rest_);
  }

 private:
  struct Value {
    const Flag* flag;
    std::string text;
  };
  struct Mistake {
    std::string where;  // the flag or the line, for programs
    std::string text;   // the sentence, for people
  };

  void ReadWords(const std::vector<std::string>& words) {
    for (size_t i = 0; i < words.size(); ++i) {
      const std::string& word = words[i];
      if (word == "--help" || word == "-h") {
        help_ = true;
      } else if (word == "--") {
        rest_.insert(rest_.end(), words.begin() + static_cast<ptrdiff_t>(i) + 1, words.end());
        break;
      } else if (word.starts_with("--")) {
        if (ReadFlag(word, i + 1 < words.size() ? &words[i + 1] : nullptr)) ++i;
      } else if (word.size() > 1 && word[0] == '-') {
        Wrong(word, word + " is no flag: flags begin with two dashes");
      } else if (!flags_.positional_.empty()) {
        rest_.assign(words.begin() + static_cast<ptrdiff_t>(i), words.end());
        break;
      } else {
        Wrong(word, "\"" + word + "\" is not expected: this program takes flags only");
      }
    }
    if (flags_.positional_.empty() && !rest_.empty()) {
      Wrong(rest_[0], "\"" + rest_[0] + "\" is not expected: this program takes flags only");
    }
  }

  // Returns whether `next` was used as the value.
  bool ReadFlag(const std::string& word, const std::string* next) {
    const size_t equals = word.find('=');
    const std::string shown = word.substr(0, equals);
    const std::string name = shown.substr(2);
    std::optional<std::string> text;
    if (equals != std::string::npos) text = word.substr(equals + 1);

    const Flag* flag = Find(name);
    if (!flag && name != "config") {
      if (const Flag* negated = name.starts_with("no-") ? Find(name.substr(3)) : nullptr;
          negated && negated->is_toggle()) {
        if (text) {
          Wrong(shown, shown + " takes no value");
        } else {
          Take(from_words_, *negated, shown, "false");
        }
        return false;
      }
      Wrong(shown, Unknown(shown, name));
      // `--unknown value`: most likely the value belongs to it; one mistake, not two.
      return !text && next && !next->starts_with("-") && flags_.positional_.empty();
    }
    if (flag && flag->is_toggle()) {
      Take(from_words_, *flag, shown, text.value_or("true"));
      return false;
    }
    bool used = false;
    if (!text && next && !next->starts_with("--")) {
      text = *next;
      used = true;
    }
    if (!text) {
      const std::string value_name = flag ? flag->value_name : "FILE";
      Wrong(shown, shown + " needs a value: " + shown + " " + value_name);
    } else if (flag) {
      Take(from_words_, *flag, shown, *text);
    } else {
      config_paths_.push_back(*text);
    }
    return used;
  }

  void ReadFile(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    // A folder opens but cannot be read; peek finds out.
    if (!file || (file.peek() == EOF && !file.eof())) {
      Wrong("--config", "--config: cannot read " + path + ": " + std::strerror(errno));
      return;
    }
    for (int number = 1; std::getline(file, line); ++number) {
      const std::string where = path + ":" + std::to_string(number);
      const std::string_view content = Trim(WithoutComment(line));
      if (content.empty()) continue;
      const size_t equals = content.find('=');
      if (equals == std::string_view::npos) {
        Wrong(where, where + ": write \"name = value\"");
        continue;
      }
      const std::string name(Trim(content.substr(0, equals)));
      const std::string text(Trim(content.substr(equals + 1)));
      if (const Flag* flag = Find(name)) {
        Take(from_files_, *flag, where + ": " + name, text);
      } else {
        Wrong(where, where + ": " + Unknown(name, name));
      }
    }
  }

  // A # inside a word is part of it.
  static std::string_view WithoutComment(std::string_view line) {
    for (size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '#' && (i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t')) {
        return line.substr(0, i);
      }
    }
    return line;
  }

  void Take(std::vector<Value>& to, const Flag& flag, const std::string& where, std::string text) {
    const std::string wrong = flag.Check(text);
    if (!wrong.empty()) Wrong(where, where + " " + wrong);
    to.push_back({&flag, std::move(text)});
  }

  bool Apply(const Flag& flag, const std::vector<Value>& from) {
    bool given = false;
    for (const Value& value : from) {
      if (value.flag != &flag) continue;
      if (!given && flag.is_list()) std::get<std::vector<std::string>*>(flag.target)->clear();
      given = true;
      flag.Assign(value.text);
    }
    return given;
  }

  void CheckRequired() {
    for (const Flag& flag : flags_.flags_) {
      if (!flag.required) continue;
      const std::string* text = LastText(flag, from_words_);
      if (!text) text = LastText(flag, from_files_);
      const std::string example = "--" + flag.name + " " + flag.value_name;
      if (!text) {
        // When a file cannot be read, what it would have given is not missing.
        if (!unreadable_file()) Wrong("--" + flag.name, example + " is required");
      } else if (Trim(*text).empty()) {
        Wrong("--" + flag.name, "--" + flag.name + " must not be empty");
      }
    }
  }

  bool unreadable_file() const {
    for (const Mistake& mistake : mistakes_) {
      if (mistake.where == "--config") return true;
    }
    return false;
  }

  static const std::string* LastText(const Flag& flag, const std::vector<Value>& from) {
    const std::string* text = nullptr;
    for (const Value& value : from) {
      if (value.flag == &flag) text = &value.text;
    }
    return text;
  }

  const Flag* Find(const std::string& name) const {
    for (const Flag& flag : flags_.flags_) {
      if (flag.name == name) return &flag;
    }
    return nullptr;
  }

  // `shown` as typed: with dashes on the command line, without in a file.
  std::string Unknown(const std::string& shown, const std::string& name) const {
    const std::string dashes = shown.substr(0, shown.size() - name.size());
    std::vector<std::string> names = names_;
    if (!dashes.empty()) {
      names.insert(names.end(), {"config", "help"});
      for (const Flag& flag : flags_.flags_) {
        if (flag.is_toggle() && name.starts_with("no-")) names.push_back("no-" + flag.name);
      }
    }
    const std::string nearest = NearestName(name, names);
    return shown + " is unknown" +
           (nearest.empty() ? "" : "; did you mean " + dashes + nearest + "?");
  }

  void Wrong(std::string where, std::string text) {
    mistakes_.push_back({std::move(where), std::move(text)});
  }

  absl::Status Mistakes() const {
    std::string message = mistakes_[0].text;
    if (mistakes_.size() > 1) {
      message = std::to_string(mistakes_.size()) + " mistakes:";
      for (const Mistake& mistake : mistakes_) message += "\n  " + mistake.text;
    }
    Error error = InvalidArgument("FLAGS_INVALID", message);
    for (const Mistake& mistake : mistakes_) error.Field(mistake.where, mistake.text);
    return error;
  }

  const Flags& flags_;
  std::vector<std::string> names_;
  std::vector<Value> from_words_, from_files_;
  std::vector<std::string> config_paths_, rest_;
  std::vector<Mistake> mistakes_;
  bool help_ = false;
};

absl::StatusOr<std::vector<std::string>> Flags::Parse(const std::vector<std::string>& words) {
  return Parser(*this).Run(words);
}

}  // namespace invigil::config
