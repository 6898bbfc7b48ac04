#include "services/cli/take/reconcile.h"

#include <algorithm>

#include "common/base/hash.h"

namespace invigil::cli::take {

uint64_t DigestOf(const session::v1::ResponseWrite& write) {
  std::vector<std::string> letters(write.option_ids().begin(), write.option_ids().end());
  std::sort(letters.begin(), letters.end());
  std::string text;
  for (const std::string& letter : letters) text += letter;
  return StableHash(text);
}

Differences Compare(const std::map<std::string, session::v1::ResponseWrite>& newest,
                    const session::v1::GetResponseVectorResponse& vector) {
  std::map<std::string, const session::v1::ResponseDigest*> there;
  for (const auto& digest : vector.responses()) there[digest.item_id()] = &digest;
  Differences differences;
  for (const auto& [item_id, write] : newest) {
    if (write.sequence() == 0) continue;  // never written
    const auto found = there.find(item_id);
    const bool same = found != there.end() && found->second->sequence() >= write.sequence() &&
                      found->second->digest() == DigestOf(write);
    (same ? differences.held : differences.missing).push_back(write);
  }
  return differences;
}

}  // namespace invigil::cli::take
