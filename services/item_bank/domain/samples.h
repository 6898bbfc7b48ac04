// Good items, exams and pools for tests to spoil; no service links it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "services/item_bank/domain/exam.h"
#include "services/item_bank/domain/item.h"
#include "services/item_bank/domain/opaque_id.h"
#include "services/item_bank/domain/pool.h"

namespace invigil::item_bank::samples {

inline Item SingleChoice(const std::string& id, const std::string& domain = "1",
                         const std::string& task = "1.1") {
  Item item;
  item.item_id = id;
  item.bank_id = "clf-c02";
  item.domain_id = domain;
  item.task_id = task;
  item.type = ItemType::kSingleChoice;
  item.select_count = 1;
  item.cognitive_level = CognitiveLevel::kUnderstand;
  item.stem = "Which of these is right about " + id + "?";
  for (const char* option : {"a", "b", "c", "d"}) {
    item.options.push_back({option, std::string("Text ") + option, option[0] == 'b', "Because."});
  }
  item.irt = IrtParameters{1.0, 0.0, 0.2, 0};
  item.references = {{"Guide", "https://docs.example.org/guide"}};
  item.status = ItemStatus::kOperational;
  return item;
}

inline Item MultipleResponse(const std::string& id, const std::string& domain = "1",
                             const std::string& task = "1.1") {
  Item item = SingleChoice(id, domain, task);
  item.type = ItemType::kMultipleResponse;
  item.select_count = 2;
  item.stem = "Which of these are right about " + id + "? (Select TWO.)";
  item.options.push_back({"e", "Text e", true, "Because."});
  item.irt = IrtParameters{1.0, 0.3, 0.05, 0};
  return item;
}

// The shape of CLF-C02: 12/15/17/6 scored, 15 unscored, 19 task statements.
inline Exam ClfExam() {
  Exam exam;
  exam.exam_id = "CLF-C02";
  exam.version = 1;
  exam.title = "Cloud Practitioner";
  exam.bank_id = "clf-c02";
  exam.operational_item_count = 50;
  exam.pretest_item_count = 15;
  exam.duration = Minutes(90);
  const std::vector<std::pair<double, int>> shape = {{24, 4}, {30, 4}, {34, 8}, {12, 3}};
  for (size_t d = 0; d < shape.size(); ++d) {
    Domain domain;
    domain.domain_id = std::to_string(d + 1);
    domain.name = "Domain " + domain.domain_id;
    domain.weight_percent = shape[d].first;
    domain.operational_item_count = static_cast<uint32_t>(shape[d].first / 2);
    for (int t = 1; t <= shape[d].second; ++t) {
      domain.tasks.push_back({domain.domain_id + "." + std::to_string(t), "Task"});
    }
    exam.domains.push_back(domain);
  }
  exam.scale = {100, 1000, 700};
  exam.standard = Standard{"Practice standard", {}, 35};
  for (int i = 0; i < 50; ++i) {
    exam.standard->base_form.push_back({1.0, -1.0 + 0.04 * i, 0.2, 0});
  }
  exam.item_types = {ItemType::kSingleChoice, ItemType::kMultipleResponse};
  exam.retake_wait_days = 14;
  exam.disclaimer = "A practice estimate.";
  exam.sources = {{FactFields(), "Guide https://example.org/guide", "2026-11-23", "2027-05-23"}};
  return exam;
}

inline Part SectionPart(const std::string& id, uint32_t operational, uint32_t pretest,
                        Duration limit) {
  Part part;
  part.kind = PartKind::kSection;
  part.name = "Section " + id;
  part.limit = limit;
  part.section = Section{id, operational, pretest, {}, Navigation::kFree, {}};
  return part;
}
inline Part TextPart(PartKind kind, const std::string& name, Duration limit) {
  return {kind, name, limit, {}, "What the " + name + " says."};
}

// The same in two sections of 40 and 50 minutes, with every other kind of part around them: 0
// agreement, 1 tutorial, 2 section, 3 break, 4 section, 5 survey. Any domain in each section.
inline Exam TwoSectionExam() {
  Exam exam = ClfExam();
  exam.parts = {TextPart(PartKind::kAgreement, "agreement", Minutes(5)),
                TextPart(PartKind::kTutorial, "tutorial", Minutes(10)),
                SectionPart("s1", 25, 8, Minutes(40)),
                {PartKind::kBreak, "Break", Minutes(10), {}, ""},
                SectionPart("s2", 25, 7, Minutes(50)),
                TextPart(PartKind::kSurvey, "survey", Minutes(5))};
  exam.parts[4].section->navigation = Navigation::kForwardOnly;
  return exam;
}

// The same again; the first section shows domains 1 and 2, the second 2, 3 and 4.
inline Exam NamedDomainsExam() {
  Exam exam = TwoSectionExam();
  exam.parts[2].section->domains = {{"1", 12, 5}, {"2", 13, 3}};
  exam.parts[4].section->domains = {{"2", 2, 1}, {"3", 17, 4}, {"4", 6, 2}};
  return exam;
}

// `operational` and `pretest` items in every task statement of `exam`, difficulties spread over
// [-1.4, 1.4], every fifth item multiple response.
inline std::vector<Item> Items(const Exam& exam, int operational, int pretest) {
  std::vector<Item> items;
  for (const Domain& domain : exam.domains) {
    for (const Task& task : domain.tasks) {
      for (int i = 0; i < operational + pretest; ++i) {
        const std::string id = "i-" + task.task_id + "-" + std::to_string(100 + i);
        Item item = items.size() % 5 == 4 ? MultipleResponse(id, domain.domain_id, task.task_id)
                                          : SingleChoice(id, domain.domain_id, task.task_id);
        item.bank_id = exam.bank_id;
        item.irt->difficulty = -1.4 + 0.2 * static_cast<double>(items.size() * 7 % 15);
        item.status = i < operational ? ItemStatus::kOperational : ItemStatus::kPretest;
        items.push_back(std::move(item));
      }
    }
  }
  return items;
}

inline Item* Find(std::vector<Item>& items, const std::string& id) {
  for (Item& item : items) {
    if (item.item_id == id) return &item;
  }
  return nullptr;
}

inline void MakeEnemies(Item& a, Item& b) {
  a.enemy_item_ids.push_back(b.item_id);
  b.enemy_item_ids.push_back(a.item_id);
}

inline Pool MakePool(const Exam& exam, const std::vector<Item>& items) {
  std::vector<Pool::Member> members;
  for (const Item& item : items) {
    members.push_back({std::make_shared<Item>(item), ContentId("secret", item.item_id, 1)});
  }
  return Pool(std::make_shared<Exam>(exam), members);
}

}  // namespace invigil::item_bank::samples
