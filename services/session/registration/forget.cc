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

// A word as the whole of a field of an answer (a serialised message): its length, then itself.
std::string AsField(const std::string& word) {
  std::string field;
  size_t left = word.size();
  for (; left >= 0x80; left >>= 7) field += static_cast<char>((left & 0x7f) | 0x80);
  return field + static_cast<char>(left) + word;
}

// Puts as many x in the place of every field that is one of the words, so that the answer can still
// be read; what is only like a word, or has it inside, is another's. Whether there was one.
bool Cover(std::string& bytes, const std::vector<std::string>& words) {
  constexpr char kTypeBits = 7, kHasLength = 2;
  bool found = false;
  for (const std::string& word : words) {
    const std::string field = AsField(word);
    for (size_t at = 0; (at = bytes.find(field, at + 1)) != std::string::npos;) {
      if ((bytes[at - 1] & kTypeBits) != kHasLength) continue;
      bytes.replace(at + field.size() - word.size(), word.size(), word.size(), 'x');
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
  Statement drop_answer = db_.MustPrepare("DELETE FROM requests WHERE caller=? AND request_id=?");
  Statement drop_answers = db_.MustPrepare("DELETE FROM requests WHERE person=?");
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
  const bool long_enough = candidate_id.size() >= kShortest;
  if (long_enough) words.push_back(candidate_id);
  drop_answers.BindText(1, candidate_id);
  INVIGIL_RETURN_IF_ERROR(Transact([&]() -> absl::Status {
    gone.requests = 0;
    return run(drop_answers, gone.requests);
  }));
  for (KeptAnswer last;;) {
    auto page = ReadPage(answers, last);
    if (!page.ok()) return page.status();
    if (page->empty()) break;
    last = page->back();
    for (KeptAnswer& answer : *page) {
      const bool named = long_enough && answer.request_id.find(candidate_id) != std::string::npos;
      if (!named && !Cover(answer.bytes, words)) continue;
      INVIGIL_RETURN_IF_ERROR(Transact([&]() -> absl::Status {
        if (named) {
          drop_answer.BindText(1, answer.caller).BindText(2, answer.request_id);
          return drop_answer.Run();
        }
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
