// The whole room on one machine: sealed sessions in a store, a bank that is a table, the worker.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <future>
#include <map>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/error/error.h"
#include "common/rpc/executor.h"
#include "common/testing/temp_dir.h"
#include "common/testing/wait_until.h"
#include "services/scoring/domain/scoring.h"
#include "services/scoring/domain/testing.h"
#include "services/scoring/measurement/desk.h"
#include "services/scoring/measurement/worker.h"
#include "services/scoring/rpc/scorer.h"
#include "services/scoring/store/sql_score_store.h"

namespace invigil::scoring {
namespace {

using invigil::testing::WaitUntil;

constexpr int kScored = 20, kPretest = 4, kSessions = 600;
// The last pretest item has a wrong key: who knows more is right less often.
constexpr int kMiskeyed = kScored + kPretest - 1;

ItemParameters TruthOf(int item) {
  Random random(static_cast<uint64_t>(item) + 1);
  return {.slope = 0.8 + 0.6 * random.Uniform(),
          .difficulty = -1.2 + 2.4 * random.Uniform(),
          .lower_asymptote = 0};
}
std::string IdOf(int item) { return absl::StrCat("item-", 100 + item); }

ScoringKey FormKey() {
  std::vector<ItemParameters> items, base;
  for (int i = 0; i < kScored; ++i) items.push_back(TruthOf(i));
  for (int i = 0; i < kScored; ++i) {
    base.push_back({.slope = 1, .difficulty = -0.9 + 0.09 * i, .lower_asymptote = 0});
  }
  ScoringKey key = testing::MakeKey(items, base, 13, kPretest);
  int scored = 0, pretest = kScored;
  for (KeyedItem& item : key.items) {
    item.bank_item_id = IdOf(item.operational ? scored++ : pretest++);
    item.bank_item_version = 1;
  }
  return key;
}

class Keys final : public KeySource {
 public:
  void Fetch(const std::string&, Duration, const telemetry::TraceContext&, Done done) override {
    done(std::make_shared<const ScoringKey>(FormKey()));
  }
};

class TableBank final : public StatisticsBank {
 public:
  absl::StatusOr<itembank::v1::ListItemStatisticsResponse> List(const std::string&) override {
    if (down) return Unavailable("ITEM_BANK_UNAVAILABLE", "down");
    itembank::v1::ListItemStatisticsResponse response;
    const std::lock_guard lock(mutex_);
    for (int i = 0; i < kScored + kPretest; ++i) {
      auto* item = response.add_items();
      item->set_item_id(IdOf(i));
      item->set_version(1);
      item->set_same_content_since(1);
      item->set_domain_id("1");
      item->set_status(i < kScored ? itembank::v1::ITEM_STATUS_OPERATIONAL
                                   : itembank::v1::ITEM_STATUS_PRETEST);
      if (i < kScored) {
        item->mutable_irt()->set_slope(TruthOf(i).slope);
        item->mutable_irt()->set_difficulty(TruthOf(i).difficulty);
      }
      if (const auto known = revised.find(IdOf(i)); known != revised.end()) {
        if (known->second.has_irt()) *item->mutable_irt() = known->second.irt();
        if (known->second.promote()) item->set_status(itembank::v1::ITEM_STATUS_OPERATIONAL);
      }
    }
    for (const ItemParameters& base : FormKey().standard.base_form) {
      auto* irt = response.mutable_standard()->add_base_form();
      irt->set_slope(base.slope);
      irt->set_difficulty(base.difficulty);
    }
    response.mutable_standard()->set_base_cut_raw(13);
    return response;
  }
  absl::StatusOr<itembank::v1::ReviseItemsResponse> Revise(
      const itembank::v1::ReviseItemsRequest& request) override {
    if (down) return Unavailable("ITEM_BANK_UNAVAILABLE", "down");
    const std::lock_guard lock(mutex_);
    for (const auto& revision : request.revisions()) {
      revised[revision.item_id()].MergeFrom(revision);
    }
    return itembank::v1::ReviseItemsResponse();
  }
  absl::StatusOr<itembank::v1::SetStandardResponse> SetStandard(
      const itembank::v1::SetStandardRequest& request) override {
    const std::lock_guard lock(mutex_);
    standard = request;
    itembank::v1::SetStandardResponse response;
    response.set_exam_version(4);
    return response;
  }
  std::map<std::string, itembank::v1::ItemRevision> revised;  // read once the work is accepted
  itembank::v1::SetStandardRequest standard;
  std::atomic<bool> down{false};

