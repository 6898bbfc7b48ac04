#include "services/cli/rescore/decisions.h"

#include <gtest/gtest.h>

#include "common/error/error.h"
#include "services/cli/rescore/rescoring_text.h"

namespace invigil::cli {
namespace {

namespace sco = scoring::v1;

TEST(Decisions, SayItemVersionAndAnswers) {
  const auto rekey = ParseDecision(sco::KEY_DECISION_KIND_REKEY, "item-7@3=b+d", "why");
  ASSERT_TRUE(rekey.ok());
  EXPECT_EQ(rekey->item_id(), "item-7");
  ASSERT_EQ(rekey->item_versions_size(), 1);
  EXPECT_EQ(rekey->item_versions(0), 3u);
  ASSERT_EQ(rekey->accepted_size(), 1);
  EXPECT_EQ(rekey->accepted(0).option_ids_size(), 2);
  EXPECT_EQ(rekey->reason(), "why");
  const auto several = ParseDecision(sco::KEY_DECISION_KIND_MULTIPLE, "i=a/b+c", "why");
  ASSERT_TRUE(several.ok());
  ASSERT_EQ(several->accepted_size(), 2);
  EXPECT_EQ(several->accepted(1).option_ids(1), "c");
  const auto drop = ParseDecision(sco::KEY_DECISION_KIND_DROP, "i", "why");
  ASSERT_TRUE(drop.ok());
  EXPECT_EQ(drop->item_id(), "i");
  EXPECT_EQ(drop->item_versions_size() + drop->accepted_size(), 0);
}

TEST(Decisions, WhatMakesNoSenseIsAUsageError) {
  using Case = std::pair<sco::KeyDecisionKind, const char*>;
  for (const auto& [kind, words] :
       {Case(sco::KEY_DECISION_KIND_REKEY, "item"), Case(sco::KEY_DECISION_KIND_REKEY, "item="),
        Case(sco::KEY_DECISION_KIND_REKEY, "=b"), Case(sco::KEY_DECISION_KIND_REKEY, "item=b+"),
        Case(sco::KEY_DECISION_KIND_MULTIPLE, "item=a/"),
        Case(sco::KEY_DECISION_KIND_DROP, "item=a"), Case(sco::KEY_DECISION_KIND_DROP, ""),
        Case(sco::KEY_DECISION_KIND_DROP, "@1"), Case(sco::KEY_DECISION_KIND_CREDIT, "item@0"),
        Case(sco::KEY_DECISION_KIND_CREDIT, "item@x")}) {
    EXPECT_EQ(ReasonOf(ParseDecision(kind, words, "why").status()), "USAGE") << words;
  }
  EXPECT_EQ(ReasonOf(ParsePolicy("kind").status()), "USAGE");
  EXPECT_TRUE(ParsePolicy("exact").ok());
}

TEST(Decisions, InstantsAreReadAsUtc) {
  EXPECT_EQ(ParseInstant("2026-11-24", "from")->seconds(), 1'795'478'400);
  EXPECT_EQ(ParseInstant("2026-11-24T01:00:00+01:00", "from")->seconds(), 1'795'478'400);
  EXPECT_EQ(ParseInstant("2026-11-24T00:00:00.25Z", "from")->nanos(), 250'000'000);
  EXPECT_EQ(ReasonOf(ParseInstant("yesterday", "from").status()), "USAGE");
}

TEST(RescoringText, TellsWhatMattersAndHidesNoBrokenChain) {
  sco::Rescoring rescoring;
  rescoring.set_rescoring_id("r1");
  rescoring.set_exam_id("CLF-C02");
  rescoring.set_state(sco::RESCORING_STATE_PREVIEWED);
  rescoring.mutable_counts()->set_fail_to_pass(12);
  rescoring.set_preview_digest("abc");
  auto* decision = rescoring.add_decisions();
  decision->set_item_id("item-7\x1b[31m");
  decision->set_kind(sco::KEY_DECISION_KIND_REKEY);
  decision->add_accepted()->add_option_ids("b");
  auto* act = rescoring.add_acts();
  act->set_act("created");
  act->set_actor("ann");
  const std::string text = RescoringText(rescoring);
  for (const char* part : {"previewed", "rekey", ": b", "will pass", "12", "abc", "ann"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("chain of hashes is broken"), std::string::npos);
  rescoring.set_acts_intact(true);
  EXPECT_EQ(RescoringText(rescoring).find("broken"), std::string::npos);
}

TEST(RescoringText, ShowsFlipsAndProblems) {
  sco::RescoringChange flip, failed;
  flip.set_session_id("s1");
  flip.set_outcome(sco::RESCORING_OUTCOME_CHANGED);
  flip.set_old_scaled_score(690);
  flip.set_new_scaled_score(705);
  flip.set_new_passed(true);
  failed.set_session_id("s2");
  failed.set_outcome(sco::RESCORING_OUTCOME_FAILED);
  failed.set_old_passed(true);
  failed.set_problem("INTERNAL: does not replay");
  const std::string text = ChangesText({flip, failed});
  EXPECT_NE(text.find("690 fail"), std::string::npos) << text;
  EXPECT_NE(text.find("705 pass"), std::string::npos);
  EXPECT_EQ(text.find("another decision"), text.rfind("another decision")) << "one of them";
  EXPECT_NE(text.find("does not replay"), std::string::npos);
}

}  // namespace
}  // namespace invigil::cli
