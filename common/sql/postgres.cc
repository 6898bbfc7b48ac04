#include "common/sql/postgres.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <utility>

#include "common/sql/postgres_error.h"
#include "common/sql/postgres_schema.h"

namespace invigil::sql {
namespace {

constexpr Duration kReconnectPause = Millis(100);
constexpr uint32_t kBytea = 17, kInt8 = 20,
                   kText = 25;  // type numbers of PostgreSQL, fixed for ever

void PutBig(std::string& out, uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(value >> shift));
  }
}
uint64_t GetBig(const char* data, int bytes) {
  uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(data[i]);
  return value;
}

}  // namespace

Arguments::Value& Arguments::At(int place) {
  if (values_.size() < static_cast<size_t>(place)) values_.resize(static_cast<size_t>(place));
  return values_[static_cast<size_t>(place) - 1];
}

Arguments& Arguments::SetInt(int place, int64_t value) {
  Value& at = At(place);
  at.data = nullptr;
  at.binary = false;  // as text it fits whatever whole number the parameter is
  char* const begin = at.number.data();
  char* const end = std::to_chars(begin, begin + at.number.size() - 1, value).ptr;
  *end = '\0';
  at.length = static_cast<int>(end - begin);
  return *this;
}

Arguments& Arguments::SetReal(int place, double value) {
  Value& at = At(place);
  at.data = nullptr;
  at.binary = false;
  at.length = std::snprintf(at.number.data(), at.number.size(), "%.17g", value);
  return *this;
}

Arguments& Arguments::SetBytes(int place, std::string_view value) {
  Value& at = At(place);
  at.data = value.data() ? value.data() : "";
  at.length = static_cast<int>(value.size());
  at.binary = true;
  return *this;
}

Arguments& Arguments::SetNull(int place) {
  Value& at = At(place);
  at.data = nullptr;
  at.length = 0;
  return *this;
}

void ArrayArgument::Clear() {
  bytes_.clear();
  size_ = 0;
}

void ArrayArgument::Add(uint32_t kind, std::string_view value) {
  if (bytes_.empty()) bytes_.resize(20);
  kind_ = kind;
  PutBig(bytes_, value.size(), 4);
  bytes_.append(value);
  ++size_;
}

void ArrayArgument::AddInt(int64_t value) {
  std::string bytes;
  PutBig(bytes, static_cast<uint64_t>(value), 8);
  Add(kInt8, bytes);
}

void ArrayArgument::AddBlob(std::string_view value) { Add(kBytea, value); }
void ArrayArgument::AddText(std::string_view value) { Add(kText, value); }

std::string_view ArrayArgument::bytes() {
  // One dimension, no NULLs, the kind, how many, counted from 1.
  std::string head;
  for (const uint32_t word : {1u, 0u, kind_, size_, 1u}) PutBig(head, word, 4);
  if (bytes_.empty()) bytes_.resize(20);
  bytes_.replace(0, 20, head);
  return bytes_;
}

void Rows::Clear(pg_result* result) { PQclear(result); }
int Rows::size() const { return PQntuples(result_.get()); }
std::string_view Rows::View(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<size_t>(PQgetlength(result_.get(), row, column))};
}
bool Rows::IsNull(int row, int column) const {
  return PQgetisnull(result_.get(), row, column) != 0;
}
int64_t Rows::Int(int row, int column) const {
  const std::string_view value = View(row, column);
  const auto bits = GetBig(value.data(), static_cast<int>(value.size()));
  switch (value.size()) {
    case 1:
    case 8:
      return static_cast<int64_t>(bits);
    case 2:
      return static_cast<int16_t>(bits);
    case 4:
      return static_cast<int32_t>(bits);
    default:
      return 0;  // NULL
  }
}
double Rows::Real(int row, int column) const {
  const std::string_view value = View(row, column);
  if (value.size() == 4)
    return std::bit_cast<float>(static_cast<uint32_t>(GetBig(value.data(), 4)));
  return value.size() == 8 ? std::bit_cast<double>(GetBig(value.data(), 8)) : 0;
}
std::string_view Rows::command() const { return PQcmdStatus(result_.get()); }
int64_t Rows::changed() const {
  const char* text = PQcmdTuples(result_.get());
  int64_t count = 0;
  std::from_chars(text, text + std::strlen(text), count);
  return count;
}

