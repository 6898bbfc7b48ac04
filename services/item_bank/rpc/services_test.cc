// The four services behind a real server on a free port, called with real tokens.
#include "services/item_bank/rpc/services.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <future>
#include <map>
#include <set>

#include "common/client/channel.h"
#include "common/error/error.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "common/testing/temp_dir.h"
#include "invigil/itembank/v1/exam.grpc.pb.h"
#include "invigil/itembank/v1/form.grpc.pb.h"
#include "invigil/itembank/v1/item.grpc.pb.h"
#include "invigil/itembank/v1/key.grpc.pb.h"
#include "services/item_bank/domain/samples.h"
#include "services/item_bank/wire/convert.h"

namespace invigil::item_bank {
namespace {

class ServicesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(auth::GenerateKey(dir_.Path("k.pem"), dir_.Path("jwks.json"), "k",
                                  {"author", "operator", "candidate", "service"})
                    .ok());
    verifier_ = *auth::TokenVerifier::Create({.jwks_path = dir_.Path("jwks.json")}, clock_);
    minter_ = *auth::TokenMinter::FromFile(dir_.Path("k.pem"), clock_);
    store_ = *Store::Open(dir_.Path("item_bank.db"), Services::kReaders);
    services_ = *Services::Create(*store_, clock_, *verifier_);
    rpc::ServerOptions options;
    options.max_receive_bytes = 4'500'000;
    auto server = rpc::Server::Start("item_bank", options, services_->all(),
                                     [&] { return services_->Ready(); });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    const auto channel = *client::Connect({"127.0.0.1:" + std::to_string(server_->port())});
    ASSERT_TRUE(client::WaitUntilReady(*channel));
    items_ = v1::ItemService::NewStub(channel);
    exams_ = v1::ExamService::NewStub(channel);
    forms_ = v1::FormService::NewStub(channel);
    keys_ = v1::KeyService::NewStub(channel);
  }

  struct As {
    std::string role;
    std::string subject;
  };
  // Calls a method of a stub as someone.
  template <typename Stub, typename Request, typename Response>
  absl::Status Call(Stub& stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const As& as, const Request& request, Response* response) {
    grpc::ClientContext context;
    client::Prepare(context, Seconds(20),
                    minter_->Mint({.subject = as.subject, .roles = {as.role}}),
                    telemetry::TraceContext::New());
    return rpc::FromGrpc((stub.*method)(&context, request, response));
  }

  void Publish(const Exam& exam) {
    v1::PublishExamRequest request;
    v1::PublishExamResponse response;
    ToProto(exam, request.mutable_exam());
    request.set_request_id("publish-" + exam.exam_id);
    const absl::Status status =
        Call(*exams_, &v1::ExamService::Stub::PublishExam, author_, request, &response);
    ASSERT_TRUE(status.ok()) << status;
  }
  v1::ImportBankRequest BankRequest(const std::vector<Item>& items, const std::string& id) {
    v1::ImportBankRequest request;
    ToProto(BankHeader{"clf-c02", "Bank", "CLF-C02", "Ours"}, request.mutable_bank());
    for (const Item& item : items) ToProto(item, request.mutable_bank()->add_items());
    request.set_request_id(id);
    return request;
  }
  absl::Status Import(const v1::ImportBankRequest& request, v1::ImportBankResponse* response) {
    return Call(*items_, &v1::ItemService::Stub::ImportBank, author_, request, response);
  }
  void Fill() {
    Publish(samples::ClfExam());
    v1::ImportBankResponse response;
    const absl::Status status =
        Import(BankRequest(samples::Items(samples::ClfExam(), 5, 3), "fill"), &response);
    ASSERT_TRUE(status.ok()) << status;
  }
  absl::Status Issue(const std::string& session, v1::IssueFormResponse* response,
                     const As& as = {"service", "session"}) {
    v1::IssueFormRequest request;
    request.set_exam_id("CLF-C02");
    request.set_session_id(session);
    request.set_candidate_id("ann");
    return Call(*forms_, &v1::FormService::Stub::IssueForm, as, request, response);
  }
  absl::Status Content(const std::string& form, v1::GetFormContentResponse* response) {
    v1::GetFormContentRequest request;
    request.set_form_id(form);
    return Call(*forms_, &v1::FormService::Stub::GetFormContent, {"service", "session"}, request,
                response);
  }
  absl::Status Key(const std::string& form, v1::GetScoringKeyResponse* response,
                   const As& as = {"service", "scoring"}) {
    v1::GetScoringKeyRequest request;
    request.set_form_id(form);
    return Call(*keys_, &v1::KeyService::Stub::GetScoringKey, as, request, response);
  }

