// Credentials between processes: mutual TLS when files are given, plain otherwise (loopback only).
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/config/flags.h"

namespace grpc {
class ServerCredentials;
class ChannelCredentials;
}  // namespace grpc

namespace invigil::rpc {

// PEM files. All three or none.
struct TlsFiles {
  std::string cert;  // this process's certificate chain
  std::string key;   // its private key
  std::string ca;    // who may sign the peers' certificates
  bool enabled() const { return !cert.empty(); }
};

// Declares --tls-cert, --tls-key and --tls-ca.
void DeclareTlsFlags(config::Flags& flags, TlsFiles* files);

// Errors: FAILED_PRECONDITION (TLS_UNUSABLE) naming the file; without files on an address other
// than loopback too, because tokens would travel in the clear.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ServerCredentials(
    const TlsFiles& files, const std::string& listen);
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> ChannelCredentials(const TlsFiles& files);

}  // namespace invigil::rpc
