#include "common/rpc/tls.h"

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include <fstream>
#include <sstream>

#include "common/error/error.h"

namespace invigil::rpc {
namespace {

absl::StatusOr<std::string> ReadFile(const std::string& flag, const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file || text.str().empty()) {
    return FailedPrecondition("TLS_UNUSABLE", "--" + flag + ": can't read " +
                                                  (path.empty() ? "(not given)" : path) +
                                                  "; give a PEM file");
  }
  return text.str();
}

struct Pems {
  std::string cert, key, ca;
};

absl::StatusOr<Pems> ReadAll(const TlsFiles& files) {
  auto cert = ReadFile("tls-cert", files.cert);
  if (!cert.ok()) return cert.status();
  auto key = ReadFile("tls-key", files.key);
  if (!key.ok()) return key.status();
  auto ca = ReadFile("tls-ca", files.ca);
  if (!ca.ok()) return ca.status();
  return Pems{*cert, *key, *ca};
}

bool IsLoopback(const std::string& listen) {
  return listen.rfind("127.", 0) == 0 || listen.rfind("localhost:", 0) == 0 ||
         listen.rfind("[::1]:", 0) == 0 || listen.rfind("unix:", 0) == 0;
}

}  // namespace

void DeclareTlsFlags(config::Flags& flags, TlsFiles* files) {
  flags.Section("Mutual TLS between processes (all three or none; none only on loopback)")
      .Text("tls-cert", &files->cert, "FILE", "This process's certificate chain, PEM.")
      .Text("tls-key", &files->key, "FILE", "Its private key, PEM.")
      .Text("tls-ca", &files->ca, "FILE", "Certificates that may sign peers, PEM.");
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ServerCredentials(
    const TlsFiles& files, const std::string& listen) {
  if (!files.enabled()) {
    if (IsLoopback(listen)) return grpc::InsecureServerCredentials();
    return FailedPrecondition(
        "TLS_UNUSABLE",
        "refusing to listen on " + listen +
            " without TLS: give --tls-cert, --tls-key and --tls-ca, or listen on 127.0.0.1");
  }
  auto pems = ReadAll(files);
  if (!pems.ok()) return pems.status();
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_key_cert_pairs.push_back({pems->key, pems->cert});
  options.pem_root_certs = pems->ca;
  return grpc::SslServerCredentials(options);
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> ChannelCredentials(
    const TlsFiles& files) {
  if (!files.enabled()) return grpc::InsecureChannelCredentials();
  auto pems = ReadAll(files);
  if (!pems.ok()) return pems.status();
  return grpc::SslCredentials(
      {.pem_root_certs = pems->ca, .pem_private_key = pems->key, .pem_cert_chain = pems->cert});
}

}  // namespace invigil::rpc
