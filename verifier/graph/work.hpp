// What a network will cost to check, from its shapes alone, before memory is taken for it.
#pragma once

#include "verifier/base/budget.hpp"
#include "verifier/graph/graph.hpp"

namespace lipverify {

/// Failure (internal) when the entries, windows, products and constants of the graph cost more than the budget. Names the dearest node.
void check_work(const Graph& graph, const Budget& budget);

}  // namespace lipverify
