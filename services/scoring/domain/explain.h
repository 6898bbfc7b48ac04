// How a score came about, and how far it is from the cut, in points and in questions.
#pragma once

#include <cstdint>
#include <string>

#include "services/scoring/domain/conversion.h"

namespace invigil::scoring {

struct Explanation {
  double points_from_cut = 0;           // unrounded; negative below the cut
  int32_t questions_from_cut = 0;       // negative below the cut
  double points_per_question_up = 0;    // what one more right would have added; 0 at the maximum
  double points_per_question_down = 0;  // what one fewer would have cost; 0 at raw 0
  std::string text;
};

// Of the result `raw_score` on the conversion's form; raw_score is at most the form's maximum.
Explanation Explain(const Conversion& conversion, uint32_t raw_score);

}  // namespace invigil::scoring
