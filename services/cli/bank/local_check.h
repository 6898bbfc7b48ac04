// What can be seen in a bank or a definition without a suite. The item bank service checks all of
// this again and more; here it is checked so that authors can work on a train.
#pragma once

#include <vector>

#include "invigil/itembank/v1/exam.pb.h"
#include "invigil/itembank/v1/item.pb.h"

namespace invigil::cli {

// Keys against select_count, options that repeat, references to enemies that are not in the bank,
// missing rationales and references.
std::vector<itembank::v1::BankFinding> CheckBankLocally(const itembank::v1::Bank& bank);

// Sums of the blueprint, the order of the scale, sources and their dates. `item_id` stays empty.
std::vector<itembank::v1::BankFinding> CheckExamLocally(const itembank::v1::ExamDefinition& exam);

// Whether the bank is written for the exam beside it.
std::vector<itembank::v1::BankFinding> CheckTogether(const itembank::v1::ExamDefinition& exam,
                                                     const itembank::v1::Bank& bank);

}  // namespace invigil::cli
