// What a candidate is shown of a session. The one place that decides which items may be seen.
#pragma once

#include "absl/status/status.h"
#include "invigil/session/v1/delivery.pb.h"
#include "services/session/engine/session_engine.h"

namespace invigil::session {

// How much of a session an answer carries.
enum class Detail : uint8_t {
  kBare,   // no items, no texts: what `outcome` has no contents for
  kItems,  // what does not change while a part lasts
  kAll,    // responses, marks, messages and locks too
};

// `outcome` has contents unless `detail` is kBare: serialised ItemContents, of which a part shows
// the stem. Items of sections that were not entered are never shown, also not when the session is
// sealed: it may be reopened. Errors: DATA_LOSS (LOG_CORRUPT) when a content can't be read.
absl::Status ShowSession(const Outcome& outcome, Detail detail, v1::Session* session);

// Parts of it: a message, and the marks that are set.
void ShowMessage(const Message& message, v1::SessionMessage* to);
void ShowMarks(const State& state, google::protobuf::RepeatedPtrField<v1::Mark>* marks);

// What streams push.
void ShowUpdate(const Outcome& outcome, v1::WatchSessionResponse* update);

// What is stored, in short.
void ShowVector(const Outcome& outcome, v1::GetResponseVectorResponse* vector);

}  // namespace invigil::session
