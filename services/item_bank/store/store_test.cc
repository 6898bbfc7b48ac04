#include "services/item_bank/store/store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "common/sql/database.h"
#include "common/testing/postgres_server.h"
#include "common/testing/temp_dir.h"
#include "services/item_bank/domain/samples.h"
#include "services/item_bank/store/authoring.h"
#include "services/item_bank/store/issue.h"
#include "services/item_bank/store/layout.h"
#include "services/item_bank/store/schema.h"
#include "services/item_bank/store/statistics.h"

namespace invigil::item_bank {
namespace {

class StoreTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (GetParam() == std::string("postgresql")) {
      location_ = testing::PostgresServer::Shared().url();
      schema_ = testing::PostgresServer::Shared().NewSchema();
    }
    Open();
  }

  std::unique_ptr<Store> OpenAnother() { return *Store::Open(location_, 4, schema_); }
  void Open() { store_ = OpenAnother(); }
  void Reopen() {
    store_.reset();
    Open();
  }

  // Runs on the writer and waits for the commit.
  absl::Status Write(Writer::Job job) { return Write(*store_, std::move(job)); }
  static absl::Status Write(Store& store, Writer::Job job) {
    std::promise<absl::Status> committed;
    EXPECT_TRUE(store.writer().Submit(
        std::move(job), [&](const absl::Status& status) { committed.set_value(status); }));
    return committed.get_future().get();
  }
  template <typename T>
  absl::StatusOr<T> Writing(std::function<absl::StatusOr<T>(Connection&)> work) {
    absl::StatusOr<T> result = Internal("not run");
    const absl::Status status = Write([&](Connection& db) {
      result = work(db);
      return result.status();
    });
    return status.ok() ? std::move(result) : absl::StatusOr<T>(status);
  }

  absl::StatusOr<ImportResult> Import(std::vector<Item> items, bool validate_only = false) {
    return Writing<ImportResult>([&](Connection& db) {
      return ImportBank(db, {{"clf-c02", "Bank", "CLF-C02", "Ours"}, items}, validate_only,
                        clock_.Now());
    });
  }
  absl::StatusOr<Exam> Publish(const Exam& exam) {
    return Writing<Exam>([&](Connection& db) { return PublishExam(db, exam, clock_.Now()); });
  }
  absl::StatusOr<IssuedForm> Issue(const std::string& session,
                                   const std::string& exam = "CLF-C02") {
    return Issue(*store_, session, exam);
  }
  absl::StatusOr<IssuedForm> Issue(Store& store, const std::string& session,
                                   const std::string& exam = "CLF-C02") {
    std::promise<absl::StatusOr<IssuedForm>> issued;
    IssueForm(store, clock_, {exam, session, "ann"},
              [&](absl::StatusOr<IssuedForm> form) { issued.set_value(std::move(form)); });
    return issued.get_future().get();
  }
  void Fill() {
    ASSERT_TRUE(Publish(samples::ClfExam()).ok());
    const auto result = Import(samples::Items(samples::ClfExam(), 5, 3));
    ASSERT_TRUE(result.ok()) << result.status();
  }

  testing::TempDir dir_;
  std::string location_ = dir_.Path("item_bank.db"), schema_;
  ManualClock clock_;
  std::unique_ptr<Store> store_;
};

TEST_P(StoreTest, ImportCreatesUpdatesAndLeaves) {
  std::vector<Item> items = samples::Items(samples::ClfExam(), 2, 1);
  auto result = Import(items);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->created, 57);
  items[3].stem = "A better question?";
  result = Import(items);
  EXPECT_EQ(result->updated, 1);
  EXPECT_EQ(result->unchanged, 56);
  const auto db = store_->readers().Take();
  const auto newest = db->items.Find(items[3].item_id), first = db->items.Find(items[3].item_id, 1);
  EXPECT_EQ((*newest)->version, 2u);
  EXPECT_EQ((*newest)->stem, "A better question?");
  EXPECT_NE((*first)->stem, "A better question?");
  EXPECT_EQ((*first)->create_time, clock_.Now());
}

TEST_P(StoreTest, ABadBankStoresNothing) {
  std::vector<Item> items = samples::Items(samples::ClfExam(), 1, 0);
  items[7].options[2].text = "";
  const auto result = Import(items);
  const ErrorView view = ViewError(result.status());
  EXPECT_EQ(view.reason, "BANK_INVALID");
  ASSERT_EQ(view.fields.size(), 1u);
  EXPECT_EQ(view.fields[0].first, "bank.items[7].options[2].text");
  const auto db = store_->readers().Take();
  EXPECT_EQ(*db->items.Count({.bank_id = "clf-c02"}), 0);
  EXPECT_FALSE(db->items.FindBank("clf-c02")->has_value());
}

