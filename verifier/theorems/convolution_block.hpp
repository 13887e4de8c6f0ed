// The kernel of a convolution block (formats/SPEC.md, section 5): what its nodes compute, as a convolution with one index map per axis.
#pragma once

#include "verifier/theorems/block.hpp"
#include "verifier/theorems/convolution.hpp"

namespace lipverify {

/// Reads the block's nodes: padding nodes become a kind for each axis, found from the index maps themselves (`claimed` chooses only between `copies`
/// and the kind that the map has), channel factors go into the kernel, a ConvTranspose becomes its adjoint. Failure (rejected) when the nodes
/// are not a convolution block, or an axis is not of the claimed kind.
[[nodiscard]] ConvKernel convolution_kernel(const Graph& graph, Evaluator& evaluator, const Block& block, const std::vector<std::string>& claimed);

}  // namespace lipverify
