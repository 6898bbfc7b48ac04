// invigil-scoring: from sealed responses to a scaled score.
#include <cstdio>
#include <string>
#include <vector>

#include "common/auth/token.h"
#include "common/base/clock.h"
#include "common/client/channel.h"
#include "common/config/flags.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/rpc/executor.h"
#include "common/rpc/guard.h"
#include "common/rpc/server.h"
#include "common/sql/database.h"
#include "services/scoring/learner/learner_desk.h"
#include "services/scoring/learner/learner_service.h"
#include "services/scoring/measurement/desk.h"
#include "services/scoring/measurement/rpc/item_bank_statistics.h"
#include "services/scoring/measurement/rpc/measurement_service.h"
#include "services/scoring/measurement/store.h"
#include "services/scoring/measurement/worker.h"
#include "services/scoring/reports/report_desk.h"
#include "services/scoring/reports/report_service.h"
#include "services/scoring/rpc/cached_keys.h"
#include "services/scoring/rpc/item_bank_keys.h"
#include "services/scoring/rpc/key_ring.h"
#include "services/scoring/rpc/rescorer.h"
#include "services/scoring/rpc/rescoring_service.h"
#include "services/scoring/rpc/scorer.h"
#include "services/scoring/rpc/scoring_service.h"
#include "services/scoring/store/sql_score_store.h"

