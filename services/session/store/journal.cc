#include "services/session/store/journal.h"

#include <charconv>
#include <variant>

#include "common/base/hash.h"
#include "common/base/ids.h"
#include "services/session/store/redact.h"

namespace invigil::session {
namespace {

struct Kind {
  std::string_view operator()(const Reserved&) const { return "reserved"; }
  std::string_view operator()(const FormAttached&) const { return "form_attached"; }
  std::string_view operator()(const Started&) const { return "started"; }
  std::string_view operator()(const ResponsesStored&) const { return ""; }
  std::string_view operator()(const TakenOver&) const { return "taken_over"; }
  std::string_view operator()(const TimeGranted&) const { return "time_granted"; }
  std::string_view operator()(const Sealed& e) const {
    switch (e.as) {
      case SessionState::kSubmitted:
        return "sealed.submitted";
      case SessionState::kTerminated:
        return "sealed.terminated";
      default:
        return "sealed.expired";
    }
  }
  std::string_view operator()(const Scored&) const { return "scored"; }
  std::string_view operator()(const Released&) const { return "released"; }
  std::string_view operator()(const HoldChanged& e) const {
    return e.held ? "score_held" : "hold_ended";
  }
  std::string_view operator()(const Voided&) const { return "voided"; }
  std::string_view operator()(const PartEntered&) const { return "part_entered"; }
  std::string_view operator()(const BreakStarted&) const { return "break_started"; }
  std::string_view operator()(const BreakEnded&) const { return "break_ended"; }
  std::string_view operator()(const Paused&) const { return "paused"; }
  std::string_view operator()(const Resumed&) const { return "resumed"; }
  std::string_view operator()(const Reopened&) const { return "reopened"; }
  std::string_view operator()(const ResponsesRecovered&) const { return "responses_recovered"; }
  std::string_view operator()(const ProgressStored&) const { return ""; }
  std::string_view operator()(const CheckedIn&) const { return "checked_in"; }
  std::string_view operator()(const MessageSent&) const { return "message_sent"; }
  std::string_view operator()(const MessageConfirmed&) const { return "message_confirmed"; }
  std::string_view operator()(const IrregularityReported&) const { return "irregularity"; }
  std::string_view operator()(const Claimed&) const { return "claimed"; }
};

constexpr size_t kSaltBytes = 16;

void AppendNumber(std::string& text, uint64_t number, int base = 10) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof(digits), number, base).ptr;
  text.append(digits, end);
}

}  // namespace

std::string_view JournalKind(const Event& event) { return std::visit(Kind{}, event); }

std::string ResponsesHash(const State& state) {
  std::string text;
  text.reserve(state.responses.size() * 6);
  for (const StoredResponse& held : state.responses) {
    if (!text.empty()) text += ',';
    AppendNumber(text, held.sequence);
    text += ':';
    AppendNumber(text, held.options, 16);
  }
  return Sha256Hex(text);
}

std::string BodyHash(std::string_view salt, std::string_view body) {
  if (salt.empty()) return Sha256Hex(body);
  std::string text(salt);
  text += body;
  return Sha256Hex(text);
}

std::string ChainHash(std::string_view previous, const JournalRow& row) {
  std::string text = row.rest_hash.empty() ? "" : "2|";
  text += previous;
  text += '|';
  AppendNumber(text, row.n);
  text += '|';
  text += row.session.ToHex();
  text += '|';
  AppendNumber(text, row.seq);
  text += '|';
  text += std::to_string(ToUnixMicros(row.at));
  for (const std::string* part : {&row.kind, &row.body_hash, &row.responses_hash}) {
    text += '|';
    text += *part;
  }
  if (!row.rest_hash.empty()) text += "|" + row.rest_hash;
  return Sha256Hex(text);
}

void JournalBatch::Add(const SessionId& session, uint64_t seq, Time at, const Event& event,
                       std::string_view body, const State& after) {
  const std::string_view kind = JournalKind(event);
  if (kind.empty()) return;
  JournalRow& row = rows_.emplace_back();
  row.session = session;
  row.seq = seq;
  row.at = at;
  row.kind = kind;
  if (HoldsPersonal(event)) {
    row.salt = RandomHex(kSaltBytes);
    row.rest_hash = RestHash(event, after.identity ? after.identity->candidate_id : "");
  } else {
    row.rest_hash = Sha256Hex(body);
  }
  row.body_hash = BodyHash(row.salt, body);
  // A seal is the last event of its call (EventLog::Append), so `after` is what was sealed.
  if (std::holds_alternative<Sealed>(event) || std::holds_alternative<ResponsesRecovered>(event)) {
    row.responses_hash = ResponsesHash(after);
  }
}

void JournalBatch::Add(const Remark& remark) {
  JournalRow& row = rows_.emplace_back();
  row.session = remark.session;
  row.at = remark.at;
  row.kind = remark.kind;
  row.remark = EncodeRemark(remark);
  row.person = PersonIn(remark);
  row.salt = RandomHex(kSaltBytes);
  row.rest_hash = RestHash(remark);
  row.body_hash = BodyHash(row.salt, row.remark);
}

const std::vector<JournalRow>& JournalBatch::Chain(JournalHead& head) {
  for (JournalRow& row : rows_) {
    row.n = ++head.n;
    row.hash = ChainHash(head.hash, row);
    head.hash = row.hash;
  }
  return rows_;
}

}  // namespace invigil::session
