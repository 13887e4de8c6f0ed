// See hints.hpp.
#include "verifier/hint/hints.hpp"

#include "verifier/hint/cholesky.hpp"
#include "verifier/hint/order.hpp"
#include "verifier/hint/roots.hpp"

namespace lipverify {

Hints hints() {
  return {cholesky_hint, order_hint, band_hint, roots_hint, hermitian_hint};
}

}  // namespace lipverify
