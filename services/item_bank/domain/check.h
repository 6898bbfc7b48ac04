// The rules an item and a bank must keep. Blocking findings keep it out of the store; advice is
// what a careful author would mend.
#pragma once

#include <functional>
#include <string>

#include "services/item_bank/domain/exam.h"
#include "services/item_bank/domain/finding.h"
#include "services/item_bank/domain/item.h"

namespace invigil::item_bank {

// Parameters are finite and within: slope (0, 10], difficulty [-6, 6], lower asymptote [0, 0.95].
void CheckIrt(const IrtParameters& irt, const std::string& path, Findings& findings);

// One item alone: texts, options, keys, counts, status, parameters. `exam` may be null (then domain
// and task are only checked for form). Expects Normalise to have run.
Findings CheckItem(const Item& item, const Exam* exam);

// The parts of a definition, its counts against the blueprint and its limits against the duration;
// and when one may sit again. Fields are paths within the definition. CheckExam calls both.
void CheckParts(const Exam& exam, Findings& findings);
void CheckRetakes(const Exam& exam, Findings& findings);

// What a new version may not change: an item out of use stays out of use. Adds to `findings`.
void CheckSuccessor(const Item& next, const Item& newest, Findings& findings);

// Answers whether the store holds an item of that id in the bank, and of another bank.
struct KnownItems {
  std::function<bool(const std::string& item_id)> in_bank = [](const std::string&) {
    return false;
  };
  std::function<bool(const std::string& item_id)> elsewhere = [](const std::string&) {
    return false;
  };
};

// A bank file: its header, every item, ids unique in it. Enemies that neither the file nor the
// store holds are advice: another file of the bank may bring them.
Findings CheckBank(const Bank& bank, const Exam* exam, const KnownItems& known);

}  // namespace invigil::item_bank
