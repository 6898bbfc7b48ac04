// Sittings of several parts, as a candidate meets them over the wire.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/session/rpc/service_fixture_for_test.h"

namespace invigil::session {
namespace {

using fixtures::ItemId;
using ::testing::ElementsAre;

class SittingTest : public fixtures::ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    item_bank_.Use(fixtures::PlannedForm());
  }

  // Asks `method` of `session` in epoch 1 with what `fill` adds.
  template <typename Response, typename Request, typename Method, typename Fill>
  absl::StatusOr<Response> Ask(Method method, const std::string& session, const std::string& token,
                               Fill fill) {
    Request request;
    request.set_session_id(session);
    fill(request);
    Response response;
    absl::Status status = Call(method, request, &response, token);
    if (!status.ok()) return status;
    return response;
  }
  absl::StatusOr<v1::Session> Leave(const std::string& session, const std::string& token,
                                    uint32_t part,
                                    const std::vector<std::pair<size_t, uint32_t>>& seen = {},
                                    bool accept = true) {
    auto left = Ask<v1::LeavePartResponse, v1::LeavePartRequest>(
        &Stub::LeavePart, session, token, [&](v1::LeavePartRequest& request) {
          request.set_epoch(1);
          request.set_part(part);
          request.set_accept(accept);
          for (const auto& [item, sequence] : seen) {
            auto* entry = request.add_seen();
            entry->set_item_id(ItemId(item));
            entry->set_sequence(sequence);
          }
        });
    if (!left.ok()) return left.status();
    return left->session();
  }
  absl::StatusOr<v1::Session> TakeBreak(const std::string& session, const std::string& token,
                                        bool pooled = false, const std::string& seen = "") {
    auto taken = Ask<v1::TakeBreakResponse, v1::TakeBreakRequest>(
        &Stub::TakeBreak, session, token, [&](v1::TakeBreakRequest& request) {
          request.set_epoch(1);
          request.set_pooled(pooled);
          if (!seen.empty()) request.add_seen_item_ids(seen);
        });
    if (!taken.ok()) return taken.status();
    return taken->session();
  }
  absl::StatusOr<v1::Session> EndBreak(const std::string& session, const std::string& token) {
    auto ended = Ask<v1::EndBreakResponse, v1::EndBreakRequest>(
        &Stub::EndBreak, session, token,
        [](v1::EndBreakRequest& request) { request.set_epoch(1); });
    if (!ended.ok()) return ended.status();
    return ended->session();
  }
  absl::Status Progress(const std::string& session, const std::string& token, size_t item,
                        uint32_t sequence, bool flagged, const std::string& shown = "") {
    return Ask<v1::SaveProgressResponse, v1::SaveProgressRequest>(
               &Stub::SaveProgress, session, token,
               [&](v1::SaveProgressRequest& request) {
                 request.set_epoch(1);
                 request.set_shown_item_id(shown);
                 auto* mark = request.add_marks();
                 mark->set_item_id(ItemId(item));
                 mark->set_sequence(sequence);
                 mark->set_flagged(flagged);
                 mark->set_shown_ms(1500);
               })
        .status();
  }
  absl::Status SendMessage(const std::string& session, const std::string& token,
                           const std::string& id, const std::string& text) {
    return Ask<v1::SendMessageResponse, v1::SendMessageRequest>(
               &Stub::SendMessage, session, token,
               [&](v1::SendMessageRequest& request) {
                 request.set_message_id(id);
                 request.set_text(text);
               })
        .status();
  }
  absl::Status Confirm(const std::string& session, const std::string& token,
                       const std::string& id) {
    return Ask<v1::ConfirmMessageResponse, v1::ConfirmMessageRequest>(
               &Stub::ConfirmMessage, session, token,
               [&](v1::ConfirmMessageRequest& request) { request.set_message_id(id); })
        .status();
  }
  absl::StatusOr<v1::Session> Claim(const std::string& session, const std::string& token,
                                    const std::string& session_token) {
    auto claimed = Ask<v1::ClaimSessionResponse, v1::ClaimSessionRequest>(
        &Stub::ClaimSession, session, token,
        [&](v1::ClaimSessionRequest& request) { request.set_session_token(session_token); });
    if (!claimed.ok()) return claimed.status();
    return claimed->session();
  }
  // By staff, or by time.
  void Staff(const std::string& session, Action action) {
    const auto done = fixtures::Ask(*engine_, *SessionId::FromHex(session), std::move(action));
    ASSERT_TRUE(done.ok()) << done.status();
  }
  // A session in its first section.
  std::string InSection() {
    std::string session = Started("ann");
    EXPECT_TRUE(Leave(session, Token("ann"), 0).ok());
    EXPECT_TRUE(Leave(session, Token("ann"), 1).ok());
    return session;
  }
  static std::vector<std::string> Items(const v1::Session& session) {
    std::vector<std::string> ids;
    for (const auto& item : session.items()) ids.push_back(item.item_id());
    return ids;
  }
};

