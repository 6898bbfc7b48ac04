#include "services/item_bank/wire/convert.h"

#include <algorithm>

namespace invigil::item_bank {
namespace {

// Far beyond any exam or date, and safe to turn into microseconds.
constexpr int64_t kMaxSeconds = int64_t{1} << 40;

int64_t ToMicros(int64_t seconds, int32_t nanos) {
  return std::clamp(seconds, -kMaxSeconds, kMaxSeconds) * 1'000'000 + nanos / 1000;
}

Duration FromProto(const google::protobuf::Duration& m) {
  return Duration(ToMicros(m.seconds(), m.nanos()));
}

Part FromProto(const v1::ExamPart& m) {
  Part part;
  part.kind = static_cast<PartKind>(m.kind());
  part.name = m.name();
  part.limit = FromProto(m.limit());
  part.text = m.text();
  if (!m.has_section()) return part;
  Section section;
  section.section_id = m.section().section_id();
  section.operational_item_count = m.section().operational_item_count();
  section.pretest_item_count = m.section().pretest_item_count();
  for (const v1::SectionDomain& d : m.section().domains()) {
    section.domains.push_back({d.domain_id(), d.operational_item_count(), d.pretest_item_count()});
  }
  section.navigation = static_cast<Navigation>(m.section().navigation());
  if (m.section().has_edit_quota()) section.edit_quota = m.section().edit_quota();
  part.section = std::move(section);
  return part;
}

RetakePolicy FromProto(const v1::RetakePolicy& m) {
  RetakePolicy policy;
  policy.time_zone = m.time_zone();
  policy.wait_days.assign(m.wait_days().begin(), m.wait_days().end());
  if (m.has_wait_days_after_pass()) policy.wait_days_after_pass = m.wait_days_after_pass();
  for (const v1::AttemptCap& cap : m.caps()) {
    policy.caps.push_back({cap.max_attempts(), cap.window_days()});
  }
  return policy;
}

void Write(const Section& section, v1::Section* m) {
  m->set_section_id(section.section_id);
  m->set_operational_item_count(section.operational_item_count);
  m->set_pretest_item_count(section.pretest_item_count);
  for (const SectionDomain& share : section.domains) {
    v1::SectionDomain* d = m->add_domains();
    d->set_domain_id(share.domain_id);
    d->set_operational_item_count(share.operational_item_count);
    d->set_pretest_item_count(share.pretest_item_count);
  }
  m->set_navigation(static_cast<v1::Navigation>(section.navigation));
  if (section.edit_quota) m->set_edit_quota(*section.edit_quota);
}

void Write(const Part& part, v1::ExamPart* m) {
  m->set_kind(static_cast<v1::PartKind>(part.kind));
  m->set_name(part.name);
  if (part.limit != Duration(0)) ToProto(part.limit, m->mutable_limit());
  m->set_text(part.text);
  if (part.section) Write(*part.section, m->mutable_section());
}

void Write(const RetakePolicy& policy, v1::RetakePolicy* m) {
  m->set_time_zone(policy.time_zone);
  for (const uint32_t days : policy.wait_days) m->add_wait_days(days);
  if (policy.wait_days_after_pass) m->set_wait_days_after_pass(*policy.wait_days_after_pass);
  for (const AttemptCap& cap : policy.caps) {
    v1::AttemptCap* c = m->add_caps();
    c->set_max_attempts(cap.max_attempts);
    c->set_window_days(cap.window_days);
  }
}

}  // namespace

IrtParameters FromProto(const v1::IrtParameters& m) {
  IrtParameters irt{m.slope(), m.difficulty(), m.lower_asymptote(), m.sample_size(),
                    m.calibration_id()};
  if (m.has_slope_error()) irt.slope_error = m.slope_error();
  if (m.has_difficulty_error()) irt.difficulty_error = m.difficulty_error();
  if (m.has_lower_asymptote_error()) irt.asymptote_error = m.lower_asymptote_error();
  return irt;
}

Item FromProto(const v1::Item& m) {
  Item item;
  item.item_id = m.item_id();
  item.bank_id = m.bank_id();
  item.version = m.version();
  item.domain_id = m.domain_id();
  item.task_id = m.task_id();
  item.type = static_cast<ItemType>(m.type());
  item.select_count = m.select_count();
  item.cognitive_level = static_cast<CognitiveLevel>(m.cognitive_level());
  item.stem = m.stem();
  for (const v1::Option& o : m.options()) {
    item.options.push_back({o.option_id(), o.text(), o.is_key(), o.rationale()});
  }
  if (m.has_irt()) item.irt = FromProto(m.irt());
  item.enemy_item_ids.assign(m.enemy_item_ids().begin(), m.enemy_item_ids().end());
  for (const v1::Reference& r : m.references()) item.references.push_back({r.title(), r.url()});
  item.status = static_cast<ItemStatus>(m.status());
  item.promoted = m.promoted();
  item.create_time = FromUnixMicros(ToMicros(m.create_time().seconds(), m.create_time().nanos()));
  return item;
}

Bank FromProto(const v1::Bank& m) {
  Bank bank{{m.bank_id(), m.title(), m.exam_id(), m.license()}, {}};
  bank.items.reserve(static_cast<size_t>(m.items_size()));
  for (const v1::Item& item : m.items()) bank.items.push_back(FromProto(item));
  return bank;
}

Exam FromProto(const v1::ExamDefinition& m) {
  Exam exam;
  exam.exam_id = m.exam_id();
  exam.version = m.version();
  exam.title = m.title();
  exam.program_owner = m.program_owner();
  exam.bank_id = m.bank_id();
  exam.operational_item_count = m.operational_item_count();
  exam.pretest_item_count = m.pretest_item_count();
  exam.duration = FromProto(m.duration());
  for (const v1::Domain& d : m.domains()) {
    Domain domain{d.domain_id(), d.name(), d.weight_percent(), d.operational_item_count(), {}};
    for (const v1::Task& t : d.tasks()) domain.tasks.push_back({t.task_id(), t.name()});
    exam.domains.push_back(std::move(domain));
  }
  exam.scale = {m.scale().min(), m.scale().max(), m.scale().cut()};
  if (m.has_standard()) {
    Standard standard{
        m.standard().method(), {}, m.standard().base_cut_raw(), m.standard().standard_setting_id()};
    if (m.standard().has_standard_error()) {
      standard.standard_error = m.standard().standard_error();
    }
    for (const auto& irt : m.standard().base_form()) standard.base_form.push_back(FromProto(irt));
    exam.standard = std::move(standard);
  }
  for (const int type : m.item_types()) exam.item_types.push_back(static_cast<ItemType>(type));
  exam.retake_wait_days = m.retake_wait_days();
  exam.disclaimer = m.disclaimer();
  for (const v1::FactSource& s : m.sources()) {
    exam.sources.push_back(
        {{s.fields().begin(), s.fields().end()}, s.source(), s.date_checked(), s.review_by()});
  }
  exam.publish_time =
      FromUnixMicros(ToMicros(m.publish_time().seconds(), m.publish_time().nanos()));
  for (const v1::ExamPart& part : m.parts()) exam.parts.push_back(FromProto(part));
  exam.check_in_required = m.check_in_required();
  exam.unscheduled_breaks = m.unscheduled_breaks();
  exam.window_policy = static_cast<WindowPolicy>(m.window_policy());
  if (m.has_retake_policy()) exam.retake_policy = FromProto(m.retake_policy());
  return exam;
}

void ToProto(Time time, google::protobuf::Timestamp* m) {
  const int64_t us = ToUnixMicros(time);
  const int64_t seconds = us / 1'000'000 - (us % 1'000'000 < 0 ? 1 : 0);
  m->set_seconds(seconds);
  m->set_nanos(static_cast<int32_t>((us - seconds * 1'000'000) * 1000));
}

void ToProto(Duration duration, google::protobuf::Duration* m) {
  m->set_seconds(duration.count() / 1'000'000);
  m->set_nanos(static_cast<int32_t>(duration.count() % 1'000'000 * 1000));
}

void ToProto(const IrtParameters& irt, v1::IrtParameters* m) {
  m->set_slope(irt.slope);
  m->set_difficulty(irt.difficulty);
  m->set_lower_asymptote(irt.lower_asymptote);
  m->set_sample_size(irt.sample_size);
  m->set_calibration_id(irt.calibration_id);
  if (irt.slope_error) m->set_slope_error(*irt.slope_error);
  if (irt.difficulty_error) m->set_difficulty_error(*irt.difficulty_error);
  if (irt.asymptote_error) m->set_lower_asymptote_error(*irt.asymptote_error);
}

void ToProto(const Item& item, v1::Item* m) {
  m->set_item_id(item.item_id);
  m->set_bank_id(item.bank_id);
  m->set_version(item.version);
  m->set_domain_id(item.domain_id);
  m->set_task_id(item.task_id);
  m->set_type(static_cast<v1::ItemType>(item.type));
  m->set_select_count(item.select_count);
  m->set_cognitive_level(static_cast<v1::CognitiveLevel>(item.cognitive_level));
  m->set_stem(item.stem);
  for (const Option& option : item.options) {
    v1::Option* o = m->add_options();
    o->set_option_id(option.option_id);
    o->set_text(option.text);
    o->set_is_key(option.is_key);
    o->set_rationale(option.rationale);
  }
  if (item.irt) ToProto(*item.irt, m->mutable_irt());
  for (const std::string& enemy : item.enemy_item_ids) m->add_enemy_item_ids(enemy);
  for (const Reference& reference : item.references) {
    v1::Reference* r = m->add_references();
    r->set_title(reference.title);
    r->set_url(reference.url);
  }
  m->set_status(static_cast<v1::ItemStatus>(item.status));
  m->set_promoted(item.promoted);
  ToProto(item.create_time, m->mutable_create_time());
}

void ToProto(const BankHeader& header, v1::Bank* m) {
  m->set_bank_id(header.bank_id);
  m->set_title(header.title);
  m->set_exam_id(header.exam_id);
  m->set_license(header.license);
}

void ToProto(const Domain& domain, v1::Domain* m) {
  m->set_domain_id(domain.domain_id);
  m->set_name(domain.name);
  m->set_weight_percent(domain.weight_percent);
  m->set_operational_item_count(domain.operational_item_count);
  for (const Task& task : domain.tasks) {
    v1::Task* t = m->add_tasks();
    t->set_task_id(task.task_id);
    t->set_name(task.name);
  }
}

void ToProto(const Scale& scale, v1::Scale* m) {
  m->set_min(scale.min);
  m->set_max(scale.max);
  m->set_cut(scale.cut);
}

void ToProto(const Standard& standard, v1::Standard* m) {
  m->set_method(standard.method);
  for (const IrtParameters& irt : standard.base_form) ToProto(irt, m->add_base_form());
  m->set_base_cut_raw(standard.base_cut_raw);
  m->set_standard_setting_id(standard.standard_setting_id);
  if (standard.standard_error) m->set_standard_error(*standard.standard_error);
}

void ToProto(const Exam& exam, v1::ExamDefinition* m) {
  m->set_exam_id(exam.exam_id);
  m->set_version(exam.version);
  m->set_title(exam.title);
  m->set_program_owner(exam.program_owner);
  m->set_bank_id(exam.bank_id);
  m->set_operational_item_count(exam.operational_item_count);
  m->set_pretest_item_count(exam.pretest_item_count);
  ToProto(exam.duration, m->mutable_duration());
  for (const Domain& domain : exam.domains) ToProto(domain, m->add_domains());
  ToProto(exam.scale, m->mutable_scale());
  if (exam.standard) ToProto(*exam.standard, m->mutable_standard());
  for (const ItemType type : exam.item_types) m->add_item_types(static_cast<v1::ItemType>(type));
  m->set_retake_wait_days(exam.retake_wait_days);
  m->set_disclaimer(exam.disclaimer);
  for (const FactSource& source : exam.sources) {
    v1::FactSource* s = m->add_sources();
    for (const std::string& field : source.fields) s->add_fields(field);
    s->set_source(source.source);
    s->set_date_checked(source.date_checked);
    s->set_review_by(source.review_by);
  }
  ToProto(exam.publish_time, m->mutable_publish_time());
  for (const Part& part : exam.parts) Write(part, m->add_parts());
  m->set_check_in_required(exam.check_in_required);
  m->set_unscheduled_breaks(exam.unscheduled_breaks);
  m->set_window_policy(static_cast<v1::WindowPolicy>(exam.window_policy));
  if (exam.retake_policy) Write(*exam.retake_policy, m->mutable_retake_policy());
}

}  // namespace invigil::item_bank
