#include "services/session/events/notice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/session/domain/apply.h"
#include "services/session/domain/decide.h"
#include "services/session/domain/fixtures_for_test.h"

namespace invigil::session {
namespace {

using fixtures::kBase;
using fixtures::kStart;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A session whose events are turned into notices as the store does it.
class Sitting {
 public:
  Sitting() {
    EXPECT_THAT(Do(Reserve{{"ann", "CLF-C02", "r", SessionKind::kPractice}}), IsEmpty());
  }
  // The names of the notices of what `action` brings about.
  std::vector<std::string> Do(Action action, Time now = kStart) {
    const Decision decision = Decide(state_, Command{"", std::move(action)}, now);
    EXPECT_TRUE(decision.status.ok()) << decision.status;
    std::vector<std::string> names;
    for (const Event& event : decision.events) {
      EXPECT_TRUE(Apply(state_, event, decision.at).ok());
      const auto notice = NoticeOf(id_, state_.version, decision.at, event, state_);
      if (!notice) continue;
      last_ = *notice;
      names.emplace_back(NoticeName(notice->kind));
    }
    return names;
  }
  std::vector<std::string> Start() { return Do(session::Start{fixtures::MakeForm(5), {}, {}}); }
  static RecordScore Score(uint32_t version, bool release) {
    return {.score_version = version,
            .report = std::make_shared<const std::string>("report"),
            .release = release};
  }
  const Notice& last() const { return last_; }
  const State& state() const { return state_; }

 private:
  const SessionId id_ = *SessionId::FromHex(NewId(kStart));
  State state_;
  Notice last_;
};

TEST(NoticeTest, ALifeAsOthersAreToldOfIt) {
  Sitting sitting;
  EXPECT_THAT(sitting.Start(), ElementsAre("STARTED"));
  EXPECT_EQ(sitting.last().candidate_id, "ann");
  EXPECT_EQ(sitting.last().exam_id, "CLF-C02");
  EXPECT_EQ(sitting.last().exam_version, 1u);
  EXPECT_EQ(sitting.last().session_kind, SessionKind::kPractice);
  EXPECT_EQ(sitting.last().seq, 3u);
  EXPECT_EQ(sitting.last().epoch, 1u);
  EXPECT_THAT(sitting.Do(fixtures::Save(1, {fixtures::Write(0, 1, {"B"})})), IsEmpty());
  EXPECT_THAT(sitting.Do(TakeOver{}), IsEmpty());
  EXPECT_THAT(sitting.Do(Pause{"p", "r"}), IsEmpty());
  EXPECT_THAT(sitting.Do(Resume{"p", "r"}), IsEmpty());
  EXPECT_THAT(sitting.Do(Submit{2, {}}, kStart + Minutes(3)), ElementsAre("SUBMITTED"));
  EXPECT_EQ(sitting.last().occurred_at, kStart + Minutes(3));
  EXPECT_EQ(sitting.last().epoch, 2u);
  EXPECT_EQ(sitting.last().attempt_version, 1u);
  EXPECT_THAT(sitting.Do(Sitting::Score(1, true)), ElementsAre("SCORED", "RELEASED"));
  EXPECT_THAT(sitting.Do(Sitting::Score(2, false)), ElementsAre("AMENDED"));
  EXPECT_EQ(sitting.last().score_version, 2u);
  EXPECT_TRUE(sitting.last().has_result());
  EXPECT_THAT(sitting.Do(Reopen{{"g", Minutes(5)}, "p", "r"}), ElementsAre("REOPENED"));
  EXPECT_THAT(sitting.Do(Terminate{"p", "r"}), ElementsAre("TERMINATED"));
  EXPECT_THAT(sitting.Do(Sitting::Score(3, true)), ElementsAre("AMENDED", "RELEASED"));
  EXPECT_THAT(sitting.Do(Void{"r", false, "p"}), ElementsAre("VOIDED"));
}

TEST(NoticeTest, AnExpiryIsToldWithTheMomentTheTimeWasUp) {
  Sitting sitting;
  sitting.Start();
  EXPECT_THAT(sitting.Do(Expire{}, kStart + kBase + Minutes(7)), ElementsAre("EXPIRED"));
  EXPECT_EQ(sitting.last().occurred_at, kStart + kBase);
  EXPECT_EQ(sitting.last().written_at, kStart + kBase + Minutes(7));
}

TEST(NoticeTest, AReservationThatIsGivenUpIsNobodysNews) {
  Sitting sitting;
  EXPECT_THAT(sitting.Do(Void{"no form", true, ""}), IsEmpty());
  EXPECT_EQ(sitting.state().state, SessionState::kVoided);
}

TEST(NoticeTest, IncidentsAreReportsAndWhatMakesThemGood) {
  Sitting sitting;
  sitting.Start();
  EXPECT_THAT(sitting.Do(ReportIrregularity{"i1", "noise", "a drill", "p"}),
              ElementsAre("INCIDENT"));
  EXPECT_EQ(sitting.last().incident_id, "i1");
  EXPECT_THAT(sitting.Do(GrantTime{{"extra", Minutes(5)}, "p", "r"}), IsEmpty());
  EXPECT_THAT(sitting.Do(GrantTime{{"incident:fire", Minutes(5)}, "p", "r"}),
              ElementsAre("INCIDENT"));
  EXPECT_EQ(sitting.last().incident_id, "incident:fire");
}

TEST(NoticeTest, EventIdsReadBack) {
  Notice notice;
  notice.session = *SessionId::FromHex(NewId(kStart));
  notice.seq = 1234567;
  notice.written_at = kStart;
  const auto key = ParseEventId(notice.EventId());
  ASSERT_TRUE(key);
  EXPECT_EQ(key->session, notice.session);
  EXPECT_EQ(key->seq, notice.seq);
  Notice other = notice;
  other.written_at = kStart + Duration(1);
  EXPECT_NE(notice.EventId(), other.EventId()) << "of the same place in another history";
  const std::string hex = notice.session.ToHex();
  for (const std::string& wrong : {std::string(),
                                   hex,
                                   hex + "-",
                                   hex + "-1",
                                   hex + "-1-",
                                   hex + "-0-5",
                                   hex + "-01-5",
                                   hex + "-x-5",
                                   hex + "-1x-5",
                                   hex + "-+1-5",
                                   hex + "--1-5",
                                   hex + "_1-5",
                                   hex + "-1_5",
                                   hex + "-1-05",
                                   hex + "-1-5x",
                                   hex + "-1-+5",
                                   hex.substr(1) + "-1-5",
                                   hex + "-18446744073709551616-5",
                                   hex + "-18446744073709551615-5",
                                   hex + "-1-9223372036854775808"}) {
    EXPECT_FALSE(ParseEventId(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace invigil::session
