// See sentences.hpp.
#include "verifier/verdict/sentences.hpp"

namespace lipverify {

std::vector<std::string> sentences_not_covered(bool samples, bool sizes) {
  return {"Floating-point inference: the claims are about the function that the graph defines in exact real arithmetic; rounding errors of a runtime are not covered.",
          "Norms other than the Euclidean norms of the graph's input and output.",
          "Processing outside the graph, such as scaling, cropping or quantisation of the input before it enters the graph.",
          sizes ? "Batches and other sizes: a symbolic first dimension of the input is taken as 1, the other symbolic ones have the sizes that the issuer gave."
                : "Batches: symbolic dimensions of the input are taken as 1.",
          samples ? "Samples that were not selected; how the samples were chosen; whether their labels are right; and radii for floating-point inference: the radii are about "
                    "exact real arithmetic."
                  : "Single inputs: whether the decision at a given input is right, or within which radius it is stable."};
}

std::vector<Assumption> sentences_assumed() {
  return {{"model-identity", "The network that is deployed is the file with the stated digest.", "whoever deploys it, by comparing SHA-256"},
          {"operator-semantics", "The operators of the graph mean what the ONNX specification says; Dropout is in inference mode.", "whoever runs the network"},
          {"hash", "No two different byte strings with equal SHA-256 are known.", "public cryptanalysis"},
          {"generator-arithmetic", "The generator's processor and libraries computed every product and sum in binary64, rounded to nearest, in any order.",
           "the checker, which uses integers only and takes no number of the generator on trust"}};
}

}  // namespace lipverify