 private:
  std::mutex mutex_;
};

class MeasurementTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::atomic<int> left{kSessions};
    Random random(11);
    for (int s = 0; s < kSessions; ++s) {
      const double theta = 0.2 + random.Normal();
      scorer_.ScoreSession({.session_id = absl::StrCat("session-", 1000 + s),
                            .attempt_version = 1,
                            .form_id = "form-1",
                            .responses = AnswersOf(theta, random),
                            .time_left = [] { return Seconds(60); }},
                           [&left](const absl::StatusOr<ScoreRecord>& stored) {
                             EXPECT_TRUE(stored.ok()) << stored.status();
                             --left;
                           });
    }
    ASSERT_TRUE(WaitUntil([&] { return left == 0; }, Seconds(30)));
    clock_.Advance(Seconds(1));
  }
  static std::vector<SealedResponse> AnswersOf(double theta, Random& random) {
    std::vector<SealedResponse> responses;
    int scored = 0, pretest = kScored;
    for (const KeyedItem& item : FormKey().items) {
      const int number = item.operational ? scored++ : pretest++;
      double chance = Probability(TruthOf(number), theta);
      if (number == kMiskeyed) chance = 1 - chance;
      const bool right = random.Uniform() < chance;
      responses.push_back({item.item_id, item.key_option_ids});
      if (!right) responses.back().option_ids = {item.key_option_ids[0] == "A" ? "C" : "A"};
    }
    return responses;
  }
  void StartWorker(int threads = 2) {
    worker_ = std::make_unique<MeasurementWorker>(
        *work_, *store_, *store_, ring_, bank_, clock_,
        WorkerOptions{.threads = threads, .poll = Millis(5), .report = Millis(0), .owner = "me"});
  }
  static v1::StartCalibrationRequest Wanted(const std::string& request_id) {
    v1::StartCalibrationRequest request;
    request.set_request_id(request_id);
    request.set_reason("why");
    request.mutable_settings()->mutable_scope()->set_exam_id("CLF-C02");
    return request;
  }
  v1::Calibration Get(const std::string& id) {
    v1::Calibration calibration;
    EXPECT_TRUE(desk_.GetCalibration(id, &calibration).ok());
    return calibration;
  }
  v1::Calibration Reached(const std::string& id, v1::MeasurementState state) {
    EXPECT_TRUE(WaitUntil([&] { return Get(id).state() == state; }, Seconds(30)))
        << Get(id).problem();
    return Get(id);
  }
  std::string Begin(const v1::StartCalibrationRequest& request) {
    v1::Calibration calibration;
    const absl::Status status = desk_.Start(request, "ann", &calibration);
    EXPECT_TRUE(status.ok()) << status;
    return calibration.calibration_id();
  }
  absl::Status Accept(const v1::Calibration& calibration, const std::string& who) {
    v1::AcceptCalibrationRequest request;
    request.set_calibration_id(calibration.calibration_id());
    request.set_result_digest(calibration.result().digest());
    request.set_reason("looked at it");
    v1::Calibration out;
    return desk_.Accept(request, who, &out);
  }
  static const v1::CalibratedItem& Item(const v1::Calibration& calibration, int item) {
    for (const auto& found : calibration.result().items()) {
      if (found.item_id() == IdOf(item)) return found;
    }
    ADD_FAILURE() << "no " << IdOf(item);
    return calibration.result().items(0);
  }