TEST_F(SittingTest, ItemsAreShownSectionBySectionAndNeverAhead) {
  const auto started = Start("ann");
  ASSERT_TRUE(started.ok()) << started.status();
  const std::string session = started->session().session_id(), token = Token("ann");
  EXPECT_EQ(started->session().items_size(), 0) << "an agreement comes first";
  EXPECT_EQ(started->session().remaining().seconds(), 120);
  EXPECT_EQ(started->session().exam_remaining().seconds(), 3600);
  const auto& parts = started->session().parts();
  ASSERT_EQ(parts.size(), 7);
  EXPECT_EQ(parts[0].kind(), v1::PART_KIND_AGREEMENT);
  EXPECT_EQ(parts[0].text(), "do you agree?");
  EXPECT_EQ(parts[0].state(), v1::PART_STATE_CURRENT);
  EXPECT_EQ(parts[2].state(), v1::PART_STATE_AHEAD);
  EXPECT_EQ(parts[2].text(), "");
  EXPECT_EQ(parts[4].navigation(), v1::NAVIGATION_FORWARD_ONLY);
  EXPECT_EQ(parts[4].first_position(), 5u);
  EXPECT_EQ(parts[4].item_count(), 3u);
  EXPECT_EQ(parts[4].limit().seconds(), 1200);
  EXPECT_FALSE(parts[4].has_edit_quota());
  EXPECT_EQ(parts[5].edit_quota(), 2u);

  EXPECT_EQ(ReasonOf(Save(session, token, 0, 1, "A").status()), "ITEMS_LOCKED");
  EXPECT_EQ(Leave(session, token, 0)->items_size(), 0);
  const auto one = Leave(session, token, 1);
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_THAT(Items(*one), ElementsAre(ItemId(0), ItemId(1), ItemId(2), ItemId(3)));
  EXPECT_EQ(one->current_part(), 2u);
  EXPECT_EQ(one->parts(1).state(), v1::PART_STATE_DONE);
  ASSERT_TRUE(Save(session, token, 3, 1, "A").ok());
  EXPECT_EQ(ReasonOf(Leave(session, token, 2, {{3, 2}}).status()), "RESPONSES_MISSING");
  EXPECT_EQ(ReasonOf(Leave(session, token, 4).status()), "PART_NOT_ENTERED");
  EXPECT_EQ(ReasonOf(Leave(session, token, 9).status()), "PART_INVALID");

  const auto rest = Leave(session, token, 2, {{3, 1}});
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_EQ(rest->state(), v1::SESSION_STATE_ON_BREAK);
  EXPECT_EQ(rest->break_kind(), v1::BREAK_KIND_SCHEDULED);
  EXPECT_EQ(rest->items_size(), 4) << "a break shows nothing new";
  const auto two = EndBreak(session, token);
  ASSERT_TRUE(two.ok()) << two.status();
  EXPECT_EQ(two->items_size(), 7);
  EXPECT_EQ(two->items(6).position(), 7u);
  EXPECT_EQ(two->current_part(), 4u);
  EXPECT_EQ(Leave(session, token, 2)->current_part(), 4u) << "repeated, it changes nothing";
  const absl::Status locked = Save(session, token, 0, 1, "A").status();
  EXPECT_EQ(ReasonOf(locked), "ITEMS_LOCKED");

  // Sealed early: what was not reached stays unseen, for it may be reopened.
  const auto sealed = Submit(session, token);
  ASSERT_TRUE(sealed.ok()) << sealed.status();
  const auto after = Get(session, token);
  EXPECT_EQ(after->items_size(), 7);
  EXPECT_EQ(after->parts(4).state(), v1::PART_STATE_DONE);
  EXPECT_EQ(after->parts(5).state(), v1::PART_STATE_AHEAD);
}

