#include "services/item_bank/rpc/answers.h"

#include <map>

#include "services/item_bank/domain/opaque_id.h"
#include "services/item_bank/wire/convert.h"

namespace invigil::item_bank {
namespace {

void Plan(const Exam& exam, std::string_view secret, v1::FormPlan* plan) {
  uint32_t next_position = 1;
  for (const Part& from : exam.parts) {
    v1::FormPart* part = plan->add_parts();
    part->set_kind(static_cast<v1::PartKind>(from.kind));
    part->set_name(from.name);
    if (from.HasText()) part->set_content_id(PartContentId(secret, from.text));
    if (from.limit != Duration(0)) ToProto(from.limit, part->mutable_limit());
    if (!from.section) continue;
    part->set_first_position(next_position);
    part->set_item_count(from.section->ItemCount());
    part->set_navigation(static_cast<v1::Navigation>(from.section->navigation));
    if (from.section->edit_quota) part->set_edit_quota(*from.section->edit_quota);
    next_position += from.section->ItemCount();
  }
  plan->set_check_in(exam.check_in_required);
  plan->set_unscheduled_breaks(exam.unscheduled_breaks);
  plan->set_window_policy(static_cast<v1::WindowPolicy>(exam.window_policy));
}

}  // namespace

void Answer(const IssuedForm& form, std::string_view secret, v1::IssueFormResponse* response) {
  const Exam& exam = form.pool->pool.exam();
  response->set_form_id(form.row.form_id);
  response->set_exam_id(form.row.exam_id);
  response->set_exam_version(form.row.exam_version);
  ToProto(exam.duration, response->mutable_duration());
  response->set_item_count(static_cast<uint32_t>(form.row.form.places.size()));
  response->set_title(exam.title);
  const bool planned = !exam.parts.empty() || exam.check_in_required || exam.unscheduled_breaks ||
                       exam.window_policy != WindowPolicy::kUnspecified;
  if (planned) Plan(exam, secret, response->mutable_plan());
}

void Answer(const IssuedForm& form, std::string_view secret, v1::GetFormContentResponse* response) {
  std::map<std::string, v1::ItemContent> contents;
  for (const Place& place : form.row.form.places) {
    const PoolItem& source = form.pool->pool.items()[place.pool_index];
    v1::FormItem* item = response->add_items();
    item->set_item_id(place.item_id);
    item->set_content_id(source.content_id);
    for (const uint8_t option : place.option_order) item->add_option_order(option);
    v1::ItemContent& content = contents[source.content_id];
    if (!content.content_id().empty()) continue;
    content.set_content_id(source.content_id);
    content.set_stem(source.item->stem);
    for (const Option& shown : source.item->options) content.add_options(shown.text);
    content.set_select_count(source.item->select_count);
  }
  for (const Part& part : form.pool->pool.exam().parts) {
    if (!part.HasText()) continue;
    v1::ItemContent content;
    content.set_content_id(PartContentId(secret, part.text));
    content.set_stem(part.text);
    contents.insert_or_assign(content.content_id(), std::move(content));
  }
  for (auto& [content_id, content] : contents) *response->add_contents() = std::move(content);
}

void Answer(const IssuedForm& form, v1::GetScoringKeyResponse* response) {
  const Exam& exam = form.pool->pool.exam();
  response->set_form_id(form.row.form_id);
  response->set_key_version(1);
  response->set_exam_id(form.row.exam_id);
  response->set_exam_version(form.row.exam_version);
  response->set_title(exam.title);
  for (const Place& place : form.row.form.places) {
    const PoolItem& source = form.pool->pool.items()[place.pool_index];
    v1::KeyedItem* item = response->add_items();
    item->set_item_id(place.item_id);
    item->set_operational(source.operational);
    item->set_domain_id(source.item->domain_id);
    for (std::string& letter : DisplayedKey(*source.item, place.option_order)) {
      item->add_key_option_ids(std::move(letter));
    }
    item->set_rule(v1::SCORING_RULE_ALL_OR_NOTHING);
    if (source.operational) ToProto(*source.item->irt, item->mutable_irt());
    item->set_bank_item_id(source.item->item_id);
    item->set_bank_item_version(source.item->version);
    item->set_option_count(static_cast<uint32_t>(source.item->options.size()));
    item->set_task_id(source.item->task_id);
    for (const uint8_t option : place.option_order) {
      item->add_authored_option_ids(source.item->options[option].option_id);
    }
  }
  for (const Domain& domain : exam.domains) ToProto(domain, response->add_domains());
  ToProto(exam.scale, response->mutable_scale());
  if (exam.standard) ToProto(*exam.standard, response->mutable_standard());
  response->set_disclaimer(exam.disclaimer);
}

void Answer(const ImportResult& result, v1::ImportBankResponse* response) {
  response->set_created_count(result.created);
  response->set_updated_count(result.updated);
  response->set_unchanged_count(result.unchanged);
  for (const Finding& finding : result.findings) {
    v1::BankFinding* f = response->add_findings();
    f->set_item_id(finding.item_id);
    f->set_field(finding.field);
    f->set_description(finding.description);
    f->set_blocking(finding.blocking);
  }
}

void Summarise(const Exam& exam, const std::string& unavailable_reason, const std::string& today,
               v1::ExamSummary* summary) {
  summary->set_exam_id(exam.exam_id);
  summary->set_version(exam.version);
  summary->set_title(exam.title);
  summary->set_item_count(exam.ItemCount());
  ToProto(exam.duration, summary->mutable_duration());
  ToProto(exam.scale, summary->mutable_scale());
  for (const Domain& domain : exam.domains) {
    v1::Domain* d = summary->add_domains();
    d->set_domain_id(domain.domain_id);
    d->set_name(domain.name);
    d->set_weight_percent(domain.weight_percent);
  }
  summary->set_available(unavailable_reason.empty());
  summary->set_unavailable_reason(unavailable_reason);
  for (std::string& fact : StaleFacts(exam, today)) summary->add_stale_facts(std::move(fact));
  summary->set_disclaimer(exam.disclaimer);
}

}  // namespace invigil::item_bank
