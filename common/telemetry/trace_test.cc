#include "common/telemetry/trace.h"

#include <gtest/gtest.h>

namespace invigil::telemetry {
namespace {

constexpr char kTrace[] = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr char kSpan[] = "00f067aa0ba902b7";

std::string Header(const std::string& version, const std::string& flags,
                   const std::string& more = "") {
  return version + "-" + kTrace + "-" + kSpan + "-" + flags + more;
}

TEST(Trace, HeaderThereAndBack) {
  for (const char* flags : {"00", "01"}) {
    const TraceContext context = TraceContext::FromHeader(Header("00", flags));
    EXPECT_EQ(context.trace_id, kTrace);
    EXPECT_EQ(context.span_id, kSpan);
    EXPECT_EQ(context.sampled, flags[1] == '1');
    EXPECT_EQ(context.ToHeader(), Header("00", flags));
  }
}

TEST(Trace, OnlyTheLowestFlagBitMeansSampled) {
  EXPECT_TRUE(TraceContext::FromHeader(Header("00", "0b")).sampled);
  EXPECT_FALSE(TraceContext::FromHeader(Header("00", "fe")).sampled);
}

TEST(Trace, LaterVersionsAreReadAsFarAsKnown) {
  EXPECT_EQ(TraceContext::FromHeader(Header("01", "01")).trace_id, kTrace);
  EXPECT_EQ(TraceContext::FromHeader(Header("cc", "01", "-what-comes")).trace_id, kTrace);
  EXPECT_NE(TraceContext::FromHeader(Header("cc", "01", ".what")).trace_id, kTrace);
}

TEST(Trace, MalformedHeadersStartANewTrace) {
  std::string upper = Header("00", "01");
  upper[3 + 1] = 'B';
  std::string no_dash = Header("00", "01");
  no_dash[35] = '0';
  const std::string zeros(32, '0');
  for (const std::string& header :
       {std::string(), std::string("00"), Header("ff", "01"), Header("00", "01", "-x"), upper,
        no_dash, Header("00", "0g"), "00-" + zeros + "-" + kSpan + "-01",
        std::string("00-") + kTrace + "-0000000000000000-01", " " + Header("00", "01")}) {
    const TraceContext context = TraceContext::FromHeader(header);
    EXPECT_NE(context.trace_id, kTrace) << header;
    // What came instead is itself well-formed.
    EXPECT_EQ(TraceContext::FromHeader(context.ToHeader()).trace_id, context.trace_id) << header;
  }
}

TEST(Trace, ChildKeepsTraceAndChangesSpan) {
  const TraceContext parent = TraceContext::FromHeader(Header("00", "01"));
  const TraceContext child = parent.Child();
  EXPECT_EQ(child.trace_id, parent.trace_id);
  EXPECT_NE(child.span_id, parent.span_id);
  EXPECT_EQ(child.span_id.size(), 16u);
  EXPECT_TRUE(child.sampled);
}

TEST(Trace, NewTracesDiffer) {
  EXPECT_NE(TraceContext::New().trace_id, TraceContext::New().trace_id);
}

}  // namespace
}  // namespace invigil::telemetry
