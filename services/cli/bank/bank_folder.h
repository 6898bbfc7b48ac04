// Banks and exam definitions as files.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "invigil/itembank/v1/exam.pb.h"
#include "invigil/itembank/v1/item.pb.h"

namespace invigil::cli {

// What a file or folder holds: a definition, a bank, or both.
struct BankContent {
  std::optional<itembank::v1::ExamDefinition> exam;
  std::optional<itembank::v1::Bank> bank;
  std::vector<std::string> files;  // read, in order
};

// Reads a file (a bank, or an exam definition when it is one) or a folder: exam.json is the
// definition, every other *.json a part of one bank. Parts are merged in the order of their names;
// title, exam and license may stand in one part only. Errors: NOT_FOUND FILE_NOT_FOUND;
// INVALID_ARGUMENT FILE_INVALID with every file's problem as a field: not JSON, an unknown field,
// parts that contradict each other, an item that stands twice.
absl::StatusOr<BankContent> ReadBankContent(const std::string& path);

// The merging alone: parts with the names of their files.
absl::StatusOr<itembank::v1::Bank> MergeBanks(
    const std::vector<std::pair<std::string, itembank::v1::Bank>>& parts);

}  // namespace invigil::cli
