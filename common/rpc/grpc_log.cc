#include "common/rpc/grpc_log.h"

#include <grpc/support/log.h>

#include <mutex>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/log/log.h"

namespace invigil::rpc {
namespace {

// Whoever can reach the port can make as many lines as connections.
constexpr int kLinesASecond = 10;
constexpr std::string_view kHandshake = "Handshake failed with fatal error SSL_ERROR_SSL: ";

// false: not now. Else how many were left out since the last one.
bool MayTell(int64_t* left_out) {
  static const SystemClock clock;
  static std::mutex mutex;
  static Duration second{-1};
  static int lines = 0;
  static int64_t untold = 0;
  const std::lock_guard lock(mutex);
  const Duration now = clock.Monotonic();
  if (second < Duration(0) || now - second >= Seconds(1)) {
    second = now;
    lines = 0;
  }
  if (++lines > kLinesASecond) {
    ++untold;
    return false;
  }
  *left_out = untold;
  untold = 0;
  return true;
}

void Tell(gpr_log_func_args* args) {
  int64_t left_out = 0;
  if (args->severity != GPR_LOG_SEVERITY_ERROR) {
    // Only where GRPC_VERBOSITY asks for it.
    log::Debug("grpc", {{"text", args->message}});
    return;
  }
  if (!MayTell(&left_out)) return;
  const std::string_view text = args->message;
  if (text.starts_with(kHandshake)) {
    // "error:0A0000C7:SSL routines::peer did not return a certificate."
    const size_t reason = text.rfind("::");
    log::Warning(
        "a TLS handshake was refused: one side's certificate is missing, expired or not "
        "signed by --tls-ca, or one side speaks no TLS",
        {{"why", reason == std::string_view::npos ? text.substr(kHandshake.size())
                                                  : text.substr(reason + 2)},
         {"left_out", left_out}});
    return;
  }
  log::Warning("grpc", {{"text", text}, {"left_out", left_out}});
}

}  // namespace

void TakeGrpcLog() { gpr_set_log_function(&Tell); }

}  // namespace invigil::rpc
