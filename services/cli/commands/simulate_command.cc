#include <algorithm>
#include <atomic>
#include <cstdio>
#include <optional>
#include <thread>

#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/config/value.h"
#include "services/cli/api/retry.h"
#include "services/cli/api/suite.h"
#include "services/cli/bank/fetch_bank.h"
#include "services/cli/commands/commands.h"
#include "services/cli/core/failure.h"
#include "services/cli/core/json.h"
#include "services/cli/report/report_text.h"
#include "services/cli/simulate/behaviour.h"
#include "services/cli/simulate/progress.h"
#include "services/cli/simulate/summary.h"

namespace invigil::cli {
namespace {

struct Wanted {
  std::string exam;
  int64_t candidates = 1, workers = 1, seed = -1;
  std::string ability = "0,1";
  double mean = 0, sd = 1;
  bool json = false, report = false;
  Settings given;
};

absl::Status ParseAbility(Wanted& wanted) {
  const std::vector<std::string> parts = config::SplitList(wanted.ability);
  std::optional<double> mean, sd;
  if (parts.size() == 2) {
    mean = config::ParseReal(parts[0]);
    sd = config::ParseReal(parts[1]);
  }
  if (!mean || !sd || *sd < 0 || std::max(*sd, *mean < 0 ? -*mean : *mean) > 10) {
    return UsageError(
        "--ability wants MEAN,SD such as 0,1 (SD not below 0, both within 10), not \"" +
        wanted.ability + "\"");
  }
  wanted.mean = *mean;
  wanted.sd = *sd;
  return absl::OkStatus();
}

absl::StatusOr<ItemBook> ReadBook(Suite& suite, const std::string& exam_id) {
  itembank::v1::GetExamRequest request;
  request.set_exam_id(exam_id);
  const auto exam = suite.api().GetExam(request, suite.OperatorToken());
  if (!exam.ok()) return exam.status();
  const auto bank = FetchBank(suite.api(), suite.OperatorToken(), exam->exam().bank_id());
  if (!bank.ok()) return bank.status();
  return ItemBook(*bank);
}

std::vector<SittingOutcome> SitAll(Suite& suite, const Wanted& wanted, const ItemBook& book,
                                   Meter& meter) {
  // Subjects are new in every run: a subject that sits twice would meet its earlier session.
  const std::string run = RandomHex(4);
  const auto seed = static_cast<uint64_t>(wanted.seed);
  const int count = static_cast<int>(wanted.candidates);
  std::vector<SittingOutcome> outcomes(static_cast<size_t>(count));
  std::atomic<int> next{0};
  {
    Progress progress("simulating", count, suite.clock());
    std::vector<std::thread> workers;
    for (int64_t w = 0; w < std::min(wanted.workers, wanted.candidates); ++w) {
      workers.emplace_back([&] {
        for (int i = next++; i < count; i = next++) {
          Sitter sitter;
          sitter.subject = "sim-" + run + "-" + std::to_string(i + 1);
          sitter.token = suite.CandidateToken(sitter.subject);
          sitter.staff_token = suite.OperatorToken();
          sitter.exam_id = wanted.exam;
          sitter.theta = DrawAbility(seed, i, wanted.mean, wanted.sd);
          sitter.seed = CandidateSeed(seed, i);
          SittingOutcome& outcome = outcomes[static_cast<size_t>(i)];
          outcome = Sit(suite.api(), sitter, book, meter, suite.clock(), SleepFor);
          progress.Step(!outcome.status.ok() || !outcome.lost.empty());
        }
      });
    }
    for (std::thread& worker : workers) worker.join();
  }
  return outcomes;
}

}  // namespace

int Simulate(const Words& words) {
  Wanted wanted;
  config::Flags flags("invigil simulate",
                      "Lets simulated candidates sit an exam through the gateway: each starts a "
                      "session (and is checked in, where the exam asks for it), walks through its "
                      "parts, answers by the bank's item parameters at an ability drawn for it, "
                      "changes some answers, submits and gets its report. Ends with 1 when one did "
                      "not finish or an acknowledged response was lost.");
  flags.Text("exam", &wanted.exam, "ID", "The exam, such as CLF-C02.").Required();
  flags.Number("candidates", &wanted.candidates, 1, 1'000'000, "How many sit.");
  flags.Text("ability", &wanted.ability, "MEAN,SD",
             "Their abilities: normal, 0 being a typical prepared candidate.");
  flags.Number("workers", &wanted.workers, 1, 256, "How many sit at the same time.");
  flags.Number(
      "seed", &wanted.seed, -1, INT64_MAX,
      "Repeats abilities and knowledge (not forms, which the suite draws); -1: by chance.");
  flags.Toggle("json", &wanted.json, "The result as one JSON object, with a row per candidate.");
  flags.Toggle("report", &wanted.report, "Also the score report of the last candidate.");
  DeclareSettings(flags, &wanted.given);
  flags.ParseOrExit(words);
  if (const absl::Status status = ParseAbility(wanted); !status.ok()) return Fail(status);
  // 52 bits: exact as a number in every JSON reader.
  if (wanted.seed < 0) wanted.seed = static_cast<int64_t>(StableHash(RandomHex(8)) >> 12);
  auto suite = Suite::Open(wanted.given);
  if (!suite.ok()) return Fail(suite.status());
  const auto book = ReadBook(*suite, wanted.exam);
  if (!book.ok()) return Fail(book.status());

  Meter meter;
  const Duration begin = suite->clock().Monotonic();
  const std::vector<SittingOutcome> outcomes = SitAll(*suite, wanted, *book, meter);
  Summary summary = Summarise(outcomes, meter.Take(), suite->clock().Monotonic() - begin);
  summary.exam_id = wanted.exam;
  summary.seed = static_cast<uint64_t>(wanted.seed);

  const auto& last = outcomes.back().report;
  if (wanted.json) {
    const std::string report = wanted.report && last ? ToCompactJson(*last) : "";
    std::fputs(SummaryJson(summary, outcomes, report).c_str(), stdout);
  } else {
    if (wanted.report && last) std::fputs((ReportText(*last) + "\n").c_str(), stdout);
    std::fputs(SummaryText(summary, outcomes).c_str(), stdout);
  }
  return summary.Clean() ? kOk : kFailed;
}

}  // namespace invigil::cli
