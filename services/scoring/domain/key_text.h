// A form's key as it is kept beside its scores, so that a score can be replayed and scored anew
// without the item bank. Forms are drawn per candidate from one bank, so what they share (items and
// the exam's frame) is cut into parts that are kept once, under a hash of their content; the form
// itself is then about 3 KB. Holds answers: never logged, never sent on.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/key.h"

namespace invigil::scoring {

struct KeyText {
  std::string body;                                        // names its parts by hash
  std::vector<std::pair<std::string, std::string>> parts;  // hash and text
};

// Of a key as the item bank gives it, before any decision.
KeyText Serialize(const ScoringKey& key);

// What a hash stands for, read once and shared by all keys that name it.
struct KeyPart {
  // One of the two.
  std::shared_ptr<const ScoringKey> frame;  // without form, version and items
  std::shared_ptr<const KeyedItem> item;    // without its place: id, key and order of options
};
// Errors: INTERNAL when the text is not a part as Serialize writes it.
absl::StatusOr<KeyPart> ParseKeyPart(std::string_view text);

// `part` gives what a hash stands for. Errors: INTERNAL when the text is not what Serialize writes,
// and those of `part`.
using FindKeyPart = std::function<absl::StatusOr<KeyPart>(std::string_view hash)>;
absl::StatusOr<ScoringKey> ParseKey(std::string_view body, const FindKeyPart& part);

}  // namespace invigil::scoring
