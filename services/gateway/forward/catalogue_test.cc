#include "services/gateway/forward/catalogue.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include "common/error/error.h"
#include "invigil/common/v1/policy.pb.h"

namespace invigil::gateway {
namespace {

namespace pb = google::protobuf;
using common::v1::MethodPolicy;
using ::testing::HasSubstr;

// A descriptor set with one service of one method, whose policy `change` may spoil.
std::string OneMethod(const std::function<void(MethodPolicy*)>& change, bool with_policy = true,
                      const std::string& package = "invigil.session.v1") {
  pb::FileDescriptorSet files;
  for (const auto* file :
       {pb::FileDescriptorProto::descriptor()->file(), MethodPolicy::descriptor()->file()})
    file->CopyTo(files.add_file());
  auto* file = files.add_file();
  file->set_name("x.proto");
  file->set_package(package);
  file->set_syntax("proto3");
  file->add_dependency(MethodPolicy::descriptor()->file()->name());
  auto* request = file->add_message_type();
  request->set_name("R");
  auto* field = request->add_field();
  field->set_name("session_id");
  field->set_number(4);
  field->set_type(pb::FieldDescriptorProto::TYPE_STRING);
  field->set_label(pb::FieldDescriptorProto::LABEL_OPTIONAL);
  auto* service = file->add_service();
  service->set_name("S");
  auto* method = service->add_method();
  method->set_name("M");
  method->set_input_type("." + package + ".R");
  method->set_output_type("." + package + ".R");
  if (with_policy) {
    auto* policy = method->mutable_options()->MutableExtension(common::v1::policy);
    policy->set_exposure(common::v1::EXPOSURE_PUBLIC);
    policy->add_roles(common::v1::ROLE_CANDIDATE);
    policy->set_idempotency(common::v1::IDEMPOTENCY_READ);
    policy->set_lane(common::v1::LANE_SAVE);
    policy->set_routing_field("session_id");
    change(policy);
  }
  return files.SerializeAsString();
}

std::string Refusal(const std::string& set) {
  const auto catalogue = Catalogue::Load(set);
  EXPECT_FALSE(catalogue.ok());
  EXPECT_EQ(ReasonOf(catalogue.status()), "CATALOGUE_INVALID");
  const auto fields = ViewError(catalogue.status()).fields;
  return fields.empty() ? "" : fields[0].first;
}

TEST(Catalogue, ReadsAMethod) {
  const auto catalogue = Catalogue::Load(OneMethod([](MethodPolicy*) {}));
  ASSERT_TRUE(catalogue.ok()) << catalogue.status();
  const Method* method = (*catalogue)->FindPublic("/invigil.session.v1.S/M");
  ASSERT_NE(method, nullptr);
  EXPECT_EQ(method->routing_field, 4u);
  EXPECT_TRUE(method->routes_by_session);
  EXPECT_TRUE(method->retryable);
  EXPECT_EQ(method->lane, Lane::kSave);
  EXPECT_EQ(method->max_request_bytes, 65'536u);
  EXPECT_EQ(method->roles, std::vector<std::string>{"candidate"});
}

TEST(Catalogue, RefusesWhatIsNotStated) {
  EXPECT_EQ(Refusal(OneMethod([](MethodPolicy*) {}, false)), "invigil.session.v1.S.M");
  EXPECT_EQ(Refusal(OneMethod([](MethodPolicy* p) { p->clear_exposure(); })),
            "invigil.session.v1.S.M");
  EXPECT_EQ(Refusal(OneMethod([](MethodPolicy* p) { p->clear_idempotency(); })),
            "invigil.session.v1.S.M");
  EXPECT_EQ(Refusal(OneMethod([](MethodPolicy* p) { p->clear_lane(); })), "invigil.session.v1.S.M");
  EXPECT_EQ(Refusal(OneMethod([](MethodPolicy* p) { p->clear_roles(); })),
            "invigil.session.v1.S.M");
  EXPECT_EQ(Refusal(OneMethod([](MethodPolicy* p) { p->set_routing_field("nobody"); })),
            "invigil.session.v1.S.M");
  EXPECT_EQ(Refusal(OneMethod([](MethodPolicy*) {}, true, "invigil.elsewhere.v1")),
            "invigil.elsewhere.v1.S.M");
  Refusal("");
  Refusal("\xff\xff garbage");
}

TEST(Catalogue, AnInternalMethodIsAsGoodAsUnknown) {
  // The only method is internal: there is nothing to serve, and that is refused too.
  Refusal(OneMethod([](MethodPolicy* p) { p->set_exposure(common::v1::EXPOSURE_INTERNAL); }));
  const auto catalogue = Catalogue::Load(BuiltInDescriptors());
  ASSERT_TRUE(catalogue.ok()) << catalogue.status();
  EXPECT_EQ((*catalogue)->FindPublic("/invigil.itembank.v1.KeyService/GetScoringKey"), nullptr);
  EXPECT_EQ((*catalogue)->FindPublic("/invigil.itembank.v1.FormService/IssueForm"), nullptr);
  EXPECT_EQ((*catalogue)->FindPublic("/invigil.scoring.v1.ScoringService/ScoreSession"), nullptr);
}

TEST(Catalogue, KnowsTheShippedContract) {
  const auto catalogue = *Catalogue::Load(BuiltInDescriptors());
  const Method* save = catalogue->FindPublic("/invigil.session.v1.DeliveryService/SaveResponses");
  ASSERT_NE(save, nullptr);
  EXPECT_EQ(save->shape, Shape::kUnary);
  EXPECT_EQ(save->area, Area::kSession);
  EXPECT_EQ(save->lane, Lane::kSave);
  EXPECT_TRUE(save->retryable);
  EXPECT_EQ(save->request_type, "invigil.session.v1.SaveResponsesRequest");
  EXPECT_EQ(catalogue->FindPublic("/invigil.session.v1.DeliveryService/WatchSession")->shape,
            Shape::kServerStream);
  const Method* deliver = catalogue->FindPublic("/invigil.session.v1.DeliveryService/Deliver");
  EXPECT_EQ(deliver->shape, Shape::kBidi);
  EXPECT_FALSE(deliver->retryable);
  EXPECT_EQ(catalogue->FindPublic("/invigil.itembank.v1.ItemService/ImportBank")->max_request_bytes,
            4'194'304u);
  EXPECT_GE(catalogue->LargestRequest(), 4'194'304u);
  EXPECT_EQ(catalogue->FindPublic("/x/Y"), nullptr);
  EXPECT_EQ(catalogue->FindPublic(""), nullptr);
}

}  // namespace
}  // namespace invigil::gateway
