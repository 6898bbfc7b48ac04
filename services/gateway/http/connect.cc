#include "services/gateway/http/connect.h"

#include <array>
#include <cstdio>

#include "common/error/error.h"
#include "common/error/wire.h"

namespace invigil::gateway {
namespace {

struct Code {
  std::string_view name;
  unsigned http;
};
constexpr std::array<Code, 17> kCodes = {{{"ok", 200},
                                          {"canceled", 499},
                                          {"unknown", 500},
                                          {"invalid_argument", 400},
                                          {"deadline_exceeded", 504},
                                          {"not_found", 404},
                                          {"already_exists", 409},
                                          {"permission_denied", 403},
                                          {"resource_exhausted", 429},
                                          {"failed_precondition", 400},
                                          {"aborted", 409},
                                          {"out_of_range", 400},
                                          {"unimplemented", 501},
                                          {"internal", 500},
                                          {"unavailable", 503},
                                          {"data_loss", 500},
                                          {"unauthenticated", 401}}};

const Code& CodeOf(int code) {
  return kCodes[code >= 0 && code < static_cast<int>(kCodes.size()) ? static_cast<size_t>(code)
                                                                    : 2];
}

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

absl::Status TimeoutInvalid(const char* header, const char* form) {
  return InvalidArgument("TIMEOUT_INVALID", std::string(header) + " must be " + form);
}

std::optional<int64_t> Digits(std::string_view text, size_t most) {
  if (text.empty() || text.size() > most) return std::nullopt;
  int64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

// Length of the well-formed UTF-8 sequence at the front (RFC 3629); 0 when it is not one.
size_t Utf8Length(std::string_view s) {
  const auto at = [&](size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0u; };
  const auto tail = [&](size_t i) { return (at(i) & 0xc0) == 0x80; };
  const unsigned a = at(0), b = at(1);
  if (a < 0x80) return 1;
  if (a >= 0xc2 && a <= 0xdf) return tail(1) ? 2 : 0;
  if (a >= 0xe0 && a <= 0xef) {
    if (!tail(1) || !tail(2) || (a == 0xe0 && b < 0xa0) || (a == 0xed && b >= 0xa0)) return 0;
    return 3;
  }
  if (a >= 0xf0 && a <= 0xf4) {
    if (!tail(1) || !tail(2) || !tail(3) || (a == 0xf0 && b < 0x90) || (a == 0xf4 && b >= 0x90))
      return 0;
    return 4;
  }
  return 0;
}

// `debug` of the details we know; empty for others.
std::string DebugJson(std::string_view type, std::string_view value) {
  std::string out;
  WireReader reader(value);
  if (type == "google.rpc.ErrorInfo") {
    std::string reason, domain, metadata;
    while (auto field = reader.Next()) {
      if (field->number == 1) reason = field->bytes;
      if (field->number == 2) domain = field->bytes;
      if (field->number != 3) continue;
      std::string_view name, text;
      WireReader pair(field->bytes);
      while (auto part = pair.Next()) (part->number == 1 ? name : text) = part->bytes;
      metadata += (metadata.empty() ? "" : ",") + JsonQuote(name) + ":" + JsonQuote(text);
    }
    out = "{\"reason\":" + JsonQuote(reason) + ",\"domain\":" + JsonQuote(domain) +
          (metadata.empty() ? "" : ",\"metadata\":{" + metadata + "}") + "}";
  } else if (type == "google.rpc.BadRequest") {
    while (auto field = reader.Next()) {
      std::string_view path, text;
      WireReader pair(field->bytes);
      while (auto part = pair.Next()) (part->number == 1 ? path : text) = part->bytes;
      out += (out.empty() ? "" : ",") + std::string("{\"field\":") + JsonQuote(path) +
             ",\"description\":" + JsonQuote(text) + "}";
    }
    out = "{\"fieldViolations\":[" + out + "]}";
  } else if (type == "google.rpc.RetryInfo") {
    uint64_t seconds = 0, nanos = 0;
    while (auto field = reader.Next()) {
      WireReader delay(field->bytes);
      while (auto part = delay.Next()) (part->number == 1 ? seconds : nanos) = part->varint;
    }
    char text[48];
    std::snprintf(text, sizeof text, "%llu.%03llus", static_cast<unsigned long long>(seconds),
                  static_cast<unsigned long long>(nanos / 1'000'000));
    out = std::string("{\"retryDelay\":\"") + text + "\"}";
  }
  return out;
}

std::string DetailsJson(std::string_view details) {
  std::string out;
  WireReader reader(details);
  while (auto field = reader.Next()) {
    if (field->number != 3 || field->wire_type != 2) continue;
    std::string_view type, value;
    WireReader any(field->bytes);
    while (auto part = any.Next()) (part->number == 1 ? type : value) = part->bytes;
    // Connect writes the bare name of the type.
    if (const size_t slash = type.rfind('/'); slash != std::string_view::npos)
      type.remove_prefix(slash + 1);
    if (type.empty()) continue;
    out += std::string(out.empty() ? "" : ",") + "{\"type\":" + JsonQuote(type) + ",\"value\":\"" +
           Base64(value) + "\"";
    if (const std::string debug = DebugJson(type, value); !debug.empty())
      out += ",\"debug\":" + debug;
    out += "}";
  }
  return out;
}

}  // namespace

std::optional<Format> ParseContentType(std::string_view content_type) {
  std::string_view bare = content_type.substr(0, content_type.find(';'));
  while (!bare.empty() && bare.back() == ' ') bare.remove_suffix(1);
  const std::string type = Lower(bare);
  if (type == "application/json") return Format{Protocol::kConnectUnary, Encoding::kJson};
  if (type == "application/proto") return Format{Protocol::kConnectUnary, Encoding::kProto};
  if (type == "application/connect+json") return Format{Protocol::kConnectStream, Encoding::kJson};
  if (type == "application/connect+proto")
    return Format{Protocol::kConnectStream, Encoding::kProto};
  if (type == "application/grpc-web" || type == "application/grpc-web+proto")
    return Format{Protocol::kGrpcWeb, Encoding::kProto};
  return std::nullopt;
}

std::string_view ContentTypeOf(const Format& format) {
  const bool json = format.encoding == Encoding::kJson;
  switch (format.protocol) {
    case Protocol::kConnectUnary:
      return json ? "application/json" : "application/proto";
    case Protocol::kConnectStream:
      return json ? "application/connect+json" : "application/connect+proto";
    case Protocol::kGrpcWeb:
      return "application/grpc-web+proto";
  }
  return "";
}

std::string_view CodeName(int code) { return CodeOf(code).name; }
unsigned HttpStatusOf(int code) { return CodeOf(code).http; }

absl::StatusOr<Duration> ParseConnectTimeout(std::string_view value) {
  const auto ms = Digits(value, 10);
  if (!ms) return TimeoutInvalid("connect-timeout-ms", "milliseconds, 1 to 10 digits");
  return Millis(*ms);
}

absl::StatusOr<Duration> ParseGrpcTimeout(std::string_view value) {
  const absl::Status invalid =
      TimeoutInvalid("grpc-timeout", "1 to 8 digits and one of H, M, S, m, u, n");
  if (value.empty()) return invalid;
  const auto amount = Digits(value.substr(0, value.size() - 1), 8);
  if (!amount) return invalid;
  switch (value.back()) {
    case 'H':
      return Minutes(60) * *amount;
    case 'M':
      return Minutes(*amount);
    case 'S':
      return Seconds(*amount);
    case 'm':
      return Millis(*amount);
    case 'u':
      return Micros(*amount);
    case 'n':
      return Micros(*amount / 1000);
    default:
      return invalid;
  }
}

std::string ErrorJson(const CallEnd& end) {
  std::string out = "{\"code\":\"" + std::string(CodeName(end.code)) + "\"";
  if (!end.message.empty()) out += ",\"message\":" + JsonQuote(end.message);
  if (const std::string details = DetailsJson(end.details); !details.empty())
    out += ",\"details\":[" + details + "]";
  return out + "}";
}

std::string Envelope(uint8_t flags, std::string_view message) {
  std::string out;
  out.reserve(kEnvelopeBytes + message.size());
  out.push_back(static_cast<char>(flags));
  for (int shift = 24; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(message.size() >> shift & 0xff));
  out += message;
  return out;
}

absl::StatusOr<std::string_view> OpenEnvelope(std::string_view body) {
  if (body.size() < kEnvelopeBytes) {
    return InvalidArgument("REQUEST_MALFORMED",
                           "the body must be one message behind five bytes: flags and its length");
  }
  const auto flags = static_cast<uint8_t>(body[0]);
  size_t length = 0;
  for (size_t i = 1; i < 5; ++i) length = length << 8 | static_cast<unsigned char>(body[i]);
  if (flags & kFlagCompressed) {
    return Error(absl::StatusCode::kUnimplemented, "COMPRESSION_UNSUPPORTED",
                 "messages can't be compressed here; send them as they are");
  }
  if (flags != 0) {
    return InvalidArgument("REQUEST_MALFORMED",
                           "the flags before the message must be 0: one message, not compressed");
  }
  if (length != body.size() - kEnvelopeBytes) {
    return InvalidArgument("REQUEST_MALFORMED",
                           "the body must be exactly one message; its envelope says " +
                               std::to_string(length) + " bytes, " +
                               std::to_string(body.size() - kEnvelopeBytes) + " came");
  }
  return body.substr(kEnvelopeBytes);
}

std::string ConnectEndFrame(const CallEnd& end) {
  std::string json = "{";
  if (end.code != 0) json += "\"error\":" + ErrorJson(end);
  if (!end.trailers.empty()) {
    // Values of one name stand together.
    std::string metadata;
    Metadata rest = end.trailers;
    while (!rest.empty()) {
      const std::string name = rest.front().first;
      std::string values;
      std::erase_if(rest, [&](const auto& pair) {
        if (pair.first != name) return false;
        values += (values.empty() ? "" : ",") +
                  JsonQuote(name.ends_with("-bin") ? Base64(pair.second) : pair.second);
        return true;
      });
      metadata += (metadata.empty() ? "" : ",") + JsonQuote(name) + ":[" + values + "]";
    }
    json += std::string(json.size() > 1 ? "," : "") + "\"metadata\":{" + metadata + "}";
  }
  return Envelope(kFlagConnectEnd, json + "}");
}

std::string GrpcWebEndFrame(const CallEnd& end) {
  std::string text = "grpc-status: " + std::to_string(end.code) + "\r\n";
  if (!end.message.empty()) text += "grpc-message: " + PercentEncode(end.message) + "\r\n";
  if (!end.details.empty()) text += "grpc-status-details-bin: " + Base64(end.details) + "\r\n";
  for (const auto& [name, value] : end.trailers) {
    text += name + ": " + (name.ends_with("-bin") ? Base64(value) : PercentEncode(value)) + "\r\n";
  }
  return Envelope(kFlagGrpcWebEnd, text);
}

std::string PercentEncode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c >= ' ' && c <= '~' && c != '%') {
      out.push_back(c);
    } else {
      char escaped[4];
      std::snprintf(escaped, sizeof escaped, "%%%02X", static_cast<unsigned char>(c));
      out += escaped;
    }
  }
  return out;
}

std::string Base64(std::string_view bytes) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  uint32_t bits = 0;
  int have = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (have += 8; have >= 6; have -= 6) out.push_back(kAlphabet[bits >> (have - 6) & 63]);
  }
  if (have > 0) out.push_back(kAlphabet[bits << (6 - have) & 63]);
  return out;
}

std::string JsonQuote(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    const char c = text.front();
    if (length == 0) {
      out += "\xef\xbf\xbd";
    } else if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", c);
      out += escaped;
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out + "\"";
}

}  // namespace invigil::gateway
