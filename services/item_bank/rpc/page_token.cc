#include "services/item_bank/rpc/page_token.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "common/base/hash.h"
#include "common/error/error.h"

namespace invigil::item_bank {
namespace {

constexpr size_t kTagSize = 8;

std::string Tag(std::string_view secret, std::string_view scope, std::string_view last) {
  std::string message = "page";
  for (const std::string_view part : {scope, last}) {
    message += std::to_string(part.size()) + ":";
    message += part;
  }
  return HmacSha256(secret, message).substr(0, kTagSize);
}

}  // namespace

std::string MakePageToken(std::string_view secret, std::string_view scope, std::string_view last) {
  const std::string bytes = Tag(secret, scope, last) + std::string(last);
  return absl::WebSafeBase64Escape(absl::string_view(bytes.data(), bytes.size()));
}

absl::StatusOr<std::string> ReadPageToken(std::string_view secret, std::string_view scope,
                                          std::string_view token) {
  if (token.empty()) return std::string();
  std::string bytes;
  const bool text =
      absl::WebSafeBase64Unescape(absl::string_view(token.data(), token.size()), &bytes);
  if (text && bytes.size() > kTagSize) {
    std::string last = bytes.substr(kTagSize);
    if (Tag(secret, scope, last) == bytes.substr(0, kTagSize)) return last;
  }
  return InvalidArgument("PAGE_INVALID", "page_token is not from this list: start without one")
      .Field("page_token", "must come from a page of the same list and filter");
}

absl::StatusOr<int> PageSize(int wanted, int normal, int most) {
  if (wanted < 0) {
    return InvalidArgument("PAGE_INVALID", "page_size must not be negative")
        .Field("page_size", "must be from 0 to " + std::to_string(most));
  }
  return wanted == 0 ? normal : std::min(wanted, most);
}

}  // namespace invigil::item_bank