Postgres::Postgres(Options options) : options_(std::move(options)), place_("PostgreSQL") {}
Postgres::~Postgres() { PQfinish(connection_); }

int Postgres::Prepare(std::string sql) {
  statements_.push_back({std::move(sql), false});
  return static_cast<int>(statements_.size()) - 1;
}

absl::Status Postgres::Connect() {
  if (!open_) Freshen();
  if (connection_) return absl::OkStatus();
  if (open_) return LostInside();
  // A server that is away costs each caller in turn no more than this refusal.
  if (!refused_.ok() && clock_.Monotonic() - refused_at_ < kReconnectPause) return refused_;
  refused_ = ConnectNow();
  refused_at_ = clock_.Monotonic();
  return refused_;
}

absl::Status Postgres::Open() {
  absl::Status status = Connect();
  if (status.ok() || status.code() == absl::StatusCode::kFailedPrecondition) return status;
  return FailedPrecondition("STORE_UNUSABLE",
                            std::string(status.message()) +
                                "; check that the server runs, and the URL's user and database");
}

absl::Status Postgres::ConnectNow() {
  auto target = ReadTarget(options_.url);
  if (!target.ok()) return target.status();
  place_ = target->place;
  const std::string seconds =
      std::to_string(std::max<int64_t>(2, options_.connect_timeout / Seconds(1)));
  // Those before dbname give way to the URL's.
  const char* const names[] = {"connect_timeout",  "keepalives_idle",  "keepalives_interval",
                               "keepalives_count", "tcp_user_timeout", "fallback_application_name",
                               "dbname",           "client_encoding",  nullptr};
  const char* const values[] = {seconds.c_str(),      "10",   "3",    "3", "15000", "invigil",
                                options_.url.c_str(), "UTF8", nullptr};
  absl::Status status = Adopt(PQconnectdbParams(names, values, /*expand_dbname=*/1));
  if (status.ok()) {
    ++connects_;
  } else {
    (void)Lose("");
  }
  lost_ = absl::OkStatus();
  return status;
}

absl::Status Postgres::Adopt(pg_conn* connection) {
  connection_ = connection;
  if (PQstatus(connection_) != CONNECTION_OK) {
    return Unavailable("STORE_IO", "can't reach the database " + place_ + ": " +
                                       FirstLine(PQerrorMessage(connection_)));
  }
  PQsetNoticeProcessor(
      connection_, [](void*, const char*) {}, nullptr);
  if (PQsetnonblocking(connection_, 1) != 0 || PQenterPipelineMode(connection_) != 1) {
    return Internal("libpq refuses pipeline mode");
  }
  const char* const encoding = PQparameterStatus(connection_, "server_encoding");
  INVIGIL_RETURN_IF_ERROR(CheckEncoding(encoding ? encoding : "", place_));
  INVIGIL_RETURN_IF_ERROR(
      Script(SessionSettings(options_.schema, options_.read_only), options_.reply_timeout));
  // What is acknowledged must survive power loss.
  SendPlain("SELECT current_setting('fsync', true) = 'off'");
  Rows rows;
  INVIGIL_RETURN_IF_ERROR(Settle(&rows));
  if (rows.size() == 1 && rows.Int(0, 0) != 0) {
    return FailedPrecondition("STORE_UNUSABLE", "the database " + place_ +
                                                    " runs with fsync=off and would lose what was "
                                                    "acknowledged: set fsync=on");
  }
  return absl::OkStatus();
}

void Postgres::Freshen() {
  if (!connection_) return;
  pollfd socket{PQsocket(connection_), POLLIN, 0};
  if (poll(&socket, 1, 0) <= 0) return;
  // Unasked, a server speaks to take leave; or of a changed setting, so rarely that a new
  // connection does no harm.
  (void)Lose("");
  lost_ = absl::OkStatus();
}

absl::Status Postgres::Lose(const std::string& why) {
  PQfinish(std::exchange(connection_, nullptr));
  for (Prepared& statement : statements_) statement.ready = false;
  awaited_.clear();
  lost_ = Unavailable("STORE_IO", "the connection to the database " + place_ + " was lost" +
                                      (why.empty() ? "" : ": " + FirstLine(why)));
  return lost_;
}

