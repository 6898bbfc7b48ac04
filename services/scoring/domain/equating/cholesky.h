// Cholesky factors of small symmetric matrices kept as packed lower triangles: row i holds its
// first i + 1 entries. Header only: it sits in the innermost loop of the bootstrap.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace invigil::scoring::equating {

// Replaces `a` by its factor. False where it is not positive definite; `a` is then spoilt.
inline bool CholeskyFactor(std::vector<double>& a, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    double* row_i = &a[i * (i + 1) / 2];
    for (size_t j = 0; j <= i; ++j) {
      const double* row_j = &a[j * (j + 1) / 2];
      double sum = row_i[j];
      for (size_t k = 0; k < j; ++k) sum -= row_i[k] * row_j[k];
      if (i != j) {
        row_i[j] = sum / row_j[j];
      } else if (sum > 0 && std::isfinite(sum)) {
        row_i[i] = std::sqrt(sum);
      } else {
        return false;
      }
    }
  }
  return true;
}

// b becomes L^-1 b.
inline void CholeskyForward(const std::vector<double>& l, size_t n, double* b) {
  for (size_t i = 0; i < n; ++i) {
    const double* row = &l[i * (i + 1) / 2];
    for (size_t k = 0; k < i; ++k) b[i] -= row[k] * b[k];
    b[i] /= row[i];
  }
}

// b becomes (L L')^-1 b.
inline void CholeskySolve(const std::vector<double>& l, size_t n, double* b) {
  CholeskyForward(l, n, b);
  for (size_t i = n; i-- > 0;) {
    for (size_t k = i + 1; k < n; ++k) b[i] -= l[k * (k + 1) / 2 + i] * b[k];
    b[i] /= l[i * (i + 1) / 2 + i];
  }
}

}  // namespace invigil::scoring::equating
