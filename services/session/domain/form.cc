#include "services/session/domain/form.h"

#include <string>
#include <utility>

#include "common/base/hash.h"
#include "common/error/error.h"
#include "services/session/domain/text.h"

namespace invigil::session {
namespace {

// Empty when the id may stand on a form.
std::string IdFault(const std::string& id) {
  if (id.empty()) return "must not be empty";
  if (id.size() > Form::kMaxIdLength) return "must have at most 64 characters";
  if (!IsUtf8(id)) return "must be UTF-8";
  return "";
}

bool IsPermutation(const std::vector<uint8_t>& order) {
  uint32_t seen = 0;
  for (uint8_t index : order) {
    if (index >= order.size() || (seen >> index & 1)) return false;
    seen |= 1u << index;
  }
  return true;
}

// Calls `fault` for everything in the plan that can't be delivered.
template <typename Fault>
void CheckPlan(const Plan& plan, size_t places, Fault fault) {
  if (plan.parts.size() > kMaxParts) fault("plan.parts", "must be at most 50");
  size_t next_place = 0;
  size_t sections = 0;
  for (size_t i = 0; i < plan.parts.size(); ++i) {
    const Part& part = plan.parts[i];
    const std::string path = "plan.parts[" + std::to_string(i) + "].";
    if (part.name.size() > 256 || !IsUtf8(part.name)) {
      fault(path + "name", "must be UTF-8 of at most 256 bytes");
    }
    if (part.content_id.size() > Form::kMaxIdLength || !IsUtf8(part.content_id)) {
      fault(path + "content_id", "must have at most 64 characters");
    }
    if (part.limit < Duration(0) || part.limit > std::chrono::hours(24)) {
      fault(path + "limit", "must be at most 24 hours");
    }
    if (part.is_section()) {
      ++sections;
      if (part.first_place != next_place || part.place_count == 0 || part.place_count > places) {
        fault(path + "first_place", "sections must take all places, in order, each at least one");
      }
      next_place = size_t{part.first_place} + part.place_count;
      continue;
    }
    if (part.limit == Duration(0))
      fault(path + "limit", "is required: the exam clock stands still");
    if (part.place_count != 0) fault(path + "place_count", "must be 0: only sections have items");
    const bool section_follows = i + 1 < plan.parts.size() && plan.parts[i + 1].is_section();
    if (part.kind == PartKind::kBreak && (sections == 0 || !section_follows)) {
      fault(path + "kind", "a break must stand between two sections");
    }
  }
  if (sections == 0) fault("plan.parts", "must have a section");
  if (sections != 0 && next_place != places) {
    fault("plan.parts", "sections must take all places, in order, each at least one");
  }
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Form>> Form::Create(Header header,
                                                         const std::vector<PlaceSpec>& places) {
  Error error = InvalidArgument("FORM_INVALID", "the form can't be delivered; see the fields");
  bool valid = true;
  const auto fault = [&](std::string path, std::string description) {
    error.Field(std::move(path), std::move(description));
    valid = false;
  };
  if (std::string why = IdFault(header.form_id); !why.empty()) fault("form_id", why);
  if (!IsUtf8(header.title)) fault("title", "must be UTF-8");
  if (header.duration <= Duration(0) || header.duration > std::chrono::hours(24)) {
    fault("duration", "must be more than 0 and at most 24 hours");
  }
  if (places.empty() || places.size() > kMaxPlaces) fault("places", "must be 1 to 1000");
  if (header.plan.parts.empty()) {
    Part& all = header.plan.parts.emplace_back();
    all.place_count = static_cast<uint32_t>(places.size());
  }
  CheckPlan(header.plan, places.size(), fault);
  if (!valid) return error;

  auto form = std::shared_ptr<Form>(new Form());
  form->header_ = std::move(header);
  for (size_t i = 0; i < form->parts(); ++i) {
    if (form->part(i).is_section()) form->after_sections_ = i + 1;
  }
  form->places_.reserve(places.size());
  size_t text = 0;
  for (const PlaceSpec& spec : places) {
    text += spec.item_id.size() + spec.content_id.size() + spec.option_order.size();
  }
  form->text_.reserve(text);
  // Said of few and asked for by every fold of a log: made only when there is something to say.
  const auto field = [](size_t place, const char* name) {
    return "places[" + std::to_string(place) + "]." + name;
  };
  for (size_t i = 0; i < places.size(); ++i) {
    const PlaceSpec& spec = places[i];
    if (std::string why = IdFault(spec.item_id); !why.empty()) fault(field(i, "item_id"), why);
    if (std::string why = IdFault(spec.content_id); !why.empty()) {
      fault(field(i, "content_id"), why);
    }
    if (spec.option_order.empty() || spec.option_order.size() > kMaxOptions ||
        !IsPermutation(spec.option_order)) {
      fault(field(i, "option_order"), "must be a permutation of 0 to n-1 with n from 1 to 26");
    }
    if (spec.select_count == 0 || spec.select_count > spec.option_order.size()) {
      fault(field(i, "select_count"), "must be from 1 to the number of options");
    }
    if (!valid) continue;  // sizes below would not fit; go on naming faults
    form->places_.push_back({static_cast<uint32_t>(form->text_.size()),
                             static_cast<uint8_t>(spec.item_id.size()),
                             static_cast<uint8_t>(spec.content_id.size()),
                             static_cast<uint8_t>(spec.option_order.size()), spec.select_count});
    form->text_ += spec.item_id;
    form->text_ += spec.content_id;
    form->text_.append(spec.option_order.begin(), spec.option_order.end());
  }
  if (!valid) return error;
  form->BuildIndex();
  for (size_t i = 0; i < places.size(); ++i) {
    if (form->Find(places[i].item_id) != static_cast<int>(i)) {
      fault(field(i, "item_id"), "stands on the form twice");
    }
  }
  if (!valid) return error;
  return std::shared_ptr<const Form>(std::move(form));
}

void Form::BuildIndex() {
  size_t slots = 4;
  while (slots < places_.size() * 2) slots *= 2;
  index_.assign(slots, 0);
  for (size_t i = 0; i < places_.size(); ++i) {
    size_t slot = StableHash(item_id(i)) & (slots - 1);
    while (index_[slot] != 0) slot = (slot + 1) & (slots - 1);
    index_[slot] = static_cast<uint16_t>(i + 1);
  }
}

int Form::Find(std::string_view item_id) const {
  const size_t mask = index_.size() - 1;
  for (size_t slot = StableHash(item_id) & mask; index_[slot] != 0; slot = (slot + 1) & mask) {
    const size_t place = index_[slot] - 1u;
    if (this->item_id(place) == item_id) return static_cast<int>(place);
  }
  return -1;
}

std::string_view Form::item_id(size_t place) const {
  const Place& p = places_[place];
  return std::string_view(text_).substr(p.offset, p.item_length);
}

std::string_view Form::content_id(size_t place) const {
  const Place& p = places_[place];
  return std::string_view(text_).substr(p.offset + p.item_length, p.content_length);
}

std::string_view Form::option_order(size_t place) const {
  const Place& p = places_[place];
  return std::string_view(text_).substr(p.offset + p.item_length + p.content_length, p.options);
}

bool operator==(const Form& a, const Form& b) {
  if (a.form_id() != b.form_id() || a.title() != b.title() || a.duration() != b.duration() ||
      a.exam_version() != b.exam_version() || a.size() != b.size() || a.plan() != b.plan()) {
    return false;
  }
  for (size_t i = 0; i < a.size(); ++i) {
    if (a.item_id(i) != b.item_id(i) || a.content_id(i) != b.content_id(i) ||
        a.option_order(i) != b.option_order(i) || a.select_count(i) != b.select_count(i)) {
      return false;
    }
  }
  return true;
}

std::string_view OptionId(size_t k) {
  static constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  return {&kLetters[k], 1};
}

int OptionIndex(std::string_view option_id) {
  if (option_id.size() != 1 || option_id[0] < 'A' || option_id[0] > 'Z') return -1;
  return option_id[0] - 'A';
}

}  // namespace invigil::session