TEST_P(StoreTest, ACheckReportsAndStoresNothing) {
  std::vector<Item> items = samples::Items(samples::ClfExam(), 1, 0);
  items[7].options[2].text = "";
  items[8].references.clear();
  const auto result = Import(items, true);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->findings.size(), 2u);
  const auto db = store_->readers().Take();
  EXPECT_EQ(*db->items.Count({.bank_id = "clf-c02"}), 0);
}

TEST_P(StoreTest, VersionsConflictAndRetiredStaysRetired) {
  ASSERT_TRUE(Import({samples::SingleChoice("x"), samples::SingleChoice("y")}).ok());
  Item item = samples::SingleChoice("x");
  item.status = ItemStatus::kRetired;
  const auto version = [&](const Item& next, uint32_t base) {
    return Writing<Item>(
        [&](Connection& db) { return CreateItemVersion(db, next, base, clock_.Now()); });
  };
  EXPECT_EQ(ReasonOf(version(item, 2).status()), "ITEM_VERSION_CONFLICT");
  EXPECT_EQ(version(item, 1)->version, 2u);
  EXPECT_EQ(version(item, 2)->version, 2u);  // equal: stays
  item.status = ItemStatus::kOperational;
  EXPECT_EQ(ReasonOf(version(item, 2).status()), "ITEM_INVALID");
  EXPECT_EQ(ReasonOf(version(samples::SingleChoice("z"), 1).status()), "ITEM_NOT_FOUND");
}

TEST_P(StoreTest, CreateNamesEveryWrongField) {
  ASSERT_TRUE(Import({samples::SingleChoice("x")}).ok());
  const auto create = [&](const Item& item) {
    return Writing<Item>([&](Connection& db) { return CreateItem(db, item, clock_.Now()); });
  };
  EXPECT_EQ(ReasonOf(create(samples::SingleChoice("x")).status()), "ITEM_EXISTS");
  Item item = samples::SingleChoice("y");
  item.stem = "";
  item.enemy_item_ids = {"nobody"};
  const ErrorView view = ViewError(create(item).status());
  EXPECT_EQ(view.reason, "ITEM_INVALID");
  ASSERT_EQ(view.fields.size(), 2u);
  EXPECT_EQ(view.fields[0].first, "item.stem");
  EXPECT_EQ(view.fields[1].first, "item.enemy_item_ids[0]");
  item = samples::SingleChoice("y");
  item.enemy_item_ids = {"x"};
  EXPECT_TRUE(create(item).ok());
  const auto db = store_->readers().Take();
  EXPECT_EQ((*db->items.Find("x"))->enemy_item_ids, std::vector<std::string>{"y"});
}

TEST_P(StoreTest, ExamsKeepTheirVersionWhileEqual) {
  Exam exam = samples::ClfExam();
  EXPECT_EQ(Publish(exam)->version, 1u);
  clock_.Advance(Minutes(5));
  EXPECT_EQ(Publish(exam)->version, 1u);
  exam.title = "Another title";
  EXPECT_EQ(Publish(exam)->version, 2u);
  const auto db = store_->readers().Take();
  EXPECT_EQ((*db->exams.Find("CLF-C02"))->title, "Another title");
  EXPECT_EQ((*db->exams.Find("CLF-C02", 1))->title, "Cloud Practitioner");
  EXPECT_EQ(db->exams.Page("", 10)->size(), 1u);
}

TEST_P(StoreTest, ASessionHasOneForm) {
  Fill();
  const auto first = Issue("s1");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(Issue("s1")->row.form_id, first->row.form_id);
  EXPECT_NE(Issue("s2")->row.form_id, first->row.form_id);
  EXPECT_NE(Issue("s2")->row.form.seed, first->row.form.seed);
  EXPECT_EQ(ReasonOf(Issue("s3", "NONE").status()), "EXAM_NOT_FOUND");
  Exam other = samples::ClfExam();
  other.exam_id = "OTHER";
  ASSERT_TRUE(Publish(other).ok());
  EXPECT_EQ(ReasonOf(Issue("s1", "OTHER").status()), "SESSION_REUSED");
}

