#include "services/cli/rescore/decisions.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "services/cli/core/failure.h"

namespace invigil::cli {
namespace {

using scoring::v1::KeyDecision;

bool WantsAnswers(scoring::v1::KeyDecisionKind kind) {
  return kind == scoring::v1::KEY_DECISION_KIND_REKEY ||
         kind == scoring::v1::KEY_DECISION_KIND_MULTIPLE;
}

}  // namespace

absl::StatusOr<KeyDecision> ParseDecision(scoring::v1::KeyDecisionKind kind,
                                          const std::string& words, const std::string& reason) {
  KeyDecision decision;
  decision.set_kind(kind);
  decision.set_reason(reason);
  const size_t equals = words.find('=');
  if (WantsAnswers(kind) != (equals != std::string::npos)) {
    return UsageError("\"" + words + "\" should read " +
                      (WantsAnswers(kind) ? "ITEM=OPTION, such as item-7=b" : "ITEM alone"));
  }
  std::string item = words.substr(0, equals);
  if (const size_t at = item.rfind('@'); at != std::string::npos) {
    uint32_t version = 0;
    if (!absl::SimpleAtoi(item.substr(at + 1), &version) || version == 0) {
      return UsageError("behind the @ of \"" + words + "\" stands a version of the item, from 1");
    }
    decision.add_item_versions(version);
    item.resize(at);
  }
  if (item.empty()) return UsageError("\"" + words + "\" names no item");
  decision.set_item_id(item);
  if (!WantsAnswers(kind)) return decision;
  const std::vector<std::string> answers = absl::StrSplit(words.substr(equals + 1), '/');
  for (const std::string& answer : answers) {
    auto* accepted = decision.add_accepted();
    const std::vector<std::string> options = absl::StrSplit(answer, '+');
    for (const std::string& option : options) {
      if (option.empty()) return UsageError("\"" + words + "\" has an answer without option");
      accepted->add_option_ids(option);
    }
  }
  return decision;
}

absl::StatusOr<scoring::v1::RescoringPolicy> ParsePolicy(const std::string& word) {
  if (word == "never-fail") return scoring::v1::RESCORING_POLICY_NEVER_FAIL;
  if (word == "never-lower") return scoring::v1::RESCORING_POLICY_NEVER_LOWER;
  if (word == "exact") return scoring::v1::RESCORING_POLICY_EXACT;
  return UsageError("--policy is never-fail, never-lower or exact");
}

absl::StatusOr<google::protobuf::Timestamp> ParseInstant(const std::string& text,
                                                         const std::string& flag) {
  absl::Time time;
  std::string why;
  if (!absl::ParseTime(absl::RFC3339_full, text, absl::UTCTimeZone(), &time, &why) &&
      !absl::ParseTime("%Y-%m-%d", text, absl::UTCTimeZone(), &time, &why)) {
    return UsageError("--" + flag + " wants an instant such as 2026-11-24T10:30:00Z");
  }
  google::protobuf::Timestamp stamp;
  const int64_t nanos = absl::ToInt64Nanoseconds(time - absl::UnixEpoch());
  const int64_t seconds = absl::ToUnixSeconds(time);
  stamp.set_seconds(seconds);
  stamp.set_nanos(static_cast<int32_t>(nanos - seconds * 1'000'000'000));
  return stamp;
}

}  // namespace invigil::cli
