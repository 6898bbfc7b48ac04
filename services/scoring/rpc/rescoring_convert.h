// Between the messages of RescoringService and what the store keeps. No gRPC.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "invigil/scoring/v1/rescoring.pb.h"
#include "services/scoring/rpc/rescore_session.h"
#include "services/scoring/store/rescoring_store.h"

namespace invigil::scoring {

// What a request asks for, in canonical form. Errors: INVALID_ARGUMENT (RESCORING_INVALID) with
// every problem as a field.
absl::StatusOr<RescoringDefinition> DefinitionFromProto(const v1::CreateRescoringRequest& request);

// Of a filter. Errors: INVALID_ARGUMENT (PAGE_INVALID).
absl::StatusOr<RescoringStore::ChangeFilter> FilterFromProto(
    const v1::ListRescoringChangesRequest& request);

// Without acts. Errors: INTERNAL when what is stored can't be read.
absl::Status FillRescoring(const RescoringRecord& record, v1::Rescoring* rescoring);
// The acts, and whether their chain is whole and fits the record.
void FillActs(const RescoringRecord& record, const std::vector<ActRecord>& acts,
              v1::Rescoring* rescoring);
void FillChange(const ChangeRecord& change, v1::RescoringChange* out);
absl::Status FillRevision(const RevisionRecord& record, v1::KeyRevision* out);
void FillReplayed(const Replayed& replayed, v1::ReplayedScore* out);

}  // namespace invigil::scoring
