// The token in an authorization header (RFC 6750), read alike by the gateway and by the services
// behind it.
#pragma once

#include <string_view>

namespace invigil::auth {

// The token behind "Bearer ", whatever the case of the scheme; empty when there is none.
std::string_view BearerToken(std::string_view authorization);

}  // namespace invigil::auth
