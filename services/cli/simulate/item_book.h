// Finds the bank's item behind a displayed one. The ids a candidate sees are opaque, so the match
// is by what can be read: the stem and the options in any order.
#pragma once

#include <map>
#include <set>
#include <string>

#include "invigil/itembank/v1/item.pb.h"
#include "invigil/session/v1/delivery.pb.h"

namespace invigil::cli {

struct KnownItem {
  std::string bank_item_id;
  std::set<std::string> key_texts;
  double slope = 1, difficulty = 0, lower_asymptote = 0;
};

// Immutable once made: threads may share one.
class ItemBook {
 public:
  explicit ItemBook(const itembank::v1::Bank& bank);
  // nullptr: the bank holds no such item (it changed after the form was made).
  const KnownItem* Find(const session::v1::DisplayedItem& displayed) const;
  size_t size() const { return items_.size(); }

 private:
  std::map<std::string, KnownItem> items_;
};

}  // namespace invigil::cli