TEST_F(SittingTest, TheLastPartSealsAndADeclinedAgreementEndsAll) {
  const std::string session = InSection(), token = Token("ann");
  for (const uint32_t part : {2u, 3u, 4u, 5u}) ASSERT_TRUE(Leave(session, token, part).ok());
  const auto survey = Get(session, token);
  EXPECT_EQ(survey->current_part(), 6u);
  EXPECT_EQ(survey->items_size(), 10);
  const auto sealed = Leave(session, token, 6);
  ASSERT_TRUE(sealed.ok()) << sealed.status();
  EXPECT_GE(sealed->state(), v1::SESSION_STATE_SUBMITTED);
  EXPECT_TRUE(testing::WaitUntil([&] { return Report(session, token).ok(); }));

  const std::string other = Started("bob");
  const auto declined = Leave(other, Token("bob"), 0, {}, false);
  ASSERT_TRUE(declined.ok()) << declined.status();
  EXPECT_EQ(declined->state(), v1::SESSION_STATE_TERMINATED);
  EXPECT_EQ(declined->items_size(), 0);
}

TEST_F(SittingTest, ABreakLocksWhatWasSeen) {
  const std::string session = InSection(), token = Token("ann");
  ASSERT_TRUE(Save(session, token, 0, 1, "A").ok());
  EXPECT_EQ(ReasonOf(TakeBreak(session, token, true).status()), "BREAK_NOT_ALLOWED");
  EXPECT_EQ(ReasonOf(TakeBreak(session, token, false, "nothing").status()), "BREAK_INVALID");
  const auto taken = TakeBreak(session, token, false, ItemId(1));
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_EQ(taken->state(), v1::SESSION_STATE_ON_BREAK);
  EXPECT_EQ(taken->break_kind(), v1::BREAK_KIND_UNSCHEDULED);
  EXPECT_EQ(taken->items_size(), 0);
  clock_.Advance(Minutes(4));
  const auto back = EndBreak(session, token);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->remaining().seconds(), 360) << "the clock ran";
  const auto got = Get(session, token);
  EXPECT_THAT(got->locked_item_ids(), ElementsAre(ItemId(0), ItemId(1)));
  EXPECT_EQ(ReasonOf(Save(session, token, 1, 1, "A").status()), "ITEMS_LOCKED");
  EXPECT_TRUE(Save(session, token, 2, 1, "A").ok());
}

