#include "common/telemetry/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>

#include "common/log/log.h"

namespace invigil::telemetry {
namespace {

const std::vector<double> kLatencySeconds = {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025,
                                             0.005,   0.01,   0.025,   0.05,   0.1,   0.25,
                                             0.5,     1,      2.5,     5,      10};

class PrometheusCounter final : public Counter {
 public:
  explicit PrometheusCounter(prometheus::Counter& counter) : counter_(counter) {}
  void Add(double amount) override { counter_.Increment(amount); }
  double Value() const override { return counter_.Value(); }

 private:
  prometheus::Counter& counter_;
};

class PrometheusGauge final : public Gauge {
 public:
  explicit PrometheusGauge(prometheus::Gauge& gauge) : gauge_(gauge) {}
  void Set(double value) override { gauge_.Set(value); }
  void Add(double amount) override { gauge_.Increment(amount); }
  double Value() const override { return gauge_.Value(); }

 private:
  prometheus::Gauge& gauge_;
};

class PrometheusHistogram final : public Histogram {
 public:
  explicit PrometheusHistogram(prometheus::Histogram& histogram) : histogram_(histogram) {}
  void Observe(double value) override { histogram_.Observe(value); }

 private:
  prometheus::Histogram& histogram_;
};

// Never destroyed: threads may count until the last moment of the process.
class Metrics {
 public:
  static Metrics& Get() {
    static auto* metrics = new Metrics;
    return *metrics;
  }

  Counter& GetCounter(const std::string& name, const std::string& help, const Labels& labels) {
    return Find(counters_, name, labels, [&] {
      auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(registry_);
      return std::make_unique<PrometheusCounter>(family.Add(labels));
    });
  }

  Gauge& GetGauge(const std::string& name, const std::string& help, const Labels& labels) {
    return Find(gauges_, name, labels, [&] {
      auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(registry_);
      return std::make_unique<PrometheusGauge>(family.Add(labels));
    });
  }

  Histogram& GetHistogram(const std::string& name, const std::string& help,
                          const std::vector<double>& buckets, const Labels& labels) {
    return Find(histograms_, name, labels, [&] {
      auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(registry_);
      return std::make_unique<PrometheusHistogram>(
          family.Add(labels, buckets.empty() ? kLatencySeconds : buckets));
    });
  }

  std::string Render() const { return prometheus::TextSerializer().Serialize(registry_.Collect()); }

 private:
  template <typename Metric>
  using Table = std::map<std::pair<std::string, Labels>, std::unique_ptr<Metric>>;

  template <typename Metric, typename Make>
  Metric& Find(Table<Metric>& table, const std::string& name, const Labels& labels, Make make) {
    std::lock_guard lock(mutex_);
    std::unique_ptr<Metric>& slot = table[{name, labels}];
    if (!slot) {
      try {
        slot = make();
      } catch (const std::exception& error) {
        // A malformed name, or one name as two kinds: the program is wrong, and says so at start.
        std::fprintf(stderr, "metric %s: %s\n", name.c_str(), error.what());
        std::abort();
      }
    }
    return *slot;
  }

  std::mutex mutex_;
  prometheus::Registry registry_;
  Table<Counter> counters_;
  Table<Gauge> gauges_;
  Table<Histogram> histograms_;
};

// The log does not know this room, so its count is fetched when somebody looks.
void UpdateLogCounter() {
  static std::mutex mutex;
  static Counter& dropped = GetCounter("invigil_log_lines_dropped_total",
                                       "Log lines lost: the queue was full or writing failed.");
  std::lock_guard lock(mutex);
  dropped.Add(static_cast<double>(log::DroppedLines()) - dropped.Value());
}

}  // namespace

Counter& GetCounter(const std::string& name, const std::string& help, const Labels& labels) {
  return Metrics::Get().GetCounter(name, help, labels);
}

Gauge& GetGauge(const std::string& name, const std::string& help, const Labels& labels) {
  return Metrics::Get().GetGauge(name, help, labels);
}

Histogram& GetHistogram(const std::string& name, const std::string& help,
                        const std::vector<double>& buckets, const Labels& labels) {
  return Metrics::Get().GetHistogram(name, help, buckets, labels);
}

std::string RenderMetrics() {
  UpdateLogCounter();
  return Metrics::Get().Render();
}

}  // namespace invigil::telemetry
