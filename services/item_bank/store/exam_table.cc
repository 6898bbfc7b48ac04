#include "services/item_bank/store/exam_table.h"

#include "services/item_bank/wire/convert.h"

namespace invigil::item_bank {
namespace {

absl::StatusOr<Exam> Parse(std::string_view body) {
  v1::ExamDefinition message;
  if (!message.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return Internal("an exam definition in the store can't be read");
  }
  return FromProto(message);
}

}  // namespace

ExamTable::ExamTable(sql::Database& db)
    : find_(db.MustPrepare("SELECT body FROM exams WHERE exam_id = ?1 AND version = ?2")),
      find_newest_(db.MustPrepare(
          "SELECT body FROM exams WHERE exam_id = ?1 ORDER BY version DESC LIMIT 1")),
      page_(db.MustPrepare("SELECT body FROM exams e WHERE exam_id > ?1 AND version = (SELECT"
                           " max(version) FROM exams n WHERE n.exam_id = e.exam_id)"
                           " ORDER BY exam_id LIMIT ?2")),
      insert_(db.MustPrepare("INSERT INTO exams VALUES (?1, ?2, ?3)")) {}

absl::StatusOr<std::optional<Exam>> ExamTable::Find(const std::string& exam_id, uint32_t version) {
  sql::Statement& query = version == 0 ? find_newest_ : find_;
  query.BindText(1, exam_id);
  if (version != 0) query.Bind(2, int64_t{version});
  const auto row = query.Step();
  if (!row.ok()) return row.status();
  std::optional<absl::StatusOr<Exam>> exam;
  if (*row) exam = Parse(query.View(0));
  query.Reset();
  if (!exam) return std::optional<Exam>();
  if (!exam->ok()) return exam->status();
  return std::optional<Exam>(**std::move(exam));
}

absl::StatusOr<std::vector<Exam>> ExamTable::Page(const std::string& after, int limit) {
  page_.BindText(1, after).Bind(2, int64_t{limit});
  std::vector<Exam> exams;
  while (true) {
    const auto row = page_.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    auto exam = Parse(page_.View(0));
    if (!exam.ok()) {
      page_.Reset();
      return exam.status();
    }
    exams.push_back(*std::move(exam));
  }
  page_.Reset();
  return exams;
}

absl::Status ExamTable::Insert(const Exam& exam) {
  v1::ExamDefinition message;
  ToProto(exam, &message);
  const std::string body = message.SerializeAsString();
  return insert_.BindText(1, exam.exam_id).Bind(2, int64_t{exam.version}).BindBlob(3, body).Run();
}

}  // namespace invigil::item_bank
