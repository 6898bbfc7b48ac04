// A reliability table for people: printed, and drawn as SVG.
#pragma once

#include <string>
#include <vector>

#include "services/scoring/domain/signals/simulate.h"

namespace invigil::bench {

struct NamedTable {
  std::string name;
  scoring::ReliabilityTable table;
};

// One line a bin: cases, stated, observed, their difference in points and the observed share's
// standard error.
void PrintTable(const NamedTable& named);

// Stated against observed with 95 % bars of the observed shares, one panel a table, the 5 points on
// either side of the diagonal shaded. Returns false when the file can't be written.
bool DrawTables(const std::string& title, const std::vector<NamedTable>& tables,
                const std::string& path);

}  // namespace invigil::bench
