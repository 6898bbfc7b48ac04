// The words of Connect and gRPC-Web on HTTP/1.1, as pure functions: codes, errors, envelopes,
// content types, timeouts. No socket, no JSON library, no clock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "services/gateway/forward/caller.h"

namespace invigil::gateway {

// How a request is framed and how its messages are written.
enum class Protocol { kConnectUnary, kConnectStream, kGrpcWeb };
enum class Encoding { kProto, kJson };
struct Format {
  Protocol protocol = Protocol::kConnectUnary;
  Encoding encoding = Encoding::kJson;
};

// From a Content-Type, parameters ignored; nullopt: none of ours (415).
std::optional<Format> ParseContentType(std::string_view content_type);
// The content type of an answer in the same format.
std::string_view ContentTypeOf(const Format& format);
// What Accept-Post says when a content type is refused.
inline constexpr std::string_view kAcceptPost =
    "application/json, application/proto, application/connect+json, application/connect+proto, "
    "application/grpc-web+proto";

// "invalid_argument" and so on; "unknown" for numbers that are no code.
std::string_view CodeName(int code);
// The HTTP status of a unary answer.
unsigned HttpStatusOf(int code);

// Value of connect-timeout-ms: 1 to 10 digits. Errors: INVALID_ARGUMENT (TIMEOUT_INVALID).
absl::StatusOr<Duration> ParseConnectTimeout(std::string_view value);
// Value of grpc-timeout: 1 to 8 digits and a unit of H, M, S, m, u, n. Errors as above.
absl::StatusOr<Duration> ParseGrpcTimeout(std::string_view value);

// {"code":...,"message":...,"details":[{"type","value","debug"}]}: `debug` shows the details a
// person can't read from base64.
std::string ErrorJson(const CallEnd& end);

// Five bytes before a message: flags and the length, most significant byte first.
inline constexpr uint8_t kFlagCompressed = 0x01, kFlagConnectEnd = 0x02, kFlagGrpcWebEnd = 0x80;
inline constexpr size_t kEnvelopeBytes = 5;
std::string Envelope(uint8_t flags, std::string_view message);
// The one message of a request body. Errors: INVALID_ARGUMENT (REQUEST_MALFORMED), UNIMPLEMENTED
// (COMPRESSION_UNSUPPORTED).
absl::StatusOr<std::string_view> OpenEnvelope(std::string_view body);

// The last frame of a stream, envelope included.
std::string ConnectEndFrame(const CallEnd& end);
std::string GrpcWebEndFrame(const CallEnd& end);

// A header value that can't break a header: other bytes than visible ASCII and blank are
// percent-encoded, as grpc-message wants it.
std::string PercentEncode(std::string_view text);
std::string Base64(std::string_view bytes);  // standard alphabet, no padding
// A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD.
std::string JsonQuote(std::string_view text);

}  // namespace invigil::gateway
