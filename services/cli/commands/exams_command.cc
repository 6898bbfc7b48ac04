#include <cstdio>

#include "services/cli/api/suite.h"
#include "services/cli/commands/commands.h"
#include "services/cli/core/failure.h"
#include "services/cli/core/json.h"
#include "services/cli/core/text.h"

namespace invigil::cli {
namespace {

absl::StatusOr<itembank::v1::ListExamsResponse> AllExams(Suite& suite) {
  itembank::v1::ListExamsResponse all;
  itembank::v1::ListExamsRequest request;
  request.set_page_size(100);
  do {
    auto page = suite.api().ListExams(request, suite.OperatorToken());
    if (!page.ok()) return page.status();
    for (auto& exam : *page->mutable_exams()) *all.add_exams() = std::move(exam);
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return all;
}

std::string ExamsText(const itembank::v1::ListExamsResponse& exams) {
  if (exams.exams().empty()) return "no exams; load some with invigil bank import FOLDER\n";
  std::vector<std::vector<std::string>> rows = {
      {"Exam", "Title", "Items", "Minutes", "Scale", "Pass", "Sessions"}};
  std::string notes;
  for (const auto& exam : exams.exams()) {
    const std::string id = Printable(exam.exam_id());
    rows.push_back({id, Shorten(Printable(exam.title()), 40), std::to_string(exam.item_count()),
                    std::to_string(exam.duration().seconds() / 60),
                    std::to_string(exam.scale().min()) + "-" + std::to_string(exam.scale().max()),
                    std::to_string(exam.scale().cut()), exam.available() ? "open" : "closed"});
    if (!exam.available()) {
      notes += WrapIndented(id + " is closed: " + Printable(exam.unavailable_reason()), 80, 2);
    }
    for (const std::string& stale : exam.stale_facts()) {
      notes += WrapIndented(id + ": " + Printable(stale), 80, 2);
    }
  }
  return Table(rows, {2, 3, 5}) + (notes.empty() ? "" : "\n" + notes);
}

}  // namespace

int Exams(const Words& words) {
  bool json = false;
  Settings given;
  config::Flags flags("invigil exams",
                      "Lists the exams of the suite, whether sessions can start, and facts about "
                      "them that are due for review.");
  flags.Toggle("json", &json, "As JSON (ListExamsResponse).");
  DeclareSettings(flags, &given);
  flags.ParseOrExit(words);
  auto suite = Suite::Open(given);
  if (!suite.ok()) return Fail(suite.status());
  const auto exams = AllExams(*suite);
  if (!exams.ok()) return Fail(exams.status());
  std::fputs((json ? ToJson(*exams) : ExamsText(*exams)).c_str(), stdout);
  return kOk;
}

}  // namespace invigil::cli
