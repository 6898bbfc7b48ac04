// Integrals with awkward ends. Pure; any thread.
#pragma once

#include <functional>

namespace invigil::scoring {

// The integral of f over [low, high] by the double exponential rule (Takahasi & Mori 1974): exact
// to about 1e-12 for what is smooth inside, also where f is infinite at an end as long as the
// integral is not. f gets x and its distances from both ends, each with all its digits. 0 unless
// low < high.
double Integrate(double low, double high,
                 const std::function<double(double x, double from_low, double to_high)>& f);

}  // namespace invigil::scoring