TEST_F(SittingTest, BreaksAreNumberedAndWaitForAnswersOnTheirWay) {
  const std::string session = InSection(), token = Token("ann");
  const auto take = [&](uint32_t number, uint32_t sequence) {
    return Ask<v1::TakeBreakResponse, v1::TakeBreakRequest>(&Stub::TakeBreak, session, token,
                                                            [&](v1::TakeBreakRequest& request) {
                                                              request.set_epoch(1);
                                                              request.set_break_number(number);
                                                              auto* seen = request.add_seen();
                                                              seen->set_item_id(ItemId(0));
                                                              seen->set_sequence(sequence);
                                                            });
  };
  const auto end = [&](uint32_t number) {
    return Ask<v1::EndBreakResponse, v1::EndBreakRequest>(&Stub::EndBreak, session, token,
                                                          [&](v1::EndBreakRequest& request) {
                                                            request.set_epoch(1);
                                                            request.set_break_number(number);
                                                          });
  };
  EXPECT_EQ(ReasonOf(take(1, 1).status()), "RESPONSES_MISSING");
  ASSERT_TRUE(Save(session, token, 0, 1, "A").ok());
  EXPECT_EQ(Get(session, token)->break_count(), 0u);
  EXPECT_TRUE(Get(session, token)->breaks_allowed());
  const auto taken = take(1, 1);
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_EQ(taken->session().break_count(), 1u);
  ASSERT_TRUE(end(1).ok());
  EXPECT_EQ(take(1, 1)->session().state(), v1::SESSION_STATE_ACTIVE) << "it is over";
  EXPECT_EQ(take(2, 1)->session().state(), v1::SESSION_STATE_ON_BREAK);
  EXPECT_EQ(end(1)->session().state(), v1::SESSION_STATE_ON_BREAK) << "meant the first";
  EXPECT_EQ(end(2)->session().state(), v1::SESSION_STATE_ACTIVE);
  EXPECT_EQ(ReasonOf(end(3).status()), "BREAK_INVALID");

  // Forward-only: an answer that is still on its way is not locked out.
  ASSERT_TRUE(Leave(session, token, 2).ok());
  ASSERT_TRUE(end(3).ok());
  const auto shown = [&] {
    return Ask<v1::SaveProgressResponse, v1::SaveProgressRequest>(
               &Stub::SaveProgress, session, token,
               [](v1::SaveProgressRequest& request) {
                 request.set_epoch(1);
                 request.set_shown_item_id(ItemId(5));
                 auto* seen = request.add_seen();
                 seen->set_item_id(ItemId(4));
                 seen->set_sequence(1);
               })
        .status();
  };
  EXPECT_EQ(ReasonOf(shown()), "RESPONSES_MISSING");
  ASSERT_TRUE(Save(session, token, 4, 1, "A").ok());
  EXPECT_TRUE(shown().ok());
  EXPECT_THAT(Get(session, token)->locked_item_ids(), ElementsAre(ItemId(4)));
}

TEST_F(SittingTest, FlagsAndTheItemOnTheScreenAreKept) {
  const std::string session = InSection(), token = Token("ann");
  ASSERT_TRUE(Progress(session, token, 2, 1, true).ok());
  ASSERT_TRUE(Progress(session, token, 1, 3, false).ok());
  ASSERT_TRUE(Progress(session, token, 1, 2, true).ok()) << "an older report changes nothing";
  auto got = Get(session, token);
  ASSERT_EQ(got->marks_size(), 2);
  EXPECT_EQ(got->marks(0).item_id(), ItemId(1));
  EXPECT_FALSE(got->marks(0).flagged());
  EXPECT_TRUE(got->marks(1).flagged());
  EXPECT_EQ(got->marks(1).shown_ms(), 1500u);
  EXPECT_EQ(Start("ann")->session().marks_size(), 0);
  EXPECT_EQ(ReasonOf(Progress(session, token, 1, 4, true, ItemId(5))), "RESPONSE_INVALID");

  ASSERT_TRUE(Leave(session, token, 2).ok());
  ASSERT_TRUE(EndBreak(session, token).ok());
  ASSERT_TRUE(Progress(session, token, 4, 1, false, ItemId(5)).ok());
  got = Get(session, token);
  EXPECT_THAT(got->locked_item_ids(), ElementsAre(ItemId(4)));
  const absl::Status locked = Save(session, token, 4, 1, "C").status();
  EXPECT_EQ(ReasonOf(locked), "ITEMS_LOCKED");
}

TEST_F(SittingTest, AnEditQuotaIsShownAndKept) {
  const std::string session = InSection(), token = Token("ann");
  ASSERT_TRUE(Leave(session, token, 2).ok());
  ASSERT_TRUE(EndBreak(session, token).ok());
  ASSERT_TRUE(Leave(session, token, 4).ok());
  uint32_t sequence = 0;
  for (const char* option : {"A", "B", "C"})
    ASSERT_TRUE(Save(session, token, 8, ++sequence, option).ok());
  EXPECT_EQ(Get(session, token)->parts(5).edits_used(), 2u);
  const absl::Status refused = Save(session, token, 8, ++sequence, "D").status();
  EXPECT_EQ(ReasonOf(refused), "EDIT_QUOTA_USED");
  std::vector<std::string> values;
  for (const auto& [name, value] : ViewError(refused).metadata) {
    if (name == "sent" || name == "stored") values.push_back(value);
  }
  EXPECT_THAT(values, ElementsAre("4:D", "3:C"));
}

