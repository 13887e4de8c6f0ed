// The rules of single operators, family by family (formats/network/operators.hpp), for formats/operators/*.cpp only. All of them throw
// `Unsupported` for a node that is not read, so they are asked while a node is read as well as afterwards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "formats/network/operators.hpp"
#include "formats/operators/entry_map.hpp"
#include "formats/operators/node_view.hpp"
#include "formats/operators/parameters.hpp"

namespace lipcert {

// Types and shapes of the results. After `check_arity` and `fill_in_from_shapes`.
[[nodiscard]] std::vector<Result> infer_broadcast(const NodeView& node);      // entrywise.cpp
[[nodiscard]] std::vector<Result> infer_activation(const NodeView& node);     // entrywise.cpp
[[nodiscard]] std::vector<Result> infer_function(const NodeView& node);       // entrywise.cpp
[[nodiscard]] std::vector<Result> infer_normalisation(const NodeView& node);  // entrywise.cpp
[[nodiscard]] std::vector<Result> infer_condition(const NodeView& node);      // conditions.cpp
[[nodiscard]] std::vector<Result> infer_product(const NodeView& node);        // dense.cpp
[[nodiscard]] std::vector<Result> infer_window(const NodeView& node);         // windows.cpp
[[nodiscard]] std::vector<Result> infer_reduction(const NodeView& node);      // reductions.cpp
[[nodiscard]] std::vector<Result> infer_resampling(const NodeView& node);     // resampling.cpp
[[nodiscard]] std::vector<Result> infer_move(const NodeView& node);           // moves.cpp
[[nodiscard]] std::vector<Result> infer_constant(const NodeView& node);       // known_values.cpp

// Defaults that depend on shapes, in the families that have them.
void fill_in_window(Attributes& attributes, const NodeView& node);
void fill_in_reduction(Attributes& attributes, const NodeView& node);
void fill_in_resampling(Attributes& attributes, const NodeView& node);
void fill_in_move(Attributes& attributes, const NodeView& node);
void fill_in_constant(Attributes& attributes, const NodeView& node);

// Parameters (formats/operators/parameters.hpp).
[[nodiscard]] WindowParameters window_parameters(const NodeView& node);
[[nodiscard]] std::vector<ResampledAxis> resampled_axes(const NodeView& node);
[[nodiscard]] std::vector<std::uint64_t> reduction_axes(const NodeView& node);
[[nodiscard]] std::vector<std::uint64_t> move_axes(const NodeView& node);
[[nodiscard]] std::vector<SliceAxis> slice_axes(const NodeView& node);
[[nodiscard]] std::vector<PadAxis> pad_axes(const NodeView& node);
[[nodiscard]] std::vector<std::uint64_t> split_lengths(const NodeView& node);
[[nodiscard]] Shape expanded_shape(const NodeView& node);

/// `entry_sources` (formats/operators/entry_map.hpp) for a node that may not be part of a network yet. The parameters have been checked.
[[nodiscard]] std::vector<EntrySource> entry_sources(const NodeView& node, std::size_t output);

/// Whether `compute_known` (formats/operators/inference.hpp) will write this result out.
[[nodiscard]] bool is_computed(const NodeView& node, const Result& result);

}  // namespace lipcert
