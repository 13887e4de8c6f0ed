// Gated products x (a + b g(x)): GELU, SiLU, HardSwish, Mish, Softsign as exporters write them, in several nodes (formats/SPEC.md, section
// 5, elementwise-slope).
#pragma once

#include "certify/numbers/enclosed.hpp"

namespace lipcert {

/// a + b g(x), u = linear x + cubic x^3.
struct Gate {
  enum class Kind {
    sigmoid,        // of u
    tanh,           // of u
    erf,            // of u
    tanh_softplus,  // tanh(log(1 + e^u))
    clamp,          // min(max(u + offset, low), high)
    inverse,        // 1 / (offset + linear |x|), both positive
    softplus,       // of u; only on the way to tanh_softplus
    absolute        // linear |x|; only on the way to inverse
  };
  Kind kind = Kind::sigmoid;
  Ball a{0, 0};
  Ball b{1, 0};
  Ball linear{1, 0};
  Ball cubic{0, 0};
  Ball offset{0, 0};
  Ball low{0, 0};
  Ball high{1, 0};
};

}  // namespace lipcert
