// Items and banks as the rules see them. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"

namespace invigil::item_bank {

// The numbers of these enums are those of the contract (protos/invigil/itembank/v1/item.proto).
enum class ItemType { kUnspecified = 0, kSingleChoice = 1, kMultipleResponse = 2 };
enum class CognitiveLevel { kUnspecified = 0, kRemember = 1, kUnderstand = 2, kApply = 3 };
enum class ItemStatus {
  kUnspecified = 0,
  kDraft = 1,
  kPretest = 2,
  kOperational = 3,
  kRetired = 4
};

struct Option {
  std::string option_id;
  std::string text;
  bool is_key = false;
  std::string rationale;
  bool operator==(const Option&) const = default;
};

// P = g + (1 - g) / (1 + exp(-a (theta - b))).
struct IrtParameters {
  double slope = 0;
  double difficulty = 0;
  double lower_asymptote = 0;
  uint32_t sample_size = 0;
  // The accepted calibration they come from, with its standard errors; empty: they came with the
  // item.
  std::string calibration_id{};
  std::optional<double> slope_error{}, difficulty_error{}, asymptote_error{};
  bool operator==(const IrtParameters&) const = default;
};

// The chance of a right answer at ability `theta`.
double ProbabilityRight(const IrtParameters& irt, double theta);

struct Reference {
  std::string title;
  std::string url;
  bool operator==(const Reference&) const = default;
};

// One version of an item. Stored versions never change.
struct Item {
  std::string item_id;
  std::string bank_id;
  uint32_t version = 0;
  std::string domain_id;
  std::string task_id;
  ItemType type = ItemType::kUnspecified;
  uint32_t select_count = 0;
  CognitiveLevel cognitive_level = CognitiveLevel::kUnspecified;
  std::string stem;
  std::vector<Option> options;
  std::optional<IrtParameters> irt;
  std::vector<std::string> enemy_item_ids;  // sorted once stored
  std::vector<Reference> references;
  ItemStatus status = ItemStatus::kUnspecified;
  Time create_time;
  bool promoted = false;  // from pretest, on its statistics

  // Whether forms may show it.
  bool Drawable() const {
    return status == ItemStatus::kPretest || status == ItemStatus::kOperational;
  }
  // Equal in everything an author writes: version and time apart.
  bool SameContent(const Item& other) const;
  // Equal in what a candidate reads and in its key: answers to one are answers to the other.
  bool SameQuestion(const Item& other) const;
};

struct BankHeader {
  std::string bank_id;
  std::string title;
  std::string exam_id;
  std::string license;
  bool operator==(const BankHeader&) const = default;
};

struct Bank {
  BankHeader header;
  std::vector<Item> items;
};

// Fills what an author may leave out and sorts what has no order: status draft, the bank's id,
// enemies sorted and once each, version and time cleared, and what only the service sets.
void Normalise(Item& item, const std::string& bank_id);

// What people accepted of an item outlives a file that does not know of it: where the question is
// the same, calibrated parameters stay, and a promoted item is not pretest again. With
// `numbers_count` other parameters than the stored ones are meant and replace them.
void KeepAccepted(Item& item, const Item& stored, bool numbers_count);

}  // namespace invigil::item_bank
