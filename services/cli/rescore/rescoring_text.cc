#include "services/cli/rescore/rescoring_text.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "services/cli/core/text.h"

namespace invigil::cli {
namespace {

namespace sco = scoring::v1;

// "PREVIEWED" of RESCORING_STATE_PREVIEWED as "previewed".
std::string Word(const std::string& name, const std::string& prefix) {
  std::string word = absl::AsciiStrToLower(name.substr(std::min(prefix.size(), name.size())));
  for (char& c : word) c = c == '_' ? '-' : c;
  return word;
}
std::string State(const sco::Rescoring& rescoring) {
  return Word(sco::RescoringState_Name(rescoring.state()), "RESCORING_STATE_");
}

std::string Instant(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixSeconds(time.seconds()),
                          absl::UTCTimeZone());
}

std::string DecisionLine(const sco::KeyDecision& decision) {
  std::string line =
      PadRight(Word(sco::KeyDecisionKind_Name(decision.kind()), "KEY_DECISION_KIND_"), 9) +
      Printable(decision.item_id());
  if (decision.item_versions_size() > 0) {
    absl::StrAppend(&line, " version ", absl::StrJoin(decision.item_versions(), ", "));
  }
  std::vector<std::string> answers;
  for (const sco::AcceptedAnswer& answer : decision.accepted()) {
    answers.push_back(absl::StrJoin(answer.option_ids(), "+"));
  }
  if (!answers.empty()) absl::StrAppend(&line, ": ", Printable(absl::StrJoin(answers, " or ")));
  return absl::StrCat(line, "  (", Printable(decision.reason()), ")");
}

std::string Score(int32_t scaled, bool passed) {
  return absl::StrCat(scaled, passed ? " pass" : " fail");
}

}  // namespace

std::string ProgressLine(const sco::Rescoring& rescoring) {
  const sco::RescoringCounts& counts = rescoring.counts();
  if (rescoring.state() == sco::RESCORING_STATE_APPLYING) {
    return absl::StrCat("applying: ", counts.written(), " of ", counts.changed(),
                        " new scores are written");
  }
  return absl::StrCat(State(rescoring), ": ", counts.seen(), " of ", rescoring.expected(),
                      " sessions, ", counts.changed(), " change");
}

std::string RescoringText(const sco::Rescoring& rescoring) {
  const sco::RescoringCounts& counts = rescoring.counts();
  std::string out = absl::StrCat("Rescoring ", rescoring.rescoring_id(), " of ",
                                 Printable(rescoring.exam_id()), ": ", State(rescoring), "\n");
  absl::StrAppend(&out, "  by ", Printable(rescoring.author()), " on ",
                  Instant(rescoring.create_time()), " UTC: ", Printable(rescoring.reason()), "\n");
  if (!rescoring.approver().empty()) {
    absl::StrAppend(&out, "  approved by ", Printable(rescoring.approver()), "\n");
  }
  absl::StrAppend(&out, "  policy ",
                  Word(sco::RescoringPolicy_Name(rescoring.policy()), "RESCORING_POLICY_"), "\n");
  for (const sco::KeyDecision& decision : rescoring.decisions()) {
    absl::StrAppend(&out, "  ", DecisionLine(decision), "\n");
  }
  absl::StrAppend(&out, "\n");
  std::vector<std::vector<std::string>> rows{{"Sessions", ""}};
  const auto row = [&rows](const char* what, uint64_t count) {
    rows.push_back({what, absl::StrCat(count)});
  };
  row("looked at", counts.seen());
  row("with an item that was decided about", counts.touched());
  row("that get a new score", counts.changed());
  row("  fail now and will pass", counts.fail_to_pass());
  row("  pass now and will fail", counts.pass_to_fail());
  row("  with a higher score", counts.raised());
  row("  with a lower score", counts.lowered());
  if (counts.late() > 0) row("  scored since the preview", counts.late());
  row("that the policy lets keep their score", counts.protected_());
  if (counts.superseded() > 0) row("sealed again since the preview", counts.superseded());
  if (counts.failed() > 0) row("that can't be scored anew", counts.failed());
  if (counts.skipped() > 0) row("whose version lacks an option decided", counts.skipped());
  if (counts.written() > 0) row("new scores written", counts.written());
  absl::StrAppend(&out, Table(rows, {1}));
  if (!rescoring.preview_digest().empty()) {
    absl::StrAppend(&out, "\nPreview digest: ", rescoring.preview_digest(), "\n");
  }
  if (rescoring.acts_size() == 0) return out;
  absl::StrAppend(&out, "\n");
  for (const sco::RescoringAct& act : rescoring.acts()) {
    absl::StrAppend(&out, Instant(act.act_time()), "  ", PadRight(Printable(act.act()), 10), " ",
                    Printable(act.actor()),
                    act.reason().empty() ? "" : ": " + Printable(act.reason()), "\n");
  }
  if (!rescoring.acts_intact()) {
    absl::StrAppend(
        &out,
        "The record of acts was changed: its chain of hashes is broken, or it does not fit.\n");
  }
  return out;
}

std::string RescoringsText(const std::vector<sco::Rescoring>& rescorings) {
  std::vector<std::vector<std::string>> rows{
      {"Rescoring", "Exam", "State", "Author", "Change", "To pass", "Written"}};
  for (const sco::Rescoring& rescoring : rescorings) {
    rows.push_back({rescoring.rescoring_id(), Printable(rescoring.exam_id()), State(rescoring),
                    Printable(rescoring.author()), absl::StrCat(rescoring.counts().changed()),
                    absl::StrCat(rescoring.counts().fail_to_pass()),
                    absl::StrCat(rescoring.counts().written())});
  }
  return Table(rows, {4, 5, 6});
}

std::string ChangesText(const std::vector<sco::RescoringChange>& changes) {
  std::vector<std::vector<std::string>> rows{
      {"Session", "Outcome", "Now", "Raw", "New", "Raw", ""}};
  for (const sco::RescoringChange& change : changes) {
    const bool failed = change.outcome() == sco::RESCORING_OUTCOME_FAILED;
    const bool flips = !failed && change.old_passed() != change.new_passed();
    rows.push_back({Printable(change.session_id()),
                    Word(sco::RescoringOutcome_Name(change.outcome()), "RESCORING_OUTCOME_"),
                    Score(change.old_scaled_score(), change.old_passed()),
                    absl::StrCat(change.old_raw_score(), "/", change.old_raw_max()),
                    failed ? "" : Score(change.new_scaled_score(), change.new_passed()),
                    failed ? "" : absl::StrCat(change.new_raw_score(), "/", change.new_raw_max()),
                    absl::StrCat(Printable(change.problem()), flips ? "another decision" : "",
                                 change.late() ? " (late)" : "",
                                 change.earlier_decisions() ? " (earlier decisions too)" : "")});
  }
  return Table(rows, {2, 3, 4, 5});
}

}  // namespace invigil::cli
