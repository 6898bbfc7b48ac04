#include "common/config/address.h"

#include "common/config/value.h"
#include "common/error/error.h"

namespace invigil::config {
namespace {

absl::Status Wrong(std::string_view text, const std::string& what) {
  return InvalidArgument("ADDRESS_INVALID", "address \"" + std::string(text) + "\" " + what +
                                                "; write HOST:PORT, such as 127.0.0.1:7001");
}

}  // namespace

std::string Address::ToString() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

absl::StatusOr<Address> ParseAddress(std::string_view text) {
  if (text.find_first_of(" \t\r\n/@") != std::string_view::npos) {
    return Wrong(text, "has a space, a slash or an @ in it");
  }
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return Wrong(text, "has no port");
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);

  if (host.starts_with('[')) {
    if (!host.ends_with(']')) return Wrong(text, "has no port behind the closing bracket");
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return Wrong(text, "has more than one colon (IPv6 needs brackets, such as [::1]:7001)");
  }
  if (host.empty()) return Wrong(text, "has no host (0.0.0.0 means every interface)");
  if (port_text.empty()) return Wrong(text, "has no port");
  const std::optional<int64_t> port = ParseNumber(port_text);
  if (!port || *port < 0 || *port > 65535 || port_text[0] == '-') {
    return Wrong(text, "has a port that is not 0 to 65535");
  }
  return Address{std::string(host), static_cast<int>(*port)};
}

}  // namespace invigil::config