  invigil::testing::TempDir dir_;
  ManualClock clock_;
  std::unique_ptr<ScoringStore> store_ =
      *OpenSqlScoreStore({.location = dir_.Path("scoring.db"), .readers = 4});
  std::unique_ptr<MeasurementStore> work_ = *MeasurementStore::Open(dir_.Path("measurement.db"));
  Keys keys_;
  TableBank bank_;
  KeyRing ring_{keys_, *store_};
  rpc::Executor executor_{"test", 2, 2000};
  Scorer scorer_{keys_, ring_, *store_, executor_, clock_};
  std::unique_ptr<MeasurementWorker> worker_;
  MeasurementDesk desk_{*work_, clock_, [this] {
                          if (worker_) worker_->Kick();
                        }};
};

TEST_F(MeasurementTest, PretestItemsComeOntoTheScaleAndReplayBitForBit) {
  StartWorker(2);
  const std::string id = Begin(Wanted("r1"));
  EXPECT_EQ(Begin(Wanted("r1")), id);
  auto other = Wanted("r1");
  other.set_reason("another");
  v1::Calibration ignored;
  EXPECT_EQ(ReasonOf(desk_.Start(other, "ann", &ignored)), "REQUEST_ID_REUSED");
  const v1::Calibration made = Reached(id, v1::MEASUREMENT_STATE_PROPOSED);
  EXPECT_TRUE(made.acts_intact());
  EXPECT_TRUE(made.result().converged());
  EXPECT_EQ(made.result().dataset().sessions(), kSessions);
  EXPECT_NEAR(made.result().ability_mean(), 0.2, 0.2);
  EXPECT_NEAR(made.result().ability_sd(), 1, 0.2);
  for (int i = 0; i < kScored; ++i) EXPECT_TRUE(Item(made, i).fixed());
  for (int i = kScored; i < kMiskeyed; ++i) {
    EXPECT_FALSE(Item(made, i).fixed());
    EXPECT_NEAR(Item(made, i).difficulty(), TruthOf(i).difficulty,
                4 * Item(made, i).difficulty_error());
    EXPECT_EQ(Item(made, i).problem(), "");
  }
  EXPECT_LT(Item(made, kMiskeyed).slope(), 0);
  EXPECT_NE(Item(made, kMiskeyed).problem(), "");

  // The same again: by another number of threads, in a process that found it begun.
  worker_.reset();
  v1::StartCalibrationRequest again = Wanted("r2");
  *again.mutable_settings() = made.settings();
  const std::string second = Begin(again);
  ASSERT_TRUE(*work_->Claim(second, "me", clock_.Now(), clock_.Now() + Minutes(5)));
  StartWorker(1);
  EXPECT_EQ(Reached(second, v1::MEASUREMENT_STATE_PROPOSED).result().SerializeAsString(),
            made.result().SerializeAsString());
  // One session less is other data, and says so.
  v1::StartCalibrationRequest less = Wanted("r3");
  less.mutable_settings()->mutable_scope()->add_excluded_session_ids("session-1000");
  const v1::Calibration fewer = Reached(Begin(less), v1::MEASUREMENT_STATE_PROPOSED);
  EXPECT_EQ(fewer.result().dataset().excluded_sessions(), 1u);
  EXPECT_NE(fewer.result().dataset().digest(), made.result().dataset().digest());
}

