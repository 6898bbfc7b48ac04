#pragma once

#include <atomic>

namespace invigil::redis {

// Many threads push, one takes everything. Lock-free; nodes are linked through `next_op`, so a push
// allocates nothing. Owns no nodes.
template <typename Node>
class MpscStack {
 public:
  // True when it was empty before: only then must the taker be woken.
  bool Push(Node* node) {
    Node* head = head_.load(std::memory_order_relaxed);
    do {
      node->next_op = head;
    } while (!head_.compare_exchange_weak(head, node, std::memory_order_release,
                                          std::memory_order_relaxed));
    return head == nullptr;
  }

  // All nodes, oldest first, linked through `next_op`; nullptr when there are none.
  Node* TakeAll() {
    Node* newest = head_.exchange(nullptr, std::memory_order_acquire);
    Node* oldest = nullptr;
    while (newest != nullptr) {
      Node* next = newest->next_op;
      newest->next_op = oldest;
      oldest = newest;
      newest = next;
    }
    return oldest;
  }

 private:
  std::atomic<Node*> head_{nullptr};
};

}  // namespace invigil::redis
