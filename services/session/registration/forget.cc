// An erasure, in the tables of registrations.
#include <string>
#include <utility>
#include <vector>

#include "services/session/registration/store.h"

namespace invigil::session::registration {
namespace {

using sql::Statement;

// Answers are large: so many are read at once.
constexpr int64_t kPage = 20;
// What is shorter is in every text.
constexpr size_t kShortest = 4;

template <typename Visit>
absl::Status ForEach(Statement& query, Visit visit) {
  while (true) {
    auto row = query.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    visit(query);
  }
  query.Reset();
  return absl::OkStatus();
}

// Puts as many x in the place of every mention, so that what the bytes say of their own lengths
// stays right. Whether there was one.
bool Cover(std::string& bytes, const std::vector<std::string>& words) {
  bool found = false;
  for (const std::string& word : words) {
    for (size_t at = 0; (at = bytes.find(word, at)) != std::string::npos; at += word.size()) {
      bytes.replace(at, word.size(), word.size(), 'x');
      found = true;
    }
  }
  return found;
}

struct KeptAnswer {
  std::string caller, request_id, bytes;
};

// Answers of requests after `after`, in order.
absl::StatusOr<std::vector<KeptAnswer>> ReadPage(Statement& query, const KeptAnswer& after) {
  std::vector<KeptAnswer> page;
  query.BindText(1, after.caller).BindText(2, after.request_id).Bind(3, kPage);
  if (absl::Status status = ForEach(query,
                                    [&](const Statement& row) {
                                      page.push_back({row.Text(0), row.Text(1), row.Text(2)});
                                    });
      !status.ok()) {
    return status;
  }
  return page;
}

}  // namespace

absl::StatusOr<Store::Forgotten> Store::Forget(const std::string& candidate_id) {
  Statement ids = db_.MustPrepare("SELECT registration_id FROM registrations WHERE candidate_id=?");
  Statement drop_sittings = db_.MustPrepare("DELETE FROM sittings WHERE registration_id=?");
  Statement drop_registrations = db_.MustPrepare("DELETE FROM registrations WHERE candidate_id=?");
  Statement drop_standing = db_.MustPrepare("DELETE FROM standing WHERE candidate_id=?");
  Statement answers = db_.MustPrepare(
      "SELECT caller, request_id, answer FROM requests WHERE "
      "(caller, request_id)>(?,?) ORDER BY caller, request_id LIMIT ?");
  Statement put_answer =
      db_.MustPrepare("UPDATE requests SET answer=? WHERE caller=? AND request_id=?");

  Forgotten gone;
  std::vector<std::string> words;
  const auto run = [&](Statement& statement, uint64_t& count) -> absl::Status {
    INVIGIL_RETURN_IF_ERROR(statement.Run());
    count += static_cast<uint64_t>(db_.Changes());
    return absl::OkStatus();
  };
  // Answers first: they are found by the registrations, which go last. Whatever ends in between is
  // done again.
  ids.BindText(1, candidate_id);
  INVIGIL_RETURN_IF_ERROR(
      ForEach(ids, [&](const Statement& row) { words.push_back(row.Text(0)); }));
  const std::vector<std::string> registrations = words;
  if (candidate_id.size() >= kShortest) words.push_back(candidate_id);
  for (KeptAnswer last;;) {
    auto page = ReadPage(answers, last);
    if (!page.ok()) return page.status();
    if (page->empty()) break;
    last = page->back();
    for (KeptAnswer& answer : *page) {
      if (!Cover(answer.bytes, words)) continue;
      INVIGIL_RETURN_IF_ERROR(Transact([&]() -> absl::Status {
        put_answer.BindBlob(1, answer.bytes)
            .BindText(2, answer.caller)
            .BindText(3, answer.request_id);
        return put_answer.Run();
      }));
      ++gone.requests;
    }
  }
  const uint64_t requests = gone.requests;
  INVIGIL_RETURN_IF_ERROR(Transact([&]() -> absl::Status {
    gone = {.requests = requests};
    for (const std::string& id : registrations) {
      drop_sittings.BindText(1, id);
      INVIGIL_RETURN_IF_ERROR(run(drop_sittings, gone.sittings));
    }
    drop_registrations.BindText(1, candidate_id);
    INVIGIL_RETURN_IF_ERROR(run(drop_registrations, gone.registrations));
    drop_standing.BindText(1, candidate_id);
    return run(drop_standing, gone.accommodations);
  }));
  return gone;
}

}  // namespace invigil::session::registration
