// All hints of the checks of norms, as the program uses them.
#pragma once

#include "verifier/theorems/hints.hpp"

namespace lipverify {

[[nodiscard]] Hints hints();

}  // namespace lipverify
