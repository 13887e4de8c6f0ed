// What a proof of a norm leaves behind: the parameters from which a checker proves it again in integers.
#pragma once

#include <string>

namespace lipcert {

/// Parameters of Lemma P (SPEC.md section 5): a checker needs nothing else.
struct GramEvidence {
  bool at_a = true;  // Gram matrix A'A (true) or AA'
  int sA = 0;
  int sR = 0;
  std::string C2;  // decimal integer
};

/// Parameters of theorem `sll-psd` besides those of its W (SPEC.md section 5).
struct SllEvidence {
  int sA = 0;
  int sR = 0;
  double delta = 0;
};

}  // namespace lipcert