  const As author_{"author", "amy"};
  testing::TempDir dir_;
  SystemClock clock_;
  std::unique_ptr<auth::TokenVerifier> verifier_;
  std::unique_ptr<auth::TokenMinter> minter_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Services> services_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<v1::ItemService::Stub> items_;
  std::unique_ptr<v1::ExamService::Stub> exams_;
  std::unique_ptr<v1::FormService::Stub> forms_;
  std::unique_ptr<v1::KeyService::Stub> keys_;
};

// The whole way: form, content and key agree place by place, and the displayed key letters point at
// the options that are keyed in the bank.
TEST_F(ServicesTest, FormContentAndKeyAgree) {
  Fill();
  v1::IssueFormResponse form, again;
  ASSERT_TRUE(Issue("s1", &form).ok());
  ASSERT_TRUE(Issue("s1", &again).ok());
  EXPECT_EQ(form.SerializeAsString(), again.SerializeAsString());
  EXPECT_EQ(form.item_count(), 65u);
  EXPECT_EQ(form.exam_version(), 1u);
  EXPECT_EQ(form.duration().seconds(), 5400);

  v1::GetFormContentResponse content;
  ASSERT_TRUE(Content(form.form_id(), &content).ok());
  v1::GetScoringKeyResponse key;
  ASSERT_TRUE(Key(form.form_id(), &key).ok());
  ASSERT_EQ(content.items_size(), 65);
  ASSERT_EQ(content.contents_size(), 65);
  ASSERT_EQ(key.items_size(), 65);
  EXPECT_EQ(key.key_version(), 1u);
  EXPECT_EQ(key.scale().cut(), 700);
  EXPECT_EQ(key.standard().base_form_size(), 50);
  std::map<std::string, const v1::ItemContent*> contents;
  for (const auto& c : content.contents()) contents[c.content_id()] = &c;
  std::map<std::string, int> scored;
  for (int p = 0; p < 65; ++p) {
    const v1::KeyedItem& keyed = key.items(p);
    ASSERT_EQ(keyed.item_id(), content.items(p).item_id());
    const v1::ItemContent& shown = *contents.at(content.items(p).content_id());
    EXPECT_EQ(keyed.option_count(), static_cast<uint32_t>(shown.options_size()));
    EXPECT_EQ(keyed.key_option_ids_size(), static_cast<int>(shown.select_count()));
    // Keyed texts of the samples: "Text b", and "Text e" of multiple response.
    for (const std::string& letter : keyed.key_option_ids()) {
      const uint32_t authored = content.items(p).option_order(static_cast<int>(letter[0] - 'A'));
      const std::string& text = shown.options(static_cast<int>(authored));
      EXPECT_TRUE(text == "Text b" || text == "Text e") << text;
      EXPECT_EQ("Text " + keyed.authored_option_ids(letter[0] - 'A'), text);
    }
    EXPECT_EQ(keyed.has_irt(), keyed.operational());
    if (keyed.operational()) ++scored[keyed.domain_id()];
  }
  EXPECT_EQ(scored, (std::map<std::string, int>{{"1", 12}, {"2", 15}, {"3", 17}, {"4", 6}}));
}

// What the session service receives names no item, domain or status of the bank, and unscored
// places are no different in kind: same id lengths, same fields, sizes that follow the item alone.
TEST_F(ServicesTest, ContentGivesNothingAway) {
  Fill();
  v1::IssueFormResponse form;
  ASSERT_TRUE(Issue("s1", &form).ok());
  v1::GetFormContentResponse content;
  ASSERT_TRUE(Content(form.form_id(), &content).ok());
  std::string last;
  for (const auto& c : content.contents()) {
    EXPECT_LT(last, c.content_id());  // sorted by an opaque id
    last = c.content_id();
    EXPECT_EQ(c.content_id().size(), 24u);
  }
  std::set<size_t> sizes;
  for (const auto& item : content.items()) {
    EXPECT_EQ(item.item_id().size(), 16u);
    sizes.insert(item.ByteSizeLong());
  }
  EXPECT_LE(sizes.size(), 2u);  // four or five options
  // The samples' stems carry bank ids as their text; nothing else may.
  for (auto& c : *content.mutable_contents()) c.clear_stem();
  const std::string bytes = content.SerializeAsString();
  for (const char* telling : {"i-1.", "i-2.", "i-3.", "i-4.", "clf-c02", "Because", "retest"}) {
    EXPECT_EQ(bytes.find(telling), std::string::npos) << telling;
  }
}

