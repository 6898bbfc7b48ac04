// One suite for every database.
#include "services/session/registration/store.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "common/error/error.h"
#include "services/session/domain/fixtures_for_test.h"
#include "services/session/registration/stores_for_test.h"

namespace invigil::session::registration {
namespace {

constexpr Time kNow = fixtures::kStart;

Row MakeRow(const std::string& id, const std::string& candidate = "ann",
            const std::string& exam = "CLF-C02") {
  Row row;
  row.wanted.registration_id = id;
  row.wanted.candidate_id = candidate;
  row.wanted.exam_id = exam;
  return row;
}

class StoreTest : public ::testing::TestWithParam<const char*> {
 protected:
  // What becomes of the rows of one request.
  std::vector<RowResult> Provision(const std::vector<Row>& rows, Time now = kNow) {
    std::vector<RowResult> results;
    const auto answer = store_->Once({"olga", "q-" + std::to_string(++requests_), "hash"}, now,
                                     [&]() -> absl::StatusOr<std::string> {
                                       results.clear();
                                       for (const Row& row : rows) {
                                         auto result = store_->Provision(row, now);
                                         if (!result.ok()) return result.status();
                                         results.push_back(*result);
                                       }
                                       return std::string("answered");
                                     });
    EXPECT_TRUE(answer.ok()) << answer.status();
    return results;
  }
  Registration Held(const std::string& id) {
    const auto found = store_->Find(id);
    EXPECT_TRUE(found.ok() && *found) << id;
    return found.ok() ? found->value_or(Registration()) : Registration();
  }
  void Reopen() {
    store_.reset();
    store_ = database_.OpenStore();
  }

