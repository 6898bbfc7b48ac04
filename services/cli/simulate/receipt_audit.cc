#include "services/cli/simulate/receipt_audit.h"

#include <algorithm>

namespace invigil::cli {
namespace {

using session::v1::Ack;
using session::v1::ResponseWrite;
using session::v1::StoredResponse;

template <typename Message>
std::vector<std::string> Sorted(const Message& message) {
  std::vector<std::string> ids(message.option_ids().begin(), message.option_ids().end());
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::string Named(const ResponseWrite& write) {
  return "item " + write.item_id() + " sequence " + std::to_string(write.sequence());
}

}  // namespace

std::vector<std::string> ReceiptAudit::Acknowledged(
    const std::vector<ResponseWrite>& sent, const google::protobuf::RepeatedPtrField<Ack>& acks) {
  std::vector<std::string> problems;
  std::map<std::string, const Ack*> by_item;
  for (const Ack& ack : acks) by_item[ack.item_id()] = &ack;
  for (const ResponseWrite& write : sent) {
    const auto found = by_item.find(write.item_id());
    if (found == by_item.end() || found->second->sequence() != write.sequence()) {
      problems.push_back(Named(write) + " was not acknowledged");
    } else if (found->second->status() != session::v1::ACK_STATUS_STORED) {
      problems.push_back(Named(write) + " was the newest but not stored");
    } else {
      ResponseWrite& newest = newest_[write.item_id()];
      if (newest.sequence() <= write.sequence()) newest = write;
    }
  }
  return problems;
}

std::vector<std::string> ReceiptAudit::Check(
    const google::protobuf::RepeatedPtrField<StoredResponse>& receipt) const {
  std::vector<std::string> problems;
  std::map<std::string, const StoredResponse*> by_item;
  for (const StoredResponse& stored : receipt) by_item[stored.item_id()] = &stored;
  for (const auto& [item_id, write] : newest_) {
    const auto found = by_item.find(item_id);
    if (found == by_item.end()) {
      // A cleared item may be left out: it is sealed as unanswered either way.
      if (!write.cleared()) problems.push_back(Named(write) + " is not in the receipt");
      continue;
    }
    const StoredResponse& stored = *found->second;
    if (stored.sequence() != write.sequence()) {
      problems.push_back(Named(write) + " is in the receipt with sequence " +
                         std::to_string(stored.sequence()));
    } else if (Sorted(stored) != Sorted(write) || stored.cleared() != write.cleared()) {
      problems.push_back(Named(write) + " is in the receipt with another value");
    }
  }
  return problems;
}

std::vector<ResponseWrite> ReceiptAudit::Newest() const {
  std::vector<ResponseWrite> writes;
  for (const auto& [item_id, write] : newest_) writes.push_back(write);
  return writes;
}

}  // namespace invigil::cli