absl::Status Postgres::LoseUnanswered(Duration until) {
  return Lose(clock_.Monotonic() >= until ? "no answer in time" : PQerrorMessage(connection_));
}

absl::Status Postgres::LostInside() const {
  return lost_.ok() ? Unavailable("STORE_IO", "no connection to the database " + place_).Build()
                    : lost_;
}

void Postgres::SendPlain(const char* sql) {
  if (!connection_) return;
  if (PQsendQueryParams(connection_, sql, 0, nullptr, nullptr, nullptr, nullptr, 1) != 1) {
    (void)Lose(PQerrorMessage(connection_));
    return;
  }
  awaited_.push_back(-1);
}

void Postgres::Send(int statement, const Arguments& arguments) {
  if (!connection_) return;
  Prepared& prepared = statements_[static_cast<size_t>(statement)];
  const std::string name = "s" + std::to_string(statement);
  if (!prepared.ready) {
    if (PQsendPrepare(connection_, name.c_str(), prepared.sql.c_str(), 0, nullptr) != 1) {
      (void)Lose(PQerrorMessage(connection_));
      return;
    }
    awaited_.push_back(statement);
    prepared.ready = true;  // taken back when the server says otherwise
  }
  const auto count = arguments.values_.size();
  std::vector<const char*> values(count);
  std::vector<int> lengths(count), formats(count);
  for (size_t i = 0; i < count; ++i) {
    const Arguments::Value& value = arguments.values_[i];
    values[i] = value.data ? value.data : value.length > 0 ? value.number.data() : nullptr;
    lengths[i] = value.length;
    formats[i] = value.binary ? 1 : 0;
  }
  if (PQsendQueryPrepared(connection_, name.c_str(), static_cast<int>(count), values.data(),
                          lengths.data(), formats.data(), 1) != 1) {
    (void)Lose(PQerrorMessage(connection_));
    return;
  }
  awaited_.push_back(-1);
}

bool Postgres::NextResult(Duration until, pg_result** result) {
  while (PQisBusy(connection_) != 0) {
    const int unsent = PQflush(connection_);
    if (unsent < 0) return false;
    pollfd socket{PQsocket(connection_),
                  static_cast<short>(POLLIN | (unsent > 0 ? POLLOUT : 0)),  // NOLINT: poll's type
                  0};
    const int64_t left = (until - clock_.Monotonic()) / Millis(1);
    if (left <= 0) return false;
    if (poll(&socket, 1, static_cast<int>(left)) < 0 && errno != EINTR) return false;
    if ((socket.revents & ~POLLOUT) != 0 && PQconsumeInput(connection_) != 1) return false;
  }
  *result = PQgetResult(connection_);
  return true;
}

absl::Status Postgres::Settle(Rows* last) {
  if (!connection_) return LostInside();
  if (PQpipelineSync(connection_) != 1) return Lose(PQerrorMessage(connection_));
  const Duration until = clock_.Monotonic() + options_.reply_timeout;
  absl::Status first;
  bool gone = false;
  int silent = 0;
  while (true) {
    pg_result* raw = nullptr;
    if (!NextResult(until, &raw)) {
      absl::Status lost = LoseUnanswered(until);
      return first.ok() ? lost : first;
    }
    if (!raw) {  // the end of one statement's results; twice in a row never happens
      if (++silent > 1) return Lose("the protocol is out of step");
      continue;
    }
    silent = 0;
    Rows rows(raw);
    const ExecStatusType kind = PQresultStatus(raw);
    if (kind == PGRES_PIPELINE_SYNC) break;
    const int about = awaited_.empty() ? -1 : awaited_.front();
    if (!awaited_.empty()) awaited_.pop_front();
    if (kind == PGRES_COMMAND_OK || kind == PGRES_TUPLES_OK) {
      if (last) *last = std::move(rows);
      continue;
    }
    if (about >= 0) statements_[static_cast<size_t>(about)].ready = false;
    if (kind == PGRES_PIPELINE_ABORTED || !first.ok()) continue;
    first = ResultStatus(raw, place_);
    gone = EndsConnection(raw);
  }
  if (gone) (void)Lose(std::string(first.message()));
  return first;
}

