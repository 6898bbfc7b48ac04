// Work in fixed blocks on several threads. What is computed does not depend on how many there are:
// each block writes results of its own, and the caller puts them together in block order.
#pragma once

#include <cstddef>
#include <functional>

namespace invigil::scoring {

// Calls body(block) once for every block below `blocks`, on `threads` threads counting this one
// (0: as many as the machine has). Returns when all are done. `body` must not throw.
void ForEachBlock(size_t blocks, int threads, const std::function<void(size_t block)>& body);

}  // namespace invigil::scoring
