#include "services/cli/bank/fetch_bank.h"

#include <utility>

namespace invigil::cli {

absl::StatusOr<itembank::v1::Bank> FetchBank(Api& api, const std::string& token,
                                             const std::string& bank_id) {
  itembank::v1::ExportBankRequest request;
  request.set_bank_id(bank_id);
  auto whole = api.ExportBank(request, token);
  if (whole.ok()) return std::move(*whole->mutable_bank());
  if (!absl::IsResourceExhausted(whole.status())) return whole.status();

  itembank::v1::Bank bank;
  bank.set_bank_id(bank_id);
  itembank::v1::ListItemsRequest page_request;
  page_request.set_bank_id(bank_id);
  page_request.set_page_size(100);
  do {
    auto page = api.ListItems(page_request, token);
    if (!page.ok()) return page.status();
    for (auto& item : *page->mutable_items()) *bank.add_items() = std::move(item);
    page_request.set_page_token(page->next_page_token());
  } while (!page_request.page_token().empty());
  return bank;
}

}  // namespace invigil::cli
