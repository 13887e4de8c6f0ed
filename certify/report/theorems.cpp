// What each theorem of formats/SPEC.md says, in one sentence for a reader who will not open it.
#include <array>
#include <utility>

#include "certify/report/sections.hpp"

namespace lipcert::report {

std::string theorem_sentence(const std::string& name) {
  static constexpr std::array<std::pair<const char*, const char*>, 25> sentences = {{
      {"isometry", "The operation keeps all distances: its constant is exactly 1."},
      {"diagonal-max", "An entrywise scaling stretches by its largest absolute factor and no more."},
      {"dense-gram-psd", "C\u00B2 I - A'A is positive semidefinite, which integers show; so no vector is stretched by more than C."},
      {"explicit-gram-psd",
       "The operation is written out as one explicit matrix A, and C\u00B2 I - A'A is shown positive semidefinite in integers."},
      {"diagonal-gram", "The rows or the columns of the explicit matrix are orthogonal: the norm is the largest of their lengths."},
      {"zero-operator", "Every entry of the matrix is zero, and so is its norm."},
      {"conv-frequency-grid",
       "The norm of a convolution is the largest norm of its symbol over a finite grid of frequencies, which is rechecked point by point."},
      {"conv-bernstein",
       "Between the points of a frequency grid the symbol of a convolution grows by a known factor only (Bernstein, Szeg\u0151)."},
      {"conv-reshape",
       "The norm of a convolution is at most that of its reshaped kernel matrix times the root of the number of overlapping windows."},
      {"elementwise-slope", "A function of single entries stretches by at most its largest absolute slope."},
      {"rearrangement", "The sub-graph sorts or permutes entries, which never enlarges a distance."},
      {"max-overlap", "Maxima over windows stretch by at most the root of the number of windows that share an entry."},
      {"window-sum", "L2 pooling stretches by at most the root of the largest total weight of an entry."},
      {"softmax-half", "The Jacobian of softmax has norm at most 1/2."},
      {"sum", "The constant of a sum of branches is at most the sum of their constants."},
      {"root-sum-squares", "The constant of joined branches is at most the root of the sum of their squared constants."},
      {"slices", "Parts of a tensor are at most as far apart as the tensors themselves."},
      {"disjoint-slices", "Branches that read disjoint parts of one tensor have together the largest of their constants."},
      {"sll-psd", "A matrix inequality of the residual layer x - W D relu(W'x + b) shows that it is 1-Lipschitz."},
      {"graph-propagation", "Along the graph the constants of blocks multiply, and those of branches are joined."},
      {"directional-derivative",
       "At one exact point the network stretches one exact direction by this much; so no smaller constant is true."},
      {"pair-row-difference",
       "Two outputs differ by the difference of two rows of the last matrix, whose length is multiplied by the bound before it."},
      {"pair-sqrt2", "A difference of two outputs is at most the root of 2 times the bound of all outputs."},
      {"margin-over-lipschitz",
       "A decision cannot change before the margin between two outputs is used up, at the rate of their pair's constant."},
      {"layer-dual",
       "In the ball around this one input every activation is bounded by a line and a parabola, layer by layer; what is left of the margin is positive."},
  }};
  for (const auto& [known, sentence] : sentences) {
    if (name == known) return sentence;
  }
  return "";
}

}  // namespace lipcert::report
