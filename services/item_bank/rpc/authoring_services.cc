#include "services/item_bank/rpc/authoring_services.h"

#include <utility>

#include "common/error/error.h"
#include "invigil/itembank/v1/exam.grpc.pb.h"
#include "invigil/itembank/v1/item.grpc.pb.h"
#include "services/item_bank/domain/iso_date.h"
#include "services/item_bank/rpc/answers.h"
#include "services/item_bank/rpc/page_token.h"
#include "services/item_bank/store/authoring.h"
#include "services/item_bank/wire/convert.h"

namespace invigil::item_bank {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using rpc::UnaryCall;

constexpr char kItems[] = "/invigil.itembank.v1.ItemService/";
constexpr char kExams[] = "/invigil.itembank.v1.ExamService/";

// Ids are echoed in errors; what a caller sends is cut to a sane length.
std::string Echo(const std::string& id) { return id.substr(0, 64); }

class ItemAdapter final : public v1::ItemService::CallbackService {
 public:
  explicit ItemAdapter(const Context& context)
      : context_(context),
        create_(Find("CreateItem")),
        get_(Find("GetItem")),
        list_(Find("ListItems")),
        create_version_(Find("CreateItemVersion")),
        import_(Find("ImportBank")),
        export_(Find("ExportBank")) {}

  ServerUnaryReactor* CreateItem(CallbackServerContext* context,
                                 const v1::CreateItemRequest* request,
                                 v1::CreateItemResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, context_.guard, create_);
    if (!call->admitted()) return call;
    WriteOnce(context_, call, create_.path, request->request_id(), *request, response,
              [=, this](Connection& db) {
                const auto item =
                    item_bank::CreateItem(db, FromProto(request->item()), context_.clock.Now());
                if (item.ok()) ToProto(*item, response->mutable_item());
                return item.status();
              });
    return call;
  }

  ServerUnaryReactor* GetItem(CallbackServerContext* context, const v1::GetItemRequest* request,
                              v1::GetItemResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, context_.guard, get_);
    if (!call->admitted()) return call;
    Read(context_, context_.authoring, call, [=](Connection& db) -> absl::Status {
      const auto item = db.items.Find(request->item_id(), request->version());
      if (!item.ok()) return item.status();
      if (!*item) {
        return NotFound("ITEM_NOT_FOUND",
                        "no such item or version; ListItems names those there are")
            .With("item_id", Echo(request->item_id()));
      }
      ToProto(**item, response->mutable_item());
      return absl::OkStatus();
    });
    return call;
  }

  ServerUnaryReactor* ListItems(CallbackServerContext* context, const v1::ListItemsRequest* request,
                                v1::ListItemsResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, context_.guard, list_);
    if (!call->admitted()) return call;
    Read(context_, context_.authoring, call,
         [=, this](Connection& db) { return List(db, *request, response); });
    return call;
  }

  ServerUnaryReactor* CreateItemVersion(CallbackServerContext* context,
                                        const v1::CreateItemVersionRequest* request,
                                        v1::CreateItemVersionResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, context_.guard, create_version_);
    if (!call->admitted()) return call;
    WriteOnce(context_, call, create_version_.path, request->request_id(), *request, response,
              [=, this](Connection& db) {
                const auto item = item_bank::CreateItemVersion(
                    db, FromProto(request->item()), request->base_version(), context_.clock.Now());
                if (item.ok()) ToProto(*item, response->mutable_item());
                return item.status();
              });
    return call;
  }

  ServerUnaryReactor* ImportBank(CallbackServerContext* context,
                                 const v1::ImportBankRequest* request,
                                 v1::ImportBankResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, context_.guard, import_);
    if (!call->admitted()) return call;
    const auto work = [=, this](Connection& db) {
      const auto result = item_bank::ImportBank(db, FromProto(request->bank()),
                                                request->validate_only(), context_.clock.Now());
      if (result.ok()) Answer(*result, response);
      return result.status();
    };
    if (request->validate_only()) {
      Read(context_, context_.authoring, call, work);
    } else {
      WriteOnce(context_, call, import_.path, request->request_id(), *request, response, work);
    }
    return call;
  }

  ServerUnaryReactor* ExportBank(CallbackServerContext* context,
                                 const v1::ExportBankRequest* request,
                                 v1::ExportBankResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, context_.guard, export_);
    if (!call->admitted()) return call;
    Read(context_, context_.authoring, call, [=](Connection& db) -> absl::Status {
      const auto bank = db.items.FindBank(request->bank_id());
      if (!bank.ok()) return bank.status();
      if (!*bank) {
        return NotFound("BANK_NOT_FOUND", "no such bank; import one with ImportBank")
            .With("bank_id", Echo(request->bank_id()));
      }
      const auto items = db.items.NewestOf(request->bank_id());
      if (!items.ok()) return items.status();
      ToProto(**bank, response->mutable_bank());
      for (const auto& [id, item] : *items) ToProto(item, response->mutable_bank()->add_items());
      return absl::OkStatus();
    });
    return call;
  }

 private:
  const rpc::Method& Find(const char* name) {
    return context_.guard.Find(std::string(kItems) + name);
  }

  absl::Status List(Connection& db, const v1::ListItemsRequest& request,
                    v1::ListItemsResponse* response) {
    const ItemFilter filter{request.bank_id(), request.domain_id(), request.task_id(),
                            static_cast<ItemStatus>(request.status())};
    if (filter.bank_id.empty()) {
      return InvalidArgument("LIST_INVALID", "name the bank whose items are wanted")
          .Field("bank_id", "must not be empty");
    }
    const auto size = PageSize(request.page_size(), 50, 200);
    if (!size.ok()) return size.status();
    const std::string scope = "items\n" + filter.bank_id + "\n" + filter.domain_id + "\n" +
                              filter.task_id + "\n" + std::to_string(request.status());
    const auto after = ReadPageToken(context_.store.secret(), scope, request.page_token());
    if (!after.ok()) return after.status();
    const auto items =
        db.items.Page(filter, *after, *size + 1);  // one more tells whether there is more
    if (!items.ok()) return items.status();
    const auto total = db.items.Count(filter);
    if (!total.ok()) return total.status();
    for (size_t i = 0; i < items->size() && i < static_cast<size_t>(*size); ++i) {
      ToProto((*items)[i], response->add_items());
    }
    if (items->size() > static_cast<size_t>(*size)) {
      const std::string& last = response->items(response->items_size() - 1).item_id();
      response->set_next_page_token(MakePageToken(context_.store.secret(), scope, last));
    }
    response->set_total_size(static_cast<int32_t>(*total));
    return absl::OkStatus();
  }

  const Context context_;
  const rpc::Method &create_, &get_, &list_, &create_version_, &import_, &export_;
};

