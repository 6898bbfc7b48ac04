// How the parts of a rescoring that no query looks into are written.
#include <utility>

#include "common/base/hash.h"
#include "common/error/error.h"
#include "services/scoring/domain/packer.h"
#include "services/scoring/store/rescoring_store.h"

namespace invigil::scoring {
namespace {

absl::Status Damaged() {
  return Internal("a stored rescoring can't be read: the database is damaged").Build();
}

void Pack(const std::optional<Time>& time, Packer& out) {
  out.Text(time ? std::to_string(ToUnixMicros(*time)) : "");
}

std::optional<Time> UnpackTime(Unpacker& in) {
  Unpacker peek = in;
  if (peek.View().empty()) {
    in = peek;
    return std::nullopt;
  }
  return FromUnixMicros(in.Number<int64_t>());
}

constexpr int kFirstCounts = 12;  // in every text

// Every count, in an order that only grows.
template <typename Counts, typename Visit>
void ForEach(Counts& counts, Visit visit) {
  for (auto* count :
       {&counts.seen, &counts.touched, &counts.changed, &counts.fail_to_pass, &counts.pass_to_fail,
        &counts.raised, &counts.lowered, &counts.kept, &counts.failed, &counts.late,
        &counts.superseded, &counts.written, &counts.skipped}) {
    visit(*count);
  }
}

}  // namespace

std::string Serialize(const RescoringDefinition& definition) {
  Packer out;
  out.Text("invigil-rescoring 1").Text(definition.exam_id).Text(definition.decisions);
  out.Number(static_cast<int>(definition.policy)).Texts(definition.form_ids);
  Pack(definition.from, out);
  Pack(definition.until, out);
  out.Text(definition.reason);
  return out.Take();
}

absl::StatusOr<RescoringDefinition> ParseDefinition(std::string_view text) {
  Unpacker in(text);
  RescoringDefinition definition;
  const bool known = in.View() == "invigil-rescoring 1";
  definition.exam_id = in.Text();
  definition.decisions = in.Text();
  const int policy = in.Number<int>();
  definition.policy = static_cast<RescoringPolicy>(policy);
  definition.form_ids = in.Texts();
  definition.from = UnpackTime(in);
  definition.until = UnpackTime(in);
  definition.reason = in.Text();
  if (!known || !in.Done() || policy < 0 || policy > static_cast<int>(RescoringPolicy::kExact)) {
    return Damaged();
  }
  return definition;
}

std::string Serialize(const RescoringCounts& counts) {
  Packer out;
  ForEach(counts, [&out](uint64_t count) { out.Number(count); });
  return out.Take();
}

absl::StatusOr<RescoringCounts> ParseCounts(std::string_view text) {
  Unpacker in(text);
  RescoringCounts counts;
  // Those that came later are missing in what was written before.
  int read = 0;
  ForEach(counts, [&](uint64_t& count) {
    if (read++ < kFirstCounts || !in.Done()) count = in.Number<uint64_t>();
  });
  if (!in.Done()) return Damaged();
  return counts;
}

std::string HashOf(const ActRecord& act, const std::string& rescoring_id,
                   const std::string& before) {
  Packer out;
  out.Text(before).Text(rescoring_id).Number(act.sequence).Number(ToUnixMicros(act.act_time));
  out.Text(act.actor).Text(act.act).Text(act.reason).Text(act.digest);
  return Sha256Hex(out.Take());
}

}  // namespace invigil::scoring