// A candidate who was erased: their forms stay, as nobody's.
TEST_F(ServicesTest, AForgottenCandidateHasNoForm) {
  Fill();
  v1::IssueFormResponse form, again;
  ASSERT_TRUE(Issue("s1", &form).ok());
  const auto forget = [&](const As& as, v1::ForgetCandidateResponse* response) {
    v1::ForgetCandidateRequest request;
    request.add_session_ids("s1");
    request.add_session_ids("never-was");
    request.set_pseudonym("erased-1");
    return Call(*forms_, &v1::FormService::Stub::ForgetCandidate, as, request, response);
  };
  v1::ForgetCandidateResponse forgotten;
  EXPECT_EQ(forget(author_, &forgotten).code(), absl::StatusCode::kPermissionDenied);
  for (int i = 0; i < 2; ++i) {
    const absl::Status status = forget({"service", "session"}, &forgotten);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(forgotten.forms(), 1u);
  }
  EXPECT_EQ(ReasonOf(Issue("s1", &again)), "SESSION_REUSED") << "it is not Ann's any more";
  v1::GetScoringKeyResponse key;
  EXPECT_TRUE(Key(form.form_id(), &key).ok());
}

// The same item shown in two sittings has one content id and two item ids.
TEST_F(ServicesTest, ContentIsSharedAndItemIdsAreNot) {
  Fill();
  v1::IssueFormResponse first, second;
  ASSERT_TRUE(Issue("s1", &first).ok());
  ASSERT_TRUE(Issue("s2", &second).ok());
  v1::GetFormContentResponse a, b;
  ASSERT_TRUE(Content(first.form_id(), &a).ok());
  ASSERT_TRUE(Content(second.form_id(), &b).ok());
  std::set<std::string> contents, ids;
  for (const auto& c : a.contents()) contents.insert(c.content_id());
  for (const auto& i : a.items()) ids.insert(i.item_id());
  int shared = 0;
  for (const auto& c : b.contents()) shared += contents.contains(c.content_id());
  EXPECT_GT(shared, 10);
  for (const auto& i : b.items()) EXPECT_FALSE(ids.contains(i.item_id()));
}

// A definition with parts: delivery gets the plan, the texts come with the contents, and keys stay
// place by place.
TEST_F(ServicesTest, PartsReachDelivery) {
  Publish(samples::NamedDomainsExam());
  v1::ImportBankResponse imported;
  ASSERT_TRUE(
      Import(BankRequest(samples::Items(samples::ClfExam(), 5, 3), "fill"), &imported).ok());
  v1::IssueFormResponse form;
  const absl::Status status = Issue("s1", &form);
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(form.plan().parts_size(), 6);
  const v1::FormPart& second = form.plan().parts(4);
  EXPECT_EQ(second.kind(), v1::PART_KIND_SECTION);
  EXPECT_EQ(second.first_position(), 34u);
  EXPECT_EQ(second.item_count(), 32u);
  EXPECT_EQ(second.limit().seconds(), 3000);
  EXPECT_EQ(second.navigation(), v1::NAVIGATION_FORWARD_ONLY);
  v1::GetFormContentResponse content;
  ASSERT_TRUE(Content(form.form_id(), &content).ok());
  EXPECT_EQ(content.items_size(), 65);
  std::set<std::string> texts;
  for (const auto& c : content.contents()) texts.insert(c.content_id());
  for (const int part : {0, 1, 5}) {
    EXPECT_TRUE(texts.contains(form.plan().parts(part).content_id())) << part;
  }
  v1::GetScoringKeyResponse key;
  ASSERT_TRUE(Key(form.form_id(), &key).ok());
  int scored = 0;
  for (int i = 0; i < 33; ++i) {
    EXPECT_EQ(key.items(i).item_id(), content.items(i).item_id());
    EXPECT_TRUE(key.items(i).domain_id() == "1" || key.items(i).domain_id() == "2");
    scored += key.items(i).operational();
  }
  EXPECT_EQ(scored, 25);
}