TEST_F(SittingTest, TheVectorTellsSelectionsApart) {
  const std::string session = InSection(), token = Token("ann");
  const auto vector = [&] {
    return *Ask<v1::GetResponseVectorResponse, v1::GetResponseVectorRequest>(
        &Stub::GetResponseVector, session, token, [](auto&) {});
  };
  EXPECT_EQ(vector().responses_size(), 0);
  ASSERT_TRUE(Save(session, token, 2, 1, "A").ok());
  ASSERT_TRUE(Save(session, token, 0, 7, "A").ok());
  const auto got = vector();
  EXPECT_EQ(got.epoch(), 1u);
  EXPECT_EQ(got.state(), v1::SESSION_STATE_ACTIVE);
  ASSERT_EQ(got.responses_size(), 2);
  EXPECT_EQ(got.responses(0).item_id(), ItemId(0));
  EXPECT_EQ(got.responses(0).sequence(), 7u);
  EXPECT_EQ(got.responses(0).digest(), got.responses(1).digest());
  EXPECT_EQ(got.responses(0).digest(), 0xda15c58c265950bdu) << "of every release, for ever";
  ASSERT_TRUE(Save(session, token, 0, 8, "B").ok());
  EXPECT_NE(vector().responses(0).digest(), got.responses(0).digest());
}

TEST_F(SittingTest, MessagesGoBothWaysAndTellNobodysName) {
  const std::string session = InSection(), token = Token("ann");
  EXPECT_TRUE(SendMessage(session, token, "c1", "my mouse is dead").ok());
  EXPECT_TRUE(SendMessage(session, token, "c1", "my mouse is dead").ok());
  EXPECT_EQ(ReasonOf(SendMessage(session, token, "c1", "another")), "MESSAGE_CONFLICT");
  EXPECT_EQ(ReasonOf(SendMessage(session, token, "c2", "")), "MESSAGE_INVALID");
  Staff(session, session::SendMessage{"s1", "olga", "somebody comes"});
  auto got = Get(session, token);
  ASSERT_EQ(got->messages_size(), 2);
  EXPECT_TRUE(got->messages(0).from_candidate());
  EXPECT_EQ(got->messages(1).text(), "somebody comes");
  EXPECT_FALSE(got->messages(1).confirmed());
  EXPECT_EQ(got->DebugString().find("olga"), std::string::npos);
  EXPECT_EQ(ReasonOf(Confirm(session, token, "c1")), "MESSAGE_NOT_FOUND") << "not one's own";
  EXPECT_TRUE(Confirm(session, token, "s1").ok());
  got = Get(session, token);
  EXPECT_FALSE(got->messages(0).confirmed());
  EXPECT_TRUE(got->messages(1).confirmed());
  EXPECT_EQ(ReasonOf(SendMessage(session, Token("bob"), "b1", "hello")), "SESSION_NOT_YOURS");
}

TEST_F(SittingTest, BaseAndGrantedTimeAreShownApart) {
  const std::string session = InSection(), token = Token("ann");
  Staff(session, GrantTime{{"g1", Minutes(5)}, "olga", "noise"});
  const auto got = Get(session, token);
  EXPECT_EQ(got->duration().seconds(), 3600);
  EXPECT_EQ(got->granted().seconds(), 300);
  EXPECT_EQ(got->exam_remaining().seconds(), 3900);
  EXPECT_EQ(got->remaining().seconds(), 900);
  EXPECT_EQ(got->parts(2).limit().seconds(), 900);
  EXPECT_EQ(got->parts(4).limit().seconds(), 1200);
}

