// invigil.scoring.v1.ReportService on gRPC.
#pragma once

#include <memory>

#include "common/rpc/executor.h"
#include "common/rpc/guard.h"
#include "services/scoring/reports/report_desk.h"

namespace grpc {
class Service;
}

namespace invigil::scoring::reports {

// What it is given outlives it. Nothing blocks in its reactions.
std::shared_ptr<grpc::Service> MakeReportService(const rpc::Guard& guard, ReportDesk& desk,
                                                 rpc::Executor& executor);

}  // namespace invigil::scoring::reports
