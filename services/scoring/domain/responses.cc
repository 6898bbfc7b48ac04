#include "services/scoring/domain/responses.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "common/error/error.h"

namespace invigil::scoring {
namespace {

// One error that grows a field at a time; at most this many, so that a bad caller can't make it
// big.
class Problems {
 public:
  void Add(const std::string& path, const std::string& problem) {
    if (!error_) {
      error_ = InvalidArgument(
          "RESPONSE_INVALID",
          "the responses can't belong to the form; nothing was scored: " + path + " " + problem);
    }
    if (++count_ <= kMost) error_->Field(path, problem);
  }
  absl::Status Result() const { return error_ ? error_->Build() : absl::OkStatus(); }

 private:
  static constexpr int kMost = 20;
  std::optional<Error> error_;
  int count_ = 0;
};

std::string Path(size_t i, const char* field) {
  return "responses[" + std::to_string(i) + "]." + field;
}

// Ids are words of line-based text.
bool IsWord(const std::string& id) {
  return !id.empty() && id.size() <= 64 &&
         std::none_of(id.begin(), id.end(), [](unsigned char c) { return c <= 0x20 || c == 0x7f; });
}

}  // namespace

absl::StatusOr<std::vector<SealedResponse>> Canonical(std::vector<SealedResponse> responses) {
  Problems problems;
  std::unordered_map<std::string, size_t> seen;
  for (size_t i = 0; i < responses.size(); ++i) {
    SealedResponse& response = responses[i];
    if (!IsWord(response.item_id)) problems.Add(Path(i, "item_id"), "is not an item's id");
    if (!seen.emplace(response.item_id, i).second) {
      problems.Add(Path(i, "item_id"), "names an item a second time");
    }
    std::vector<std::string>& options = response.option_ids;
    std::sort(options.begin(), options.end());
    if (std::any_of(options.begin(), options.end(),
                    [](const std::string& id) { return OptionIndex(id) < 0; })) {
      problems.Add(Path(i, "option_ids"), "holds something that is no option (\"A\", \"B\", ...)");
    } else if (std::adjacent_find(options.begin(), options.end()) != options.end()) {
      problems.Add(Path(i, "option_ids"), "selects an option twice");
    }
  }
  INVIGIL_RETURN_IF_ERROR(problems.Result());
  std::sort(responses.begin(), responses.end(),
            [](const auto& a, const auto& b) { return a.item_id < b.item_id; });
  return responses;
}

absl::Status CheckAgainst(const std::vector<SealedResponse>& responses, const ScoringKey& key) {
  std::unordered_map<std::string_view, const KeyedItem*> items;
  for (const KeyedItem& item : key.items) items.emplace(item.item_id, &item);
  Problems problems;
  for (size_t i = 0; i < responses.size(); ++i) {
    const auto found = items.find(responses[i].item_id);
    if (found == items.end()) {
      problems.Add(Path(i, "item_id"), "is not on the form");
      continue;
    }
    for (const std::string& option : responses[i].option_ids) {
      const int index = OptionIndex(option);
      if (index < 0 || static_cast<uint32_t>(index) >= found->second->option_count) {
        problems.Add(Path(i, "option_ids"), "holds an option the item does not have");
        break;
      }
    }
  }
  return problems.Result();
}

std::string Serialize(const std::vector<SealedResponse>& responses) {
  std::string out;
  for (const SealedResponse& response : responses) {
    out += response.item_id;
    for (const std::string& option : response.option_ids) (out += ' ') += option;
    out += '\n';
  }
  return out;
}

absl::StatusOr<std::vector<SealedResponse>> ParseResponses(std::string_view text) {
  std::vector<SealedResponse> responses;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) {
      return Internal("stored responses can't be read: the database is damaged");
    }
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    SealedResponse response;
    for (bool first = true; !line.empty(); first = false) {
      const size_t space = std::min(line.find(' '), line.size());
      const std::string word(line.substr(0, space));
      line.remove_prefix(std::min(space + 1, line.size()));
      if (first) {
        response.item_id = word;
      } else {
        response.option_ids.push_back(word);
      }
    }
    responses.push_back(std::move(response));
  }
  return responses;
}

}  // namespace invigil::scoring
