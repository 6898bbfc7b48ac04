#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "common/base/ids.h"
#include "common/error/error.h"
#include "services/cli/api/retry.h"
#include "services/cli/api/suite.h"
#include "services/cli/commands/commands.h"
#include "services/cli/core/failure.h"
#include "services/cli/core/text.h"
#include "services/cli/report/report_text.h"
#include "services/cli/take/loop.h"

namespace invigil::cli {
namespace {

constexpr Duration kPatience = Seconds(15);
constexpr Duration kLastFlush = Seconds(5);

absl::StatusOr<itembank::v1::ExamSummary> FindExam(Suite& suite, const std::string& exam_id,
                                                   const std::string& token) {
  itembank::v1::ListExamsRequest request;
  request.set_page_size(100);
  do {
    auto page = suite.api().ListExams(request, token);
    if (!page.ok()) return page.status();
    for (const auto& exam : page->exams()) {
      if (exam.exam_id() == exam_id) return exam;
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return NotFound("EXAM_NOT_FOUND",
                  "there is no exam \"" + exam_id + "\"; \"invigil exams\" lists them");
}

// Before the clock runs: what awaits the candidate. False: not now.
bool Welcome(const itembank::v1::ExamSummary& exam) {
  std::printf("\n  %s  %s\n\n", Printable(exam.exam_id()).c_str(), Printable(exam.title()).c_str());
  std::printf("  %u questions, %lld minutes, passed from %d on a scale from %d to %d.\n",
              exam.item_count(), static_cast<long long>(exam.duration().seconds() / 60),
              exam.scale().cut(), exam.scale().min(), exam.scale().max());
  std::fputs(
      WrapIndented("The clock starts when you do and does not stop when you leave. A session "
                   "that is running already goes on where you are.",
                   80, 2)
          .c_str(),
      stdout);
  std::fputs(("\n" + WrapIndented(Printable(exam.disclaimer()), 80, 2)).c_str(), stdout);
  std::fputs("\n  Enter begins, Ctrl-C stops here. ", stdout);
  std::fflush(stdout);
  std::string line;
  return static_cast<bool>(std::getline(std::cin, line));
}

absl::StatusOr<session::v1::Session> StartAndRead(Suite& suite, const std::string& exam_id,
                                                  bool take_over, const std::string& token) {
  Retrier retrier(suite.clock(), SleepFor, 1, kPatience);
  session::v1::StartSessionRequest start;
  start.set_exam_id(exam_id);
  start.set_request_id(NewId(suite.clock().Now()));
  start.set_take_over(take_over);
  const auto started = retrier.Run([&] { return suite.api().StartSession(start, token); });
  if (!started.ok()) return started.status();
  // Only GetSession tells what is stored.
  session::v1::GetSessionRequest read;
  read.set_session_id(started->session().session_id());
  auto session = retrier.Run([&] { return suite.api().GetSession(read, token); });
  if (!session.ok()) return session.status();
  return std::move(*session->mutable_session());
}

void SayGoodbye(const take::State& state, size_t unsaved, const std::string& again) {
  const std::string& id = state.session.session_id();
  if (state.report) {
    std::fputs(ReportText(*state.report).c_str(), stdout);
    return;
  }
  if (unsaved > 0) {
    std::printf("%zu answers could not be saved: the suite can't be reached.\n", unsaved);
  }
  if (state.view == take::View::kEnded) std::printf("%s\n", Printable(state.message).c_str());
  if (state.sealed) {
    std::printf("The session has ended. See the result with: invigil report %s\n", id.c_str());
  } else if (state.view != take::View::kEnded) {
    std::printf(
        "You left without submitting; the clock goes on.\n  go on with:  %s\n"
        "  afterwards:  invigil report %s\n",
        again.c_str(), id.c_str());
  }
}

}  // namespace

int TakeCommand(const Words& words) {
  const char* user = std::getenv("USER");
  std::string exam_id, subject = user != nullptr && *user != '\0' ? user : "candidate";
  bool take_over = false;
  Settings given;
  config::Flags flags("invigil take",
                      "Sits an exam in this terminal, full screen. Every answer is saved at once; "
                      "leave and run the same command again to go on. Press ? in the exam for its "
                      "keys.");
  flags.Text("exam", &exam_id, "ID", "The exam, such as CLF-C02.").Required();
  flags.Text("subject", &subject, "NAME", "The candidate.");
  flags.Toggle("take-over", &take_over, "End the right of other devices to write to the session.");
  DeclareSettings(flags, &given);
  flags.ParseOrExit(words);
  if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0) {
    return Fail(UsageError("taking an exam needs a terminal: run it in one, without pipes"));
  }
  auto suite = Suite::Open(given);
  if (!suite.ok()) return Fail(suite.status());
  const std::string token = suite->CandidateToken(subject);
  const auto exam = FindExam(*suite, exam_id, token);
  if (!exam.ok()) return Fail(exam.status());
  if (!Welcome(*exam)) return kOk;
  const auto session = StartAndRead(*suite, exam_id, take_over, token);
  if (!session.ok()) return Fail(session.status());

  take::State state = take::Begin(*session, suite->clock().Monotonic());
  take::NewsQueue news;
  size_t unsaved = 0;
  {
    take::Courier courier(suite->api(),
                          {.session_id = session->session_id(),
                           .epoch = session->epoch(),
                           .token = token,
                           .stored = {session->responses().begin(), session->responses().end()}},
                          [&news](take::News item) { news.Put(std::move(item)); });
    {
      auto terminal = take::Terminal::Open();
      if (!terminal.ok()) return Fail(terminal.status());
      take::RunLoop(**terminal, state, courier, news, suite->clock());
    }
    unsaved = courier.Flush(kLastFlush);
  }
  const std::string again = "invigil take --exam " + exam_id + " --subject " + subject;
  SayGoodbye(state, unsaved, again);
  return unsaved == 0 && state.view != take::View::kEnded ? kOk : kFailed;
}

}  // namespace invigil::cli
