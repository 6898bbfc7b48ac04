// The items forms of one exam version are drawn from: a snapshot that never changes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "services/item_bank/domain/exam.h"
#include "services/item_bank/domain/independent.h"
#include "services/item_bank/domain/item.h"

namespace invigil::item_bank {

struct PoolItem {
  std::shared_ptr<const Item> item;
  std::string content_id;
  int domain = 0;  // index into the exam's domains
  int group = 0;   // scored: the task statement; unscored items of a class are one group
  bool operational = false;
  // Millionths of a point a candidate who just passes is expected to earn: whole numbers, so that
  // sums do not depend on their order.
  int64_t points_at_cut = 0;
};

// Immutable; threads may share it. Item indices are 16 bits: at most 65535 items.
class Pool {
 public:
  // A version of an item and the id its content goes by.
  struct Member {
    std::shared_ptr<const Item> item;
    std::string content_id;
  };
  // Takes members in the given order (which is part of the snapshot). Members that can't be drawn
  // or whose domain the exam lacks are left out.
  Pool(std::shared_ptr<const Exam> exam, const std::vector<Member>& members);

  const Exam& exam() const { return *exam_; }
  std::shared_ptr<const Exam> shared_exam() const { return exam_; }
  const std::vector<PoolItem>& items() const { return items_; }
  const std::vector<uint16_t>& EnemiesOf(size_t index) const { return problem_.enemies[index]; }

  // Whether every form can be filled. Decided once, exactly. Error: FAILED_PRECONDITION
  // (FORM_INFEASIBLE) naming each domain that is short and by how many items.
  const absl::Status& feasible() const { return feasible_; }

  // Classes of places: one per domain for scored items; then one for unscored items, or one per
  // domain where the exam's sections name theirs: an unscored item must not stand out in a section.
  const EnemyProblem& problem() const { return problem_; }
  // Classes in the order forms are filled: least to spare first.
  const std::vector<int>& fill_order() const { return fill_order_; }
  // Groups of a class; each a list of item indices.
  const std::vector<std::vector<uint16_t>>& GroupsOf(int item_class) const {
    return groups_[static_cast<size_t>(item_class)];
  }
  // What `points_at_cut` of a form's scored items should add up to; 0 without a standard.
  int64_t target_points() const { return target_points_; }

 private:
  size_t PretestClass(int domain) const {
    return exam_->domains.size() + (pretest_by_domain_ ? static_cast<size_t>(domain) : 0);
  }
  void Need();
  void Link();
  void Judge();

  std::shared_ptr<const Exam> exam_;
  bool pretest_by_domain_ = false;
  std::vector<PoolItem> items_;
  EnemyProblem problem_;
  std::vector<int> fill_order_;
  std::vector<std::vector<std::vector<uint16_t>>> groups_;
  int64_t target_points_ = 0;
  absl::Status feasible_;
};

}  // namespace invigil::item_bank
