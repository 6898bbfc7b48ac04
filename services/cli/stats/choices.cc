#include "services/cli/stats/choices.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <string_view>
#include <unordered_map>

#include "common/config/value.h"
#include "common/error/error.h"
#include "services/cli/stats/csv.h"

namespace invigil::cli::stats {
namespace {

using scoring::classical::Choices;
using scoring::classical::kOmitted;

// Numbers for names, in order of appearance.
class Options {
 public:
  // -2: there are more than a form can have.
  int16_t Find(std::string_view name) {
    const auto found = numbers_.find(std::string(name));
    if (found != numbers_.end()) return found->second;
    if (names_.size() >= 1000) return -2;
    const auto number = static_cast<int16_t>(names_.size());
    names_.emplace_back(name);
    numbers_.emplace(name, number);
    return number;
  }
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::vector<std::string> names_;
  std::unordered_map<std::string, int16_t> numbers_;
};

absl::StatusOr<std::map<std::string, std::string>> ReadKey(const std::string& file) {
  const auto table = ReadCsv(file);
  if (!table.ok()) return table.status();
  const auto item = table->Column("item");
  if (!item.ok()) return item.status();
  const auto key = table->Column("key");
  if (!key.ok()) return key.status();
  std::map<std::string, std::string> keys;
  for (const auto& row : table->rows) {
    const std::string option(config::Trim(row[*key]));
    if (option.empty()) {
      return InvalidArgument("KEY_EMPTY", file + " has no key for \"" + row[*item] +
                                              "\"; give its option, or take the row out");
    }
    if (!keys.emplace(row[*item], option).second) {
      return InvalidArgument("ITEM_REPEATED", file + " has two keys for \"" + row[*item] +
                                                  "\"; take one of the rows out");
    }
  }
  if (keys.empty()) {
    return InvalidArgument("KEY_EMPTY", file + " names no item; give one row per item");
  }
  return keys;
}

// Options by name instead of by appearance, so that tables read the same whoever comes first.
void Sort(Choices& choices) {
  std::vector<int16_t> order(choices.options.size()), place(choices.options.size());
  std::iota(order.begin(), order.end(), int16_t{0});
  const auto name = [&](int16_t o) -> const std::string& {
    return choices.options[static_cast<size_t>(o)];
  };
  std::sort(order.begin(), order.end(), [&](int16_t a, int16_t b) { return name(a) < name(b); });
  std::vector<std::string> sorted;
  for (size_t i = 0; i < order.size(); ++i) {
    place[static_cast<size_t>(order[i])] = static_cast<int16_t>(i);
    sorted.push_back(name(order[i]));
  }
  choices.options = std::move(sorted);
  for (int16_t& cell : choices.cells) {
    if (cell != kOmitted) cell = place[static_cast<size_t>(cell)];
  }
  for (int16_t& key : choices.key) key = place[static_cast<size_t>(key)];
}

}  // namespace

absl::StatusOr<ChoiceFile> ReadChoices(const std::string& responses, const std::string& key) {
  auto keys = ReadKey(key);
  if (!keys.ok()) return keys.status();
  const auto text = ReadFile(responses);
  if (!text.ok()) return text.status();
  CsvWalker walker(*text, responses);
  const auto header = ReadHeader(walker);
  if (!header.ok()) return header.status();

  ChoiceFile file;
  Choices& choices = file.choices;
  Options options;
  std::vector<size_t> columns;
  for (size_t c = 0; c < header->size(); ++c) {
    const auto found = keys->find((*header)[c]);
    if (found == keys->end()) {
      file.ignored.push_back((*header)[c]);
      continue;
    }
    columns.push_back(c);
    choices.items.push_back(found->first);
    choices.key.push_back(options.Find(found->second));
    keys->erase(found);
  }
  if (!keys->empty()) {
    return InvalidArgument("KEY_ITEM_MISSING", key + " has a key for \"" + keys->begin()->first +
                                                   "\", which is no column of " + responses +
                                                   "; name items alike in both files");
  }
  std::vector<std::string_view> cells;
  while (walker.Next(cells)) {
    ++choices.persons;
    for (size_t c : columns) {
      const std::string_view cell = config::Trim(cells[c]);
      const int16_t option = cell.empty() || cell == "NA" ? kOmitted : options.Find(cell);
      if (option < kOmitted) {
        return InvalidArgument("OPTIONS_TOO_MANY",
                               responses + ", line " + std::to_string(walker.line()) +
                                   ": more than 1,000 different options so far; cells are the "
                                   "options chosen, not texts or numbers");
      }
      choices.cells.push_back(option);
    }
  }
  if (!walker.status().ok()) return walker.status();
  if (choices.persons == 0) {
    return InvalidArgument("RESPONSES_EMPTY", responses + " has no person; give one row for each");
  }
  choices.options = options.names();
  Sort(choices);
  return file;
}

}  // namespace invigil::cli::stats
