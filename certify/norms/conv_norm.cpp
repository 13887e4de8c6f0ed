// Which theorem bounds a convolution: the choice between the explicit matrix (conv_explicit.cpp), grids of frequencies (conv_axes.cpp,
// conv_grid.cpp, conv_symbol.cpp) and reshapes (conv_reshape.cpp), and the lower end (conv_operator.cpp).

#include "certify/norms/conv_norm.hpp"

#include <algorithm>
#include <cmath>

#include "certify/norms/conv_claim.hpp"
#include "certify/norms/conv_grid.hpp"
#include "certify/norms/conv_parts.hpp"
#include "certify/norms/conv_reshape.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert {
namespace {

// The flop model. The explicit matrix is tight and is taken while it is cheap; the exact grid up to a limit; beyond it a coarser grid with
// Bernstein's factor, finer than the limit allows only to keep that factor below 1.02. Where padding copies entries (reflect, edge) a grid
// costs the root of the number of copies on each axis, twice the norm for an image: there the explicit matrix may take eight times as much.
constexpr double explicit_flops_limit = 0x1p37;
constexpr double explicit_entries_limit = 0x1p25;  // of the band
constexpr double explicit_nonzeros_limit = 0x1p24;
constexpr double copies_flops = 8;    // times the limits above, where an axis is of kind `copies`
constexpr double copies_entries = 4;  // 1 GiB for the Gram matrix and for its factor, each
// One tap of each phase, and an output that reads all of them: one frequency says the same, without a matrix. A small matrix is taken all the same, for
// its lower end.
constexpr double one_frequency_nonzeros = 0x1p20;
constexpr double grid_flops_limit = 0x1p39;
constexpr double bernstein_flops_limit = 0x1p42;
constexpr double bernstein_factor_wanted = 1.02;

void require_consistent(const Convolution& c) {
  std::uint64_t size = c.groups * c.outputs * c.inputs;
  bool good = !c.axes.empty() && c.axes.size() <= 3 && size > 0;
  for (const ConvolutionAxis& axis : c.axes) {
    size *= axis.kernel;
    good = good && axis.stride > 0 && axis.dilation > 0 && axis.kernel > 0 &&
           (axis.source.empty() ? axis.padded == axis.input : axis.source.size() == axis.padded);
    for (const std::int64_t s : axis.source) {
      good = good && s >= -1 && s < static_cast<std::int64_t>(axis.input);
    }
  }
  if (!good || c.kernel.centre.size() != size || !(c.kernel.radius.empty() || c.kernel.radius.size() == size)) {
    throw Error(ExitCode::internal, "A convolution with inconsistent sizes reached the norm computation; please report this.");
  }
  if (first_unbounded(c.kernel.centre, c.kernel.radius) != c.kernel.centre.size()) {
    throw Error(ExitCode::internal, "A kernel with entries that are not finite reached the norm computation; please report this.");
  }
}

enum class Way { zero, explicit_gram, grid, bernstein, reshape };

struct Choice {
  Way way = Way::zero;
  std::vector<PlannedAxis> axes;
  std::vector<std::uint64_t> grid;
  double flops = 0;
  SparseMatrix matrix;  // explicit_gram
};

/// Entries and flops of the explicit matrix, without building it: rows of positions one after the other, the longest axis outermost.
bool explicit_may_be_cheap(const Convolution& c, double flops_limit, double& nonzeros) {
  nonzeros = static_cast<double>(c.groups * c.outputs * c.inputs);
  double inputs = 1;
  double outputs = 1;
  for (const ConvolutionAxis& axis : c.axes) {
    nonzeros *= static_cast<double>(reads_of(axis));
    inputs *= static_cast<double>(axis.input);
    outputs *= static_cast<double>(axis.output);
  }
  if (nonzeros > explicit_nonzeros_limit) {
    return false;
  }
  // Half bandwidth: the reach along an axis times what stands inside one step of it.
  double across_inputs = 1;
  double across_outputs = 1;
  double w_inputs = 1;
  double w_outputs = 1;
  std::vector<ConvolutionAxis> axes = c.axes;
  std::stable_sort(axes.begin(), axes.end(), [](const ConvolutionAxis& a, const ConvolutionAxis& b) { return a.input < b.input; });
  for (const ConvolutionAxis& axis : axes) {
    const double reach = static_cast<double>(axis.dilation * (axis.kernel - 1));
    w_inputs += across_inputs * std::min(reach, static_cast<double>(axis.input - 1));
    w_outputs += across_outputs * std::min(std::floor(reach / static_cast<double>(axis.stride)), static_cast<double>(axis.output - 1));
    across_inputs *= static_cast<double>(axis.input);
    across_outputs *= static_cast<double>(axis.output);
  }
  w_inputs *= static_cast<double>(c.inputs);
  w_outputs *= static_cast<double>(c.outputs);
  const double groups = static_cast<double>(c.groups);
  const double flops = 2 * groups *
                       std::min(inputs * static_cast<double>(c.inputs) * w_inputs * w_inputs,
                                outputs * static_cast<double>(c.outputs) * w_outputs * w_outputs);
  return flops <= 4 * flops_limit;
}

/// Some output reads through every tap, and no two of them the same entry: the block's matrix has the kernel of one phase beside the other as a part.
bool reads_whole_kernel(const Convolution& c, const std::vector<PlannedAxis>& axes) {
  for (std::size_t l = 0; l < c.axes.size(); ++l) {
    bool found = false;
    for (std::uint64_t i = 0; i < c.axes[l].output && !found; ++i) {
      found = true;
      for (std::uint64_t j = 0; j < c.axes[l].kernel && found; ++j) {
        found = read_position(c.axes[l], i, j) >= 0;
      }
    }
    if (!found || axes[l].copies > 1) {
      return false;
    }
  }
  return true;
}

/// Reshapes know no circular axes: padding that wraps around copies.
void choose_reshape(const Convolution& c, Choice& choice) {
  choice.way = Way::reshape;
  choice.flops = reshape_flops(c);
  for (std::size_t l = 0; l < c.axes.size(); ++l) {
    if (choice.axes[l].kind == ConvolutionAxis::Kind::circular) {
      choice.axes[l] = as_copies(c.axes[l]);
    }
  }
}

Choice choose(const Convolution& c) {
  require_consistent(c);
  Choice choice;
  bool all_circular = true;
  for (const ConvolutionAxis& axis : c.axes) {
    if (axis.output == 0 || axis.input == 0) {
      return choice;
    }
    choice.axes.push_back(classified(axis));
    all_circular = all_circular && choice.axes.back().kind == ConvolutionAxis::Kind::circular;
  }
  const bool zero = std::all_of(c.kernel.centre.begin(), c.kernel.centre.end(), [](double w) { return w == 0; }) &&
                    std::all_of(c.kernel.radius.begin(), c.kernel.radius.end(), [](double r) { return r == 0; });
  double nonzeros = 0;
  const bool copies = std::any_of(choice.axes.begin(), choice.axes.end(), [](const PlannedAxis& axis) { return axis.copies > 1; });
  const double flops_limit = explicit_flops_limit * (copies ? copies_flops : 1);
  const double entries_limit = explicit_entries_limit * (copies ? copies_entries : 1);
  const bool may_be_cheap = explicit_may_be_cheap(c, flops_limit, nonzeros);
  if (zero || nonzeros == 0) {
    return choice;
  }
  std::vector<std::uint64_t> exact;
  for (const PlannedAxis& axis : choice.axes) {
    exact.push_back(axis.exact_grid);
  }
  const std::size_t shifts = shifts_of(choice.axes).size();
  const double exact_flops = symbol_flops(c, exact, shifts);
  const bool one_tap = std::all_of(choice.axes.begin(), choice.axes.end(), [](const PlannedAxis& axis) { return axis.taps == 1; });
  const bool one_frequency = one_tap && nonzeros > one_frequency_nonzeros && reads_whole_kernel(c, choice.axes);
  // Where every axis wraps around, the grid is the norm itself and cheaper.
  if (may_be_cheap && !one_frequency && !(all_circular && exact_flops <= grid_flops_limit)) {
    SparseMatrix matrix = explicit_matrix(c);
    const SparseCost cost = sparse_cost(matrix);
    if (cost.flops <= flops_limit && cost.entries <= entries_limit) {
      choice.way = Way::explicit_gram;
      choice.flops = cost.flops;
      choice.matrix = std::move(matrix);
      return choice;
    }
  }
  if (!one_tap && exact_flops <= grid_flops_limit) {
    choice.way = Way::grid;
    choice.grid = exact;
    choice.flops = exact_flops;
    return choice;
  }
  // One tap per phase: the factor is 1, one frequency proves it.
  for (double limit = grid_flops_limit; limit <= bernstein_flops_limit; limit *= 2) {
    if (!coarser_grid(c, choice.axes, limit, choice.grid)) {
      continue;
    }
    if (bernstein_factor(choice.axes, choice.grid).value() <= bernstein_factor_wanted || 2 * limit > bernstein_flops_limit) {
      choice.way = choice.grid == exact ? Way::grid : Way::bernstein;
      choice.flops = symbol_flops(c, choice.grid, shifts);
      return choice;
    }
  }
  choose_reshape(c, choice);
  return choice;
}

LinearBound bound_as_chosen(const Convolution& c, const Choice& choice, WorkerPool& pool, std::uint64_t seed, Upper reserve) {
  LinearBound result;
  if (choice.way == Way::zero) {
    result.theorem = "zero-operator";
    return result;
  }
  if (choice.way == Way::explicit_gram) {
    return bound_sparse(choice.matrix, pool, seed, reserve);
  }
  if (choice.way == Way::reshape) {
    bound_by_reshape(c, choice.axes, result, pool, seed, reserve);
  } else {
    bound_on_grid(c, {choice.axes, choice.grid, choice.way == Way::grid}, result, pool, seed, reserve);
  }
  for (const PlannedAxis& axis : choice.axes) {
    result.axes.emplace_back(name_of(axis.kind));
  }
  if (!std::isfinite(result.upper) || std::all_of(c.kernel.centre.begin(), c.kernel.centre.end(), [](double w) { return w == 0; })) {
    return result;
  }
  OperatorWitness witness = search_witness(c, pool, seed);
  // The same margin as above: a checker with a radius of its own for the kernel.
  const Upper radius = copies_factor(choice.axes) * kernel_radius(c);
  const Upper room = c.kernel.exact() ? Upper() : radius + radius + radius + reserve;
  result.lower = (minus(witness.norm, room) * Lower::exact(1 - 0x1p-38)).value();
  if (result.lower > 0) {
    result.witness = std::move(witness.vector);
  } else {
    result.lower = 0;
  }
  return result;
}

}  // namespace

