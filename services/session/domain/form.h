// The form of a session: what stands at which place. Immutable and shared by every copy of the
// session's state, so it is kept in one block: about 50 bytes a place instead of several strings.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "services/session/domain/plan.h"

namespace invigil::session {

// What a caller says about one place when a form is made.
struct PlaceSpec {
  std::string item_id;                // opaque, unique on the form
  std::string content_id;             // what is shown
  std::vector<uint8_t> option_order;  // display order, as indices into the content's options
  uint8_t select_count = 1;           // how many options to select
};

// Thread-safe: nothing changes after Create.
class Form {
 public:
  struct Header {
    std::string form_id;
    std::string title;
    uint32_t exam_version = 0;
    // Time to answer, before any grant: of all sections together, without breaks and untimed parts.
    Duration duration{0};
    Plan plan{};
  };
  // Errors: INVALID_ARGUMENT (FORM_INVALID, naming every wrong field) when there is no place or
  // more than kMaxPlaces, an id is empty, too long or repeated, an order is no permutation,
  // select_count exceeds the options, the duration is outside (0, 24 h], or the plan does not put
  // every place into one section, starts with a break, has a break before no section, or has a part
  // without a limit that needs one.
  static absl::StatusOr<std::shared_ptr<const Form>> Create(Header header,
                                                            const std::vector<PlaceSpec>& places);

  const std::string& form_id() const { return header_.form_id; }
  const std::string& title() const { return header_.title; }
  uint32_t exam_version() const { return header_.exam_version; }
  Duration duration() const { return header_.duration; }
  // With at least one part.
  const Plan& plan() const { return header_.plan; }
  const Part& part(size_t index) const { return header_.plan.parts[index]; }
  size_t parts() const { return header_.plan.parts.size(); }
  // The part that comes after the last section; parts() when there is none.
  size_t after_sections() const { return after_sections_; }

  // Places are numbered from 0 in display order.
  size_t size() const { return places_.size(); }
  std::string_view item_id(size_t place) const;
  std::string_view content_id(size_t place) const;
  // Byte k is the index into the content's options of what is displayed k-th.
  std::string_view option_order(size_t place) const;
  size_t option_count(size_t place) const { return places_[place].options; }
  size_t select_count(size_t place) const { return places_[place].select_count; }
  // The place of an item; -1 when it is not on this form.
  int Find(std::string_view item_id) const;

  friend bool operator==(const Form& a, const Form& b);

  static constexpr size_t kMaxPlaces = 1000;
  static constexpr size_t kMaxOptions = 26;  // displayed as "A" to "Z"
  static constexpr size_t kMaxIdLength = 64;

 private:
  struct Place {
    uint32_t offset;  // into text_: item id, content id, option order
    uint8_t item_length, content_length, options, select_count;
  };
  Form() = default;
  void BuildIndex();

  Header header_;
  std::string text_;
  std::vector<Place> places_;
  size_t after_sections_ = 1;
  std::vector<uint16_t> index_;  // open addressing, place + 1; 0 is empty; a power of two in size
};

// "A" for 0; k < Form::kMaxOptions.
std::string_view OptionId(size_t k);
// 0 for "A"; -1 when `option_id` is not a single letter "A" to "Z".
int OptionIndex(std::string_view option_id);

}  // namespace invigil::session
