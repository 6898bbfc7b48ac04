// Remembers what the server acknowledged and looks for it in what it sealed.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "invigil/session/v1/delivery.pb.h"

namespace invigil::cli {

// One session. One thread.
class ReceiptAudit {
 public:
  // The reply to a save. Returns what is wrong with it: writes that got no acknowledgement, or a
  // STALE one although this was the newest write.
  std::vector<std::string> Acknowledged(
      const std::vector<session::v1::ResponseWrite>& sent,
      const google::protobuf::RepeatedPtrField<session::v1::Ack>& acks);

  // Every acknowledged response that is not in the receipt as it was acknowledged.
  std::vector<std::string> Check(
      const google::protobuf::RepeatedPtrField<session::v1::StoredResponse>& receipt) const;

  // The newest acknowledged write of every item: what SubmitSession names, and what is sent again
  // when the server misses some.
  std::vector<session::v1::ResponseWrite> Newest() const;

 private:
  std::map<std::string, session::v1::ResponseWrite> newest_;
};

}  // namespace invigil::cli