double convolution_flops(const Convolution& c) {
  return choose(c).flops;
}

LinearBound bound_convolution(const Convolution& c, WorkerPool& pool, std::uint64_t seed, Upper reserve) {
  return bound_as_chosen(c, choose(c), pool, seed, reserve);
}

LinearBound bound_convolution_by(ConvolutionTheorem theorem, const Convolution& c, WorkerPool& pool, std::uint64_t seed,
                                 const std::vector<std::uint64_t>& grid) {
  Choice choice = choose(c);
  if (choice.way == Way::zero) {
    return bound_as_chosen(c, choice, pool, seed, {});
  }
  switch (theorem) {
    case ConvolutionTheorem::explicit_gram:
      choice.way = Way::explicit_gram;
      choice.matrix = explicit_matrix(c);
      break;
    case ConvolutionTheorem::grid:
      choice.way = Way::grid;
      choice.grid.clear();
      for (const PlannedAxis& axis : choice.axes) {
        choice.grid.push_back(axis.exact_grid);
      }
      break;
    case ConvolutionTheorem::bernstein:
      choice.way = Way::bernstein;
      choice.grid = grid;
      break;
    case ConvolutionTheorem::reshape:
      choose_reshape(c, choice);
      break;
  }
  return bound_as_chosen(c, choice, pool, seed, {});
}

}  // namespace lipcert