namespace invigil::scoring {
namespace {

constexpr char kProgram[] = "invigil-scoring";

struct Settings {
  rpc::ServerOptions server;
  std::string data, store, jwks, key;
  std::vector<std::string> item_bank;
  int64_t threads = 2;
  int64_t queue = 8192;
  int64_t rescore_threads = 1;
  int64_t rescore_page = 256;
  int64_t measure_threads = 1;
  std::string miss_notes = "counts";
};

Settings ReadFlags(int argc, char** argv) {
  Settings settings;
  config::Flags flags(kProgram,
                      "Turns the sealed responses of a session into a scaled score that can be "
                      "replayed, and explains it.");
  rpc::DeclareServerFlags(flags, &settings.server);
  flags.Section("Store")
      .Text("data", &settings.data, "DIR", "Folder of the database scoring.db; it must exist.")
      .Text("store", &settings.store, "LOCATION", sql::kStoreHelp);
  flags.Section("Other services")
      .List("item-bank", &settings.item_bank, "HOST:PORT", "Where the item bank serves keys.")
      .Required();
  flags.Section("Identity")
      .Text("jwks", &settings.jwks, "FILE", "Public keys that may sign callers' tokens.")
      .Required()
      .Text("key", &settings.key, "FILE", "Private key of this service's own identity.")
      .Required();
  flags.Section("Capacity")
      .Number("threads", &settings.threads, 1, 64, "Threads that score and read the database.")
      .Number("queue", &settings.queue, 1, 1'000'000,
              "Calls that may wait for them, and scores that may wait to be written; more are "
              "refused at once.")
      .Number("rescore-threads", &settings.rescore_threads, 1, 64,
              "Threads that compute rescorings, beside those.")
      .Number("rescore-page", &settings.rescore_page, 1, 10'000,
              "Sessions of a rescoring in one transaction; scores that come in wait for it.")
      .Number("measure-threads", &settings.measure_threads, 1, 64,
              "Threads that compute calibrations and equatings, beside those; no result depends on "
              "their number.");
  flags.Section("Learners")
      .Text("miss-notes", &settings.miss_notes, "LEVEL",
            "How much of keys the notes on wrong answers may show after practice and diagnostics: "
            "nothing, counts (how many of the right options were chosen), or own-choices (also "
            "which of the learner's own choices were right). Exams never show any.");
  flags.ParseOrExit(argc, argv);
  return settings;
}

absl::StatusOr<KeyExposure> ExposureOf(const std::string& level) {
  if (level == "nothing") return KeyExposure::kNothing;
  if (level == "counts") return KeyExposure::kCounts;
  if (level == "own-choices") return KeyExposure::kOwnChoices;
  return InvalidArgument("USAGE", "--miss-notes is nothing, counts or own-choices").Build();
}

// Measurement keeps its tables beside the scores: in another file, or another schema on PostgreSQL.
std::string MeasurementLocation(const std::string& location) {
  if (sql::IsPostgres(location)) return location;
  const std::string ending = ".db";
  const bool ends = location.ends_with(ending);
  return location.substr(0, location.size() - (ends ? ending.size() : 0)) + "_measurement.db";
}

absl::Status Run(const Settings& settings) {
  INVIGIL_RETURN_IF_ERROR(rpc::StartLogging("scoring", settings.server));
  const auto exposure = ExposureOf(settings.miss_notes);
  if (!exposure.ok()) return exposure.status();
  auto location = sql::LocationOf(settings.store, settings.data, "scoring.db");
  if (!location.ok()) return location.status();
  const SystemClock clock;
  auto verifier = rpc::OpenVerifier(settings.jwks, clock);
  if (!verifier.ok()) return verifier.status();
  auto guard = rpc::Guard::Create(
      **verifier, {"invigil.scoring.v1.LearnerService", "invigil.scoring.v1.MeasurementService",
                   "invigil.scoring.v1.ReportService", "invigil.scoring.v1.RescoringService",
                   "invigil.scoring.v1.ScoringService"});
  if (!guard.ok()) return guard.status();
  auto minter = auth::TokenMinter::FromFile(settings.key, clock);
  if (!minter.ok()) return minter.status();
  auth::ServiceIdentity identity(*std::move(minter), "scoring", clock);
  auto channel = client::Connect(settings.item_bank, settings.server.tls);
  if (!channel.ok()) return channel.status();
  auto store = OpenSqlScoreStore(
      {.location = *location,
       // More for calls about rescorings, for whoever watches them, for reports and for
       // measurement.
       .readers = static_cast<int>(settings.threads + settings.rescore_threads + 4),
       .queue_capacity = static_cast<size_t>(settings.queue)});
  if (!store.ok()) return store.status();

  auto measurements = MeasurementStore::Open(MeasurementLocation(*location));
  if (!measurements.ok()) return measurements.status();

  const auto item_bank = MakeItemBankKeys(*channel, identity);
  const auto statistics = MakeItemBankStatistics(*channel, identity);
  CachedKeys keys(*item_bank, clock);
  rpc::Executor executor("scoring", static_cast<int>(settings.threads),
                         static_cast<size_t>(settings.queue));
  // Of its own: a page of changes, or a replay that waits for the item bank, must not hold a seal
  // up.
  rpc::Executor rescoring_executor("rescoring", 1, 64);
  KeyRing ring(keys, **store);
  ring.SetEquatings([&](const ScoringKey& key) { return (*measurements)->EquatingOf(key); });
  Scorer scorer(keys, ring, **store, executor, clock);
  Rescorer rescorer(**store, ring, clock,
                    {.threads = static_cast<int>(settings.rescore_threads),
                     .page = static_cast<size_t>(settings.rescore_page),
                     .owner = settings.server.instance});
  const auto service = MakeScoringService(**guard, scorer, executor);
  const auto rescoring_service = MakeRescoringService({.guard = **guard,
                                                       .store = **store,
                                                       .ring = ring,
                                                       .rescorer = rescorer,
                                                       .executor = rescoring_executor,
                                                       .clock = clock});
  // Of its own: what reads many sessions must not hold a seal up.
  rpc::Executor report_executor("reports", 1, 64);
  LearnerDesk learner_desk({.scores = **store,
                            .sittings = **store,
                            .ring = ring,
                            .clock = clock,
                            .exposure = *exposure});
  const auto learner_service = MakeLearnerService(**guard, learner_desk, report_executor);
  reports::ReportDesk report_desk(**store, **store, ring);
  const auto report_service = reports::MakeReportService(**guard, report_desk, report_executor);
  rpc::Executor measurement_executor("measurement", 1, 64);
  MeasurementWorker measurement_worker(
      **measurements, **store, **store, ring, *statistics, clock,
      {.threads = static_cast<int>(settings.measure_threads), .owner = settings.server.instance});
  MeasurementDesk measurement_desk(**measurements, clock, [&] { measurement_worker.Kick(); });
  const auto measurement_service = MakeMeasurementService({.guard = **guard,
                                                           .desk = measurement_desk,
                                                           .store = **measurements,
                                                           .executor = measurement_executor,
                                                           .clock = clock});
  auto server = rpc::Server::Start("scoring", settings.server,
                                   {service.get(), rescoring_service.get(), learner_service.get(),
                                    report_service.get(), measurement_service.get()});
  if (!server.ok()) return server.status();
  (*server)->WaitForSignal();
  (*server)->Drain();  // every call is answered; then executor, store and the rest stop in turn
  return absl::OkStatus();
}

}  // namespace
}  // namespace invigil::scoring

int main(int argc, char** argv) {
  using namespace invigil;  // NOLINT: the program's own namespace
  rpc::PrepareProcess();
  const absl::Status status = scoring::Run(scoring::ReadFlags(argc, argv));
  if (!status.ok()) return rpc::ExitWith(scoring::kProgram, status);
  log::Shutdown();
  return 0;
}
