#include "services/cli/bank/bank_folder.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <system_error>

#include "common/error/error.h"
#include "services/cli/core/json.h"

namespace invigil::cli {
namespace {

namespace fs = std::filesystem;
namespace pb = itembank::v1;

constexpr char kExamFile[] = "exam.json";

Error Invalid(const std::string& path) {
  return InvalidArgument("FILE_INVALID", path + " can't be used; correct what is named below");
}

std::optional<std::string> ReadText(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return std::nullopt;
  return text.str();
}

std::string Said(const absl::Status& status) { return std::string(status.message()); }

// Takes what a part states, unless another part states something else.
void TakeOnce(const std::string& file, const char* field, const std::string& stated,
              std::string* merged, Error& error, bool& wrong) {
  if (stated.empty() || stated == *merged) return;
  if (merged->empty()) {
    *merged = stated;
    return;
  }
  error.Field(file, std::string(field) + " is \"" + stated + "\", but another file says \"" +
                        *merged + "\": all files of a folder are one bank");
  wrong = true;
}

std::vector<fs::path> JsonFiles(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".json" && entry.is_regular_file(error)) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

// A file alone may be either; exam definitions and banks share no required field but two names, so
// only one of the two strict readings succeeds.
absl::Status ReadEither(const std::string& text, bool named_exam, BankContent& content) {
  pb::Bank bank;
  absl::Status as_bank = named_exam ? absl::UnknownError("") : FromJson(text, &bank);
  if (as_bank.ok()) {
    content.bank = std::move(bank);
    return as_bank;
  }
  pb::ExamDefinition exam;
  absl::Status as_exam = FromJson(text, &exam);
  if (as_exam.ok()) {
    content.exam = std::move(exam);
    return as_exam;
  }
  return named_exam ? as_exam : as_bank;
}

}  // namespace

absl::StatusOr<pb::Bank> MergeBanks(const std::vector<std::pair<std::string, pb::Bank>>& parts) {
  pb::Bank merged;
  std::map<std::string, std::string> file_of_item;
  Error error = Invalid("the bank");
  bool wrong = false;
  for (const auto& [file, part] : parts) {
    if (part.bank_id().empty()) {
      error.Field(file, "bankId is missing: every file of a bank names it");
      wrong = true;
    }
    TakeOnce(file, "bankId", part.bank_id(), merged.mutable_bank_id(), error, wrong);
    TakeOnce(file, "examId", part.exam_id(), merged.mutable_exam_id(), error, wrong);
    TakeOnce(file, "title", part.title(), merged.mutable_title(), error, wrong);
    TakeOnce(file, "license", part.license(), merged.mutable_license(), error, wrong);
    for (const pb::Item& item : part.items()) {
      const auto [place, is_new] = file_of_item.emplace(item.item_id(), file);
      if (!is_new) {
        error.Field(file, "item \"" + item.item_id() + "\" stands in " + place->second +
                              (place->second == file ? " twice" : " too") +
                              ": keep it in one place");
        wrong = true;
      }
      *merged.add_items() = item;
    }
  }
  if (wrong) return error;
  return merged;
}

absl::StatusOr<BankContent> ReadBankContent(const std::string& path) {
  std::error_code error_code;
  const bool folder = fs::is_directory(path, error_code);
  if (!folder && !fs::exists(path, error_code)) {
    return NotFound("FILE_NOT_FOUND", "there is no file or folder " + path + "; check the name");
  }
  const std::vector<fs::path> files = folder ? JsonFiles(path) : std::vector<fs::path>{path};
  if (files.empty()) {
    return NotFound("FILE_NOT_FOUND",
                    path + " holds no *.json files; name a folder with a bank or an exam.json");
  }
  BankContent content;
  std::vector<std::pair<std::string, pb::Bank>> parts;
  Error error = Invalid(path);
  bool wrong = false;
  for (const fs::path& file : files) {
    const std::string name = folder ? file.filename().string() : file.string();
    content.files.push_back(file.string());
    const auto text = ReadText(file);
    absl::Status status = absl::OkStatus();
    if (!text) {
      status = absl::UnknownError("it can't be read; check its permissions");
    } else if (!folder) {
      status = ReadEither(*text, file.filename() == kExamFile, content);
    } else if (name == kExamFile) {
      status = FromJson(*text, &content.exam.emplace());
    } else {
      status = FromJson(*text, &parts.emplace_back(name, pb::Bank()).second);
    }
    if (!status.ok()) {
      error.Field(name, Said(status));
      wrong = true;
    }
  }
  if (wrong) return error;
  if (content.bank) parts.emplace_back(path, *std::move(content.bank));
  if (!parts.empty()) {
    auto merged = MergeBanks(parts);
    if (!merged.ok()) return merged.status();
    content.bank = *std::move(merged);
  }
  return content;
}

}  // namespace invigil::cli
