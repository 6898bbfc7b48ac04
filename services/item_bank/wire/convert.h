// Between the contract's messages and the domain's types. Nothing is judged here: values out of
// range come through for the checks to name.
#pragma once

#include "invigil/itembank/v1/exam.pb.h"
#include "invigil/itembank/v1/item.pb.h"
#include "services/item_bank/domain/exam.h"
#include "services/item_bank/domain/item.h"

namespace invigil::item_bank {

namespace v1 = ::invigil::itembank::v1;

Item FromProto(const v1::Item& message);
IrtParameters FromProto(const v1::IrtParameters& message);
Bank FromProto(const v1::Bank& message);
Exam FromProto(const v1::ExamDefinition& message);

void ToProto(const Item& item, v1::Item* message);
void ToProto(const IrtParameters& irt, v1::IrtParameters* message);
void ToProto(const BankHeader& header, v1::Bank* message);
void ToProto(const Exam& exam, v1::ExamDefinition* message);
void ToProto(const Domain& domain, v1::Domain* message);
void ToProto(const Scale& scale, v1::Scale* message);
void ToProto(const Standard& standard, v1::Standard* message);
void ToProto(Time time, google::protobuf::Timestamp* message);
void ToProto(Duration duration, google::protobuf::Duration* message);

}  // namespace invigil::item_bank
