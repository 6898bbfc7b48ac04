#include "services/session/rpc/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "common/error/error.h"
#include "services/session/domain/apply.h"
#include "services/session/domain/fixtures_for_test.h"
#include "services/session/rpc/display.h"

namespace invigil::session {
namespace {

using ::testing::ElementsAre;

// An issued form of two items, and the session that runs on it.
class ConvertTest : public ::testing::Test {
 protected:
  void SetUp() override {
    issued_.set_form_id("form-1");
    issued_.set_title("Sample");
    issued_.set_exam_version(3);
    issued_.mutable_duration()->set_seconds(5400);
    AddItem("one", "content-a", {2, 0, 1}, 1, {"red", "green", "blue"});
    AddItem("two", "content-b", {1, 0, 2, 3, 4}, 2, {"v", "w", "x", "y", "z"});
    const auto form = FromProto(issued_, content_);
    ASSERT_TRUE(form.ok()) << form.status();
    form_ = *form;
    for (const Event& event : {Event(Reserved{{"ann", "CLF-C02", "r1"}}),
                               Event(FormAttached{form_.form}), Event(Started{})}) {
      ASSERT_TRUE(Apply(state_, event, fixtures::kStart).ok());
    }
  }
  void AddItem(const std::string& item, const std::string& content, std::vector<uint32_t> order,
               uint32_t select, std::vector<std::string> options) {
    auto* place = content_.add_items();
    place->set_item_id(item);
    place->set_content_id(content);
    for (const uint32_t k : order) place->add_option_order(k);
    auto* text = content_.add_contents();
    text->set_content_id(content);
    text->set_stem("stem of " + item);
    text->set_select_count(select);
    for (const std::string& option : options) text->add_options(option);
  }
  Outcome Now(Time now) {
    Outcome outcome{.state = std::make_shared<State>(state_), .now = now};
    for (const Content& content : form_.contents) {
      outcome.contents.push_back(std::make_shared<const std::string>(content.bytes));
    }
    return outcome;
  }

