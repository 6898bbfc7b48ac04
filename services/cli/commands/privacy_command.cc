#include <sys/stat.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "common/error/error.h"
#include "services/cli/api/retry.h"
#include "services/cli/api/suite.h"
#include "services/cli/commands/arguments.h"
#include "services/cli/commands/commands.h"
#include "services/cli/core/failure.h"
#include "services/cli/core/json.h"
#include "services/cli/core/text.h"

namespace invigil::cli {
namespace {

using session::v1::EraseCandidateResponse;
using session::v1::ExportCandidateResponse;

constexpr Duration kPatience = Seconds(30);

// All pages as one. Errors: those of the call.
absl::StatusOr<ExportCandidateResponse> FetchAll(Suite& suite, const std::string& candidate) {
  Retrier retrier(suite.clock(), SleepFor, 1, kPatience);
  ExportCandidateResponse all;
  session::v1::ExportCandidateRequest request;
  request.set_candidate_id(candidate);
  do {
    auto page =
        retrier.Run([&] { return suite.api().ExportCandidate(request, suite.OperatorToken()); });
    if (!page.ok()) return page.status();
    request.set_page_token(page->next_page_token());
    page->clear_next_page_token();
    all.MergeFrom(*page);
  } while (!request.page_token().empty());
  return all;
}

// Only the owner reads it. Errors: FAILED_PRECONDITION (FILE_UNWRITABLE).
absl::Status WriteFile(const std::string& path, const std::string& text) {
  const mode_t former = umask(077);
  std::ofstream file(path, std::ios::trunc);
  umask(former);
  file << text;
  file.close();
  if (file) return absl::OkStatus();
  return FailedPrecondition("FILE_UNWRITABLE", "can't write " + path);
}

// Whether somebody at the terminal means it.
bool Confirmed(const std::string& candidate) {
  std::fprintf(stderr,
               "This takes %s out of everything that is kept, for good. Type the candidate's id to "
               "go on: ",
               Printable(candidate).c_str());
  std::string typed;
  return std::getline(std::cin, typed) && typed == candidate;
}

void Print(const EraseCandidateResponse& gone) {
  std::printf("Erased. Sessions that stay are of \"%s\" from now on.\n",
              Printable(gone.pseudonym()).c_str());
  const std::pair<uint64_t, const char*> rows[] = {
      {gone.sessions(), "sessions"},
      {gone.events(), "events in them that named somebody"},
      {gone.starts(), "starts"},
      {gone.refusals(), "refused calls"},
      {gone.notices(), "notices"},
      {gone.registrations(), "registrations"},
      {gone.sittings(), "sittings of registrations"},
      {gone.accommodations(), "standing accommodations"},
      {gone.requests(), "answers to imports"}};
  for (const auto& [count, what] : rows) std::printf("  %" PRIu64 " %s\n", count, what);
  if (!gone.item_bank_told()) {
    std::printf("The item bank did not answer; it is told as soon as it does.\n");
  }
  if (gone.traces() > 0) {
    std::printf("The id still stands in free space of the database's file, %" PRIu64
                " times: pack it (VACUUM) when no exam runs.\n",
                gone.traces());
  }
}

}  // namespace

int PrivacyExport(const Words& words) {
  std::string out;
  Settings given;
  config::Flags flags("invigil privacy export",
                      "Writes all that the suite keeps of a candidate's sittings as JSON: "
                      "registrations, accommodations, sessions with their responses, messages, "
                      "results that are released, and what happened when. No keys and no texts of "
                      "items. The journal remarks who exported it.");
  flags.Positional("CANDIDATE");
  flags.Text("out", &out, "FILE", "Where to; only you can read it. Without: to the screen.");
  DeclareSettings(flags, &given);
  const auto candidate = ParseWithArgument(flags, words, "candidate");
  if (!candidate.ok()) return Fail(candidate.status());
  auto suite = Suite::Open(given);
  if (!suite.ok()) return Fail(suite.status());
  const auto all = FetchAll(*suite, *candidate);
  if (!all.ok()) return Fail(all.status());
  const std::string text = ToJson(*all);
  if (out.empty()) {
    std::fputs(text.c_str(), stdout);
    return kOk;
  }
  if (absl::Status status = WriteFile(out, text); !status.ok()) return Fail(status);
  std::printf("%d registrations and %d sessions are in %s.\n", all->registrations_size(),
              all->sessions_size(), out.c_str());
  return kOk;
}

int PrivacyRetention(const Words& words) {
  bool dry_run = false, json = false;
  Settings given;
  config::Flags flags("invigil privacy retention",
                      "Takes out what was kept long enough, by the days that the session service "
                      "was started with (its flags --keep-...). The service does it by itself, "
                      "several times a day.");
  flags.Toggle("dry-run", &dry_run, "Only count what is over age.");
  flags.Toggle("json", &json, "As JSON (ApplyRetentionResponse).");
  DeclareSettings(flags, &given);
  flags.ParseOrExit(words);
  auto suite = Suite::Open(given);
  if (!suite.ok()) return Fail(suite.status());
  session::v1::ApplyRetentionRequest request;
  request.set_dry_run(dry_run);
  Retrier retrier(suite->clock(), SleepFor, 1, kPatience);
  const auto applied =
      retrier.Run([&] { return suite->api().ApplyRetention(request, suite->OperatorToken()); });
  if (!applied.ok()) return Fail(applied.status());
  bool whole = true;
  std::vector<std::vector<std::string>> rows = {{"kind", "kept for", "over age", "taken out"}};
  for (const auto& kind : applied->results()) {
    rows.push_back({kind.kind(),
                    kind.keep_days() == 0 ? "ever" : std::to_string(kind.keep_days()) + " days",
                    std::to_string(kind.due()), std::to_string(kind.done())});
    whole = whole && kind.fault().empty();
  }
  std::fputs(json ? ToJson(*applied).c_str() : Table(rows, {2, 3}).c_str(), stdout);
  for (const auto& kind : applied->results()) {
    if (!json && !kind.fault().empty()) {
      std::printf("%s stopped: %s\n", kind.kind().c_str(), Printable(kind.fault()).c_str());
    }
  }
  return whole ? kOk : kFailed;
}

int PrivacyErase(const Words& words) {
  std::string reason, request_id;
  bool yes = false, json = false;
  Settings given;
  config::Flags flags("invigil privacy erase",
                      "Takes a candidate out of everything that is kept. Registrations go; "
                      "sessions stay for the statistics of items, under a name drawn at random, "
                      "without anybody's words. Refused while a session of the candidate is not "
                      "over. There is no way back.");
  flags.Positional("CANDIDATE");
  flags.Text("reason", &reason, "TEXT", "Why, for the journal.").Required();
  flags.Text("request-id", &request_id, "ID",
             "The same again is answered as before; without, a new one is made.");
  flags.Toggle("yes", &yes, "Do not ask whether it is meant.");
  flags.Toggle("json", &json, "As JSON (EraseCandidateResponse).");
  DeclareSettings(flags, &given);
  const auto candidate = ParseWithArgument(flags, words, "candidate");
  if (!candidate.ok()) return Fail(candidate.status());
  if (!yes && !Confirmed(*candidate)) {
    return Fail(UsageError("nothing was erased: that is not the candidate's id"));
  }
  auto suite = Suite::Open(given);
  if (!suite.ok()) return Fail(suite.status());
  session::v1::EraseCandidateRequest request;
  request.set_candidate_id(*candidate);
  request.set_request_id(request_id.empty() ? NewId(suite->clock().Now()) : request_id);
  request.set_reason(reason);
  Retrier retrier(suite->clock(), SleepFor, 1, kPatience);
  const auto gone =
      retrier.Run([&] { return suite->api().EraseCandidate(request, suite->OperatorToken()); });
  if (!gone.ok()) return Fail(gone.status());
  if (json) {
    std::fputs(ToJson(*gone).c_str(), stdout);
  } else {
    Print(*gone);
  }
  return kOk;
}

}  // namespace invigil::cli
