#include "services/scoring/rpc/rescoring_convert.h"

#include <gtest/gtest.h>

#include <set>

#include "common/base/hash.h"
#include "common/error/error.h"

namespace invigil::scoring {
namespace {

const Time kNow = FromUnixMicros(1'800'000'000'000'000);

v1::CreateRescoringRequest Asked() {
  v1::CreateRescoringRequest request;
  request.set_request_id("r1");
  request.set_exam_id("CLF-C02");
  request.set_reason("why");
  auto* decision = request.add_decisions();
  decision->set_item_id("item");
  decision->set_kind(v1::KEY_DECISION_KIND_DROP);
  decision->set_reason("two experts");
  return request;
}

RescoringRecord Record(RescoringStage stage) {
  RescoringRecord record{.rescoring_id = "R",
                         .author = "ann",
                         .definition = *DefinitionFromProto(Asked()),
                         .stage = stage,
                         .create_time = kNow,
                         .preview_digest = "shown",
                         .approver = "bea"};
  if (stage == RescoringStage::kPreviewing) record.preview_digest.clear();
  return record;
}

// The acts of a record that is done, chained.
std::vector<ActRecord> Acts(const RescoringRecord& record, size_t count = 4) {
  std::vector<ActRecord> acts = {
      {.actor = "ann", .act = "created", .digest = Sha256Hex(Serialize(record.definition))},
      {.actor = "scoring", .act = "previewed", .digest = "shown"},
      {.actor = "bea", .act = "approved", .reason = "yes", .digest = "shown"},
      {.actor = "scoring", .act = "done", .digest = "written"}};
  acts.resize(count);
  return acts;
}

bool Intact(const RescoringRecord& record, std::vector<ActRecord> acts) {
  std::string before;
  uint32_t sequence = 0;
  for (ActRecord& act : acts) {
    act.sequence = ++sequence;
    act.act_time = kNow;
    act.hash = HashOf(act, record.rescoring_id, before);
    before = act.hash;
  }
  v1::Rescoring out;
  FillActs(record, acts, &out);
  EXPECT_EQ(static_cast<size_t>(out.acts_size()), acts.size());
  return out.acts_intact();
}

TEST(RescoringActs, AreThoseOfTheStage) {
  using S = RescoringStage;
  const std::pair<S, size_t> stages[] = {{S::kPreviewing, 1},
                                         {S::kPreviewed, 2},
                                         {S::kApplying, 3},
                                         {S::kCatchingUp, 3},
                                         {S::kDone, 4}};
  for (const auto& [stage, needed] : stages) {
    for (size_t count = 0; count <= 4; ++count) {
      const RescoringRecord record = Record(stage);
      EXPECT_EQ(Intact(record, Acts(record, count)), count == needed)
          << static_cast<int>(stage) << " " << count;
    }
  }
  // Given up, before or after its preview was whole.
  RescoringRecord record = Record(S::kCancelled);
  auto acts = Acts(record, 3);
  acts[2].act = "cancelled";
  EXPECT_TRUE(Intact(record, acts));
  acts.erase(acts.begin() + 1);
  EXPECT_FALSE(Intact(record, acts));
  record.preview_digest.clear();
  acts[1].digest.clear();
  EXPECT_TRUE(Intact(record, acts));
}

TEST(RescoringActs, AreAboutWhatIsStored) {
  const RescoringRecord good = Record(RescoringStage::kDone);
  const auto acts = Acts(good);
  RescoringRecord record = good;
  record.definition.policy = RescoringPolicy::kExact;
  EXPECT_FALSE(Intact(record, acts)) << "the definition was altered";
  record = good;
  record.author = "eve";
  EXPECT_FALSE(Intact(record, acts));
  record = good;
  record.approver = "eve";
  EXPECT_FALSE(Intact(record, acts));
  record = good;
  record.preview_digest = "another";
  EXPECT_FALSE(Intact(record, acts));
}

TEST(RescoringActs, AnAlteredOneBreaksTheChain) {
  const RescoringRecord record = Record(RescoringStage::kDone);
  auto acts = Acts(record);
  std::string before;
  for (uint32_t i = 0; i < acts.size(); ++i) {
    acts[i].sequence = i + 1;
    acts[i].hash = HashOf(acts[i], record.rescoring_id, before);
    before = acts[i].hash;
  }
  const auto intact = [&](const std::vector<ActRecord>& altered) {
    v1::Rescoring out;
    FillActs(record, altered, &out);
    return out.acts_intact();
  };
  EXPECT_TRUE(intact(acts));
  auto altered = acts;
  altered[2].reason = "no";
  EXPECT_FALSE(intact(altered));
}

TEST(KeyRevisions, SayWhetherTheirDecisionsAreThoseApproved) {
  RevisionRecord record{.revision = 1,
                        .decisions = Record(RescoringStage::kDone).definition.decisions};
  record.digest = Sha256Hex(record.decisions);
  v1::KeyRevision out;
  ASSERT_TRUE(FillRevision(record, &out).ok());
  EXPECT_TRUE(out.intact());
  record.digest = Sha256Hex("others");
  v1::KeyRevision other;
  ASSERT_TRUE(FillRevision(record, &other).ok());
  EXPECT_FALSE(other.intact());
}

TEST(RescoringDefinitions, FormIdsAreBounded) {
  auto request = Asked();
  request.add_form_ids(std::string(128, 'f'));
  EXPECT_TRUE(DefinitionFromProto(request).ok());
  for (const std::string& wrong : {std::string(), std::string(129, 'f')}) {
    request.set_form_ids(0, wrong);
    const auto refused = DefinitionFromProto(request);
    ASSERT_EQ(ReasonOf(refused.status()), "RESCORING_INVALID");
    EXPECT_EQ(ViewError(refused.status()).fields[0].first, "form_ids");
  }
}

}  // namespace
}  // namespace invigil::scoring
