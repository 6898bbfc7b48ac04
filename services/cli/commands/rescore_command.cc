#include <cstdio>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>

#include "common/base/ids.h"
#include "common/error/error.h"
#include "services/cli/api/connection.h"
#include "services/cli/commands/arguments.h"
#include "services/cli/commands/commands.h"
#include "services/cli/core/failure.h"
#include "services/cli/core/json.h"
#include "services/cli/core/text.h"
#include "services/cli/rescore/decisions.h"
#include "services/cli/rescore/rescoring_text.h"

namespace invigil::cli {
namespace {

namespace sco = scoring::v1;

constexpr char kWho[] =
    "Your name, as it is recorded. Who approves a rescoring must be another than who made it.";

absl::StatusOr<sco::Rescoring> Get(Connection& connection, const std::string& id) {
  sco::GetRescoringRequest request;
  request.set_rescoring_id(id);
  auto answer =
      connection.Run([&](Api& api) { return api.GetRescoring(request, connection.token); });
  if (!answer.ok()) return answer.status();
  return answer->rescoring();
}

// Shows how far it is until a person must act or it is over; gives it as it stands then.
absl::StatusOr<sco::Rescoring> Follow(Connection& connection, const std::string& id) {
  sco::WatchRescoringRequest request;
  request.set_rescoring_id(id);
  std::string shown;
  const absl::Status ended = connection.suite.api().WatchRescoring(
      request, connection.token, [&](const sco::WatchRescoringResponse& update) {
        std::string line = ProgressLine(update.rescoring());
        if (line == shown) return;
        std::fprintf(stderr, "%s\n", line.c_str());
        shown = std::move(line);
      });
  if (!ended.ok()) return ended;
  return Get(connection, id);
}

int Show(const sco::Rescoring& rescoring, bool json) {
  std::fputs((json ? ToJson(rescoring) : RescoringText(rescoring)).c_str(), stdout);
  return kOk;
}

// {"decisions": [...]}, the JSON form of CreateRescoringRequest.
absl::Status ReadDecisions(const std::string& path, sco::CreateRescoringRequest* request) {
  std::ifstream file(path);
  if (!file) return UsageError("can't read " + path);
  std::stringstream text;
  text << file.rdbuf();
  return FromJson(text.str(), request);
}

}  // namespace

int RescoreCreate(const Words& words) {
  bool json = false, wait = true;
  std::string who, exam, reason, file, policy = "never-fail", from, until, request_id = NewId({});
  std::vector<std::string> keep, rekey, accept, drop, credit, forms;
  Settings given;
  config::Flags flags("invigil rescore create",
                      "Records what was decided about items of an exam and shows whom it would "
                      "change; no score changes until a second person approves it. Without a "
                      "decision it only checks that the scores come out again.");
  flags.Text("exam", &exam, "EXAM", "The exam.")
      .Required()
      .Text("as", &who, "NAME", kWho)
      .Required()
      .Text("reason", &reason, "TEXT", "Why, and on whose judgement.")
      .Required();
  flags.Section("Decisions (ITEM is the bank's id; ITEM@VERSION means one version of it)")
      .List("drop", &drop, "ITEM,...", "Items that count for nobody.")
      .List("credit", &credit, "ITEM,...", "Items that everybody who was shown them gets right.")
      .List("rekey", &rekey, "ITEM=OPTION,...",
            "Items with another right answer; several options of one answer: b+d.")
      .List("accept", &accept, "ITEM=OPTION/OPTION,...", "Items with several right answers.")
      .List("keep", &keep, "ITEM,...", "Items whose key in the bank stands after all.")
      .Text("decisions", &file, "FILE",
            "More of them, with a reason each: JSON of a CreateRescoringRequest.");
  flags.Section("Whom")
      .Text("policy", &policy, "POLICY",
            "never-fail: nobody who passed fails; never-lower: nor gets a lower score; exact: "
            "whatever comes out.")
      .List("form", &forms, "FORM,...", "Only sessions with these forms.")
      .Text("from", &from, "TIME", "Only sessions scored from then on, such as 2026-11-24.")
      .Text("until", &until, "TIME", "Only sessions scored before.");
  flags.Section("How")
      .Text("request-id", &request_id, "ID",
            "Repeating a command with the same id changes nothing.")
      .Toggle("wait", &wait, "Wait for the preview.")
      .Toggle("json", &json, "As JSON (Rescoring).");
  DeclareSettings(flags, &given);
  flags.ParseOrExit(words);

  sco::CreateRescoringRequest request;
  if (!file.empty()) {
    if (absl::Status status = ReadDecisions(file, &request); !status.ok()) return Fail(status);
  }
  request.set_request_id(request_id);
  request.set_exam_id(exam);
  request.set_reason(reason);
  request.mutable_form_ids()->Assign(forms.begin(), forms.end());
  const std::pair<sco::KeyDecisionKind, const std::vector<std::string>*> kinds[] = {
      {sco::KEY_DECISION_KIND_DROP, &drop},
      {sco::KEY_DECISION_KIND_CREDIT, &credit},
      {sco::KEY_DECISION_KIND_REKEY, &rekey},
      {sco::KEY_DECISION_KIND_MULTIPLE, &accept},
      {sco::KEY_DECISION_KIND_KEEP, &keep}};
  for (const auto& [kind, list] : kinds) {
    for (const std::string& text : *list) {
      auto decision = ParseDecision(kind, text, reason);
      if (!decision.ok()) return Fail(decision.status());
      *request.add_decisions() = *std::move(decision);
    }
  }
  const auto parsed = ParsePolicy(policy);
  if (!parsed.ok()) return Fail(parsed.status());
  request.set_policy(*parsed);
  for (const auto& [text, flag, stamp] :
       {std::tuple(&from, "from", &sco::CreateRescoringRequest::mutable_scored_from),
        std::tuple(&until, "until", &sco::CreateRescoringRequest::mutable_scored_until)}) {
    if (text->empty()) continue;
    const auto instant = ParseInstant(*text, flag);
    if (!instant.ok()) return Fail(instant.status());
    *(request.*stamp)() = *instant;
  }

  auto connection = Connect(given, who);
  if (!connection.ok()) return Fail(connection.status());
  const auto made =
      connection->Run([&](Api& api) { return api.CreateRescoring(request, connection->token); });
  if (!made.ok()) return Fail(made.status());
  if (!wait) return Show(made->rescoring(), json);
  const auto shown = Follow(*connection, made->rescoring().rescoring_id());
  if (!shown.ok()) return Fail(shown.status());
  Show(*shown, json);
  if (!json && shown->state() == sco::RESCORING_STATE_PREVIEWED && shown->decisions_size() > 0) {
    std::printf(
        "\nA second person looks at it with `invigil rescore preview %s` and approves with\n"
        "`invigil rescore approve %s --digest %s --as NAME --reason TEXT`.\n",
        shown->rescoring_id().c_str(), shown->rescoring_id().c_str(),
        shown->preview_digest().c_str());
  }
  return shown->counts().failed() == 0 ? kOk : kFailed;
}

int RescorePreview(const Words& words) {
  bool json = false, flips = false, failed = false, kept = false;
  int64_t limit = 50;
  Settings given;
  config::Flags flags("invigil rescore preview",
                      "Shows a rescoring and the sessions it concerns, each with its score by the "
                      "old and by the new key.");
  flags.Positional("RESCORING");
  flags.Toggle("flips", &flips, "Only sessions whose pass or fail is another.")
      .Toggle("failed", &failed, "Only sessions that can't be scored anew.")
      .Toggle("protected", &kept, "Only sessions that the policy lets keep their score.")
      .Number("limit", &limit, 1, 1'000'000, "Sessions to show at most.")
      .Toggle("json", &json, "As JSON (one RescoringChange a line).");
  DeclareSettings(flags, &given);
  const auto id = ParseWithArgument(flags, words, "rescoring");
  if (!id.ok()) return Fail(id.status());
  if (failed && kept) return Fail(UsageError("--failed and --protected exclude each other"));
  auto connection = Connect(given);
  if (!connection.ok()) return Fail(connection.status());
  if (!json) {
    const auto rescoring = Get(*connection, *id);
    if (!rescoring.ok()) return Fail(rescoring.status());
    Show(*rescoring, false);
    std::printf("\n");
  }
  sco::ListRescoringChangesRequest request;
  request.set_rescoring_id(*id);
  request.set_flips_only(flips);
  if (failed) request.set_outcome(sco::RESCORING_OUTCOME_FAILED);
  if (kept) request.set_outcome(sco::RESCORING_OUTCOME_PROTECTED);
  std::vector<sco::RescoringChange> changes;
  for (int64_t left = limit; left > 0;) {
    request.set_page_size(static_cast<uint32_t>(std::min<int64_t>(left, 1000)));
    const auto page = connection->Run(
        [&](Api& api) { return api.ListRescoringChanges(request, connection->token); });
    if (!page.ok()) return Fail(page.status());
    for (const sco::RescoringChange& change : page->changes()) {
      if (json) {
        std::printf("%s\n", ToCompactJson(change).c_str());
      } else {
        changes.push_back(change);
      }
      --left;
    }
    if (page->next_page_token().empty()) break;
    request.set_page_token(page->next_page_token());
  }
  if (!json) std::fputs(ChangesText(changes).c_str(), stdout);
  return kOk;
}

int RescoreApprove(const Words& words) {
  bool json = false, wait = true, untouched = false;
  int64_t failures = 0;
  std::string who, digest, reason;
  Settings given;
  config::Flags flags("invigil rescore approve",
                      "Lets a rescoring happen as its preview shows it. Needs another person than "
                      "the one who made it, and the digest of the preview that was looked at.");
  flags.Positional("RESCORING");
  flags.Text("digest", &digest, "DIGEST", "As `invigil rescore preview` shows it.")
      .Required()
      .Text("as", &who, "NAME", kWho)
      .Required()
      .Text("reason", &reason, "TEXT", "Why.")
      .Required()
      .Number("accept-failures", &failures, 0, 1'000'000'000,
              "Sessions that can't be scored anew and keep the score they have; must be the "
              "preview's number.")
      .Toggle("accept-untouched", &untouched,
              "Also when no session scored so far holds a decided item: none was sat yet.")
      .Toggle("wait", &wait, "Wait until every new score is written.")
      .Toggle("json", &json, "As JSON (Rescoring).");
  DeclareSettings(flags, &given);
  const auto id = ParseWithArgument(flags, words, "rescoring");
  if (!id.ok()) return Fail(id.status());
  auto connection = Connect(given, who);
  if (!connection.ok()) return Fail(connection.status());
  sco::ApproveRescoringRequest request;
  request.set_rescoring_id(*id);
  request.set_preview_digest(digest);
  request.set_accept_failures(static_cast<uint64_t>(failures));
  request.set_accept_untouched(untouched);
  request.set_reason(reason);
  const auto approved =
      connection->Run([&](Api& api) { return api.ApproveRescoring(request, connection->token); });
  if (!approved.ok()) return Fail(approved.status());
  if (!wait) return Show(approved->rescoring(), json);
  const auto done = Follow(*connection, *id);
  if (!done.ok()) return Fail(done.status());
  return Show(*done, json);
}

int RescoreCancel(const Words& words) {
  std::string who, reason;
  Settings given;
  config::Flags flags("invigil rescore cancel", "Gives a rescoring up that is not approved yet.");
  flags.Positional("RESCORING");
  flags.Text("as", &who, "NAME", "Your name, as it is recorded.")
      .Required()
      .Text("reason", &reason, "TEXT", "Why.")
      .Required();
  DeclareSettings(flags, &given);
  const auto id = ParseWithArgument(flags, words, "rescoring");
  if (!id.ok()) return Fail(id.status());
  auto connection = Connect(given, who);
  if (!connection.ok()) return Fail(connection.status());
  sco::CancelRescoringRequest request;
  request.set_rescoring_id(*id);
  request.set_reason(reason);
  const auto cancelled =
      connection->Run([&](Api& api) { return api.CancelRescoring(request, connection->token); });
  return cancelled.ok() ? Show(cancelled->rescoring(), false) : Fail(cancelled.status());
}

int RescoreStatus(const Words& words) {
  bool json = false, follow = false;
  Settings given;
  config::Flags flags("invigil rescore status", "Shows where a rescoring stands.");
  flags.Positional("RESCORING");
  flags.Toggle("follow", &follow, "Show how far it is until a person must act or it is over.")
      .Toggle("json", &json, "As JSON (Rescoring).");
  DeclareSettings(flags, &given);
  const auto id = ParseWithArgument(flags, words, "rescoring");
  if (!id.ok()) return Fail(id.status());
  auto connection = Connect(given);
  if (!connection.ok()) return Fail(connection.status());
  const auto rescoring = follow ? Follow(*connection, *id) : Get(*connection, *id);
  return rescoring.ok() ? Show(*rescoring, json) : Fail(rescoring.status());
}

int RescoreList(const Words& words) {
  bool json = false;
  std::string exam;
  Settings given;
  config::Flags flags("invigil rescore list", "Lists rescorings, the newest first.");
  flags.Text("exam", &exam, "EXAM", "Only those of this exam.")
      .Toggle("json", &json, "As JSON (ListRescoringsResponse).");
  DeclareSettings(flags, &given);
  flags.ParseOrExit(words);
  auto connection = Connect(given);
  if (!connection.ok()) return Fail(connection.status());
  sco::ListRescoringsRequest request;
  request.set_exam_id(exam);
  request.set_page_size(200);
  const auto page =
      connection->Run([&](Api& api) { return api.ListRescorings(request, connection->token); });
  if (!page.ok()) return Fail(page.status());
  std::fputs((json ? ToJson(*page)
                   : RescoringsText({page->rescorings().begin(), page->rescorings().end()}))
                 .c_str(),
             stdout);
  return kOk;
}

int RescoreVerify(const Words& words) {
  bool json = false;
  std::string session;
  Settings given;
  config::Flags flags("invigil rescore verify",
                      "Computes every version of the scores that a rescoring touched again, from "
                      "sealed responses, keys and conversions, and compares every byte; with "
                      "--session those of one session. Exit code 1 when one does not come out.");
  flags.Positional("[RESCORING]");
  flags.Text("session", &session, "SESSION", "Only the scores of this session.")
      .Toggle("json", &json, "As JSON (one ReplayScoreResponse a line).");
  DeclareSettings(flags, &given);
  std::string rescoring;
  if (session.empty() || (!words.empty() && !words[0].starts_with("-"))) {
    const auto id = ParseWithArgument(flags, words, "rescoring, or --session");
    if (!id.ok() && session.empty()) return Fail(id.status());
    if (id.ok()) rescoring = *id;
  } else {
    flags.ParseOrExit(words);
  }
  auto connection = Connect(given);
  if (!connection.ok()) return Fail(connection.status());
  uint64_t versions = 0, wrong = 0;
  const auto verify = [&](const std::string& name) -> absl::Status {
    sco::ReplayScoreRequest request;
    request.set_session_id(name);
    const auto replayed =
        connection->Run([&](Api& api) { return api.ReplayScore(request, connection->token); });
    if (!replayed.ok()) return replayed.status();
    if (json) std::printf("%s\n", ToCompactJson(*replayed).c_str());
    for (const sco::ReplayedScore& score : replayed->scores()) {
      ++versions;
      if (score.identical()) continue;
      ++wrong;
      if (!json) {
        std::printf("%s version %u: %s\n", Printable(name).c_str(), score.score_version(),
                    Printable(score.fault()).c_str());
      }
    }
    return absl::OkStatus();
  };
  if (!session.empty()) {
    if (absl::Status status = verify(session); !status.ok()) return Fail(status);
  }
  bool intact = true;
  if (!rescoring.empty()) {
    const auto found = Get(*connection, rescoring);
    if (!found.ok()) return Fail(found.status());
    intact = found->acts_intact();
    sco::ListRescoringChangesRequest request;
    request.set_rescoring_id(rescoring);
    do {
      const auto page = connection->Run(
          [&](Api& api) { return api.ListRescoringChanges(request, connection->token); });
      if (!page.ok()) return Fail(page.status());
      for (const sco::RescoringChange& change : page->changes()) {
        if (absl::Status status = verify(change.session_id()); !status.ok()) return Fail(status);
      }
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
  }
  if (!json) {
    std::printf("%llu of %llu score versions come out again, byte for byte.\n",
                static_cast<unsigned long long>(versions - wrong),
                static_cast<unsigned long long>(versions));
    if (!intact) std::printf("The record of acts was changed: its chain of hashes is broken.\n");
  }
  return wrong == 0 && intact ? kOk : kFailed;
}

}  // namespace invigil::cli
