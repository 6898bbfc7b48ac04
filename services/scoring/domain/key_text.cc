#include "services/scoring/domain/key_text.h"

#include <algorithm>
#include <set>

#include "common/base/hash.h"
#include "common/error/error.h"
#include "services/scoring/domain/packer.h"

namespace invigil::scoring {
namespace {

constexpr std::string_view kKey = "invigil-key 1", kFrame = "frame", kItem = "item";
// 80 bits: parts of one database are some thousands, written by this service alone.
constexpr size_t kHashDigits = 20;

void Pack(const ItemParameters& irt, uint32_t sample_size, Packer& out) {
  out.Number(irt.slope).Number(irt.difficulty).Number(irt.lower_asymptote).Number(sample_size);
}

ItemParameters Unpack(Unpacker& in, uint32_t& sample_size) {
  ItemParameters irt;
  irt.slope = in.Number<double>();
  irt.difficulty = in.Number<double>();
  irt.lower_asymptote = in.Number<double>();
  sample_size = in.Number<uint32_t>();
  return irt;
}

std::string FrameText(const ScoringKey& key) {
  Packer out;
  out.Text(kFrame).Text(key.exam_id).Number(key.exam_version).Text(key.title).Text(key.disclaimer);
  out.Number(key.domains.size());
  for (const DomainDefinition& domain : key.domains) {
    out.Text(domain.domain_id).Text(domain.name).Number(domain.weight_percent);
  }
  out.Number(key.scale.min).Number(key.scale.max).Number(key.scale.cut);
  out.Number(key.standard.base_cut_raw).Number(key.standard.base_form.size());
  for (size_t i = 0; i < key.standard.base_form.size(); ++i) {
    Pack(key.standard.base_form[i],
         i < key.standard.base_sample_sizes.size() ? key.standard.base_sample_sizes[i] : 0, out);
  }
  for (const DomainDefinition& domain : key.domains) {
    out.Number(domain.tasks.size());
    for (const TaskDefinition& task : domain.tasks) out.Text(task.task_id).Text(task.name);
  }
  return out.Take();
}

ScoringKey ParseFrame(Unpacker& in) {
  ScoringKey key;
  key.exam_id = in.Text();
  key.exam_version = in.Number<uint32_t>();
  key.title = in.Text();
  key.disclaimer = in.Text();
  key.domains.resize(in.Count());
  for (DomainDefinition& domain : key.domains) {
    domain.domain_id = in.Text();
    domain.name = in.Text();
    domain.weight_percent = in.Number<double>();
  }
  key.scale.min = in.Number<int32_t>();
  key.scale.max = in.Number<int32_t>();
  key.scale.cut = in.Number<int32_t>();
  key.standard.base_cut_raw = in.Number<double>();
  key.standard.base_form.resize(in.Count());
  key.standard.base_sample_sizes.resize(key.standard.base_form.size());
  for (size_t i = 0; i < key.standard.base_form.size(); ++i) {
    key.standard.base_form[i] = Unpack(in, key.standard.base_sample_sizes[i]);
  }
  if (in.Done()) return key;  // written before tasks were kept
  for (DomainDefinition& domain : key.domains) {
    domain.tasks.resize(in.Count());
    for (TaskDefinition& task : domain.tasks) {
      task.task_id = in.Text();
      task.name = in.Text();
    }
  }
  return key;
}

// The options of an item in an order that no form changes.
std::vector<std::string> SortedOptions(const KeyedItem& item) {
  std::vector<std::string> ids = item.authored_option_ids;
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::string ItemText(const KeyedItem& item) {
  Packer out;
  out.Text(kItem).Text(item.bank_item_id).Number(item.bank_item_version);
  out.Number(item.operational ? 1 : 0).Number(static_cast<int>(item.rule)).Text(item.domain_id);
  Pack(item.irt, item.sample_size, out);
  out.Number(item.option_count).Texts(SortedOptions(item)).Text(item.task_id);
  return out.Take();
}

KeyedItem ParseItem(Unpacker& in) {
  KeyedItem item;
  item.bank_item_id = in.Text();
  item.bank_item_version = in.Number<uint32_t>();
  item.operational = in.Number<int>() != 0;
  item.rule = in.Number<int>() == static_cast<int>(Rule::kAllOrNothing) ? Rule::kAllOrNothing
                                                                        : Rule::kUnknown;
  item.domain_id = in.Text();
  item.irt = Unpack(in, item.sample_size);
  item.option_count = in.Number<uint32_t>();
  item.authored_option_ids = in.Texts();
  if (!in.Done()) item.task_id = in.Text();  // else written before tasks were kept
  return item;
}

// Displayed option ids as one word where each is a letter, which they are; and back.
std::string Letters(const std::vector<std::string>& ids) {
  std::string letters;
  for (const std::string& id : ids) letters += id;
  return letters;
}

absl::Status Damaged() {
  return Internal("a stored key can't be read: the database is damaged").Build();
}

}  // namespace

KeyText Serialize(const ScoringKey& key) {
  KeyText text;
  std::set<std::string> named;
  const auto part = [&](std::string body) {
    std::string hash = Sha256Hex(body).substr(0, kHashDigits);
    if (named.insert(hash).second) text.parts.emplace_back(hash, std::move(body));
    return hash;
  };
  Packer out;
  out.Text(kKey).Text(key.form_id).Number(key.key_version).Text(part(FrameText(key)));
  out.Number(key.items.size());
  for (const KeyedItem& item : key.items) {
    const std::vector<std::string> sorted = SortedOptions(item);
    std::string order;
    for (const std::string& id : item.authored_option_ids) {
      order += static_cast<char>(
          'a' + (std::lower_bound(sorted.begin(), sorted.end(), id) - sorted.begin()));
    }
    out.Text(part(ItemText(item))).Text(item.item_id).Text(Letters(item.key_option_ids));
    out.Text(order);
  }
  text.body = out.Take();
  return text;
}

absl::StatusOr<KeyPart> ParseKeyPart(std::string_view text) {
  Unpacker in(text);
  const std::string_view kind = in.View();
  KeyPart part;
  if (kind == kFrame) part.frame = std::make_shared<const ScoringKey>(ParseFrame(in));
  if (kind == kItem) part.item = std::make_shared<const KeyedItem>(ParseItem(in));
  if (!in.Done()) return Damaged();
  return part;
}

absl::StatusOr<ScoringKey> ParseKey(std::string_view body, const FindKeyPart& find) {
  Unpacker in(body);
  if (in.View() != kKey) return Damaged();
  const std::string form_id = in.Text();
  const auto key_version = in.Number<uint32_t>();
  const auto frame = find(in.View());
  if (!frame.ok()) return frame.status();
  if (!frame->frame) return Damaged();
  ScoringKey key = *frame->frame;
  key.form_id = form_id;
  key.key_version = key_version;
  key.items.resize(in.Count());
  for (KeyedItem& item : key.items) {
    const auto part = find(in.View());
    if (!part.ok()) return part.status();
    if (!part->item) return Damaged();
    item = *part->item;
    item.item_id = in.Text();
    for (const char letter : in.View()) item.key_option_ids.emplace_back(1, letter);
    const std::string_view order = in.View();
    if (order.size() != item.authored_option_ids.size()) return Damaged();
    std::vector<std::string> shown;
    for (const char place : order) {
      const size_t index = static_cast<size_t>(place - 'a');
      if (index >= order.size()) return Damaged();
      shown.push_back(part->item->authored_option_ids[index]);
    }
    item.authored_option_ids = std::move(shown);
  }
  if (!in.Done()) return Damaged();
  return key;
}

}  // namespace invigil::scoring