TEST_F(MeasurementTest, TwoPersonsAcceptAndGoodItemsArePromoted) {
  StartWorker();
  const v1::Calibration made = Reached(Begin(Wanted("r1")), v1::MEASUREMENT_STATE_PROPOSED);
  EXPECT_EQ(ReasonOf(Accept(made, "ann")), "APPROVER_IS_AUTHOR");
  v1::Calibration tampered = made;
  tampered.mutable_result()->set_digest("0");
  EXPECT_EQ(ReasonOf(Accept(tampered, "bea")), "RESULT_DIFFERS");
  bank_.down = true;  // accepted is durable, whatever the bank does
  ASSERT_TRUE(Accept(made, "bea").ok());
  EXPECT_EQ(Get(made.calibration_id()).state(), v1::MEASUREMENT_STATE_APPLYING);
  v1::PromoteItemsRequest promote;
  promote.set_request_id("p1");
  promote.set_calibration_id(made.calibration_id());
  promote.set_reason("they are good");
  v1::Promotion promotion;
  EXPECT_EQ(ReasonOf(desk_.Promote(promote, "bea", &promotion)), "MEASUREMENT_NOT_ACCEPTED");
  bank_.down = false;
  Reached(made.calibration_id(), v1::MEASUREMENT_STATE_ACCEPTED);
  EXPECT_EQ(bank_.revised.size(), size_t{kPretest - 1});
  const auto& irt = bank_.revised[IdOf(kScored)].irt();
  EXPECT_EQ(irt.calibration_id(), made.calibration_id());
  EXPECT_EQ(irt.sample_size(), kSessions);
  EXPECT_EQ(irt.difficulty(), Item(made, kScored).difficulty());
  EXPECT_TRUE(Accept(made, "bea").ok());

  promote.add_item_ids(IdOf(kMiskeyed));
  const absl::Status refused = desk_.Promote(promote, "bea", &promotion);
  EXPECT_EQ(ReasonOf(refused), "ITEMS_NOT_PROMOTABLE");
  EXPECT_EQ(ReasonOf(desk_.Promote(promote, "ann", &promotion)), "APPROVER_IS_AUTHOR");
  promote.clear_item_ids();
  promote.mutable_thresholds()->set_least_answers_two_parameter(100'000);
  EXPECT_EQ(ReasonOf(desk_.Promote(promote, "bea", &promotion)), "ITEMS_NOT_PROMOTABLE");
  promote.set_sign_off(true);
  ASSERT_TRUE(desk_.Promote(promote, "bea", &promotion).ok());
  const std::string id = promotion.promotion_id();
  ASSERT_TRUE(WaitUntil([&] {
    v1::Promotion now;
    return desk_.GetPromotion(id, &now).ok() && now.state() == v1::MEASUREMENT_STATE_ACCEPTED;
  }));
  int promoted = 0;
  for (const auto& [item, revision] : bank_.revised) promoted += revision.promote() ? 1 : 0;
  EXPECT_GE(promoted, 1);
  EXPECT_FALSE(bank_.revised.contains(IdOf(kMiskeyed)));
}

TEST_F(MeasurementTest, CancelledWorkStaysCancelled) {
  const std::string id = Begin(Wanted("r1"));  // nobody computes it
  v1::CancelCalibrationRequest cancel;
  cancel.set_calibration_id(id);
  cancel.set_reason("a mistake");
  v1::Calibration out;
  ASSERT_TRUE(desk_.Cancel(cancel, "bea", &out).ok());
  EXPECT_EQ(out.state(), v1::MEASUREMENT_STATE_CANCELLED);
  ASSERT_TRUE(desk_.Cancel(cancel, "bea", &out).ok());
  EXPECT_FALSE(*work_->Progress(id, "", clock_.Now()));
  StartWorker();
  auto wrong = Wanted("r2");
  wrong.mutable_settings()->set_least_answers(100'000);
  const v1::Calibration failed = Reached(Begin(wrong), v1::MEASUREMENT_STATE_FAILED);
  EXPECT_TRUE(failed.problem().starts_with("CALIBRATION_WITHOUT_ANCHOR: ")) << failed.problem();
  EXPECT_EQ(Get(id).state(), v1::MEASUREMENT_STATE_CANCELLED);
}

TEST_F(MeasurementTest, AnAcceptedEquatingEndsBeingProvisional) {
  StartWorker();
  v1::StartEquatingRequest request;
  request.set_request_id("e1");
  request.set_reason("the year's forms");
  request.mutable_settings()->mutable_scope()->set_exam_id("CLF-C02");
  v1::Equating equating;
  ASSERT_TRUE(desk_.Start(request, "ann", &equating).ok());
  const std::string id = equating.equating_id();
  const auto reached = [&](v1::MeasurementState state) {
    v1::Equating now;
    EXPECT_TRUE(WaitUntil(
        [&] {
          now.Clear();
          return desk_.GetEquating(id, &now).ok() && now.state() == state;
        },
        Seconds(30)))
        << now.problem();
    return now;
  };
  const v1::Equating made = reached(v1::MEASUREMENT_STATE_PROPOSED);
  EXPECT_EQ(made.result().method(), v1::EQUATING_METHOD_IRT_TRUE_SCORE);
  EXPECT_NE(made.result().method_reason(), "");
  ASSERT_EQ(made.result().table_size(), kScored + 1);
  for (int raw = 1; raw <= kScored; ++raw) {
    EXPECT_GT(made.result().table(raw).base_raw(), made.result().table(raw - 1).base_raw());
  }
  EXPECT_GT(made.result().standard_error_at_cut(), 0);
  EXPECT_LT(made.result().standard_error_at_cut(), 0.5);
  EXPECT_LT(std::abs(made.result().difference_at_cut()), 0.5);
  EXPECT_EQ(*work_->EquatingOf(FormKey()), "");
  v1::AcceptEquatingRequest accept;
  accept.set_equating_id(id);
  accept.set_result_digest(made.result().digest());
  accept.set_reason("as it should be");
  EXPECT_EQ(ReasonOf(desk_.Accept(accept, "ann", &equating)), "APPROVER_IS_AUTHOR");
  ASSERT_TRUE(desk_.Accept(accept, "bea", &equating).ok());
  size_t covered = 0;
  for (const auto& anchor : made.result().anchors()) covered += anchor.covered() ? 1 : 0;
  EXPECT_EQ(*work_->EquatingOf(FormKey()), covered == kScored ? id : "");
  ScoringKey changed = FormKey();
  for (KeyedItem& item : changed.items) item.bank_item_version = 2;
  EXPECT_EQ(*work_->EquatingOf(changed), "");
}

TEST_F(MeasurementTest, APanelSetsTheCut) {
  StartWorker();
  v1::PutStandardSettingRequest request;
  request.set_request_id("s1");
  request.set_reason("panel of the year");
  auto* record = request.mutable_record();
  record->set_exam_id("CLF-C02");
  for (int judge = 0; judge < 3; ++judge) {
    for (int i = 0; i < kScored; ++i) {
      auto* rating = record->add_ratings();
      rating->set_round(1);
      rating->set_judge(absl::StrCat("judge-", judge));
      rating->set_item_id(IdOf(i));
      rating->set_rating(0.55 + 0.05 * judge);
    }
    auto* beuk = record->add_beuk();
    beuk->set_judge(absl::StrCat("judge-", judge));
    beuk->set_cut(11 + judge);
    beuk->set_pass_rate(0.5 + 0.05 * judge);
  }
  v1::StandardSetting setting;
  ASSERT_TRUE(desk_.Put(request, "ann", &setting).ok());
  const std::string id = setting.standard_setting_id();
  const auto reached = [&](v1::MeasurementState state) {
    v1::StandardSetting now;
    EXPECT_TRUE(WaitUntil(
        [&] {
          now.Clear();
          return desk_.GetStandardSetting(id, &now).ok() && now.state() == state;
        },
        Seconds(30)))
        << now.problem();
    return now;
  };
  const v1::StandardSetting made = reached(v1::MEASUREMENT_STATE_PROPOSED);
  EXPECT_NEAR(made.result().rounds(0).cut(), 12, 1e-9);  // 20 items at 0.6
  EXPECT_NEAR(made.result().rounds(0).standard_error(), 1 / std::sqrt(3.0), 1e-9);
  std::vector<ItemParameters> items;
  for (int i = 0; i < kScored; ++i) items.push_back(TruthOf(i));
  EXPECT_NEAR(ExpectedNumberCorrect(items, made.result().theta_cut()), 12, 1e-6);
  EXPECT_EQ(made.result().candidates(), kSessions);
  EXPECT_TRUE(made.result().has_beuk_cut()) << made.result().compromise_problem();
  v1::AcceptStandardSettingRequest accept;
  accept.set_standard_setting_id(id);
  accept.set_result_digest(made.result().digest());
  accept.set_reason("agreed");
  ASSERT_TRUE(desk_.Accept(accept, "bea", &setting).ok());
  EXPECT_EQ(reached(v1::MEASUREMENT_STATE_ACCEPTED).exam_version(), 4u);
  EXPECT_EQ(bank_.standard.base_cut_raw(), made.result().base_cut_raw());
  EXPECT_EQ(bank_.standard.standard_setting_id(), id);
}

}  // namespace
}  // namespace invigil::scoring