  itembank::v1::IssueFormResponse issued_;
  itembank::v1::GetFormContentResponse content_;
  IssuedForm form_;
  State state_;
};

TEST_F(ConvertTest, ShowsOptionsInTheFormsOrder) {
  v1::Session session;
  ASSERT_TRUE(ShowSession(Now(fixtures::kStart + Minutes(10)), Detail::kItems, &session).ok());
  ASSERT_EQ(session.items_size(), 2);
  EXPECT_EQ(session.items(0).position(), 1u);
  EXPECT_EQ(session.items(0).options(0).option_id(), "A");
  EXPECT_EQ(session.items(0).options(0).text(), "blue");
  EXPECT_EQ(session.items(0).options(1).text(), "red");
  EXPECT_EQ(session.items(1).select_count(), 2u);
  EXPECT_EQ(session.remaining().seconds(), 4800);
  EXPECT_EQ(session.duration().seconds(), 5400);
  EXPECT_EQ(session.state(), v1::SESSION_STATE_ACTIVE);
  EXPECT_EQ(session.responses_size(), 0);
}

TEST_F(ConvertTest, ReceiptAndScoreRequestSayWhatIsStored) {
  ASSERT_TRUE(
      Apply(state_, ResponsesStored{{{0, {2, 0b1}}, {1, {5, 0b10100}}}}, fixtures::kStart).ok());
  ASSERT_TRUE(Apply(state_, ResponsesStored{{{0, {3, 0}}}}, fixtures::kStart).ok());
  v1::Session session;
  ASSERT_TRUE(ShowSession(Now(fixtures::kStart), Detail::kAll, &session).ok());
  ASSERT_EQ(session.responses_size(), 2);
  EXPECT_TRUE(session.responses(0).cleared());
  EXPECT_EQ(session.responses(0).sequence(), 3u);
  EXPECT_FALSE(session.responses(1).cleared());
  EXPECT_THAT(session.responses(1).option_ids(), ElementsAre("C", "E"));
  ASSERT_TRUE(
      Apply(state_, Sealed{SessionState::kSubmitted, fixtures::kStart}, fixtures::kStart).ok());
  const auto request = ScoreRequest(SessionId(), state_);
  ASSERT_EQ(request.responses_size(), 1) << "cleared is omitted";
  EXPECT_EQ(request.responses(0).item_id(), "two");
  EXPECT_EQ(request.attempt_version(), 1u);
  EXPECT_EQ(request.sitting().learner_id(), state_.identity->candidate_id);
  EXPECT_EQ(request.sitting().kind(), scoring::v1::SITTING_KIND_EXAM);
  EXPECT_EQ(request.sitting().clock_stops(), 0u);
  EXPECT_EQ(FromUnixMicros(request.sitting().end_time().seconds() * 1'000'000), fixtures::kStart);
}

TEST_F(ConvertTest, ScoreRequestSaysThatTheClockWasStopped) {
  const Time at = fixtures::kStart;
  ASSERT_TRUE(Apply(state_, Paused{"pat", "fire alarm"}, at).ok());
  ASSERT_TRUE(Apply(state_, Resumed{false, "pat", "over"}, at).ok());
  ProgressStored progress;
  progress.entries.push_back({1, {.sequence = 1, .shown_ms = 4200}});
  ASSERT_TRUE(Apply(state_, progress, at).ok());
  ASSERT_TRUE(Apply(state_, Sealed{SessionState::kSubmitted, at, "", ""}, at).ok());
  const auto facts = ScoreRequest(SessionId(), state_).sitting();
  EXPECT_EQ(facts.clock_stops(), 1u);
  ASSERT_EQ(facts.shown_size(), 1);
  EXPECT_EQ(facts.shown(0).item_id(), "two");
  EXPECT_EQ(facts.shown(0).shown_ms(), 4200u);
}

TEST_F(ConvertTest, ReadsWritesAndMarksWhatNoOptionCanBe) {
  v1::SaveResponsesRequest request;
  auto* write = request.add_responses();
  write->set_item_id("one");
  write->set_sequence(4);
  write->add_option_ids("C");
  write->add_option_ids("A");
  request.add_responses()->add_option_ids("nonsense");
  const SaveResponses save = FromProto(7, request.responses());
  EXPECT_EQ(save.epoch, 7u);
  EXPECT_EQ(save.responses[0].options.bits(), 0b101u);
  EXPECT_TRUE(save.responses[1].options.malformed());
}

TEST(DurationFromProto, IsInWholeMicrosecondsAndNeverOverflows) {
  google::protobuf::Duration from;
  const auto read = [&](int64_t seconds, int32_t nanos) {
    from.set_seconds(seconds);
    from.set_nanos(nanos);
    return FromProto(from);
  };
  EXPECT_EQ(read(61, 7'999), Micros(61'000'007));
  EXPECT_EQ(read(-61, -7'999), Micros(-61'000'007));
  EXPECT_EQ(read(std::numeric_limits<int64_t>::max(), 0), Seconds(int64_t{1} << 40));
  EXPECT_EQ(read(std::numeric_limits<int64_t>::min(), 0), Seconds(-(int64_t{1} << 40)));
}

TEST(SetTime, CountsNanosForwardBefore1970Too) {
  struct Case {
    int64_t us, seconds;
    int32_t nanos;
  };
  for (const Case& one : {Case{0, 0, 0}, Case{1, 0, 1000}, Case{1'999'999, 1, 999'999'000},
                          Case{-1, -1, 999'999'000}, Case{-1'000'000, -1, 0},
                          Case{-1'000'001, -2, 999'999'000}, Case{-1'500'000, -2, 500'000'000}}) {
    google::protobuf::Timestamp to;
    Set(FromUnixMicros(one.us), &to);
    EXPECT_EQ(to.seconds(), one.seconds) << one.us;
    EXPECT_EQ(to.nanos(), one.nanos) << one.us;
  }
}

TEST_F(ConvertTest, AFormThatCannotBeIsTheItemBanksFault) {
  content_.mutable_items(0)->set_option_order(0, 1);  // 1 twice: no permutation
  EXPECT_EQ(FromProto(issued_, content_).status().code(), absl::StatusCode::kInternal);
}

// An agreement, two sections with a break between them and clocks of their own, a survey.
void SetPlan(itembank::v1::FormPlan& plan) {
  const auto add = [&](itembank::v1::PartKind kind, const char* name, int seconds) {
    auto* part = plan.add_parts();
    part->set_kind(kind);
    part->set_name(name);
    if (seconds > 0) part->mutable_limit()->set_seconds(seconds);
    return part;
  };
  add(itembank::v1::PART_KIND_AGREEMENT, "Agreement", 300)->set_content_id("text-a");
  auto* first = add(itembank::v1::PART_KIND_SECTION, "First", 3000);
  first->set_first_position(1);
  first->set_item_count(1);
  first->set_navigation(itembank::v1::NAVIGATION_FORWARD_ONLY);
  add(itembank::v1::PART_KIND_BREAK, "Break", 600);
  auto* second = add(itembank::v1::PART_KIND_SECTION, "Second", 2400);
  second->set_first_position(2);
  second->set_item_count(1);
  second->set_navigation(itembank::v1::NAVIGATION_FREE);
  second->set_edit_quota(0);
  add(itembank::v1::PART_KIND_SURVEY, "Survey", 120)->set_content_id("text-s");
  plan.set_check_in(true);
  plan.set_unscheduled_breaks(true);
  plan.set_window_policy(itembank::v1::WINDOW_POLICY_LIMITS_END);
}

TEST_F(ConvertTest, ReadsThePlanAndKeepsTheTextsOfItsParts) {
  SetPlan(*issued_.mutable_plan());
  for (const char* id : {"text-a", "text-s"}) {
    auto* text = content_.add_contents();
    text->set_content_id(id);
    text->set_stem(std::string("what ") + id + " says");
  }
  const auto form = FromProto(issued_, content_);
  ASSERT_TRUE(form.ok()) << form.status();
  EXPECT_TRUE(form->window_limits_end);
  const Plan expected{.parts = {{.kind = PartKind::kAgreement,
                                 .name = "Agreement",
                                 .content_id = "text-a",
                                 .limit = Minutes(5)},
                                {.kind = PartKind::kSection,
                                 .name = "First",
                                 .limit = Minutes(50),
                                 .first_place = 0,
                                 .place_count = 1,
                                 .navigation = Navigation::kForwardOnly},
                                {.kind = PartKind::kBreak, .name = "Break", .limit = Minutes(10)},
                                {.kind = PartKind::kSection,
                                 .name = "Second",
                                 .limit = Minutes(40),
                                 .first_place = 1,
                                 .place_count = 1,
                                 .navigation = Navigation::kFree,
                                 .edit_quota = 0},
                                {.kind = PartKind::kSurvey,
                                 .name = "Survey",
                                 .content_id = "text-s",
                                 .limit = Minutes(2)}},
                      .check_in = true,
                      .unscheduled_breaks = true};
  EXPECT_EQ(form->form->plan(), expected);
  ASSERT_EQ(form->contents.size(), 4u) << "two items, two texts";
  itembank::v1::ItemContent text;
  ASSERT_TRUE(text.ParseFromString(form->contents[3].bytes));
  EXPECT_EQ(text.stem(), "what text-s says");
  // Without a plan, as most exams are: one section of everything.
  EXPECT_EQ(form_.form->parts(), 1u);
  EXPECT_EQ(form_.form->part(0).place_count, 2u);
  EXPECT_FALSE(form_.window_limits_end);
}

TEST_F(ConvertTest, APlanThatCannotBeIsTheItemBanksFault) {
  using Spoil = std::function<void(itembank::v1::FormPlan&)>;
  const std::vector<std::pair<const char*, Spoil>> cases = {
      {"no kind", [](auto& p) { p.mutable_parts(0)->clear_kind(); }},
      {"a kind to come",
       [](auto& p) { p.mutable_parts(0)->set_kind(static_cast<itembank::v1::PartKind>(9)); }},
      {"no navigation", [](auto& p) { p.mutable_parts(1)->clear_navigation(); }},
      {"position 0", [](auto& p) { p.mutable_parts(1)->set_first_position(0); }},
      {"a gap", [](auto& p) { p.mutable_parts(3)->set_first_position(3); }},
      {"places left over",
       [](auto& p) {
         p.mutable_parts()->RemoveLast();
         p.mutable_parts()->RemoveLast();
       }},
      {"a break without an end", [](auto& p) { p.mutable_parts(2)->clear_limit(); }},
      {"a limit beyond time",
       [](auto& p) { p.mutable_parts(2)->mutable_limit()->set_seconds(INT64_MAX); }},
  };
  for (const auto& [name, spoil] : cases) {
    issued_.clear_plan();
    SetPlan(*issued_.mutable_plan());
    spoil(*issued_.mutable_plan());
    EXPECT_EQ(FromProto(issued_, content_).status().code(), absl::StatusCode::kInternal) << name;
  }
}

TEST_F(ConvertTest, AReportKeepsNothingThatOnlyOperatorsMaySee) {
  scoring::v1::Score score;
  score.set_scaled_score(712);
  score.set_passed(true);
  score.set_raw_score(36);
  score.set_scaled_score_unrounded(712.3);
  auto* domain = score.add_domains();
  domain->set_domain_id("2");
  domain->set_band(scoring::v1::DOMAIN_BAND_NOT_ENOUGH_EVIDENCE);
  domain->set_expected_at_cut(10.25);
  const auto report = CandidateReport(score);
  EXPECT_TRUE(report.practice_estimate());
  EXPECT_EQ(report.scaled_score(), 712);
  EXPECT_EQ(report.domains(0).band(), v1::DOMAIN_BAND_NOT_ENOUGH_EVIDENCE);
  for (const char* secret : {"712.3", "10.25", "raw"}) {
    EXPECT_EQ(report.DebugString().find(secret), std::string::npos) << secret;
  }
}

}  // namespace
}  // namespace invigil::session
