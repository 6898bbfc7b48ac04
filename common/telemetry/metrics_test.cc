#include "common/telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace invigil::telemetry {
namespace {

using ::testing::HasSubstr;

// Metrics live as long as the process: a repeated test needs a new name. Letters only, so that it
// is a valid name with any ending.
std::string Fresh() {
  static int run = 0;
  return "invigil_test" + std::string(static_cast<size_t>(++run), 'x');
}

TEST(Metrics, SameNameAndLabelsGiveTheSameObject) {
  const std::string name = Fresh();
  Counter& a = GetCounter(name + "_same_total", "x", {{"kind", "a"}});
  Counter& again = GetCounter(name + "_same_total", "x", {{"kind", "a"}});
  Counter& b = GetCounter(name + "_same_total", "x", {{"kind", "b"}});
  EXPECT_EQ(&a, &again);
  EXPECT_NE(&a, &b);
  a.Add();
  a.Add(2);
  EXPECT_EQ(again.Value(), 3);
  EXPECT_EQ(b.Value(), 0);
}

TEST(Metrics, RendersThePrometheusTextFormat) {
  const std::string name = Fresh();
  GetCounter(name + "_render_total", "Things\nseen.", {{"kind", "a\"b"}}).Add(5);
  GetGauge(name + "_render_depth", "How deep.").Set(7);
  GetGauge(name + "_render_depth", "How deep.").Add(-2.5);
  const std::string text = RenderMetrics();
  EXPECT_THAT(text, HasSubstr("# TYPE " + name + "_render_total counter\n"));
  EXPECT_THAT(text, HasSubstr(name + "_render_total{kind=\"a\\\"b\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("# HELP " + name + "_render_depth How deep.\n"));
  EXPECT_THAT(text, HasSubstr(name + "_render_depth 4.5\n"));
  EXPECT_THAT(text, HasSubstr("invigil_log_lines_dropped_total 0\n"));
}

TEST(Metrics, HistogramBucketsIncludeTheirBound) {
  const std::string name = Fresh();
  Histogram& histogram = GetHistogram(name + "_size", "Sizes.", {1, 10});
  for (double value : {0.5, 1.0, 1.5, 100.0}) histogram.Observe(value);
  const std::string text = RenderMetrics();
  EXPECT_THAT(text, HasSubstr(name + "_size_bucket{le=\"1\"} 2\n"));
  EXPECT_THAT(text, HasSubstr(name + "_size_bucket{le=\"10\"} 3\n"));
  EXPECT_THAT(text, HasSubstr(name + "_size_bucket{le=\"+Inf\"} 4\n"));
  EXPECT_THAT(text, HasSubstr(name + "_size_sum 103\n"));
  EXPECT_THAT(text, HasSubstr(name + "_size_count 4\n"));
}

TEST(Metrics, NoBucketsMeansLatency) {
  const std::string name = Fresh();
  GetHistogram(name + "_wait_seconds", "Waits.").Observe(0.00004);
  EXPECT_THAT(RenderMetrics(), HasSubstr(name + "_wait_seconds_bucket{le=\"5e-05\"} 1\n"));
}

TEST(Metrics, NothingIsLostBetweenThreads) {
  const std::string name = Fresh();
  constexpr int kEach = 10'000;
  Counter& counter = GetCounter(name + "_threads_total", "x");
  Histogram& histogram = GetHistogram(name + "_threads_size", "x", {1});
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
  EXPECT_THAT(RenderMetrics(), HasSubstr(name + "_threads_size_bucket{le=\"1\"} 10000\n"));
}

TEST(MetricsDeathTest, OneNameAsTwoKindsAborts) {
  GetCounter("invigil_test_kind", "x");
  EXPECT_DEATH(GetGauge("invigil_test_kind", "x"), "metric invigil_test_kind: ");
  EXPECT_DEATH(GetCounter("invigil test", "x"), "metric invigil test: ");
}

}  // namespace
}  // namespace invigil::telemetry
