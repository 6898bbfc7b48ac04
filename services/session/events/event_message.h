// A notice as other teams receive it.
#pragma once

#include <string>

#include "invigil/session/v1/events.pb.h"
#include "services/session/events/notice_reader.h"

namespace invigil::session {

void ToProto(const NoticeRecord& record, v1::SessionEvent* event);

// The body of a delivery: the JSON form of the message, every field present that can be.
std::string EventJson(const NoticeRecord& record);

// The value of the header Invigil-Signature: "v1=" and the hexadecimal HMAC-SHA-256 (RFC 2104) of
// "timestamp.body", once for every secret that is not empty, separated by commas.
std::string SignatureOf(const std::string& timestamp, const std::string& body,
                        const std::string& secret, const std::string& old_secret);

}  // namespace invigil::session