// The same call many times at once: every caller gets the one form that is stored.
TEST_P(StoreTest, RacingCallsGetTheSameForm) {
  Fill();
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::set<std::string> forms;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int s = 0; s < 20; ++s) {
        const auto form = Issue("s" + std::to_string(s));
        ASSERT_TRUE(form.ok()) << form.status();
        const std::lock_guard lock(mutex);
        forms.insert(form->row.form_id + form->row.form.places[0].item_id);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(forms.size(), 20u);
}

// After a restart, and after the bank has changed, an issued form still means what it meant; and
// its seed and snapshot rebuild it.
TEST_P(StoreTest, AFormSurvivesRestartAndChange) {
  Fill();
  const auto issued = Issue("s1");
  ASSERT_TRUE(issued.ok());
  std::vector<Item> items = samples::Items(samples::ClfExam(), 5, 3);
  for (Item& item : items) item.stem += " Changed?";
  for (Item& item : items) {
    if (item.type == ItemType::kMultipleResponse) item.stem = "Changed? (Select TWO.)";
  }
  ASSERT_EQ(Import(items)->updated, static_cast<int>(items.size()));
  EXPECT_NE(Issue("s2")->row.pool_id, issued->row.pool_id);
  const std::string secret = store_->secret();
  Reopen();
  EXPECT_EQ(store_->secret(), secret);
  const auto db = store_->readers().Take();
  const auto found = FindForm(*store_, *db, issued->row.form_id);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->row.form, issued->row.form);
  for (size_t p = 0; p < found->row.form.places.size(); ++p) {
    const auto& before = issued->pool->pool.items()[issued->row.form.places[p].pool_index];
    const auto& after = found->pool->pool.items()[found->row.form.places[p].pool_index];
    EXPECT_TRUE(before.item->SameContent(*after.item));
    EXPECT_EQ(before.item->version, after.item->version);
    EXPECT_EQ(before.content_id, after.content_id);
  }
  EXPECT_EQ(*Assemble(found->pool->pool, found->row.form.seed, secret), found->row.form);
  EXPECT_EQ(ReasonOf(FindForm(*store_, *db, "nothing").status()), "FORM_NOT_FOUND");
}

TEST_P(StoreTest, AChangeShowsInTheNextFormAndInAvailability) {
  ASSERT_TRUE(Publish(samples::ClfExam()).ok());
  EXPECT_EQ(ReasonOf(Issue("s1").status()), "FORM_INFEASIBLE");
  {
    const auto db = store_->readers().Take();
    EXPECT_NE(UnavailableReason(**store_->pools().Current(*db, "CLF-C02")), "");
  }
  ASSERT_TRUE(Import(samples::Items(samples::ClfExam(), 5, 3)).ok());
  EXPECT_TRUE(Issue("s1").ok());
  const auto db = store_->readers().Take();
  EXPECT_EQ(UnavailableReason(**store_->pools().Current(*db, "CLF-C02")), "");
}

TEST_P(StoreTest, AFailedJobIsUndoneAlone) {
  std::promise<void> gate;
  std::shared_future<void> open = gate.get_future().share();
  std::vector<std::future<absl::Status>> results;
  const auto submit = [&](Writer::Job job) {
    auto committed = std::make_shared<std::promise<absl::Status>>();
    results.push_back(committed->get_future());
    ASSERT_TRUE(store_->writer().Submit(
        std::move(job), [committed](const absl::Status& s) { committed->set_value(s); }));
  };
  submit([open](Connection&) {
    open.wait();  // holds the writer until all are queued, so that they share a batch
    return absl::OkStatus();
  });
  const auto put = [](const std::string& id, absl::Status end) {
    return [=](Connection& db) -> absl::Status {
      INVIGIL_RETURN_IF_ERROR(db.items.PutBank({id, "", "X", ""}));
      return end;
    };
  };
  submit(put("good-1", absl::OkStatus()));
  submit(put("bad", Internal("no")));
  submit(put("good-2", absl::OkStatus()));
  gate.set_value();
  std::vector<bool> ok;
  for (auto& result : results) ok.push_back(result.get().ok());
  EXPECT_EQ(ok, (std::vector<bool>{true, true, false, true}));
  const auto db = store_->readers().Take();
  EXPECT_TRUE(db->items.FindBank("good-1")->has_value());
  EXPECT_FALSE(db->items.FindBank("bad")->has_value());
  EXPECT_TRUE(db->items.FindBank("good-2")->has_value());
}

