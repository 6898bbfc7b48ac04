// For tests: sessions as GetSession gives them.
#pragma once

#include <string>

#include "invigil/session/v1/delivery.pb.h"

namespace invigil::cli::take {

inline void AddTestItem(session::v1::Session& session, uint32_t position, uint32_t select_count,
                        char last_option) {
  auto* item = session.add_items();
  item->set_item_id("q" + std::to_string(position));
  item->set_position(position);
  item->set_stem("What is the answer to question " + std::to_string(position) + "?");
  item->set_select_count(select_count);
  for (char letter = 'A'; letter <= last_option; ++letter) {
    auto* option = item->add_options();
    option->set_option_id(std::string(1, letter));
    option->set_text("Option number " + std::to_string(letter - 'A' + 1));
  }
}

// 40 questions, all of four options but the second (choose 2 of 6), ten minutes left.
inline session::v1::Session TestSession() {
  session::v1::Session session;
  session.set_session_id("0123456789abcdef0123456789abcdef");
  session.set_exam_id("EX-1");
  session.set_title("An Example Exam");
  session.set_state(session::v1::SESSION_STATE_ACTIVE);
  session.set_epoch(1);
  session.set_deadline_version(1);
  session.mutable_remaining()->set_seconds(600);
  for (uint32_t i = 1; i <= 40; ++i) {
    AddTestItem(session, i, i == 2 ? 2 : 1, i == 2 ? 'F' : 'D');
  }
  return session;
}

// An exam with every kind of part, standing in `part`: 0 an agreement, 1 a tutorial, 2 a section of
// 4 questions and ten minutes, 3 a break, 4 a forward-only section of 3, 5 one of 3 (the second:
// choose 2 of 5) in which 2 answers may be changed, 6 a survey. Two minutes are left of it.
inline session::v1::Session PartsSession(uint32_t part) {
  using namespace session::v1;  // NOLINT: for the enums, in a test
  Session session;
  session.set_session_id("0123456789abcdef0123456789abcdef");
  session.set_exam_id("EX-2");
  session.set_title("An Exam in Parts");
  session.set_epoch(1);
  session.set_deadline_version(1 + part);
  session.mutable_remaining()->set_seconds(120);
  session.set_current_part(part);
  session.set_break_count(part >= 3 ? 1 : 0);
  session.set_breaks_allowed(true);
  session.set_state(part == 3 ? SESSION_STATE_ON_BREAK : SESSION_STATE_ACTIVE);
  if (part == 3) session.set_break_kind(BREAK_KIND_SCHEDULED);
  const auto add = [&](PartKind kind, const char* name, const char* text, int64_t limit,
                       uint32_t items) {
    Part* to = session.add_parts();
    to->set_index(static_cast<uint32_t>(session.parts_size()) - 1);
    to->set_kind(kind);
    to->set_name(name);
    to->set_text(text);
    if (limit > 0) to->mutable_limit()->set_seconds(limit);
    to->set_item_count(items);
    if (items > 0) to->set_navigation(NAVIGATION_FREE);
    to->set_state(to->index() < part    ? PART_STATE_DONE
                  : to->index() == part ? PART_STATE_CURRENT
                                        : PART_STATE_AHEAD);
    return to;
  };
  add(PART_KIND_AGREEMENT, "Agreement", "You will not tell anybody.", 300, 0);
  add(PART_KIND_TUTORIAL, "Tutorial", "How it works.", 600, 0);
  add(PART_KIND_SECTION, "Verbal", "", 600, 4)->set_first_position(1);
  add(PART_KIND_BREAK, "Rest", "", 300, 0);
  Part* forward = add(PART_KIND_SECTION, "Forward", "", 0, 3);
  forward->set_first_position(5);
  forward->set_navigation(NAVIGATION_FORWARD_ONLY);
  Part* counted = add(PART_KIND_SECTION, "Counted", "", 0, 3);
  counted->set_first_position(8);
  counted->set_edit_quota(2);
  add(PART_KIND_SURVEY, "Survey", "How was it?", 300, 0);
  const uint32_t entered = part < 2 ? 0 : part < 4 ? 4 : part == 4 ? 7 : 10;
  for (uint32_t i = 1; i <= entered; ++i) {
    AddTestItem(session, i, i == 9 ? 2 : 1, i == 9 ? 'E' : 'D');
  }
  return session;
}

// What PartsSession(part) has stored.
inline void Store(session::v1::Session& session, const std::string& item_id, uint32_t sequence,
                  const std::string& letters) {
  auto* stored = session.add_responses();
  stored->set_item_id(item_id);
  stored->set_sequence(sequence);
  stored->set_cleared(letters.empty());
  for (const char letter : letters) stored->add_option_ids(std::string(1, letter));
}

}  // namespace invigil::cli::take