  TestDatabase database_{GetParam()};
  std::unique_ptr<Store> store_ = database_.OpenStore();
  int requests_ = 0;
};

TEST_P(StoreTest, RowsAreCreatedUpdatedUnchangedOrRefusedEachOnItsOwn) {
  Row full = MakeRow("r-2", "bob");
  full.wanted.opens = kNow;
  full.wanted.closes = kNow + Minutes(60);
  full.wanted.max_attempts = 3;
  full.wanted.terms = {150, 10, 20};
  full.with_terms = true;
  Row bad = MakeRow("r-3");
  bad.wanted.opens = bad.wanted.closes = kNow;
  auto results = Provision({MakeRow("r-1"), full, bad, MakeRow("r-4")});
  ASSERT_EQ(results.size(), 4u);
  EXPECT_EQ(results[0].outcome, Outcome::kCreated);
  EXPECT_EQ(results[1].outcome, Outcome::kCreated);
  EXPECT_EQ(results[2].outcome, Outcome::kRefused);
  EXPECT_EQ(results[2].reason, "REGISTRATION_INVALID");
  EXPECT_EQ(results[2].field, "close_time");
  EXPECT_EQ(results[3].outcome, Outcome::kCreated);
  Registration wanted = full.wanted;
  wanted.updated = kNow;
  EXPECT_EQ(Held("r-2"), wanted);
  EXPECT_FALSE(store_->Find("r-3")->has_value());

  // Again: only what differs changes, and terms that are not said stay.
  full.wanted.closes = kNow + Minutes(90);
  full.wanted.terms = {};
  full.with_terms = false;
  results = Provision({MakeRow("r-1"), full, MakeRow("r-4", "eve")}, kNow + Minutes(1));
  EXPECT_EQ(results[0].outcome, Outcome::kUnchanged);
  EXPECT_EQ(results[1].outcome, Outcome::kUpdated);
  EXPECT_EQ(results[2].reason, "REGISTRATION_MISMATCH");
  EXPECT_EQ(results[2].field, "candidate_id");
  EXPECT_EQ(Held("r-1").updated, kNow);
  wanted.closes = full.wanted.closes;
  wanted.updated = kNow + Minutes(1);
  EXPECT_EQ(Held("r-2"), wanted);
  EXPECT_EQ(Held("r-4").candidate_id, "ann");
}

TEST_P(StoreTest, WhatWasAnsweredIsStillThereAfterReopening) {
  Provision({MakeRow("r-1")});
  ASSERT_TRUE(store_->PutStanding({"ann", {150, 0, 10}, kNow + Minutes(5), "approved"}, kNow).ok());
  const ExamPolicy policy{"CLF-C02",          true,           WindowPolicy::kLimitsEnd, 14, 730,
                          {{3, 365}, {5, 0}}, "Europe/Berlin"};
  ASSERT_TRUE(store_->PutPolicy(policy, kNow).ok());
  ASSERT_TRUE(store_->Bind(std::string(16, 'a'), "r-1", kNow).ok());
  Reopen();
  EXPECT_EQ(Held("r-1").candidate_id, "ann");
  EXPECT_EQ(*store_->FindStanding("ann"),
            (Standing{"ann", {150, 0, 10}, kNow + Minutes(5), "approved"}));
  EXPECT_FALSE(store_->FindStanding("bob")->has_value());
  EXPECT_EQ(*store_->FindPolicy("CLF-C02"), policy);
  EXPECT_FALSE(store_->FindPolicy("SAA-C03")->has_value());
  EXPECT_EQ(*store_->SessionsOf("r-1"), std::vector<std::string>{std::string(16, 'a')});
}

TEST_P(StoreTest, ARequestIsAnsweredOnceAndABadOneLeavesNothing) {
  int worked = 0;
  const auto ask = [&](const std::string& caller, const std::string& hash) {
    return store_->Once({caller, "q", hash}, kNow, [&]() -> absl::StatusOr<std::string> {
      return "answer " + std::to_string(++worked);
    });
  };
  EXPECT_FALSE(ask("olga", "h")->repeated);
  EXPECT_EQ(ask("olga", "h")->bytes, "answer 1");
  EXPECT_TRUE(ask("olga", "h")->repeated);
  EXPECT_EQ(ReasonOf(ask("olga", "other").status()), "REQUEST_ID_REUSED");
  EXPECT_EQ(ask("otto", "other")->bytes, "answer 2") << "another caller's ids are other ids";
  EXPECT_EQ(ReasonOf(store_
                         ->Once({"olga", "", "h"}, kNow,
                                []() -> absl::StatusOr<std::string> { return std::string(); })
                         .status()),
            "REQUEST_ID_INVALID");

  const auto failed = store_->Once({"olga", "q2", "h"}, kNow, [&]() -> absl::StatusOr<std::string> {
    EXPECT_TRUE(store_->Provision(MakeRow("r-1"), kNow).ok());
    return Unavailable("STORE_IO", "the disk went away").Build();
  });
  EXPECT_EQ(ReasonOf(failed.status()), "STORE_IO");
  EXPECT_FALSE(store_->Find("r-1")->has_value());
}

// One field of a serialised answer.
std::string Field(int number, const std::string& text) {
  return std::string(1, static_cast<char>(number << 3 | 2)) + static_cast<char>(text.size()) + text;
}

TEST_P(StoreTest, AnErasureLeavesTheAnswersOfOthersAsTheyWere) {
  const auto answer = [&](const std::string& id, const std::string& bytes,
                          const std::string& person = "") {
    const auto given = store_->Once({"olga", id, "h", person}, kNow,
                                    [&]() -> absl::StatusOr<std::string> { return bytes; });
    EXPECT_TRUE(given.ok()) << given.status();
    return given.ok() ? *given : Store::Answer();
  };
  registration::Row row = MakeRow("1");
  row.wanted.candidate_id = "cand-1";
  Provision({row});
  // Lengths that look like the id, ids that begin like it.
  const std::string others = Field(1, Field(1, std::string(0x31, 'z')) + "\x10\x01") +
                             Field(1, Field(1, "12")) + Field(1, Field(1, "cand-10"));
  answer("others", others);
  answer("mixed", Field(1, Field(1, "1")) + others + Field(2, "cand-1"));
  answer("of-one", Field(1, "cand-1") + Field(4, "dyslexia, letter of a doctor"), "cand-1");
  answer("import-of-cand-1", others);
  const auto gone = store_->Forget("cand-1");
  ASSERT_TRUE(gone.ok()) << gone.status();
  EXPECT_EQ(gone->requests, 3u);
  EXPECT_EQ(gone->registrations, 1u);
  EXPECT_EQ(answer("others", "anew").bytes, others);
  EXPECT_EQ(answer("mixed", "anew").bytes, Field(1, Field(1, "x")) + others + Field(2, "xxxxxx"));
  EXPECT_FALSE(answer("of-one", "anew").repeated) << "reasons go with them";
  EXPECT_FALSE(answer("import-of-cand-1", "anew").repeated) << "its id named them";
}

TEST_P(StoreTest, AnswersAreForgottenAfterNinetyDays) {
  int worked = 0;
  const auto ask = [&](const std::string& id, Time now) {
    const auto answer = store_->Once({"olga", id, "h"}, now, [&]() -> absl::StatusOr<std::string> {
      return std::to_string(++worked);
    });
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() && answer->repeated;
  };
  const Time later = kNow + std::chrono::hours(24 * 90);
  for (int i = 0; i < 30; ++i) EXPECT_FALSE(ask("old-" + std::to_string(i), kNow));
  EXPECT_FALSE(ask("younger", kNow + Seconds(1)));
  // Not while they are ninety days old, nor by a repeat.
  EXPECT_FALSE(ask("new-1", later));
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(ask("old-" + std::to_string(i), later));
  // Few at a time, so that no import waits for it.
  EXPECT_FALSE(ask("new-2", later + Micros(1)));
  EXPECT_FALSE(ask("new-3", later + Micros(1)));
  for (int i = 0; i < 30; ++i) {
    EXPECT_FALSE(ask("old-" + std::to_string(i), later + Micros(1))) << i;
  }
  EXPECT_TRUE(ask("younger", later + Micros(1)));
  Reopen();
  EXPECT_TRUE(ask("younger", later + Micros(1)));
}

TEST_P(StoreTest, WindowPoliciesAreReadAsTheyWereWritten) {
  for (const int number : {1, 0, 2}) {
    ExamPolicy policy;
    policy.exam_id = "CLF-C02";
    policy.window_policy = static_cast<WindowPolicy>(number);
    ASSERT_TRUE(store_->PutPolicy(policy, kNow).ok());
    Reopen();
    EXPECT_EQ(static_cast<int>((*store_->FindPolicy("CLF-C02"))->window_policy), number);
  }
}

TEST_P(StoreTest, ACancelledOneStaysSo) {
  Provision({MakeRow("r-1")});
  const auto cancelled = store_->Cancel("r-1", "no show", kNow + Minutes(1));
  ASSERT_TRUE(cancelled.ok()) << cancelled.status();
  EXPECT_TRUE(cancelled->registration.cancelled);
  EXPECT_TRUE(cancelled->anew);
  EXPECT_EQ(Held("r-1").cancel_reason, "no show");
  const auto again = store_->Cancel("r-1", "again", kNow + Minutes(2));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->registration.cancel_reason, "no show");
  EXPECT_EQ(again->registration.updated, kNow + Minutes(1));
  EXPECT_FALSE(again->anew);
  EXPECT_EQ(Provision({MakeRow("r-1")})[0].reason, "REGISTRATION_CANCELLED");
  EXPECT_EQ(ReasonOf(store_->SetTerms("r-1", {150, 0, 0}, kNow).status()),
            "REGISTRATION_CANCELLED");
  EXPECT_EQ(ReasonOf(store_->Bind(std::string(16, 'a'), "r-1", kNow)), "NOT_REGISTERED");
  EXPECT_EQ(ReasonOf(store_->Cancel("r-9", "x", kNow).status()), "REGISTRATION_NOT_FOUND");
}

TEST_P(StoreTest, ASessionIsBoundToTheLastRegistrationNoted) {
  Provision({MakeRow("r-1"), MakeRow("r-2")});
  const std::string session(16, '\0');
  for (const char* id : {"r-1", "r-1", "r-2"}) ASSERT_TRUE(store_->Bind(session, id, kNow).ok());
  EXPECT_TRUE(store_->SessionsOf("r-1")->empty());
  EXPECT_EQ(*store_->SessionsOf("r-2"), std::vector<std::string>{session});
}

TEST_P(StoreTest, PagesGoThroughAllThatFit) {
  std::vector<Row> rows;
  for (int i = 0; i < 25; ++i) {
    const std::string id = "r-" + std::to_string(100 + i);
    rows.push_back(MakeRow(id, i % 2 ? "ann" : "bob", i % 3 ? "CLF-C02" : "SAA-C03"));
  }
  Provision(rows);
  ASSERT_TRUE(store_->Cancel("r-101", "x", kNow).ok());
  for (const char* exam : {"", "CLF-C02", "SAA-C03"}) {
    for (const char* candidate : {"", "ann", "bob"}) {
      for (const bool cancelled : {false, true}) {
        std::vector<std::string> expected, got;
        for (const Row& row : rows) {
          const Registration& one = row.wanted;
          if (*exam && one.exam_id != exam) continue;
          if (*candidate && one.candidate_id != candidate) continue;
          if (!cancelled && one.registration_id == "r-101") continue;
          expected.push_back(one.registration_id);
        }
        PageFilter filter{exam, candidate, cancelled, "", 4};
        while (true) {
          const auto page = store_->Page(filter);
          ASSERT_TRUE(page.ok()) << page.status();
          if (page->empty()) break;
          for (const Registration& one : *page) got.push_back(one.registration_id);
          filter.after = got.back();
        }
        EXPECT_EQ(got, expected) << exam << " " << candidate << " " << cancelled;
      }
    }
  }
}

TEST_P(StoreTest, TwoThatProvisionTheSameAtOnceBothEnd) {
  const auto provision = [&](const std::string& caller, std::vector<RowResult>* results) {
    const auto store = database_.OpenStore();
    for (int round = 0; round < 10; ++round) {
      const auto answer = store->Once(
          {caller, "q-" + std::to_string(round), "h"}, kNow, [&]() -> absl::StatusOr<std::string> {
            auto result = store->Provision(MakeRow("r-" + std::to_string(round)), kNow);
            if (!result.ok()) return result.status();
            return std::to_string(static_cast<int>(result->outcome));
          });
      ASSERT_TRUE(answer.ok()) << answer.status();
      results->push_back({static_cast<Outcome>(std::stoi(answer->bytes)), "", "", ""});
    }
  };
  std::vector<RowResult> a, b;
  std::thread other([&] { provision("otto", &b); });
  provision("olga", &a);
  other.join();
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ((a[i].outcome == Outcome::kCreated) + (b[i].outcome == Outcome::kCreated), 1) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Databases, StoreTest, kTestStores, TestStore::Name);

}  // namespace
}  // namespace invigil::session::registration
