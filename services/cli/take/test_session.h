// For tests: 40 questions, all of four options but the second (choose 2 of 6), ten minutes left.
#pragma once

#include <string>

#include "invigil/session/v1/delivery.pb.h"

namespace invigil::cli::take {

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
    auto* item = session.add_items();
    item->set_item_id("q" + std::to_string(i));
    item->set_position(i);
    item->set_stem("What is the answer to question " + std::to_string(i) + "?");
    item->set_select_count(i == 2 ? 2 : 1);
    for (char letter = 'A'; letter < (i == 2 ? 'G' : 'E'); ++letter) {
      auto* option = item->add_options();
      option->set_option_id(std::string(1, letter));
      option->set_text("Option number " + std::to_string(letter - 'A' + 1));
    }
  }
  return session;
}

}  // namespace invigil::cli::take