TEST_F(SittingTest, AnExtendedSessionGetsATokenThatLasts) {
  const auto started = Start("ann");
  ASSERT_TRUE(started.ok()) << started.status();
  const std::string session = started->session().session_id(), old = started->session_token();
  const auto renewed = [&](const std::string& token) {
    v1::GetSessionRequest request;
    request.set_session_id(session);
    v1::GetSessionResponse response;
    EXPECT_TRUE(Call(&Stub::GetSession, request, &response, token).ok());
    return response.session_token();
  };
  EXPECT_EQ(renewed(old), "") << "the old one lasts";
  EXPECT_EQ(renewed(Token("ann")), "") << "the candidate's own is not a session's";
  ASSERT_TRUE(Leave(session, old, 0).ok());
  ASSERT_TRUE(Leave(session, old, 1).ok());
  Staff(session, Pause{"olga", "flood"});
  clock_.Advance(std::chrono::hours(60));
  Staff(session, Resume{"olga", "dry again"});
  Staff(session, GrantTime{{"g1", std::chrono::hours(20)}, "olga", "flood"});
  const std::string young = renewed(old);
  ASSERT_NE(young, "");
  EXPECT_EQ(renewed(young), "");
  clock_.Advance(std::chrono::hours(20) + Minutes(9));  // the section has 10 minutes and 20 hours
  EXPECT_EQ(ReasonOf(Save(session, old, 0, 1, "A").status()), "TOKEN_EXPIRED");
  EXPECT_TRUE(Save(session, young, 0, 1, "A").ok());
  EXPECT_EQ(Get(session, young)->remaining().seconds(), 60);
}

TEST_F(SittingTest, KindsAreKeptApart) {
  const auto practice = Start("ann", "r1", false, v1::SESSION_KIND_PRACTICE);
  ASSERT_TRUE(practice.ok()) << practice.status();
  EXPECT_EQ(practice->session().kind(), v1::SESSION_KIND_PRACTICE);
  EXPECT_EQ(ReasonOf(Start("ann", "r2").status()), "OTHER_SESSION_LIVE");
  EXPECT_EQ(Start("ann", "r3", true, v1::SESSION_KIND_PRACTICE)->session().epoch(), 2u);
  EXPECT_EQ(Start("bob")->session().kind(), v1::SESSION_KIND_EXAM);
  EXPECT_EQ(ReasonOf(Start("cid", "r1", false, static_cast<v1::SessionKind>(9)).status()),
            "START_INVALID");
}

TEST_F(SittingTest, ADiagnosticIsClaimedExactlyOnce) {
  const auto started = Start("anonymous-7", "r1", false, v1::SESSION_KIND_DIAGNOSTIC);
  ASSERT_TRUE(started.ok()) << started.status();
  const std::string session = started->session().session_id();
  const std::string proof = started->session_token();
  const std::string ann = Token("ann"), bob = Token("bob");
  EXPECT_EQ(ReasonOf(Claim(session, ann, proof).status()), "SESSION_NOT_SEALED");
  ASSERT_TRUE(Leave(session, proof, 0).ok());
  ASSERT_TRUE(Submit(session, proof).ok());
  EXPECT_EQ(ReasonOf(Claim(session, ann, "").status()), "CLAIM_INVALID");
  EXPECT_EQ(ReasonOf(Claim(session, ann, "x.y.z").status()), "CLAIM_PROOF_INVALID");
  EXPECT_EQ(ReasonOf(Claim(session, ann, ann).status()), "CLAIM_PROOF_INVALID");
  EXPECT_EQ(ReasonOf(Claim(session, ann, Token("anonymous-7", std::string(32, 'b'))).status()),
            "CLAIM_PROOF_INVALID");
  EXPECT_EQ(ReasonOf(Claim(session, proof, proof).status()), "TOKEN_OTHER_SESSION");
  EXPECT_EQ(ReasonOf(Get(session, ann).status()), "SESSION_NOT_YOURS");

  const auto claimed = Claim(session, ann, proof);
  ASSERT_TRUE(claimed.ok()) << claimed.status();
  EXPECT_EQ(claimed->kind(), v1::SESSION_KIND_DIAGNOSTIC);
  EXPECT_TRUE(Claim(session, ann, proof).ok()) << "repeated";
  EXPECT_EQ(ReasonOf(Claim(session, bob, proof).status()), "SESSION_CLAIMED");
  EXPECT_TRUE(Get(session, ann).ok());
  EXPECT_TRUE(testing::WaitUntil([&] { return Report(session, ann).ok(); }));
  EXPECT_EQ(ReasonOf(Get(session, proof).status()), "SESSION_NOT_YOURS");

  const auto exam = Start("cid");
  ASSERT_TRUE(exam.ok()) << exam.status();
  EXPECT_EQ(ReasonOf(Claim(exam->session().session_id(), ann, exam->session_token()).status()),
            "SESSION_NOT_CLAIMABLE");
}

}  // namespace
}  // namespace invigil::session
