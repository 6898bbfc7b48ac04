#include "services/item_bank/domain/sections.h"

#include <string>

namespace invigil::item_bank {
namespace {

// Places of a section still to be given, by domain and by whether they are scored.
class Openings {
 public:
  Openings(const Section& section, const Exam& exam) : by_domain_(!section.domains.empty()) {
    if (!by_domain_) {
      scored_ = {section.operational_item_count};
      unscored_ = {section.pretest_item_count};
      return;
    }
    for (const Domain& domain : exam.domains) {
      uint32_t scored = 0, unscored = 0;
      for (const SectionDomain& share : section.domains) {
        if (share.domain_id != domain.domain_id) continue;
        scored += share.operational_item_count;
        unscored += share.pretest_item_count;
      }
      scored_.push_back(scored);
      unscored_.push_back(unscored);
    }
  }

  // Whether there is a place for it, which it takes.
  bool Take(const PoolItem& item) {
    auto& left = (item.operational ? scored_ : unscored_);
    uint32_t& places = left[by_domain_ ? static_cast<size_t>(item.domain) : 0];
    if (places == 0) return false;
    --places;
    return true;
  }

 private:
  bool by_domain_;
  std::vector<uint32_t> scored_, unscored_;
};

}  // namespace

std::vector<uint16_t> DealToSections(const Pool& pool, std::vector<uint16_t> items,
                                     Random& random) {
  const auto sections = pool.exam().Sections();
  if (sections.size() < 2) return items;
  std::vector<uint16_t> dealt;
  dealt.reserve(items.size());
  for (const Section* section : sections) {
    Openings openings(*section, pool.exam());
    std::vector<uint16_t> mine, others;
    for (const uint16_t item : items) {
      (openings.Take(pool.items()[item]) ? mine : others).push_back(item);
    }
    // The items that came first in the common order would keep scored and unscored ones apart
    // unevenly: a section needs an order of its own.
    random.Shuffle(mine);
    dealt.insert(dealt.end(), mine.begin(), mine.end());
    items = std::move(others);
  }
  return dealt;
}

}  // namespace invigil::item_bank
