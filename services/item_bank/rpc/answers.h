// Messages of the contract made from stored things: pure functions, tested without a server.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "invigil/itembank/v1/exam.pb.h"
#include "invigil/itembank/v1/form.pb.h"
#include "invigil/itembank/v1/item.pb.h"
#include "invigil/itembank/v1/key.pb.h"
#include "services/item_bank/store/authoring.h"
#include "services/item_bank/store/issue.h"

namespace invigil::item_bank {

namespace v1 = ::invigil::itembank::v1;

// `secret`: the store's; the ids of the parts' texts come from it. The plan is left out where the
// definition says nothing of it.
void Answer(const IssuedForm& form, std::string_view secret, v1::IssueFormResponse* response);
// Contents are sorted by their opaque ids, which say nothing.
void Answer(const IssuedForm& form, std::string_view secret, v1::GetFormContentResponse* response);
void Answer(const IssuedForm& form, v1::GetScoringKeyResponse* response);
void Answer(const ImportResult& result, v1::ImportBankResponse* response);

// `today`: YYYY-MM-DD.
void Summarise(const Exam& exam, const std::string& unavailable_reason, const std::string& today,
               v1::ExamSummary* summary);

}  // namespace invigil::item_bank
