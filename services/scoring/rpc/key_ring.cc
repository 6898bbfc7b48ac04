#include "services/scoring/rpc/key_ring.h"

#include <future>
#include <utility>

#include "common/error/error.h"

namespace invigil::scoring {
namespace {

// Parts are shared by all forms of an exam version; more than this are not of one.
constexpr size_t kMostParts = 50'000, kMostExams = 1000;

}  // namespace

KeyRing::KeyRing(KeySource& keys, RescoringStore& store) : keys_(keys), store_(store) {}

absl::StatusOr<std::string> KeyRing::EquatingOf(const ScoringKey& key) {
  return equatings_ ? equatings_(key) : std::string();
}

absl::StatusOr<std::shared_ptr<const ExamRevisions>> KeyRing::RevisionsOf(
    const std::string& exam_id) {
  const auto last = store_.LastRevision(exam_id);
  if (!last.ok()) return last.status();
  {
    const std::lock_guard lock(mutex_);
    const auto known = revisions_.find(exam_id);
    if (known != revisions_.end() && known->second->last == *last) return known->second;
  }
  auto read = std::make_shared<ExamRevisions>();
  read->last = *last;
  if (*last > 0) {
    const auto records = store_.ListRevisions(exam_id);
    if (!records.ok()) return records.status();
    for (const RevisionRecord& record : *records) {
      auto decisions = ParseDecisions(record.decisions);
      if (!decisions.ok()) return decisions.status();
      read->revisions.push_back({record.revision, *std::move(decisions)});
    }
    // One may have been approved between the two reads.
    if (!records->empty()) read->last = records->back().revision;
  }
  const std::lock_guard lock(mutex_);
  if (revisions_.size() >= kMostExams) revisions_.clear();
  revisions_[exam_id] = read;
  return read;
}

absl::StatusOr<std::shared_ptr<const ScoringKey>> KeyRing::BankKey(const std::string& form_id,
                                                                   const std::string& kept,
                                                                   Duration patience) {
  std::string body = kept;
  if (body.empty()) {
    auto found = store_.FindKey(form_id);
    if (!found.ok()) return found.status();
    if (found->has_value()) body = **std::move(found);
  }
  if (!body.empty()) {
    auto key = ParseKey(body, [this](std::string_view hash) { return Part(hash); });
    if (!key.ok()) return key.status();
    return std::make_shared<const ScoringKey>(*std::move(key));
  }
  auto promise =
      std::make_shared<std::promise<absl::StatusOr<std::shared_ptr<const ScoringKey>>>>();
  auto answer = promise->get_future();
  keys_.Fetch(form_id, patience, telemetry::TraceContext::New(),
              [promise](auto key) { promise->set_value(std::move(key)); });
  return answer.get();
}

absl::StatusOr<KeyPart> KeyRing::Part(std::string_view hash) {
  const std::string name(hash);
  {
    const std::lock_guard lock(mutex_);
    const auto known = parts_.find(name);
    if (known != parts_.end()) return known->second;
  }
  const auto text = store_.FindKeyPart(name);
  if (!text.ok()) return text.status();
  if (!text->has_value()) return Internal("a part of a stored key is missing");
  auto part = ParseKeyPart(**text);
  if (!part.ok()) return part.status();
  const std::lock_guard lock(mutex_);
  if (parts_.size() >= kMostParts) parts_.clear();
  parts_[name] = *part;
  return part;
}

KeyRecord RecordOf(const ScoringKey& bank_key) {
  KeyText text = Serialize(bank_key);
  return {
      .form_id = bank_key.form_id, .body = std::move(text.body), .parts = std::move(text.parts)};
}

}  // namespace invigil::scoring
