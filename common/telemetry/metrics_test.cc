#include "common/telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace invigil::telemetry {
namespace {

using ::testing::HasSubstr;

TEST(Metrics, SameNameAndLabelsGiveTheSameObject) {
  Counter& a = GetCounter("invigil_test_same_total", "x", {{"kind", "a"}});
  Counter& again = GetCounter("invigil_test_same_total", "x", {{"kind", "a"}});
  Counter& b = GetCounter("invigil_test_same_total", "x", {{"kind", "b"}});
  EXPECT_EQ(&a, &again);
  EXPECT_NE(&a, &b);
  a.Add();
  a.Add(2);
  EXPECT_EQ(again.Value(), 3);
  EXPECT_EQ(b.Value(), 0);
}

TEST(Metrics, RendersThePrometheusTextFormat) {
  GetCounter("invigil_test_render_total", "Things\nseen.", {{"kind", "a\"b"}}).Add(5);
  GetGauge("invigil_test_render_depth", "How deep.").Set(7);
  GetGauge("invigil_test_render_depth", "How deep.").Add(-2.5);
  const std::string text = RenderMetrics();
  EXPECT_THAT(text, HasSubstr("# TYPE invigil_test_render_total counter\n"));
  EXPECT_THAT(text, HasSubstr("invigil_test_render_total{kind=\"a\\\"b\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("# HELP invigil_test_render_depth How deep.\n"));
  EXPECT_THAT(text, HasSubstr("invigil_test_render_depth 4.5\n"));
  EXPECT_THAT(text, HasSubstr("invigil_log_lines_dropped_total 0\n"));
}

TEST(Metrics, HistogramBucketsIncludeTheirBound) {
  Histogram& histogram = GetHistogram("invigil_test_size", "Sizes.", {1, 10});
  for (double value : {0.5, 1.0, 1.5, 100.0}) histogram.Observe(value);
  const std::string text = RenderMetrics();
  EXPECT_THAT(text, HasSubstr("invigil_test_size_bucket{le=\"1\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("invigil_test_size_bucket{le=\"10\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("invigil_test_size_bucket{le=\"+Inf\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("invigil_test_size_sum 103\n"));
  EXPECT_THAT(text, HasSubstr("invigil_test_size_count 4\n"));
}

TEST(Metrics, NoBucketsMeansLatency) {
  GetHistogram("invigil_test_wait_seconds", "Waits.").Observe(0.00004);
  EXPECT_THAT(RenderMetrics(), HasSubstr("invigil_test_wait_seconds_bucket{le=\"5e-05\"} 1\n"));
}

TEST(Metrics, NothingIsLostBetweenThreads) {
  constexpr int kEach = 10'000;
  Counter& counter = GetCounter("invigil_test_threads_total", "x");
  Histogram& histogram = GetHistogram("invigil_test_threads_size", "x", {1});
  const auto work = [&] {
    for (int i = 0; i < kEach; ++i) {
      counter.Add();
      histogram.Observe(i % 2 ? 0.5 : 2);
      if (i % 1000 == 0) RenderMetrics();
    }
  };
  std::thread a(work), b(work);
  a.join();
  b.join();
  EXPECT_EQ(counter.Value(), 2 * kEach);
  EXPECT_THAT(RenderMetrics(), HasSubstr("invigil_test_threads_size_bucket{le=\"1\"} 10000\n"));
}

TEST(MetricsDeathTest, OneNameAsTwoKindsAborts) {
  GetCounter("invigil_test_kind", "x");
  EXPECT_DEATH(GetGauge("invigil_test_kind", "x"), "metric invigil_test_kind: ");
  EXPECT_DEATH(GetCounter("invigil test", "x"), "metric invigil test: ");
}

}  // namespace
}  // namespace invigil::telemetry
