// WatchSession and Deliver, over the wire.
#include <gtest/gtest.h>

#include "services/session/rpc/service_fixture_for_test.h"

namespace invigil::session {
namespace {

using fixtures::ItemId;

class StreamsTest : public fixtures::ServiceTest {
 protected:
  // A stream of a device; ends with its context.
  struct Device {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReaderWriter<v1::DeliverRequest, v1::DeliverResponse>> stream;
    void Save(uint64_t save_id, size_t item, uint32_t sequence) {
      v1::DeliverRequest request;
      request.mutable_save()->set_save_id(save_id);
      Fill(request.mutable_save()->add_responses(), item, sequence, "B");
      stream->Write(request);
    }
    // The next reply to a save, or a message without one when the stream ends first.
    v1::DeliverResponse Reply() {
      v1::DeliverResponse response;
      while (stream->Read(&response)) {
        if (!response.has_update()) return response;
      }
      return {};
    }
    // The next update.
    v1::WatchSessionResponse Update() {
      v1::DeliverResponse response;
      while (stream->Read(&response)) {
        if (response.has_update()) return response.update();
      }
      return {};
    }
    // Reads what is left: only then the status comes.
    absl::Status End() {
      while (Update().epoch() != 0) {
      }
      return rpc::FromGrpc(stream->Finish());
    }
  };
  std::unique_ptr<Device> Connect(const std::string& token) {
    auto device = std::make_unique<Device>();
    client::Prepare(device->context, Seconds(20), token, telemetry::TraceContext::New());
    device->stream = stub_->Deliver(&device->context);
    return device;
  }
  std::unique_ptr<Device> Open(const std::string& session, const std::string& token,
                               uint32_t epoch = 1) {
    auto device = Connect(token);
    v1::DeliverRequest request;
    request.set_session_id(session);
    request.mutable_open()->set_epoch(epoch);
    device->stream->Write(request);
    return device;
  }
  struct Watcher {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<v1::WatchSessionResponse>> stream;
    // The next update for which `wanted` holds; an empty one when the stream ends first.
    template <typename Wanted>
    v1::WatchSessionResponse Next(Wanted wanted) {
      v1::WatchSessionResponse update;
      while (stream->Read(&update)) {
        if (wanted(update)) return update;
      }
      return {};
    }
    v1::WatchSessionResponse Next() {
      return Next([](const v1::WatchSessionResponse&) { return true; });
    }
    absl::Status End() {
      while (Next().epoch() != 0) {
      }
      return rpc::FromGrpc(stream->Finish());
    }
  };
  std::unique_ptr<Watcher> Watch(const std::string& session, const std::string& token) {
    auto watcher = std::make_unique<Watcher>();
    client::Prepare(watcher->context, Seconds(20), token, telemetry::TraceContext::New());
    v1::WatchSessionRequest request;
    request.set_session_id(session);
    watcher->stream = stub_->WatchSession(&watcher->context, request);
    return watcher;
  }
};

TEST_F(StreamsTest, ATakeOverIsPushedAndShutsTheOldDeviceOut) {
  const std::string session = Started("ann"), token = Token("ann");
  const auto device = Open(session, token);
  EXPECT_EQ(device->Update().epoch(), 1u);
  const auto watcher = Watch(session, token);
  EXPECT_EQ(watcher->Next().epoch(), 1u);
  device->Save(7, 0, 1);
  const auto saved = device->Reply();
  EXPECT_EQ(saved.saved().save_id(), 7u);
  EXPECT_EQ(saved.saved().acks(0).status(), v1::ACK_STATUS_STORED);

  ASSERT_TRUE(Start("ann", "r2", true).ok());
  EXPECT_EQ(device->Update().epoch(), 2u);
  EXPECT_EQ(watcher->Next().epoch(), 2u);
  device->Save(8, 0, 2);
  const auto refused = device->Reply();
  EXPECT_EQ(refused.refused().save_id(), 8u);
  EXPECT_EQ(refused.refused().reason(), "EPOCH_STALE");
  EXPECT_EQ(refused.refused().code(), grpc::FAILED_PRECONDITION);
  device->stream->WritesDone();
  EXPECT_TRUE(device->End().ok());
}

TEST_F(StreamsTest, AWatchEndsWithTheRelease) {
  const std::string session = Started("ann"), token = Token("ann");
  const auto watcher = Watch(session, token);
  EXPECT_EQ(watcher->Next().state(), v1::SESSION_STATE_ACTIVE);
  ASSERT_TRUE(Submit(session, token).ok());
  v1::WatchSessionResponse update, last;
  while (watcher->stream->Read(&update)) {
    EXPECT_GE(update.state(), last.state());
    last = update;
  }
  EXPECT_EQ(last.state(), v1::SESSION_STATE_RELEASED);
  EXPECT_TRUE(watcher->End().ok());
  const auto late = Watch(session, token);
  EXPECT_EQ(late->Next().state(), v1::SESSION_STATE_RELEASED);
  EXPECT_EQ(late->Next().session_id(), "");
  EXPECT_TRUE(late->End().ok());
}

TEST_F(StreamsTest, PartsMessagesPausesAndGrantsArePushed) {
  item_bank_.Use(fixtures::PlannedForm());
  const std::string session = Started("ann"), token = Token("ann");
  const SessionId id = *SessionId::FromHex(session);
  const auto watcher = Watch(session, token);
  const auto device = Open(session, token);
  EXPECT_EQ(device->Update().current_part(), 0u);
  const auto first = watcher->Next();
  EXPECT_EQ(first.current_part(), 0u);
  EXPECT_EQ(first.remaining().seconds(), 120);
  EXPECT_EQ(first.exam_remaining().seconds(), 3600);

  const auto push = [&](Action action) {  // what both streams then say
    EXPECT_TRUE(fixtures::Ask(*engine_, id, std::move(action)).ok());
    const auto update = watcher->Next();
    EXPECT_EQ(device->Update().SerializeAsString(), update.SerializeAsString());
    return update;
  };
  auto update = push(LeavePart{.epoch = 1, .part = 0, .seen = {}, .accept = true});
  EXPECT_EQ(update.current_part(), 1u);
  EXPECT_GT(update.deadline_version(), first.deadline_version());
  update = push(LeavePart{.epoch = 1, .part = 1, .seen = {}});
  EXPECT_EQ(update.current_part(), 2u);
  EXPECT_EQ(update.remaining().seconds(), 600);

  push(SendMessage{"m1", "olga", "ten minutes left"});
  update = push(SendMessage{"m2", "olga", "fire drill"});
  EXPECT_EQ(update.message().message_id(), "m2");
  EXPECT_EQ(update.message().text(), "fire drill");
  EXPECT_EQ(update.unconfirmed_messages(), 2u);
  update = push(ConfirmMessage{"m2", true});
  EXPECT_EQ(update.message().message_id(), "m1");
  update = push(ConfirmMessage{"m1", true});
  EXPECT_FALSE(update.has_message());
  update = push(SendMessage{"m3", "ann", "my mouse is dead", true});
  EXPECT_FALSE(update.has_message()) << "one's own message is none to confirm";

  update = push(Pause{"olga", "fire drill"});
  EXPECT_EQ(update.state(), v1::SESSION_STATE_PAUSED);
  clock_.Advance(Minutes(40));
  update = push(Resume{"olga", "it was a drill"});
  EXPECT_EQ(update.remaining().seconds(), 600) << "to the exact remainder";
  update = push(GrantTime{{"g1", Minutes(5)}, "olga", "the drill"});
  EXPECT_EQ(update.granted().seconds(), 300);
  EXPECT_EQ(update.remaining().seconds(), 900);
  update = push(TakeBreak{.epoch = 1, .pooled = false, .seen = {}});
  EXPECT_EQ(update.break_kind(), v1::BREAK_KIND_UNSCHEDULED);
  update = push(EndBreak{1});
  EXPECT_EQ(update.state(), v1::SESSION_STATE_ACTIVE);
  EXPECT_EQ(update.break_kind(), v1::BREAK_KIND_UNSPECIFIED);
}

// No timer runs in this test: the feed itself looks when the part must have ended.
TEST_F(StreamsTest, APartThatEndsByItsTimeIsPushed) {
  item_bank_.Use(fixtures::PlannedForm());
  const std::string session = Started("ann"), token = Token("ann");
  ASSERT_TRUE(fixtures::Ask(*engine_, *SessionId::FromHex(session),
                            LeavePart{.epoch = 1, .part = 0, .seen = {}, .accept = true})
                  .ok());
  clock_.Advance(Minutes(5) - Millis(1));
  const auto watcher = Watch(session, token);
  EXPECT_EQ(watcher->Next().current_part(), 1u);
  clock_.Advance(Millis(2));
  const auto update = watcher->Next([](const auto& next) { return next.current_part() == 2; });
  EXPECT_EQ(update.session_id(), session);
  EXPECT_LE(update.remaining().seconds(), 600);
}

// An end that has passed while the engine refuses: every screen of a room would ask without a
// pause.
TEST_F(StreamsTest, AnEngineThatRefusesIsAskedByHeartbeatsOnly) {
  constexpr Duration kHeartbeat = Millis(700);  // longer than looks at an end are spread over
  Serve({.heartbeat = kHeartbeat});
  item_bank_.Use(fixtures::PlannedForm());
  const std::string session = Started("ann"), token = Token("ann");
  ASSERT_TRUE(fixtures::Ask(*engine_, *SessionId::FromHex(session),
                            LeavePart{.epoch = 1, .part = 0, .seen = {}, .accept = true})
                  .ok());
  clock_.Advance(Minutes(5) - Millis(1));
  const auto watcher = Watch(session, token);
  EXPECT_EQ(watcher->Next().current_part(), 1u);
  engine_refuses_ = true;
  clock_.Advance(Millis(2));
  const auto refused = [&] {
    const std::lock_guard lock(mutex_);
    return refused_at_;
  };
  ASSERT_TRUE(testing::WaitUntil([&] { return refused().size() >= 3; }));
  EXPECT_GE(refused()[1] - refused()[0], kHeartbeat);
  EXPECT_GE(refused()[2] - refused()[1], kHeartbeat);
  engine_refuses_ = false;
  const auto update = watcher->Next([](const auto& next) { return next.current_part() == 2; });
  EXPECT_EQ(update.session_id(), session) << "and what has ended is shown as soon as it can be";
}

TEST_F(StreamsTest, ARefusedSaveGivesBothValuesBack) {
  item_bank_.Use(fixtures::PlannedForm());
  const std::string session = Started("ann"), token = Token("ann");
  const SessionId id = *SessionId::FromHex(session);
  ASSERT_TRUE(
      fixtures::Ask(*engine_, id, LeavePart{.epoch = 1, .part = 0, .seen = {}, .accept = true})
          .ok());
  ASSERT_TRUE(fixtures::Ask(*engine_, id, LeavePart{.epoch = 1, .part = 1, .seen = {}}).ok());
  ASSERT_TRUE(Save(session, token, 0, 1, "A").ok());
  ASSERT_TRUE(fixtures::Ask(*engine_, id, TakeBreak{.epoch = 1, .pooled = false, .seen = {}}).ok());
  ASSERT_TRUE(fixtures::Ask(*engine_, id, EndBreak{1}).ok());
  const auto device = Open(session, token);
  device->Save(5, 0, 2);
  const auto refused = device->Reply().refused();
  EXPECT_EQ(refused.reason(), "ITEMS_LOCKED");
  EXPECT_EQ(refused.metadata().at("item_ids"), ItemId(0));
  EXPECT_EQ(refused.metadata().at("sent"), "2:B");
  EXPECT_EQ(refused.metadata().at("stored"), "1:A");
  device->Save(6, 1, 3);
  EXPECT_EQ(device->Reply().saved().save_id(), 6u);
  ASSERT_TRUE(Save(session, token, 1, 4, "D").ok());
  device->Save(7, 1, 2);
  const auto stale = device->Reply().saved().acks(0);
  EXPECT_EQ(stale.status(), v1::ACK_STATUS_STALE);
  EXPECT_EQ(stale.sent().option_ids(0), "B");
  EXPECT_EQ(stale.stored().option_ids(0), "D");
}

TEST_F(StreamsTest, AHeartbeatShowsWhatAnotherReplicaDid) {
  const std::string session = Started("ann"), token = Token("ann");
  Serve({.heartbeat = Millis(20)});
  const auto watcher = Watch(session, token);
  EXPECT_EQ(watcher->Next().epoch(), 1u);
  auto other = SessionEngine::Open(dir_.Path("session.db"), clock_);
  ASSERT_TRUE(other.ok()) << other.status();
  ASSERT_TRUE(fixtures::Ask(**other, *SessionId::FromHex(session), TakeOver{}).ok());
  EXPECT_EQ(watcher->Next([](const auto& update) { return update.epoch() == 2; }).epoch(), 2u);
}

TEST_F(StreamsTest, AHeartbeatAfterTheDeadlineShowsTheEnd) {
  scoring_away_ = true;
  const std::string session = Started("ann"), token = Token("ann");
  Serve({.heartbeat = Millis(20)});
  const auto watcher = Watch(session, token);
  EXPECT_EQ(watcher->Next().state(), v1::SESSION_STATE_ACTIVE);
  clock_.Advance(Minutes(90));
  const auto end =
      watcher->Next([](const auto& update) { return update.state() == v1::SESSION_STATE_EXPIRED; });
  EXPECT_EQ(end.remaining().seconds(), 0);
  EXPECT_EQ(end.session_id(), session);
}

TEST_F(StreamsTest, EverySaveIsAnsweredInOrderAfterAHalfClose) {
  const std::string session = Started("ann"), token = Token("ann");
  const auto device = Open(session, token);
  constexpr uint64_t kSaves = 500;  // far more than may wait at a time
  for (uint64_t i = 1; i <= kSaves; ++i) device->Save(i, i % 3, static_cast<uint32_t>(i));
  device->stream->WritesDone();
  for (uint64_t i = 1; i <= kSaves; ++i) ASSERT_EQ(device->Reply().saved().save_id(), i);
  EXPECT_FALSE(device->Reply().has_saved());
  EXPECT_TRUE(device->End().ok());
}

TEST_F(StreamsTest, ARefusalForOverloadWaitsForTheRepliesBeforeIt) {
  Serve({.queue_limit = 2});
  const std::string session = Started("ann"), token = Token("ann");
  const auto device = Open(session, token);
  EXPECT_EQ(device->Update().epoch(), 1u);
  {
    const fixtures::HeldWriter held(*engine_);
    for (uint64_t i = 1; i <= 3; ++i) device->Save(i, 0, static_cast<uint32_t>(i));
    ASSERT_TRUE(testing::WaitUntil([&] { return engine_->Stats().refused_overload == 1; }));
  }
  EXPECT_EQ(device->Reply().saved().save_id(), 1u);
  EXPECT_EQ(device->Reply().saved().save_id(), 2u);
  const auto refused = device->Reply();
  EXPECT_EQ(refused.refused().save_id(), 3u);
  EXPECT_EQ(refused.refused().reason(), "OVERLOADED");
  device->Save(4, 0, 4);
  EXPECT_EQ(device->Reply().saved().save_id(), 4u) << "a refused save does not end the stream";
}

TEST_F(StreamsTest, AnOpeningIsAnsweredThoughNothingFollows) {
  const std::string session = Started("ann");
  for (int i = 0; i < 20; ++i) {
    const auto mine = Open(session, Token("ann"));
    mine->stream->WritesDone();
    EXPECT_EQ(mine->Update().session_id(), session);
    EXPECT_TRUE(mine->End().ok());
    const auto foreign = Open(session, Token("bob"));
    foreign->stream->WritesDone();
    EXPECT_EQ(foreign->Update().session_id(), "");
    EXPECT_EQ(ReasonOf(foreign->End()), "SESSION_NOT_YOURS");
  }
}

TEST_F(StreamsTest, WhatIsAnothersEndsTheStream) {
  const std::string session = Started("ann");
  const auto end = [](const auto& stream) { return ReasonOf(stream->End()); };
  EXPECT_EQ(end(Watch(session, Token("bob"))), "SESSION_NOT_YOURS");
  EXPECT_EQ(end(Watch(session, "")), "TOKEN_MISSING");
  EXPECT_EQ(end(Watch("nonsense", Token("ann"))), "SESSION_ID_INVALID");
  EXPECT_EQ(end(Watch(std::string(32, 'a'), Token("ann"))), "SESSION_NOT_FOUND");
  EXPECT_EQ(end(Watch(session, Token("ann", std::string(32, 'b')))), "TOKEN_OTHER_SESSION");
  EXPECT_EQ(end(Watch(session, Token("olga", "", "operator"))), "ROLE_MISSING");
  EXPECT_EQ(end(Open(session, Token("ann", std::string(32, 'b')))), "TOKEN_OTHER_SESSION");
  EXPECT_EQ(end(Open(session, "")), "TOKEN_MISSING");
  const auto unopened = Connect(Token("ann"));
  unopened->Save(1, 0, 1);
  EXPECT_EQ(end(unopened), "STREAM_PROTOCOL");
  const auto twice = Open(session, Token("ann"));
  v1::DeliverRequest again;
  again.mutable_open()->set_epoch(1);
  twice->stream->Write(again);
  EXPECT_EQ(end(twice), "STREAM_PROTOCOL");
}

// Streams that break off at any moment leave nothing behind: a drain waits for every reactor.
TEST_F(StreamsTest, CancelledStreamsEnd) {
  const std::string session = Started("ann"), token = Token("ann");
  uint32_t sequence = 0;
  for (int i = 0; i < 60; ++i) {
    const auto device = Open(session, token);
    const auto watcher = Watch(session, token);
    if (i % 3 == 0) device->Update();
    for (int k = 0; k < i * 3; ++k) device->Save(1, 0, ++sequence);
    if (i % 2 == 0) {
      ASSERT_TRUE(Start("ann", "take-" + std::to_string(i), true).ok());
    }
    device->context.TryCancel();
    watcher->context.TryCancel();
    EXPECT_EQ(watcher->End().code(), absl::StatusCode::kCancelled);
    EXPECT_EQ(device->End().code(), absl::StatusCode::kCancelled);
  }
  const Duration begun = local_.Monotonic();
  server_->Drain();
  EXPECT_LT(local_.Monotonic() - begun, Seconds(30));
}

TEST_F(StreamsTest, ADrainEndsOpenStreams) {
  const std::string session = Started("ann"), token = Token("ann");
  Serve({.drain_timeout = Millis(100)});
  const auto watcher = Watch(session, token);
  const auto device = Open(session, token);
  EXPECT_EQ(watcher->Next().epoch(), 1u);
  EXPECT_EQ(device->Update().epoch(), 1u);
  Stop();
  EXPECT_FALSE(watcher->End().ok());
  EXPECT_FALSE(device->End().ok());
}

}  // namespace
}  // namespace invigil::session
