#include "services/session/store/codec.h"

#include <gmock/gmock.h>
#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <set>
#include "common/base/random.h"
#include "common/error/error.h"
#include "services/session/domain/fixtures_for_test.h"

namespace invigil::session {
namespace {

std::vector<Event> EveryKind() {
  ResponsesStored stored;
  stored.responses.push_back({0, {1, 0}});
  stored.responses.push_back({999, {4'294'967'295u, 0x3ffffff}});
  return {Reserved{{"ann", "CLF-C02", "req"}},
          FormAttached{fixtures::MakePlannedForm()},
          Started{std::make_shared<const Accommodation>(
                      Accommodation{Minutes(30), {Minutes(1), Minutes(2)}, Minutes(10)}),
                  fixtures::kStart},
          stored,
          TakenOver{7},
          TimeGranted{{"g", -Minutes(3)}, "proctor", "alarm"},
          Sealed{SessionState::kSubmitted, fixtures::kStart},
          Scored{2, std::make_shared<const std::string>(std::string("\0\xff report", 9))},
          Released{},
          Released{"olga", "reviewed"},
          HoldChanged{true, "olga", "under review"},
          HoldChanged{false, "olga", "a mistake"},
          Voided{"wrong person", "operator"},
          PartEntered{3, fixtures::kStart, true},
          BreakStarted{BreakKind::kPooled, {0, 64}},
          BreakEnded{fixtures::kStart},
          Paused{"proctor", "fire drill"},
          Resumed{true, "proctor", "all clear"},
          Reopened{{"g2", Minutes(5)}, "operator", "power cut"},
          ResponsesRecovered{"r1", "operator", "from the disk", {{7, {2, 3}}}},
          ProgressStored{{{5, {2, 61'000, true}}}, 6},
          CheckedIn{"proctor", "passport"},
          MessageSent{"m1", "ann", "the screen flickers", true},
          MessageConfirmed{"m1"},
          MessageConfirmed{"m1", "petra"},
          IrregularityReported{"i1", "disturbance", "a phone rang", "proctor"},
          Claimed{"account-1"}};
}

TEST(CodecTest, EveryKindReadsBackAsItWasWritten) {
  const auto events = EveryKind();
  std::set<size_t> kinds;
  for (const Event& event : events) kinds.insert(event.index());
  EXPECT_EQ(kinds.size(), std::variant_size_v<Event>);
  std::string bytes = "left over";
  for (const Event& event : events) {
    EncodeEvent(event, bytes);
    const auto read = DecodeEvent(bytes);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_TRUE(*read == event) << event.index();
  }
}

// A log written today must replay for ever: these bytes are in the field.
TEST(CodecTest, TheBytesOfASaveNeverChange) {
  ResponsesStored stored;
  stored.responses.push_back({3, {2, 5}});
  std::string bytes;
  EncodeEvent(stored, bytes);
  EXPECT_EQ(bytes, std::string("\x22\x08\x0a\x06\x08\x03\x10\x02\x18\x05"));
}

TEST(CodecTest, DamagedBytesAreRefusedAndNeverCrash) {
  google::protobuf::SetLogHandler(nullptr);  // it would say so thousands of times
  EXPECT_EQ(ReasonOf(DecodeEvent("").status()), "LOG_CORRUPT");
  EXPECT_EQ(ReasonOf(DecodeEvent("\xff\xff").status()), "LOG_CORRUPT");
  Random random(1);
  for (const Event& event : EveryKind()) {
    std::string bytes;
    EncodeEvent(event, bytes);
    for (int i = 0; i < 2000; ++i) {
      std::string damaged = bytes.substr(0, bytes.size() - random.Below(2));
      if (damaged.empty()) continue;
      damaged[random.Below(damaged.size())] = static_cast<char>(random.Below(256));
      const auto read = DecodeEvent(damaged);
      if (!read.ok()) {
        EXPECT_EQ(ReasonOf(read.status()), "LOG_CORRUPT");
      }
    }
  }
}

}  // namespace
}  // namespace invigil::session