TEST_P(StoreTest, RequestsAreRememberedAndForgotten) {
  const auto insert = [&](Connection& db) {
    return db.requests.Insert("ann", "r1", "hash", std::string("a\0b", 3), clock_.Now());
  };
  ASSERT_TRUE(Write(insert).ok());
  {
    const auto db = store_->readers().Take();
    EXPECT_EQ(**db->requests.Find("ann", "r1", "hash"), std::string("a\0b", 3));
    EXPECT_FALSE(db->requests.Find("bob", "r1", "hash")->has_value());
    EXPECT_EQ(ReasonOf(db->requests.Find("ann", "r1", "other").status()), "REQUEST_ID_REUSED");
  }
  clock_.Advance(kRequestMemory + Seconds(1));
  ASSERT_TRUE(Write([&](Connection& db) {
                return db.requests.Insert("ann", "r2", "hash", "", clock_.Now());
              }).ok());
  const auto db = store_->readers().Take();
  EXPECT_FALSE(db->requests.Find("ann", "r1", "hash")->has_value());
}

TEST_P(StoreTest, ReplicasIssueOneFormASession) {
  Fill();
  const auto other = OpenAnother();
  EXPECT_EQ(other->secret(), store_->secret());
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::set<std::string> forms;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int s = 0; s < 25; ++s) {
        const int session = t < 2 ? s : 24 - s;
        const auto form = Issue(t % 2 == 0 ? *store_ : *other, "s" + std::to_string(session));
        ASSERT_TRUE(form.ok()) << form.status();
        const std::lock_guard lock(mutex);
        forms.insert(form->row.form_id + form->row.form.places[0].item_id);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(forms.size(), 25u);
}

