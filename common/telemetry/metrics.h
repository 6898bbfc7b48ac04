// Numbers for Prometheus. Names are `invigil_<area>_<what>_<unit>`; labels come from small fixed
// sets, never from ids. References stay valid for the life of the process; all thread-safe.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace invigil::telemetry {

using Labels = std::map<std::string, std::string>;

class Counter {
 public:
  virtual ~Counter() = default;
  virtual void Add(double amount = 1) = 0;
  virtual double Value() const = 0;
};

class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void Set(double value) = 0;
  virtual void Add(double amount) = 0;
  virtual double Value() const = 0;
};

class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void Observe(double value) = 0;
};

// The same name and labels give the same object.
Counter& GetCounter(const std::string& name, const std::string& help, const Labels& labels = {});
Gauge& GetGauge(const std::string& name, const std::string& help, const Labels& labels = {});
// `buckets`: upper bounds, rising. Empty: latency in seconds, 50 us to 10 s.
Histogram& GetHistogram(const std::string& name, const std::string& help,
                        const std::vector<double>& buckets = {}, const Labels& labels = {});

// Everything in the Prometheus text format 0.0.4.
std::string RenderMetrics();

}  // namespace invigil::telemetry
