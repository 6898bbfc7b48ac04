#include "services/cli/simulate/item_book.h"

#include <utility>

namespace invigil::cli {
namespace {

template <typename Options>
std::string Signature(const std::string& stem, const Options& options) {
  std::multiset<std::string> texts;
  for (const auto& option : options) texts.insert(option.text());
  std::string signature = stem;
  for (const std::string& text : texts) signature += '\0' + text;
  return signature;
}

}  // namespace

ItemBook::ItemBook(const itembank::v1::Bank& bank) {
  for (const itembank::v1::Item& item : bank.items()) {
    KnownItem known;
    known.bank_item_id = item.item_id();
    for (const auto& option : item.options()) {
      if (option.is_key()) known.key_texts.insert(option.text());
    }
    if (item.has_irt() && item.irt().slope() > 0) {
      known.slope = item.irt().slope();
      known.difficulty = item.irt().difficulty();
      known.lower_asymptote = item.irt().lower_asymptote();
    } else if (item.type() == itembank::v1::ITEM_TYPE_SINGLE_CHOICE && item.options_size() > 0) {
      known.lower_asymptote = 1.0 / item.options_size();
    }
    items_.emplace(Signature(item.stem(), item.options()), std::move(known));
  }
}

const KnownItem* ItemBook::Find(const session::v1::DisplayedItem& displayed) const {
  const auto found = items_.find(Signature(displayed.stem(), displayed.options()));
  return found == items_.end() ? nullptr : &found->second;
}

}  // namespace invigil::cli