class ExamAdapter final : public v1::ExamService::CallbackService {
 public:
  explicit ExamAdapter(const Context& context)
      : context_(context),
        publish_(Find("PublishExam")),
        get_(Find("GetExam")),
        list_(Find("ListExams")) {}

  ServerUnaryReactor* PublishExam(CallbackServerContext* context,
                                  const v1::PublishExamRequest* request,
                                  v1::PublishExamResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, context_.guard, publish_);
    if (!call->admitted()) return call;
    WriteOnce(context_, call, publish_.path, request->request_id(), *request, response,
              [=, this](Connection& db) {
                Exam given = FromProto(request->exam());
                if (given.standard) {  // only people who accept one set these
                  given.standard->standard_setting_id.clear();
                  given.standard->standard_error.reset();
                }
                const auto exam =
                    item_bank::PublishExam(db, std::move(given), context_.clock.Now());
                if (exam.ok()) ToProto(*exam, response->mutable_exam());
                return exam.status();
              });
    return call;
  }

  ServerUnaryReactor* GetExam(CallbackServerContext* context, const v1::GetExamRequest* request,
                              v1::GetExamResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, context_.guard, get_);
    if (!call->admitted()) return call;
    Read(context_, context_.forms, call, [=](Connection& db) -> absl::Status {
      const auto exam = db.exams.Find(request->exam_id(), request->version());
      if (!exam.ok()) return exam.status();
      if (!*exam) {
        return NotFound("EXAM_NOT_FOUND",
                        "no such exam or version; ListExams names those there are")
            .With("exam_id", Echo(request->exam_id()));
      }
      ToProto(**exam, response->mutable_exam());
      return absl::OkStatus();
    });
    return call;
  }

  ServerUnaryReactor* ListExams(CallbackServerContext* context, const v1::ListExamsRequest* request,
                                v1::ListExamsResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, context_.guard, list_);
    if (!call->admitted()) return call;
    Read(context_, context_.forms, call,
         [=, this](Connection& db) { return List(db, *request, response); });
    return call;
  }

 private:
  const rpc::Method& Find(const char* name) {
    return context_.guard.Find(std::string(kExams) + name);
  }

  absl::Status List(Connection& db, const v1::ListExamsRequest& request,
                    v1::ListExamsResponse* response) {
    const auto size = PageSize(request.page_size(), 50, 100);
    if (!size.ok()) return size.status();
    const std::string& secret = context_.store.secret();
    const auto after = ReadPageToken(secret, "exams", request.page_token());
    if (!after.ok()) return after.status();
    const auto exams = db.exams.Page(*after, *size + 1);
    if (!exams.ok()) return exams.status();
    const std::string today = IsoDateOf(context_.clock.Now());
    for (size_t i = 0; i < exams->size() && i < static_cast<size_t>(*size); ++i) {
      const auto pool = context_.store.pools().Current(db, (*exams)[i].exam_id);
      if (!pool.ok()) return pool.status();
      Summarise((*pool)->pool.exam(), UnavailableReason(**pool), today, response->add_exams());
    }
    if (exams->size() > static_cast<size_t>(*size)) {
      const std::string& last = response->exams(response->exams_size() - 1).exam_id();
      response->set_next_page_token(MakePageToken(secret, "exams", last));
    }
    return absl::OkStatus();
  }

  const Context context_;
  const rpc::Method &publish_, &get_, &list_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeItemService(const Context& context) {
  return std::make_unique<ItemAdapter>(context);
}
std::unique_ptr<grpc::Service> MakeExamService(const Context& context) {
  return std::make_unique<ExamAdapter>(context);
}

}  // namespace invigil::item_bank
