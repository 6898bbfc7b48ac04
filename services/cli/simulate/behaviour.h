// What a simulated candidate answers, and in which order. Pure: the same seed, ability and form
// give the same writes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "invigil/session/v1/delivery.pb.h"
#include "services/cli/simulate/item_book.h"

namespace invigil::cli {

// Probability of a right answer at ability `theta` (3PL, logistic metric).
double ProbabilityRight(const KnownItem& item, double theta);

// The displayed options that are keyed, sorted.
std::vector<std::string> KeyedOptions(const session::v1::DisplayedItem& displayed,
                                      const KnownItem& item);

// A wrong selection of select_count options, uniform over all of them; sorted. `keyed` is sorted.
std::vector<std::string> WrongOptions(const session::v1::DisplayedItem& displayed,
                                      const std::vector<std::string>& keyed, Random& random);

struct SittingPlan {
  // Saves in order; each names an item once. Sequences rise from 1 per item.
  std::vector<std::vector<session::v1::ResponseWrite>> saves;
  int items_right = 0;
  int items_unknown = 0;  // answered by chance, because the bank no longer holds them
};

// What a section lets a candidate do.
struct SectionRules {
  bool forward_only = false;           // no way back: an answer is changed before the next is given
  std::optional<uint32_t> edit_quota;  // how many given answers may be changed; nullopt: any number
};

// Answers every item: right with ProbabilityRight, by a draw that belongs to candidate and bank
// item (so another form gives the same verdict), wrong ones at random. Saves one to six items at a
// time; about one item in ten is answered differently at first and changed on a second pass, and
// some of those are cleared in between. `session` has the items of one section.
SittingPlan PlanSitting(const session::v1::Session& session, const ItemBook& book, double theta,
                        uint64_t seed, const SectionRules& rules = {});

// Ability of candidate `index`, drawn from N(mean, sd).
double DrawAbility(uint64_t seed, int index, double mean, double sd);
// Seed of candidate `index`.
uint64_t CandidateSeed(uint64_t seed, int index);

}  // namespace invigil::cli