TEST_F(ServicesTest, AWrongPartIsRefusedByItsPath) {
  Exam exam = samples::TwoSectionExam();
  exam.parts[3].limit = {};
  exam.parts[4].section->section_id = "s1";
  v1::PublishExamRequest request;
  v1::PublishExamResponse response;
  ToProto(exam, request.mutable_exam());
  request.set_request_id("r1");
  ErrorView view =
      ViewError(Call(*exams_, &v1::ExamService::Stub::PublishExam, author_, request, &response));
  EXPECT_EQ(view.reason, "EXAM_INVALID");
  ASSERT_EQ(view.fields.size(), 2u);
  EXPECT_EQ(view.fields[0].first, "exam.parts[3].limit");
  EXPECT_EQ(view.fields[1].first, "exam.parts[4].section.section_id");
  // A zone that looks right and is none.
  exam = samples::ClfExam();
  exam.retake_wait_days = 0;
  exam.retake_policy = RetakePolicy{"America/Los_Angles", {14}, {}, {}};
  request.clear_exam();
  ToProto(exam, request.mutable_exam());
  view = ViewError(Call(*exams_, &v1::ExamService::Stub::PublishExam, author_, request, &response));
  ASSERT_EQ(view.fields.size(), 1u);
  EXPECT_EQ(view.fields[0].first, "exam.retake_policy.time_zone");
}

TEST_F(ServicesTest, OnlyScoringReadsKeysAndOnlySessionGetsForms) {
  Fill();
  v1::IssueFormResponse form;
  ASSERT_TRUE(Issue("s1", &form).ok());
  v1::GetScoringKeyResponse key;
  for (const As& as : {As{"service", "session"}, As{"candidate", "ann"}, As{"operator", "olga"},
                       As{"author", "amy"}}) {
    EXPECT_EQ(ReasonOf(Key(form.form_id(), &key, as)), "ROLE_MISSING") << as.subject;
  }
  EXPECT_EQ(ReasonOf(Issue("s2", &form, {"service", "scoring"})), "ROLE_MISSING");
  EXPECT_EQ(ReasonOf(Issue("s2", &form, {"candidate", "ann"})), "ROLE_MISSING");
  EXPECT_EQ(ReasonOf(Key("none", &key)), "FORM_NOT_FOUND");
  const ErrorView view = ViewError(Issue("", &form));
  EXPECT_EQ(view.reason, "REQUEST_INVALID");
  ASSERT_EQ(view.fields.size(), 1u);
  EXPECT_EQ(view.fields[0].first, "session_id");
}

TEST_F(ServicesTest, TheSameRequestIdGivesTheSameAnswer) {
  const auto request = BankRequest(samples::Items(samples::ClfExam(), 1, 0), "r1");
  v1::ImportBankResponse first, again;
  ASSERT_TRUE(Import(request, &first).ok());
  ASSERT_TRUE(Import(request, &again).ok());
  EXPECT_EQ(first.created_count(), 19);
  EXPECT_EQ(first.SerializeAsString(), again.SerializeAsString());
  auto other = request;
  other.mutable_bank()->set_title("Another");
  EXPECT_EQ(ReasonOf(Import(other, &again)), "REQUEST_ID_REUSED");
  other.set_request_id("");
  EXPECT_EQ(ReasonOf(Import(other, &again)), "REQUEST_ID_INVALID");
  // Another caller's ids are another caller's.
  EXPECT_TRUE(
      Call(*items_, &v1::ItemService::Stub::ImportBank, {"operator", "olga"}, request, &again)
          .ok());
  EXPECT_EQ(again.unchanged_count(), 19);
}

TEST_F(ServicesTest, AnExportImportsAsItIs) {
  Fill();
  v1::ExportBankRequest request;
  request.set_bank_id("clf-c02");
  v1::ExportBankResponse exported;
  ASSERT_TRUE(Call(*items_, &v1::ItemService::Stub::ExportBank, author_, request, &exported).ok());
  EXPECT_EQ(exported.bank().items_size(), 152);
  v1::ImportBankRequest import;
  *import.mutable_bank() = exported.bank();
  import.set_request_id("again");
  v1::ImportBankResponse result;
  ASSERT_TRUE(Import(import, &result).ok());
  EXPECT_EQ(result.unchanged_count(), 152);
  request.set_bank_id("none");
  EXPECT_EQ(
      ReasonOf(Call(*items_, &v1::ItemService::Stub::ExportBank, author_, request, &exported)),
      "BANK_NOT_FOUND");
}

