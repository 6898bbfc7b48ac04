// Where webhooks may go: an operator's webhook must not become a way to call what only this machine
// or its network can reach.
#pragma once

#include <string>

#include "absl/status/status.h"

struct sockaddr;

namespace invigil::session {

struct AddressRule {
  bool allow_http = false;     // unencrypted
  bool allow_private = false;  // addresses that are not public
};

// Whether an address is a public one: not loopback, private, link-local, shared, multicast,
// reserved or unspecified (IANA's special-purpose registries, RFC 6890), nor an IPv6 address that
// leads to such an IPv4 one. Only IPv4 and IPv6.
bool IsPublicAddress(const sockaddr& address);

// The form of a URL, and its host where that is an address. What a name resolves to is checked when
// the connection is made. Errors: INVALID_ARGUMENT (WEBHOOK_INVALID).
absl::Status CheckWebhookUrl(const std::string& url, const AddressRule& rule);

}  // namespace invigil::session
