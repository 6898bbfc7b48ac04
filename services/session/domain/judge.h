// How each command is answered. Used by Decide alone.
#pragma once

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "services/session/domain/commands.h"
#include "services/session/domain/decide.h"

namespace invigil::session {

// Answers one command against a session of which nothing is due. Each handler returns the refusal
// and adds what happens to `decision`.
class Judge {
 public:
  Judge(const State& state, Decision& decision) : state_(state), decision_(decision) {}

  // What candidates ask for: judge_candidate.cc
  absl::Status operator()(const Read&) const { return absl::OkStatus(); }
  absl::Status operator()(const Reserve& reserve) const;
  absl::Status operator()(const Start& start) const;
  absl::Status operator()(const SaveResponses& save) const;
  absl::Status operator()(const SaveProgress& save) const;
  absl::Status operator()(const LeavePart& leave) const;
  absl::Status operator()(const TakeBreak& take) const;
  absl::Status operator()(const EndBreak& end) const;
  absl::Status operator()(const Submit& submit) const;
  absl::Status operator()(const TakeOver&) const;
  absl::Status operator()(const Claim& claim) const;

  // What proctors, operators and the suite itself ask for: judge_staff.cc
  absl::Status operator()(const Expire&) const;
  absl::Status operator()(const CheckIn& check_in) const;
  absl::Status operator()(const GrantTime& command) const;
  absl::Status operator()(const Pause& pause) const;
  absl::Status operator()(const Resume& resume) const;
  absl::Status operator()(const Terminate& terminate) const;
  absl::Status operator()(const Reopen& reopen) const;
  absl::Status operator()(const RecoverResponses& recover) const;
  absl::Status operator()(const SendMessage& send) const;
  absl::Status operator()(const ConfirmMessage& confirm) const;
  absl::Status operator()(const ReportIrregularity& report) const;
  absl::Status operator()(const RecordScore& score) const;
  absl::Status operator()(const HoldScore& hold) const;
  absl::Status operator()(const Release& release) const;
  absl::Status operator()(const Void& command) const;

 private:
  template <typename E>
  void Happen(E&& event) const {
    decision_.events.emplace_back(std::forward<E>(event));
  }
  // Ends the current part for the candidate: enters the next one, or seals as SUBMITTED.
  void Leave() const;
  absl::Status CheckGrant(const Grant& grant, const std::string& actor, const std::string& reason,
                          bool zero_allowed) const;

  const State& state_;
  Decision& decision_;
};

}  // namespace invigil::session