TEST_F(ServicesTest, ListsPageThroughEveryItemOnce) {
  Fill();
  v1::ListItemsRequest request;
  request.set_bank_id("clf-c02");
  request.set_status(v1::ITEM_STATUS_PRETEST);
  request.set_page_size(10);
  std::set<std::string> seen;
  int pages = 0;
  do {
    v1::ListItemsResponse page;
    ASSERT_TRUE(Call(*items_, &v1::ItemService::Stub::ListItems, author_, request, &page).ok());
    EXPECT_EQ(page.total_size(), 57);
    for (const auto& item : page.items()) {
      EXPECT_EQ(item.status(), v1::ITEM_STATUS_PRETEST);
      EXPECT_TRUE(seen.insert(item.item_id()).second);
    }
    request.set_page_token(page.next_page_token());
    ++pages;
  } while (!request.page_token().empty());
  EXPECT_EQ(seen.size(), 57u);
  EXPECT_EQ(pages, 6);
  request.set_page_token("bogus");
  v1::ListItemsResponse page;
  EXPECT_EQ(ReasonOf(Call(*items_, &v1::ItemService::Stub::ListItems, author_, request, &page)),
            "PAGE_INVALID");
}

TEST_F(ServicesTest, CandidatesSeeExamsAndWhetherTheyCanStart) {
  Fill();
  Exam other = samples::ClfExam();
  other.exam_id = "SAA-C03";
  other.bank_id = "saa-c03";
  other.standard.reset();
  other.sources[0].review_by = "2020-02-01";
  other.sources[0].date_checked = "2020-01-01";
  Publish(other);
  v1::ListExamsRequest request;
  request.set_page_size(1);
  v1::ListExamsResponse first, second;
  const As candidate{"candidate", "ann"};
  ASSERT_TRUE(Call(*exams_, &v1::ExamService::Stub::ListExams, candidate, request, &first).ok());
  ASSERT_EQ(first.exams_size(), 1);
  EXPECT_TRUE(first.exams(0).available()) << first.exams(0).unavailable_reason();
  EXPECT_EQ(first.exams(0).item_count(), 65u);
  EXPECT_EQ(first.exams(0).stale_facts_size(), 0);
  for (const auto& domain : first.exams(0).domains()) {
    EXPECT_EQ(domain.operational_item_count(), 0u);
    EXPECT_EQ(domain.tasks_size(), 0);
  }
  request.set_page_token(first.next_page_token());
  ASSERT_TRUE(Call(*exams_, &v1::ExamService::Stub::ListExams, candidate, request, &second).ok());
  ASSERT_EQ(second.exams_size(), 1);
  EXPECT_FALSE(second.exams(0).available());
  EXPECT_NE(second.exams(0).unavailable_reason(), "");
  EXPECT_EQ(second.exams(0).stale_facts_size(), 1);
  EXPECT_EQ(second.next_page_token(), "");
  v1::GetExamRequest get;
  get.set_exam_id("CLF-C02");
  v1::GetExamResponse whole;
  EXPECT_EQ(ReasonOf(Call(*exams_, &v1::ExamService::Stub::GetExam, candidate, get, &whole)),
            "ROLE_MISSING");
  ASSERT_TRUE(Call(*exams_, &v1::ExamService::Stub::GetExam, author_, get, &whole).ok());
  EXPECT_EQ(whole.exam().version(), 1u);
}

TEST_F(ServicesTest, ItemsAreCreatedReadAndChanged) {
  Fill();
  v1::CreateItemRequest create;
  ToProto(samples::SingleChoice("clf-1.1-900"), create.mutable_item());
  create.set_request_id("c1");
  v1::CreateItemResponse created;
  ASSERT_TRUE(Call(*items_, &v1::ItemService::Stub::CreateItem, author_, create, &created).ok());
  EXPECT_EQ(created.item().version(), 1u);
  v1::CreateItemVersionRequest change;
  *change.mutable_item() = created.item();
  change.mutable_item()->set_status(v1::ITEM_STATUS_RETIRED);
  change.set_base_version(1);
  change.set_request_id("c2");
  v1::CreateItemVersionResponse changed;
  ASSERT_TRUE(
      Call(*items_, &v1::ItemService::Stub::CreateItemVersion, author_, change, &changed).ok());
  EXPECT_EQ(changed.item().version(), 2u);
  v1::GetItemRequest get;
  get.set_item_id("clf-1.1-900");
  get.set_version(1);
  v1::GetItemResponse got;
  ASSERT_TRUE(Call(*items_, &v1::ItemService::Stub::GetItem, author_, get, &got).ok());
  EXPECT_EQ(got.item().status(), v1::ITEM_STATUS_OPERATIONAL);
  get.set_version(9);
  EXPECT_EQ(ReasonOf(Call(*items_, &v1::ItemService::Stub::GetItem, author_, get, &got)),
            "ITEM_NOT_FOUND");
}

}  // namespace
}  // namespace invigil::item_bank