// Every accepted version rests on the one before it, whichever replica took it; and each change is
// seen by the other replica's next form.
TEST_P(StoreTest, ReplicasThatChangeTheSameItemsLoseNoChange) {
  Fill();
  const auto other = OpenAnother();
  const Item sample = samples::Items(samples::ClfExam(), 5, 3)[0];
  constexpr int kEach = 12;
  std::atomic<int> conflicts{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      Store& store = t == 0 ? *store_ : *other;
      for (int done = 0; done < kEach;) {
        uint32_t base = 0;
        Item next;
        {
          const auto db = store.readers().Take();
          next = **db->items.Find(sample.item_id);
          base = next.version;
        }
        next.stem += " " + std::to_string(t);
        const absl::Status status = Write(store, [&](Connection& db) {
          return CreateItemVersion(db, next, base, clock_.Now()).status();
        });
        if (status.ok()) {
          ++done;
          continue;
        }
        ++conflicts;
        ASSERT_TRUE(ReasonOf(status) == "ITEM_VERSION_CONFLICT" || ReasonOf(status) == "CONTENDED")
            << status;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto db = store_->readers().Take();
  const auto newest = db->items.Find(sample.item_id);
  EXPECT_EQ((*newest)->version, 1u + 3 * kEach);
  EXPECT_EQ((*newest)->stem.size(), sample.stem.size() + 2 * 3 * kEach);
  const auto there = other->readers().Take();
  EXPECT_EQ((*other->pools().Current(*there, "CLF-C02"))->row.pool_id,
            (*store_->pools().Current(*db, "CLF-C02"))->row.pool_id);
}

// Accepted statistics are a new version; issued forms keep theirs, and a file that does not know of
// them takes nothing back.
TEST_P(StoreTest, AcceptedStatisticsOutliveAnImport) {
  Fill();
  std::vector<Item> items = samples::Items(samples::ClfExam(), 5, 3);
  const auto pretest = std::find_if(items.begin(), items.end(), [](const Item& item) {
    return item.status == ItemStatus::kPretest;
  });
  ASSERT_NE(pretest, items.end());
  const auto issued = Issue("s1");
  ASSERT_TRUE(issued.ok()) << issued.status();
  const IrtParameters irt{0.8, 0.5, 0.1, 600, "calibration-1", 0.1, 0.05};
  const auto revise = [&](const ItemRevision& revision) {
    return Writing<RevisionCounts>(
        [&](Connection& db) { return ReviseItems(db, {revision}, clock_.Now()); });
  };
  const ItemRevision revision{pretest->item_id, 1, irt, true};
  const auto counts = revise(revision);
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_EQ(counts->revised, 1u);
  EXPECT_EQ(revise(revision)->unchanged, 1u);
  EXPECT_EQ(Import(items)->updated, 0);

  const auto newest = [&] {
    const auto db = store_->readers().Take();
    return **db->items.Find(pretest->item_id);
  };
  EXPECT_EQ(newest().version, 2u);
  EXPECT_EQ(newest().status, ItemStatus::kOperational);
  EXPECT_TRUE(newest().promoted);
  EXPECT_EQ(newest().irt, irt);
  {
    const auto db = store_->readers().Take();
    const auto again = FindForm(*store_, *db, issued->row.form_id);
    for (const auto& [id, version] : again->pool->row.members) EXPECT_EQ(version, 1u) << id;
    const auto histories = ListHistories(*db, "clf-c02");
    ASSERT_TRUE(histories.ok());
    EXPECT_EQ(histories->size(), items.size());
    for (const ItemHistory& history : *histories) EXPECT_EQ(history.same_content_since, 1u);
  }
  // Another question is another item: its statistics have to be found anew.
  pretest->stem = "Another question altogether?";
  EXPECT_EQ(Import(items)->updated, 1);
  EXPECT_FALSE(newest().promoted);
  EXPECT_EQ(newest().status, ItemStatus::kPretest);
  EXPECT_EQ(ReasonOf(revise(revision).status()), "ITEM_VERSION_CONFLICT");
  EXPECT_EQ(ReasonOf(revise({"nothing", 1, irt, false}).status()), "ITEM_NOT_FOUND");
  EXPECT_EQ(ReasonOf(revise({pretest->item_id, 3, IrtParameters{-1, 0, 0, 9}, false}).status()),
            "ITEM_INVALID");
}

TEST_P(StoreTest, AnAcceptedCutOutlivesThePublishedFile) {
  Exam exam = samples::ClfExam();
  ASSERT_TRUE(Publish(exam).ok());
  const CutScore cut{"CLF-C02", "modified Angoff", "standard-1", 33.25, 0.6};
  const auto set = [&](const CutScore& wanted) {
    return Writing<Exam>([&](Connection& db) { return SetStandard(db, wanted, clock_.Now()); });
  };
  const auto made = set(cut);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->version, 2u);
  EXPECT_EQ(made->standard->standard_setting_id, "standard-1");
  EXPECT_EQ(set(cut)->version, 2u);
  EXPECT_EQ(Publish(exam)->version, 2u);
  exam.title = "Another title";
  EXPECT_EQ(Publish(exam)->standard->base_cut_raw, 33.25);
  exam.standard->base_form[0].difficulty += 0.1;  // another base form is another standard
  EXPECT_EQ(Publish(exam)->standard->standard_setting_id, "");
  EXPECT_EQ(ReasonOf(set({"NONE", "x", "y", 30, 1}).status()), "EXAM_NOT_FOUND");
  CutScore beyond = cut;
  beyond.base_cut_raw = 500;
  EXPECT_EQ(ReasonOf(set(beyond).status()), "EXAM_INVALID");
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreTest, ::testing::Values("sqlite", "postgresql"),
                         [](const auto& info) { return std::string(info.param); });

TEST(Schema, TheRevisionMovesOutOfItsBlob) {
  testing::TempDir dir;
  const std::string path = dir.Path("item_bank.db");
  {
    auto db = sql::Database::Open(path);
    ASSERT_TRUE(db->Migrate({SchemaSteps(false)[0]}).ok());
    ASSERT_TRUE(db->Execute("UPDATE meta SET value = 41 WHERE name = 'content_revision'").ok());
  }
  const auto store = Store::Open(path, 1);
  ASSERT_TRUE(store.ok()) << store.status();
  const auto db = (*store)->readers().Take();
  EXPECT_EQ(*db->meta.ContentRevision(), 41);
}

TEST(Layout, RefusesForeignBytes) {
  const std::vector<Place> places = {{"aaaabbbbccccdddd", 300, {2, 0, 1, 3}},
                                     {"eeeeffffgggghhhh", 1, {1, 0, 4, 3, 2}}};
  const std::string bytes = EncodeLayout(places);
  EXPECT_EQ(*DecodeLayout(bytes), places);
  EXPECT_FALSE(DecodeLayout("").ok());
  EXPECT_FALSE(DecodeLayout("\x02").ok());
  for (size_t cut = 2; cut < bytes.size(); ++cut) {
    const auto part = DecodeLayout(bytes.substr(0, cut));
    if (part.ok()) {
      EXPECT_EQ(part->size(), 1u) << cut;
    }
  }
}

}  // namespace
}  // namespace invigil::item_bank
