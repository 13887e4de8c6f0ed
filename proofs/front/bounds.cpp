// See bounds.hpp.
#include "proofs/front/bounds.hpp"

#include <algorithm>

namespace lipcert::proofs {

Fraction reduced(Fraction f) {
  const Integer common = gcd(f.num, f.den);
  if (common > 1) {
    f.num /= common;
    f.den /= common;
  }
  return f;
}

Fraction sum_of(const Fraction& a, const Fraction& b) {
  return reduced({a.num * b.den + b.num * a.den, a.den * b.den});
}

bool at_most(const Fraction& a, const Fraction& b) {
  return a.num * b.den <= b.num * a.den;
}

Fraction root_above(const Fraction& f) {
  constexpr unsigned bits = 200;
  const Integer n = f.num * f.den << (2 * bits);
  Integer root = sqrt(n);
  if (root * root < n) {
    ++root;
  }
  return reduced({root, f.den << bits});
}

Fraction bound_of(const Chain& chain) {
  Fraction product{1, 1};
  for (const Part& part : chain) {
    Fraction own = part.block.claimed;
    if (part.kind == Part::Kind::sum) {
      own = sum_of({abs(part.multiple.num), part.multiple.den}, bound_of(part.branches.front()));
    } else if (part.kind == Part::Kind::concat) {
      own = part.joined.back();
    }
    product = reduced(product * own);
  }
  return product;
}

std::size_t depth_of(const Chain& chain) {
  std::size_t deepest = 1;
  for (const Part& part : chain) {
    std::size_t inside = part.block.layers.size();
    for (const Chain& branch : part.branches) {
      inside = std::max(inside, depth_of(branch) + part.branches.size());
    }
    deepest = std::max(deepest, inside);
  }
  return chain.size() + deepest;
}

}  // namespace lipcert::proofs
