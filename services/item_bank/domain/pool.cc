#include "services/item_bank/domain/pool.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include "common/error/error.h"

namespace invigil::item_bank {

Pool::Pool(std::shared_ptr<const Exam> exam, const std::vector<Member>& members)
    : exam_(std::move(exam)), pretest_by_domain_(exam_->SectionsNameDomains()) {
  Need();
  groups_.resize(problem_.need.size());
  std::vector<std::unordered_map<std::string, int>> tasks(exam_->domains.size());
  std::unordered_map<std::string, int> domains;
  for (size_t d = 0; d < exam_->domains.size(); ++d) {
    domains.emplace(exam_->domains[d].domain_id, static_cast<int>(d));
  }
  for (size_t c = exam_->domains.size(); c < groups_.size(); ++c) groups_[c].resize(1);
  const double cut = exam_->standard ? AbilityAtCut(*exam_->standard) : 0;
  if (exam_->standard) target_points_ = std::llround(exam_->standard->base_cut_raw * 1e6);

  for (const Member& member : members) {
    const auto domain = domains.find(member.item->domain_id);
    const bool operational = member.item->status == ItemStatus::kOperational;
    if (!member.item->Drawable() || domain == domains.end()) continue;
    if (operational && !member.item->irt) continue;
    PoolItem entry{member.item, member.content_id, domain->second, 0, operational, 0};
    const size_t item_class =
        operational ? static_cast<size_t>(domain->second) : PretestClass(domain->second);
    if (operational) {
      auto& known = tasks[item_class];
      entry.group =
          known.emplace(member.item->task_id, static_cast<int>(known.size())).first->second;
      groups_[item_class].resize(known.size());
      entry.points_at_cut = std::llround(ProbabilityRight(*member.item->irt, cut) * 1e6);
    }
    groups_[item_class][static_cast<size_t>(entry.group)].push_back(
        static_cast<uint16_t>(items_.size()));
    problem_.class_of.push_back(static_cast<int>(item_class));
    items_.push_back(std::move(entry));
  }
  Link();
  Judge();
}

void Pool::Need() {
  for (const Domain& domain : exam_->domains) {
    problem_.need.push_back(static_cast<int>(domain.operational_item_count));
  }
  if (!pretest_by_domain_) {
    problem_.need.push_back(static_cast<int>(exam_->pretest_item_count));
    return;
  }
  for (const Domain& domain : exam_->domains) {
    int need = 0;
    for (const Section* section : exam_->Sections()) {
      for (const SectionDomain& share : section->domains) {
        if (share.domain_id == domain.domain_id) need += static_cast<int>(share.pretest_item_count);
      }
    }
    problem_.need.push_back(need);
  }
}

void Pool::Link() {
  std::unordered_map<std::string, uint16_t> index;
  for (size_t i = 0; i < items_.size(); ++i) {
    index.emplace(items_[i].item->item_id, static_cast<uint16_t>(i));
  }
  problem_.enemies.resize(items_.size());
  for (size_t i = 0; i < items_.size(); ++i) {
    for (const std::string& enemy : items_[i].item->enemy_item_ids) {
      const auto other = index.find(enemy);
      if (other == index.end() || other->second == i) continue;
      problem_.enemies[i].push_back(other->second);
      problem_.enemies[other->second].push_back(static_cast<uint16_t>(i));
    }
  }
  for (auto& list : problem_.enemies) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
  }
}

void Pool::Judge() {
  std::vector<int> spare(problem_.need.size());
  for (size_t c = 0; c < spare.size(); ++c) spare[c] = -problem_.need[c];
  for (const int c : problem_.class_of) ++spare[static_cast<size_t>(c)];
  fill_order_.resize(spare.size());
  std::iota(fill_order_.begin(), fill_order_.end(), 0);
  std::stable_sort(fill_order_.begin(), fill_order_.end(),
                   [&](int a, int b) { return spare[a] < spare[b]; });

  Random random(0);
  const EnemyFreeSet best = FillWithoutEnemies(problem_, random);
  std::string text;
  std::vector<std::pair<std::string, std::string>> short_by;
  for (size_t c = 0; c < best.shortage.size(); ++c) {
    if (best.shortage[c] == 0) continue;
    const std::string count = std::to_string(best.shortage[c]);
    const std::string need = std::to_string(problem_.need[c]);
    if (!text.empty()) text += "; ";
    const bool scored = c < exam_->domains.size();
    if (!scored && !pretest_by_domain_) {
      text += "the unscored places need " + need + " pretest items and are short of " + count;
      short_by.emplace_back("pretest_short", count);
      continue;
    }
    const Domain& domain = exam_->domains[c % exam_->domains.size()];
    text += "domain " + domain.domain_id + " (" + domain.name + ") needs " + need +
            (scored ? " operational" : " pretest") + " items and is short of " + count;
    short_by.emplace_back("domain_" + domain.domain_id + (scored ? "_short" : "_pretest_short"),
                          count);
  }
  if (text.empty()) return;
  Error infeasible = FailedPrecondition(
      "FORM_INFEASIBLE", "bank " + exam_->bank_id + " can't fill a form of " + exam_->exam_id +
                             ": " + text + " (enemies count once): give more items that status");
  infeasible.With("exam_id", exam_->exam_id);
  for (auto& [name, value] : short_by) infeasible.With(name, value);
  feasible_ = infeasible.Build();
}

}  // namespace invigil::item_bank
