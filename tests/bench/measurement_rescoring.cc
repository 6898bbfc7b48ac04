// bench-rescoring [--sessions 1000000] [--forms 1000] [--threads 2] [--decision rekey|drop|credit]
//                 [--store LOCATION]
//
// What rescoring costs: fills a store of its own with sealed and scored sessions (answers from a
// seed; an SQLite file in a temporary folder, unless told otherwise), corrects the key of one item
// that a quarter of the forms show, and prints how long the preview and the writing of the new
// versions took, and how much memory. Forms are drawn from a bank of 200 items, 50 scored and 15
// unscored each; with as many forms as sessions each candidate has a form of their own.
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <future>
#include <semaphore>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/config/flags.h"
#include "common/log/log.h"
#include "common/testing/temp_dir.h"
#include "common/testing/wait_until.h"
#include "services/scoring/domain/testing.h"
#include "services/scoring/rpc/convert.h"
#include "services/scoring/rpc/key_ring.h"
#include "services/scoring/rpc/rescore_session.h"
#include "services/scoring/rpc/rescorer.h"

namespace invigil::scoring {
namespace {

constexpr size_t kBankItems = 200, kScored = 50, kUnscored = 15;

struct Settings {
  int64_t sessions = 1'000'000, forms = 1000, threads = 2, page = 256;
  std::string decision = "rekey", store;
};

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "bench-rescoring: %s\n", why.c_str());
  std::exit(1);
}

int64_t PeakKilobytes() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6));
  }
  return 0;
}

// Processor seconds of this process: what the work costs whatever else the machine does.
double CpuSeconds() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

// Keys are kept with the scores, so nobody is asked.
class NoBank final : public KeySource {
 public:
  void Fetch(const std::string&, Duration, const telemetry::TraceContext&, Done) override {
    Die("a key was not kept");
  }
};

class Bank {
 public:
  Bank() {
    Random random(1);
    base_ = testing::RandomItems(random, kScored);
    const auto items = testing::RandomItems(random, kBankItems);
    for (size_t i = 0; i < kBankItems; ++i) {
      KeyedItem item{.operational = true,
                     .domain_id = std::to_string(1 + i % 4),
                     .rule = Rule::kAllOrNothing,
                     .irt = items[i],
                     .option_count = 4,
                     .bank_item_id = absl::StrCat("bank-", 1000 + i),
                     .bank_item_version = 1,
                     .authored_option_ids = {"a", "b", "c", "d"}};
      bank_.push_back(item);
    }
  }

  // The form of that number: always the same.
  ScoringKey Form(int64_t number) const {
    Random random(static_cast<uint64_t>(number) + 1000);
    ScoringKey key = testing::MakeKey({}, base_, 35);
    key.form_id = absl::StrCat("form-", 10'000'000 + number);
    std::vector<KeyedItem> drawn = bank_;
    random.Shuffle(drawn);
    drawn.resize(kScored + kUnscored);
    for (size_t i = 0; i < drawn.size(); ++i) {
      KeyedItem& item = drawn[i];
      item.item_id = absl::StrCat("f", 10'000'000 + number, "-item-", 10 + i);
      if (i >= kScored) {
        item.operational = false;
        item.irt = {};
      }
      random.Shuffle(item.authored_option_ids);
      // "b" is right, wherever it is shown.
      for (size_t k = 0; k < 4; ++k) {
        if (item.authored_option_ids[k] == "b") {
          item.key_option_ids = {std::string(1, static_cast<char>('A' + k))};
        }
      }
    }
    random.Shuffle(drawn);
    key.items = std::move(drawn);
    return key;
  }

 private:
  std::vector<ItemParameters> base_;
  std::vector<KeyedItem> bank_;
};

std::vector<SealedResponse> Answers(const ScoringKey& key, Random& random) {
  std::vector<SealedResponse> responses;
  const double able = 0.45 + 0.5 * random.Uniform();
  for (const KeyedItem& item : key.items) {
    const bool right = random.Uniform() < able;
    responses.push_back({item.item_id, right ? item.key_option_ids
                                             : std::vector{std::string(
                                                   1, static_cast<char>('A' + random.Below(4)))}});
  }
  return *Canonical(std::move(responses));
}

// Form by form, so that each conversion is made once; sessions of a form are scored one after
// another but their ids are spread over all.
void Fill(const Settings& settings, ScoringStore& store, const Clock& clock) {
  const Bank bank;
  std::counting_semaphore<> room(4096);
  Random random(7);
  for (int64_t form = 0; form < settings.forms; ++form) {
    const ScoringKey key = bank.Form(form);
    const auto conversion = BuildConversion(key);
    if (!conversion.ok()) Die(conversion.status().ToString());
    const ConversionRecord table{.form_id = key.form_id,
                                 .key_version = key.key_version,
                                 .hash = HashOf(*conversion),
                                 .text = Serialize(*conversion),
                                 .key = RecordOf(key)};
    for (int64_t i = form; i < settings.sessions; i += settings.forms) {
      const auto responses = Answers(key, random);
      const auto score = *ScoreResponses(responses, key, *conversion, table.hash);
      const std::string session = absl::StrCat("session-", 100'000'000 + i);
      room.acquire();
      store.Append({.session_id = session,
                    .attempt_version = 1,
                    .form_id = key.form_id,
                    .key_version = key.key_version,
                    .conversion_hash = table.hash,
                    .exam_id = key.exam_id,
                    .exam_version = key.exam_version,
                    .raw_score = score.raw_score,
                    .scaled_score = score.scaled_score,
                    .passed = score.passed,
                    .score_time = clock.Now(),
                    .responses = Serialize(responses),
                    .body = EncodeScore(score, session)},
                   table, [&room](const absl::StatusOr<ScoreRecord>& stored) {
                     if (!stored.ok()) Die(stored.status().ToString());
                     room.release();
                   });
    }
  }
  for (int i = 0; i < 4096; ++i) room.acquire();
}

