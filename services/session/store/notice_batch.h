// The notices of one open transaction, waiting for their numbers.
#pragma once

#include <vector>

#include "services/session/events/notice.h"
#include "services/session/store/journal.h"

namespace invigil::session {

class NoticeBatch {
 public:
  // Adds a notice when the event makes one.
  void Add(const SessionId& session, uint64_t seq, Time at, const Event& event,
           const State& after) {
    if (auto notice = NoticeOf(session, seq, at, event, after)) {
      notices_.push_back(*std::move(notice));
    }
  }
  // Numbers them as the journal's rows of the same events, which came in the same order.
  const std::vector<Notice>& Number(const std::vector<JournalRow>& rows) {
    auto row = rows.begin();
    for (Notice& notice : notices_) {
      while (row->session != notice.session || row->seq != notice.seq) ++row;
      notice.n = row->n;
    }
    return notices_;
  }
  void Clear() { notices_.clear(); }

 private:
  std::vector<Notice> notices_;
};

}  // namespace invigil::session
