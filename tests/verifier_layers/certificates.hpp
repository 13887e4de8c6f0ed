// Certificates written by hand for the tests of blocks: the blocks are given as they shall stand in the statement, everything around them is filled in.
#pragma once

#include <string>
#include <vector>

#include "tests/support/onnx_builder.hpp"
#include "tests/verifier/support.hpp"

namespace layers_test {

using Json = verifier_test::Json;
namespace ob = onnx_builder;

/// {"exact": E, "decimal": D} from the exact text or a double.
Json above(const std::string& exact);
Json below(const std::string& exact);
Json above(double value);
Json below(double value);

/// A block; evidence {} and lower end zero unless they are set afterwards.
Json block(const std::string& id, const std::string& op, const std::string& theorem, const std::vector<std::size_t>& nodes, const std::vector<std::string>& inputs,
           const std::string& upper);
Json attained(Json block, const std::string& lower);

/// The statement of a model with these blocks; `global`: the claimed constant (exact text).
Json statement(const std::string& model, const std::vector<Json>& blocks, const std::string& global);

lipverify::Report check(const Json& statement, const std::string& model);

/// Accepted, or the first reason why not ("accepted" when it is).
std::string verdict(const std::string& model, const std::vector<Json>& blocks, const std::string& global);

/// A single block from x to y as the whole network: P is its upper end.
std::string verdict(const ob::Model& model, const Json& block);

/// The exact text of the largest double below, or smallest above, an exact number that is a double; for a fraction, n/d -+ 1/(10^6 d).
std::string less(const std::string& exact);
std::string more(const std::string& exact);

/// The graph of a model, as the checker reads it.
lipverify::Graph graph_of(const std::string& model);

/// Values for weights: small dyadics, different from each other.
std::vector<float> weights(std::size_t count, unsigned seed);

}  // namespace layers_test
