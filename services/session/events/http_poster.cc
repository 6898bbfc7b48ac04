#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <mutex>
#include <utility>

#include "services/session/events/poster.h"

namespace invigil::session {
namespace {

constexpr long kMaxConnections = 64;  // NOLINT(google-runtime-int): curl's

struct Transfer {
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  std::string body;
  Poster::Done done;
  const AddressRule* rule = nullptr;
  bool refused = false;  // an address was not allowed
};

class HttpPoster final : public Poster {
 public:
  explicit HttpPoster(HttpPosterOptions options) : options_(std::move(options)) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    multi_ = curl_multi_init();
    curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS, kMaxConnections);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kMaxConnections);
  }
  ~HttpPoster() override {
    while (!transfers_.empty()) Drop(transfers_.begin()->first);
    curl_multi_cleanup(multi_);
  }

  void Send(Post post, Done done) override {
    auto transfer = std::make_unique<Transfer>();
    transfer->easy = curl_easy_init();
    transfer->body = std::move(post.body);
    transfer->done = std::move(done);
    transfer->rule = &options_.rule;
    // No "Expect: 100-continue": bodies are small.
    transfer->headers = curl_slist_append(nullptr, "Expect:");
    for (const std::string& header : post.headers) {
      transfer->headers = curl_slist_append(transfer->headers, header.c_str());
    }
    Set(*transfer, post.url);
    CURL* easy = transfer->easy;
    transfers_.emplace(easy, std::move(transfer));
    curl_multi_add_handle(multi_, easy);
  }

  void Work(Duration wait) override {
    int running = 0;
    curl_multi_perform(multi_, &running);
    if (!Finish()) {
      curl_multi_poll(multi_, nullptr, 0, static_cast<int>(duration_cast<Millis>(wait).count()),
                      nullptr);
      curl_multi_perform(multi_, &running);
      Finish();
    }
  }

  void Wake() override { curl_multi_wakeup(multi_); }

 private:
  void Set(Transfer& transfer, const std::string& url) {
    CURL* easy = transfer.easy;
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer.body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(transfer.body.size()));
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.headers);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "invigil");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR,
                     options_.rule.allow_http ? "https,http" : "https");
    curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    const auto timeout = duration_cast<Millis>(options_.timeout).count();
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (!options_.ca_path.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, options_.ca_path.c_str());
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &HttpPoster::Ignore);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &HttpPoster::OpenSocket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &transfer);
  }

  // What a receiver has to say is in its status.
  static size_t Ignore(char*, size_t size, size_t count, void*) { return size * count; }

  // The last word on where a name leads: nothing can change between this look and the connection.
  static curl_socket_t OpenSocket(void* data, curlsocktype, curl_sockaddr* address) {
    auto& transfer = *static_cast<Transfer*>(data);
    if (!transfer.rule->allow_private && !IsPublicAddress(address->addr)) {
      transfer.refused = true;
      return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }

  // Tells those that are answered; false: none was.
  bool Finish() {
    bool any = false;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      any = true;
      CURL* easy = message->easy_handle;
      const CURLcode code = message->data.result;
      Answer answer;
      curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer.status);
      Transfer& transfer = *transfers_.at(easy);
      // A body that breaks off does not take back a status that came whole.
      const bool answered = answer.status >= 200 && code != CURLE_SEND_ERROR;
      if (!answered) {
        answer.status = 0;
        answer.error = transfer.refused ? "the address is not a public one"
                                        : std::string(curl_easy_strerror(code));
      }
      const Done done = std::move(transfer.done);
      Drop(easy);
      done(answer);
    }
    return any;
  }

  void Drop(CURL* easy) {
    const auto it = transfers_.find(easy);
    curl_multi_remove_handle(multi_, easy);
    curl_easy_cleanup(easy);
    curl_slist_free_all(it->second->headers);
    transfers_.erase(it);
  }

  const HttpPosterOptions options_;
  CURLM* multi_ = nullptr;
  std::map<CURL*, std::unique_ptr<Transfer>> transfers_;
};

}  // namespace

std::unique_ptr<Poster> MakeHttpPoster(const HttpPosterOptions& options) {
  return std::make_unique<HttpPoster>(options);
}

}  // namespace invigil::session