KeyDecision Decision(const std::string& name) {
  KeyDecision decision{
      .item_id = "bank-1007", .item_versions = {}, .accepted = {}, .reason = "bench"};
  if (name == "drop") {
    decision.kind = DecisionKind::kDrop;
  } else if (name == "credit") {
    decision.kind = DecisionKind::kCredit;
  } else {
    decision.kind = DecisionKind::kRekey;
    decision.accepted = {{"c"}};
  }
  return decision;
}

void Run(const Settings& settings) {
  const SystemClock clock;
  const invigil::testing::TempDir dir;
  auto seconds = [&clock, begun = clock.Monotonic()]() mutable {
    const Duration now = clock.Monotonic();
    const double took = static_cast<double>((now - begun).count()) / 1e6;
    begun = now;
    return took;
  };
  auto store = OpenSqlScoreStore(
      {.location = settings.store.empty() ? dir.Path("scoring.db") : settings.store,
       .readers = static_cast<int>(settings.threads) + 1});
  if (!store.ok()) Die(store.status().ToString());
  Fill(settings, **store, clock);
  const double filled = seconds();
  std::printf("%lld sessions with %lld forms are sealed and scored (%.1f s, %lld MB)\n",
              static_cast<long long>(settings.sessions), static_cast<long long>(settings.forms),
              filled, static_cast<long long>(PeakKilobytes() / 1024));
  std::fflush(stdout);

  NoBank bank;
  KeyRing ring(bank, **store);
  Rescorer rescorer(**store, ring, clock,
                    {.threads = static_cast<int>(settings.threads),
                     .page = static_cast<size_t>(settings.page),
                     .poll = Millis(10)});
  (void)seconds();
  const auto made = (*store)->CreateRescoring(
      {.author = "ann",
       .request_id = "bench",
       .definition = {.exam_id = "CLF-C02",
                      .decisions = Serialize(*Canonical(std::vector{Decision(settings.decision)})),
                      .policy = RescoringPolicy::kExact,
                      .reason = "bench"},
       .create_time = clock.Now()});
  if (!made.ok()) Die(made.status().ToString());
  rescorer.Kick();
  const auto reached = [&](RescoringStage stage) {
    RescoringRecord found;
    const bool there = invigil::testing::WaitUntil(
        [&] {
          auto record = (*store)->GetRescoring(made->rescoring_id);
          if (!record.ok()) Die(record.status().ToString());
          found = *std::move(record);
          return found.stage == stage;
        },
        Minutes(600));
    if (!there) Die("it does not end");
    return found;
  };
  double cpu = CpuSeconds();
  const RescoringRecord shown = reached(RescoringStage::kPreviewed);
  const double preview = seconds(), preview_cpu = CpuSeconds() - cpu;
  if (shown.counts.failed > 0) Die("some sessions could not be scored anew");
  const auto approved =
      (*store)->Approve(made->rescoring_id, {shown.preview_digest, "bea", "bench"}, clock.Now());
  if (!approved.ok()) Die(approved.status().ToString());
  (void)seconds();
  cpu = CpuSeconds();
  rescorer.Kick();
  const RescoringRecord done = reached(RescoringStage::kDone);
  const double applied = seconds(), applied_cpu = CpuSeconds() - cpu;
  // Some of both kinds come out again.
  int replayed = 0;
  for (int64_t i = 0; i < settings.sessions; i += std::max<int64_t>(1, settings.sessions / 1000)) {
    const auto scores = ReplayScores(absl::StrCat("session-", 100'000'000 + i), 0, ring, **store);
    if (!scores.ok()) Die(scores.status().ToString());
    for (const Replayed& score : *scores) {
      if (!score.fault.empty()) Die("a score does not replay: " + score.fault);
      ++replayed;
    }
  }
  std::printf(
      "decision,sessions,forms,threads,touched,changed,preview_s,preview_cpu_s,sessions_per_s,"
      "write_s,write_cpu_s,new_scores_per_s,peak_mb,replayed\n"
      "%s,%lld,%lld,%lld,%llu,%llu,%.2f,%.2f,%.0f,%.2f,%.2f,%.0f,%lld,%d\n",
      settings.decision.c_str(), static_cast<long long>(settings.sessions),
      static_cast<long long>(settings.forms), static_cast<long long>(settings.threads),
      static_cast<unsigned long long>(shown.counts.touched),
      static_cast<unsigned long long>(done.counts.written), preview, preview_cpu,
      static_cast<double>(settings.sessions) / preview, applied, applied_cpu,
      static_cast<double>(done.counts.written) / applied,
      static_cast<long long>(PeakKilobytes() / 1024), replayed);
}

}  // namespace
}  // namespace invigil::scoring

int main(int argc, char** argv) {
  using namespace invigil;  // NOLINT: the program's own namespace
  scoring::Settings settings;
  config::Flags flags("bench-rescoring", "Measures a rescoring of many sealed sessions.");
  flags.Number("sessions", &settings.sessions, 1, 100'000'000, "Sealed sessions.")
      .Number("forms", &settings.forms, 1, 100'000'000, "Forms they have.")
      .Number("threads", &settings.threads, 1, 64, "Threads that compute.")
      .Number("page", &settings.page, 1, 10'000, "Sessions in one transaction.")
      .Text("decision", &settings.decision, "KIND", "rekey, drop or credit, of one item.")
      .Text("store", &settings.store, "LOCATION", "A store to fill instead of a temporary file.");
  flags.ParseOrExit(argc, argv);
  scoring::Run(settings);
  return 0;
}