absl::Status Postgres::Check(int statement) {
  INVIGIL_RETURN_IF_ERROR(Connect());
  Prepared& prepared = statements_[static_cast<size_t>(statement)];
  if (prepared.ready) return absl::OkStatus();
  const std::string name = "s" + std::to_string(statement);
  if (PQsendPrepare(connection_, name.c_str(), prepared.sql.c_str(), 0, nullptr) != 1) {
    return Lose(PQerrorMessage(connection_));
  }
  awaited_.push_back(statement);
  prepared.ready = true;
  return Settle(nullptr);
}

absl::Status Postgres::Begin(const char* how) {
  Rollback();
  INVIGIL_RETURN_IF_ERROR(Connect());
  open_ = true;
  SendPlain(how);
  return connection_ ? absl::OkStatus() : LostInside();
}

void Postgres::Queue(int statement, const Arguments& arguments) { Send(statement, arguments); }

absl::StatusOr<Rows> Postgres::Ask(int statement, const Arguments& arguments) {
  INVIGIL_RETURN_IF_ERROR(Connect());
  Send(statement, arguments);
  Rows rows;
  INVIGIL_RETURN_IF_ERROR(Settle(&rows));
  return rows;
}

absl::Status Postgres::Commit() {
  if (!open_) return Internal("no transaction is open");
  const bool asked = connection_ != nullptr;
  SendPlain("COMMIT");
  Rows rows;
  absl::Status status = Settle(&rows);
  if (status.ok() && rows.command() != "COMMIT") {
    status = Internal("the database took back a transaction that met an error before");
  }
  // The answer, not the commit, may be what was lost.
  if (asked && !connection_ && status.code() == absl::StatusCode::kUnavailable) {
    status = Error(absl::StatusCode::kUnavailable, "STORE_IO",
                   std::string(status.message()) +
                       "; whether the last transaction was stored is not known: read, or repeat "
                       "what may be repeated")
                 .With("outcome", "unknown")
                 .RetryAfter(Seconds(1));
  }
  if (!status.ok()) Rollback();
  open_ = false;
  lost_ = absl::OkStatus();
  return status;
}

void Postgres::Rollback() {
  if (!open_) return;
  if (connection_) {
    SendPlain("ROLLBACK");
    absl::Status ignored = Settle(nullptr);
    // What was queued before it may have failed, and then it did not run: once more.
    if (connection_ && PQtransactionStatus(connection_) != PQTRANS_IDLE) {
      SendPlain("ROLLBACK");
      ignored = Settle(nullptr);
      if (connection_ && PQtransactionStatus(connection_) != PQTRANS_IDLE) ignored = Lose("");
    }
  }
  open_ = false;
  lost_ = absl::OkStatus();
}

absl::Status Postgres::Script(const std::string& sql) {
  // Migrations may take a while on a large table.
  return Script(sql, std::max<Duration>(options_.reply_timeout, Minutes(5)));
}

absl::Status Postgres::Script(const std::string& sql, Duration limit) {
  if (!awaited_.empty()) INVIGIL_RETURN_IF_ERROR(Settle(nullptr));
  if (!connection_) return LostInside();
  if (PQexitPipelineMode(connection_) != 1 || PQsendQuery(connection_, sql.c_str()) != 1) {
    return Lose(PQerrorMessage(connection_));
  }
  const Duration until = clock_.Monotonic() + limit;
  absl::Status first;
  while (true) {
    pg_result* raw = nullptr;
    if (!NextResult(until, &raw)) return LoseUnanswered(until);
    if (!raw) break;
    const Rows rows(raw);
    const ExecStatusType kind = PQresultStatus(raw);
    if (kind == PGRES_COMMAND_OK || kind == PGRES_TUPLES_OK || kind == PGRES_EMPTY_QUERY) continue;
    if (first.ok()) first = ResultStatus(raw, place_);
  }
  if (PQstatus(connection_) != CONNECTION_OK || PQenterPipelineMode(connection_) != 1) {
    (void)Lose(std::string(first.message()));
  }
  return first;
}

}  // namespace invigil::sql
