// See steps.hpp. Real arithmetic throughout: a float type changes no value, Cast and Dropout (inference) are identities.

#include "certify/graph/steps.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "certify/graph/constants.hpp"
#include "certify/graph/linear_map.hpp"
#include "formats/operators/entry_map.hpp"
#include "formats/operators/parameters.hpp"

namespace lipcert {

std::vector<std::size_t> StepGraph::readers() const {
  std::vector<std::size_t> count(steps.size() + 1, 0);
  for (const Step& step : steps) {
    for (const std::size_t input : step.inputs) {
      ++count[input];
    }
  }
  ++count[output];
  return count;
}

namespace {

/// Largest order of a Gram matrix that is formed: two of them take 4 GiB. Most entries of a matrix: what the checker takes, too.
constexpr std::size_t largest_order = 16384;
constexpr std::size_t most_entries = std::size_t{1} << 27;
/// Most terms of a map that is kept term by term.
constexpr std::size_t most_terms = std::size_t{1} << 26;

const char* const no_product =
    "combines two tensors that both depend on the input; such a product has no global Lipschitz constant, so certify a network without it.";

class Builder {
 public:
  Builder(const Network& network, WorkerPool& pool) : network_(network), constants_(network, pool) {}

  StepGraph build() {
    graph_.refusals = network_.refusals;
    if (!graph_.refusals.empty()) {
      return std::move(graph_);
    }
    graph_.input_size = size(network_.input);
    count_readers();
    find_poolings();
    find_products_with_sigmoid();
    numbers_[network_.input] = 0;
    for (std::size_t i = 0; i < network_.nodes.size(); ++i) {
      const Node& node = network_.nodes[i];
      if (is_constant(node)) {
        graph_.constant_nodes.push_back(i);
        continue;
      }
      if (inside_.count(i) != 0) {
        continue;  // an inner node of a pooling or of a SiLU
      }
      try {
        check_outputs(i);
        add_steps(i);
      } catch (const Refused& refused) {
        graph_.refusals.push_back(refused.refusal);
        for (const ValueId id : node.outputs) {
          if (id != no_value) {
            numbers_.emplace(id, 0);  // the steps are of no use any more; what follows is looked at all the same
          }
        }
      }
    }
    const auto output = numbers_.find(network_.output);
    if (graph_.refusals.empty() && (output == numbers_.end() || output->second == 0)) {
      const std::string name = network_.output < network_.values.size() ? network_.values[network_.output].name : std::string("output");
      graph_.refusals.push_back({name, "",
                                 network_.output == network_.input
                                     ? "is the graph's input itself; a network without a node has nothing to certify."
                                     : "does not depend on the graph's input; a constant has nothing to certify."});
    }
    if (graph_.refusals.empty()) {
      graph_.output = output->second;
      check_uses();
    }
    return std::move(graph_);
  }

 private:
  [[nodiscard]] bool constant(ValueId id) const { return network_.values[id].constant; }

  [[nodiscard]] bool is_constant(const Node& node) const {
    return node.op == Operator::shape ||
           std::all_of(node.inputs.begin(), node.inputs.end(), [this](ValueId id) { return id == no_value || constant(id); });
  }

  [[nodiscard]] std::uint64_t size(ValueId id) const { return element_count(network_.values[id].shape); }
  [[nodiscard]] const Shape& shape_of(ValueId id) const { return network_.values[id].shape; }

  void count_readers() {
    readers_.assign(network_.values.size(), {});
    for (std::size_t i = 0; i < network_.nodes.size(); ++i) {
      if (network_.nodes[i].op == Operator::shape) {
        continue;
      }
      for (const ValueId id : network_.nodes[i].inputs) {
        if (id != no_value) {
          readers_[id].push_back(i);
        }
      }
    }
  }

  void check_outputs(std::size_t index) const {
    const Node& node = network_.nodes[index];
    for (std::size_t i = 1; i < node.outputs.size() && node.op != Operator::split; ++i) {
      if (node.outputs[i] != no_value && (!readers_[node.outputs[i]].empty() || node.outputs[i] == network_.output)) {
        throw refuse(network_, index, "has a second output that is used; export the network for inference.");
      }
    }
  }

  /// Every step must lead to the output.
  void check_uses() {
    std::vector<bool> leads(graph_.steps.size() + 1, false);
    leads[graph_.output] = true;
    for (std::size_t s = graph_.steps.size(); s-- > 0;) {
      if (leads[s + 1]) {
        for (const std::size_t input : graph_.steps[s].inputs) {
          leads[input] = true;
        }
      }
    }
    std::set<std::size_t> useful;  // nodes; of a Split one output is enough
    for (std::size_t s = 0; s < graph_.steps.size(); ++s) {
      if (leads[s + 1]) {
        useful.insert(graph_.steps[s].node);
      }
    }
    for (std::size_t s = 0; s < graph_.steps.size(); ++s) {
      if (useful.count(graph_.steps[s].node) == 0) {
        graph_.refusals.push_back(refuse(network_, graph_.steps[s].node, "does not lead to the graph's output; remove the node.").refusal);
      }
    }
  }

  /// Numbers of the data among the inputs of a node.
  [[nodiscard]] std::vector<std::size_t> data_inputs(const Node& node) const {
    std::vector<std::size_t> data;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] != no_value && !constant(node.inputs[i])) {
        data.push_back(i);
      }
    }
    return data;
  }

  void push(Step step) {
    if (unbounded(step)) {
      throw refuse(network_, step.node, "has constants whose combination is not finite in double precision; rescale the weights.");
    }
    const ValueId value = step.value;
    graph_.steps.push_back(std::move(step));
    numbers_[value] = graph_.steps.size();
  }

  void add_steps(std::size_t index) {
    const Node& node = network_.nodes[index];
    if (const auto pooling = poolings_.find(index); pooling != poolings_.end()) {
      Step step = std::move(pooling->second);
      step.inputs = {numbers_.at(first_input_.at(index))};
      push(std::move(step));
      return;
    }
    if (const auto silu = silus_.find(index); silu != silus_.end()) {
      Step step;
      step.kind = Step::Kind::activation;
      step.op = Operator::sigmoid;
      step.times_argument = true;
      step.node = index;
      step.nodes = {silu->second, index};
      step.value = node.outputs[0];
      step.inputs = {numbers_.at(network_.nodes[silu->second].inputs[0])};
      step.input_size = step.output_size = size(step.value);
      push(std::move(step));
      return;
    }
    if (node.op == Operator::split) {
      for (std::size_t o = 0; o < node.outputs.size(); ++o) {
        Step step;
        step.node = index;
        step.nodes = {index};
        move_step(step, o);
        push(std::move(step));
      }
      return;
    }
    push(build_step(index));
  }

  /// The step of a node with one output. The numbers of its inputs are those of `numbers_`, or 0.
  [[nodiscard]] Step build_step(std::size_t index) {
    const Node& node = network_.nodes[index];
    Step step;
    step.node = index;
    step.nodes = {index};
    step.value = node.outputs.at(0);
    step.output_size = size(step.value);
    const std::vector<std::size_t> data = data_inputs(node);
    for (const std::size_t d : data) {
      const auto number = numbers_.find(node.inputs[d]);
      step.inputs.push_back(number == numbers_.end() ? 0 : number->second);
      step.input_size += size(node.inputs[d]);
    }
    if (!is_floating(network_.values[step.value].type)) {
      throw refuse(network_, index, "turns data into something that is not a tensor of real numbers; export the network without it.");
    }
    switch (node.op) {
      case Operator::add:
      case Operator::sub:
        if (data.size() > 1) {
          sum_step(step, node);
        } else {
          entrywise_step(step, node);
        }
        break;
      case Operator::mul:
      case Operator::div:
        if (data.size() > 1) {
          throw refuse(network_, index, no_product);
        }
        entrywise_step(step, node);
        break;
      case Operator::matmul:
      case Operator::gemm:
        if (std::count_if(node.inputs.begin(), node.inputs.begin() + 2, [this](ValueId id) { return !constant(id); }) > 1) {
          throw refuse(network_, index, no_product);
        }
        if (data.size() > 1) {
          throw refuse(network_, index, "takes data as its addend; export the layer as a product and Add.");
        }
        if (node.op == Operator::matmul) {
          matmul_step(step, node);
        } else {
          gemm_step(step, node);
        }
        break;
      case Operator::neg:
        step.sign = -1;
        break;
      case Operator::flatten:
      case Operator::reshape:
      case Operator::squeeze:
      case Operator::unsqueeze:
      case Operator::identity:
      case Operator::dropout:
      case Operator::cast:
        if (constant(node.inputs.at(0))) {
          throw refuse(network_, index, "turns data into something that is not a tensor of real numbers; export the network without it.");
        }
        break;
      case Operator::transpose:
      case Operator::concat:
      case Operator::split:
      case Operator::slice:
      case Operator::gather:
      case Operator::pad:
      case Operator::depth_to_space:
      case Operator::space_to_depth:
        move_step(step, 0);
        break;
      case Operator::conv:
      case Operator::conv_transpose:
        convolution_step(step, node);
        break;
      case Operator::average_pool:
      case Operator::global_average_pool:
      case Operator::reduce_mean:
      case Operator::reduce_sum:
        average_step(step, node);
        break;
      case Operator::batch_normalization:
        normalization_step(step, node);
        break;
      case Operator::relu:
      case Operator::leaky_relu:
      case Operator::prelu:
      case Operator::abs:
      case Operator::sigmoid:
      case Operator::tanh:
      case Operator::elu:
      case Operator::selu:
      case Operator::softplus:
      case Operator::hard_sigmoid:
      case Operator::hard_swish:
      case Operator::gelu:
      case Operator::mish:
      case Operator::clip:
        activation_step(step, node);
        break;
      case Operator::max:
      case Operator::min:
        if (data.size() == 1) {
          clamp_step(step, node, data[0]);
        } else {
          extreme_step(step, node, data);
        }
        break;
      case Operator::max_pool:
      case Operator::global_max_pool:
      case Operator::reduce_max:
      case Operator::reduce_min:
        window_step(step, node);
        break;
      case Operator::top_k:
        top_k_step(step, node);
        break;
      case Operator::softmax:
        softmax_step(step, node);
        break;
      case Operator::sign:
        throw refuse(network_, index,
                     "jumps where its input changes sign; a network with a jump has no Lipschitz constant, so certify one without it.");
      case Operator::sqrt:
      case Operator::reciprocal:
      case Operator::pow:
      case Operator::reduce_l2:
        throw refuse(network_, index,
                     "of data is bounded only inside an L2 pooling (squares, weights that are not negative, square root); export the layer "
                     "in that form.");
      case Operator::constant:
      case Operator::shape:
      case Operator::constant_of_shape:
        throw refuse(network_, index, "is a constant that depends on the input; the file is damaged.");
    }
    return step;
  }

  void sum_step(Step& step, const Node& node) {
    step.kind = Step::Kind::sum;
    const Shape& shape = shape_of(step.value);
    for (std::size_t i = 0; i < 2; ++i) {
      step.signs.push_back(i == 1 && node.op == Operator::sub ? -1 : 1);
      std::vector<std::uint32_t> map;
      if (size(node.inputs[i]) != step.output_size) {
        for (const std::size_t at : broadcast_index(shape_of(node.inputs[i]), shape)) {
          map.push_back(static_cast<std::uint32_t>(at));
        }
      }
      step.maps.push_back(std::move(map));
    }
  }

  /// Output `o` of a node that moves entries.
  void move_step(Step& step, std::size_t o) {
    const Node& node = network_.nodes[step.node];
    step.kind = Step::Kind::move;
    step.value = node.outputs.at(o);
    step.output_size = size(step.value);
    const std::vector<EntrySource> sources = entry_sources(network_, step.node, o);
    std::vector<std::uint32_t> number(node.inputs.size(), Step::no_input);  // among the data
    step.inputs.clear();
    step.input_size = 0;
    const bool many = node.op == Operator::concat;  // the other inputs of the other operators are parameters
    for (std::size_t i = 0; i < (many ? node.inputs.size() : 1); ++i) {
      if (!constant(node.inputs[i])) {
        number[i] = static_cast<std::uint32_t>(step.inputs.size());
        const auto found = numbers_.find(node.inputs[i]);
        step.inputs.push_back(found == numbers_.end() ? 0 : found->second);
        step.input_size += size(node.inputs[i]);
      }
    }
    if (step.inputs.empty()) {
      throw refuse(network_, step.node, "moves entries of a constant by data; export the network without it.");
    }
    step.source.resize(sources.size());
    std::map<std::size_t, EnclosedTensor> constants;
    for (std::size_t i = 0; i < sources.size(); ++i) {
      const EntrySource& from = sources[i];
      if (from.input != no_source && number.at(from.input) != Step::no_input) {
        step.source[i] = {number[from.input], from.index};
        continue;
      }
      step.source[i] = {Step::no_input, 0};
      Ball value{0, 0};
      if (from.input != no_source || padding_input(node) != no_value) {
        const std::size_t which = from.input == no_source ? std::numeric_limits<std::size_t>::max() : from.input;
        if (constants.count(which) == 0) {
          constants[which] = constants_.value(from.input == no_source ? padding_input(node) : node.inputs[from.input]);
        }
        const EnclosedTensor& tensor = constants[which];
        const std::size_t at = from.input == no_source ? 0 : from.index;
        value = {tensor.centre.at(at), tensor.radius_at(at)};
      } else if (node.op == Operator::pad && node.attributes.count("value") != 0) {
        value = {static_cast<double>(node.real_attribute("value")), 0};
      }
      if (value.centre != 0 || value.radius != 0) {
        step.bias.resize(sources.size());
        step.bias[i] = value;
      }
    }
  }

  /// Pad's constant, where it is an input.
  [[nodiscard]] static ValueId padding_input(const Node& node) {
    return node.op == Operator::pad && node.inputs.size() > 2 ? node.inputs[2] : no_value;
  }

  void check_terms(const Step& step, double terms) const {
    if (terms > static_cast<double>(most_terms)) {
      throw refuse(network_, step.node, "has more than 2^26 terms, which this version cannot hold; split the layer into smaller ones.");
    }
  }

  /// Rank 2 and more: [N, C, n...]; the positions of one channel.
  struct Windows {
    std::vector<std::vector<std::uint32_t>> entries;  // for each position of the result, positions of the data
    std::vector<std::size_t> elements;                // of the window, for AveragePool
    std::size_t input_positions = 1;
  };

  [[nodiscard]] Windows windows_of(std::size_t index) const {
    const WindowParameters parameters = window_parameters(network_, index);
    Windows windows;
    std::size_t positions = 1;
    for (const WindowAxis& axis : parameters.axes) {
      windows.input_positions *= axis.input;
      positions *= axis.output;
    }
    windows.entries.resize(positions);
    windows.elements.resize(positions);
    for (std::size_t p = 0; p < positions; ++p) {
      std::vector<std::uint32_t> at{0};
      std::size_t elements = 1;
      std::size_t rest = p;
      std::vector<std::uint64_t> position(parameters.axes.size());
      for (std::size_t a = parameters.axes.size(); a-- > 0;) {
        position[a] = rest % parameters.axes[a].output;
        rest /= parameters.axes[a].output;
      }
      for (std::size_t a = 0; a < parameters.axes.size(); ++a) {
        const WindowAxis& axis = parameters.axes[a];
        std::vector<std::uint32_t> next;
        std::size_t here = 0;
        std::vector<std::uint32_t> inside;
        for (std::uint64_t j = 0; j < axis.kernel; ++j) {
          const std::int64_t i = static_cast<std::int64_t>(position[a] * axis.stride + axis.dilation * j) - axis.begin;
          if (i >= 0 && i < static_cast<std::int64_t>(axis.input)) {
            inside.push_back(static_cast<std::uint32_t>(i));
          }
          if (i < static_cast<std::int64_t>(axis.input) + axis.end) {
            ++here;  // padding counts, what lies beyond it (ceil_mode) does not
          }
        }
        for (const std::uint32_t outer : at) {
          for (const std::uint32_t i : inside) {
            next.push_back(outer * static_cast<std::uint32_t>(axis.input) + i);
          }
        }
        at = std::move(next);
        elements *= parameters.count_include_pad ? here : inside.size();
      }
      windows.entries[p] = std::move(at);
      windows.elements[p] = elements;
    }
    return windows;
  }

  /// For a reduction over some axes: for each entry of the result the entries that it reads, in order.
  [[nodiscard]] std::vector<std::vector<std::uint32_t>> reduced_entries(std::size_t index) const {
    const Shape& shape = shape_of(network_.nodes[index].inputs.at(0));
    const std::vector<std::uint64_t> axes = axes_of(network_, index);
    const std::uint64_t n = element_count(shape);
    std::vector<bool> reduced(shape.size(), false);
    for (const std::uint64_t a : axes) {
      reduced.at(a) = true;
    }
    std::uint64_t kept = 1;
    for (std::size_t a = 0; a < shape.size(); ++a) {
      kept *= reduced[a] ? 1 : shape[a];
    }
    std::vector<std::vector<std::uint32_t>> entries(kept);
    for (std::uint64_t i = 0; i < n; ++i) {
      std::uint64_t rest = i;
      std::uint64_t at = 0;
      std::uint64_t stride = 1;
      for (std::size_t a = shape.size(); a-- > 0;) {
        const std::uint64_t position = rest % shape[a];
        rest /= shape[a];
        if (!reduced[a]) {
          at += position * stride;
          stride *= shape[a];
        }
      }
      entries[at].push_back(static_cast<std::uint32_t>(i));
    }
    return entries;
  }

  void average_step(Step& step, const Node& node) {
    step.kind = Step::Kind::sparse;
    SparseMatrix& w = step.weights;
    w.rows = step.output_size;
    w.columns = step.input_size;
    w.start.push_back(0);
    bool exact = true;
    const auto row = [&](const std::vector<std::uint32_t>& columns, std::size_t offset, Ball weight) {
      for (const std::uint32_t c : columns) {
        w.column.push_back(static_cast<std::uint32_t>(offset) + c);
        w.centre.push_back(weight.centre);
        w.radius.push_back(weight.radius);
      }
      exact = exact && weight.radius == 0;
      w.start.push_back(w.column.size());
    };
    const auto one_over = [](std::size_t n) { return divide({1, 0}, {static_cast<double>(n), 0}); };
    if (node.op == Operator::reduce_mean || node.op == Operator::reduce_sum) {
      for (const std::vector<std::uint32_t>& entries : reduced_entries(step.node)) {
        row(entries, 0, node.op == Operator::reduce_sum ? Ball{1, 0} : one_over(entries.size()));
      }
    } else {
      const Windows windows = windows_of(step.node);
      const std::size_t channels = step.input_size / windows.input_positions;
      double terms = 0;
      for (const auto& entries : windows.entries) {
        terms += static_cast<double>(entries.size());
      }
      check_terms(step, terms * static_cast<double>(channels));
      for (std::size_t c = 0; c < channels; ++c) {
        for (std::size_t p = 0; p < windows.entries.size(); ++p) {
          row(windows.entries[p], c * windows.input_positions, one_over(windows.elements[p]));
        }
      }
    }
    if (exact) {
      w.radius.clear();
    }
  }

  void normalization_step(Step& step, const Node& node) {
    const ChannelFactors normal = normalization(constants_, network_, step.node);
    const Shape& shape = shape_of(step.value);
    const std::size_t channels = shape.at(1);
    std::size_t inner = 1;
    for (std::size_t a = 2; a < shape.size(); ++a) {
      inner *= shape[a];
    }
    static_cast<void>(node);
    step.kind = Step::Kind::diagonal;
    for (std::size_t i = 0; i < step.output_size; ++i) {
      const std::size_t c = i / inner % channels;
      step.factors.push_back(normal.factor[c]);
      step.bias.push_back(normal.offset[c]);
    }
  }

  void convolution_step(Step& step, const Node& node) {
    const std::vector<std::size_t> data = data_inputs(node);
    if (data != std::vector<std::size_t>{0}) {
      throw refuse(network_, step.node,
                   "has a kernel or bias that depends on the input; such a product has no global Lipschitz constant, so certify a network "
                   "without it.");
    }
    const Shape& shape = shape_of(node.inputs[0]);
    if (shape.at(0) != 1) {
      throw refuse(network_, step.node, "convolves several images at once; export the network with a batch of one.");
    }
    const WindowParameters parameters = window_parameters(network_, step.node);
    const EnclosedTensor kernel = constants_.value(node.inputs[1]);
    const bool transposed = node.op == Operator::conv_transpose;
    step.kind = Step::Kind::convolution;
    ConvolutionMap& c = step.convolution;
    c.groups = parameters.groups;
    const std::size_t in_channels = shape.at(1);
    const std::size_t out_channels = shape_of(step.value).at(1);
    c.inputs = in_channels / c.groups;
    c.outputs = out_channels / c.groups;
    for (const WindowAxis& axis : parameters.axes) {
      c.taps *= axis.kernel;
      c.input_positions *= axis.input;
      c.output_positions *= axis.output;
    }
    check_terms(step, static_cast<double>(c.taps) * static_cast<double>(c.output_positions));
    c.source.assign(c.taps * c.output_positions, -1);
    // All pairs of a tap and a position of the side that strides over the other.
    const std::size_t strided = transposed ? c.input_positions : c.output_positions;
    for (std::size_t t = 0; t < c.taps; ++t) {
      for (std::size_t p = 0; p < strided; ++p) {
        std::size_t tap = t;
        std::size_t position = p;
        std::int64_t other = 0;
        std::int64_t stride = 1;
        bool inside = true;
        for (std::size_t a = parameters.axes.size(); a-- > 0;) {
          const WindowAxis& axis = parameters.axes[a];
          const auto length = static_cast<std::int64_t>(transposed ? axis.output : axis.input);
          const std::uint64_t steps = transposed ? axis.input : axis.output;
          const std::int64_t i = static_cast<std::int64_t>(position % steps * axis.stride + tap % axis.kernel * axis.dilation) - axis.begin;
          inside = inside && i >= 0 && i < length;
          other += i * stride;
          stride *= length;
          position /= steps;
          tap /= axis.kernel;
        }
        if (inside && transposed) {
          c.source[t * c.output_positions + static_cast<std::size_t>(other)] = static_cast<std::int32_t>(p);
        } else if (inside) {
          c.source[t * c.output_positions + p] = static_cast<std::int32_t>(other);
        }
      }
    }
    c.kernel.rows = out_channels;
    c.kernel.columns = c.inputs * c.taps;
    c.kernel.centre.resize(c.kernel.rows * c.kernel.columns);
    c.kernel.radius.resize(kernel.exact() ? 0 : c.kernel.centre.size());
    for (std::size_t o = 0; o < out_channels; ++o) {
      for (std::size_t i = 0; i < c.inputs; ++i) {
        for (std::size_t t = 0; t < c.taps; ++t) {
          // Conv: [out, in / groups, taps]; ConvTranspose: [in, out / groups, taps].
          const std::size_t group = o / c.outputs;
          const std::size_t from =
              transposed ? ((group * c.inputs + i) * c.outputs + o % c.outputs) * c.taps + t : (o * c.inputs + i) * c.taps + t;
          const std::size_t to = o * c.kernel.columns + i * c.taps + t;
          c.kernel.centre[to] = kernel.centre.at(from);
          if (!kernel.exact()) {
            c.kernel.radius[to] = kernel.radius.at(from);
          }
        }
      }
    }
    if (c.kernel.centre.size() > most_entries) {
      throw refuse(network_, step.node,
                   "has a kernel with more than " + std::to_string(most_entries) + " entries; split the layer into smaller ones.");
    }
    if (node.inputs.size() > 2 && node.inputs[2] != no_value) {
      const EnclosedTensor bias = constants_.value(node.inputs[2]);
      for (std::size_t i = 0; i < step.output_size; ++i) {
        const std::size_t channel = i / c.output_positions;
        step.bias.push_back({bias.centre.at(channel), bias.radius_at(channel)});
      }
    }
  }

  void activation_step(Step& step, const Node& node) {
    step.kind = Step::Kind::activation;
    step.op = node.op;
    if (constant(node.inputs.at(0))) {
      throw refuse(network_, step.node, "takes data as a parameter; export the layer with a constant in that place.");
    }
    const std::vector<std::size_t> data = data_inputs(node);
    if (data.size() != 1) {
      throw refuse(network_, step.node, "takes data as a parameter; export the layer with a constant in that place.");
    }
    switch (node.op) {
      case Operator::leaky_relu:
      case Operator::elu:
        step.alpha = node.real_attribute("alpha");
        break;
      case Operator::selu:
        step.alpha = node.real_attribute("alpha");
        step.gamma = node.real_attribute("gamma");
        break;
      case Operator::hard_sigmoid:
        step.alpha = node.real_attribute("alpha");
        step.gamma = node.real_attribute("beta");
        break;
      case Operator::gelu:
        step.tanh_form = std::get<std::string>(node.attributes.at("approximate")) == "tanh";
        break;
      case Operator::prelu:
        step.slopes = entries_of(node.inputs.at(1), shape_of(step.value));
        break;
      case Operator::clip:
        if (node.attributes.count("min") != 0) {
          step.low = {{node.real_attribute("min"), 0}};
          step.high = {{node.real_attribute("max"), 0}};
        } else {
          if (node.inputs.size() > 1 && node.inputs[1] != no_value) {
            step.low = entries_of(node.inputs[1], {1});
          }
          if (node.inputs.size() > 2 && node.inputs[2] != no_value) {
            step.high = entries_of(node.inputs[2], {1});
          }
        }
        break;
      default:
        break;
    }
  }

  /// A constant broadcast to this shape; one number when it has one.
  [[nodiscard]] std::vector<Ball> entries_of(ValueId id, const Shape& shape) {
    const EnclosedTensor constants = constants_.value(id);
    if (constants.centre.size() == 1) {
      return {{constants.centre[0], constants.radius_at(0)}};
    }
    std::vector<Ball> values;
    for (const std::size_t i : broadcast_index(constants.shape, shape)) {
      values.push_back({constants.centre[i], constants.radius_at(i)});
    }
    return values;
  }

  /// Max or Min of one data tensor and constants.
  void clamp_step(Step& step, const Node& node, std::size_t data) {
    if (step.input_size != step.output_size) {
      throw refuse(network_, step.node,
                   "repeats the data to the shape of a larger constant; this version needs a constant that fits into the data's shape.");
    }
    if (node.inputs.size() == 1) {
      return;  // of one tensor: the identity
    }
    step.kind = Step::Kind::activation;
    step.op = Operator::clip;
    std::vector<Ball> limit;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (i == data) {
        continue;
      }
      std::vector<Ball> values = entries_of(node.inputs[i], shape_of(step.value));
      if (limit.empty()) {
        limit = std::move(values);
        continue;
      }
      if (limit.size() < values.size()) {
        limit.resize(values.size(), limit[0]);
      }
      for (std::size_t k = 0; k < limit.size(); ++k) {
        const Ball other = values[values.size() == 1 ? 0 : k];
        // The larger (smaller) of two numbers moves no further than the one that moves more.
        const bool first = node.op == Operator::max ? limit[k].centre >= other.centre : limit[k].centre <= other.centre;
        limit[k] = {first ? limit[k].centre : other.centre, std::max(limit[k].radius, other.radius)};
      }
    }
    (node.op == Operator::max ? step.low : step.high) = std::move(limit);
  }

  /// Max or Min of several data tensors.
  void extreme_step(Step& step, const Node& node, const std::vector<std::size_t>& data) {
    if (data.size() != node.inputs.size()) {
      throw refuse(network_, step.node, "mixes two data tensors with constants; apply Max or Min to the constant in a node of its own.");
    }
    step.kind = Step::Kind::order;
    const Shape& shape = shape_of(step.value);
    std::vector<std::vector<std::size_t>> maps;
    std::vector<std::size_t> offsets;
    std::size_t offset = 0;
    for (const ValueId id : node.inputs) {
      maps.push_back(broadcast_index(shape_of(id), shape));
      offsets.push_back(offset);
      offset += size(id);
    }
    step.set_start.push_back(0);
    for (std::size_t i = 0; i < step.output_size; ++i) {
      for (std::size_t k = 0; k < maps.size(); ++k) {
        step.set_entry.push_back(static_cast<std::uint32_t>(offsets[k] + maps[k][i]));
      }
      add_extreme(step, node.op == Operator::max);
    }
  }

  /// Closes the set that was begun and makes its largest or smallest entry the next entry of the result.
  static void add_extreme(Step& step, bool largest) {
    const std::size_t length = step.set_entry.size() - step.set_start.back();
    step.set.push_back(static_cast<std::uint32_t>(step.set_start.size() - 1));
    step.rank.push_back(largest ? static_cast<std::uint32_t>(length - 1) : 0);
    step.set_start.push_back(step.set_entry.size());
  }

  void window_step(Step& step, const Node& node) {
    step.kind = Step::Kind::order;
    step.set_start.push_back(0);
    const auto add = [&](const std::vector<std::uint32_t>& entries, std::size_t offset) {
      for (const std::uint32_t e : entries) {
        step.set_entry.push_back(static_cast<std::uint32_t>(offset) + e);
      }
      add_extreme(step, node.op != Operator::reduce_min);
    };
    if (node.op == Operator::reduce_max || node.op == Operator::reduce_min) {
      for (const std::vector<std::uint32_t>& entries : reduced_entries(step.node)) {
        add(entries, 0);
      }
      return;
    }
    const Windows windows = windows_of(step.node);
    const std::size_t channels = step.input_size / windows.input_positions;
    double terms = 0;
    for (const auto& entries : windows.entries) {
      terms += static_cast<double>(entries.size());
    }
    check_terms(step, terms * static_cast<double>(channels));
    for (std::size_t c = 0; c < channels; ++c) {
      for (const std::vector<std::uint32_t>& entries : windows.entries) {
        add(entries, c * windows.input_positions);
      }
    }
  }

  /// The vectors along one axis (`last` axes from it on): for each the entries, in order.
  [[nodiscard]] static std::vector<std::vector<std::uint32_t>> vectors_along(const Shape& shape, std::size_t axis, bool all_from_it) {
    std::size_t outer = 1;
    std::size_t length = 1;
    std::size_t inner = 1;
    for (std::size_t a = 0; a < shape.size(); ++a) {
      (a < axis ? outer : a == axis || all_from_it ? length : inner) *= shape[a];
    }
    std::vector<std::vector<std::uint32_t>> vectors;
    for (std::size_t o = 0; o < outer; ++o) {
      for (std::size_t i = 0; i < inner; ++i) {
        std::vector<std::uint32_t> v;
        for (std::size_t l = 0; l < length; ++l) {
          v.push_back(static_cast<std::uint32_t>((o * length + l) * inner + i));
        }
        vectors.push_back(std::move(v));
      }
    }
    return vectors;
  }

  void top_k_step(Step& step, const Node& node) {
    if (constant(node.inputs.at(0))) {
      throw refuse(network_, step.node, "takes data as a parameter; export the layer with a constant in that place.");
    }
    step.kind = Step::Kind::order;
    const std::size_t axis = axes_of(network_, step.node).at(0);
    const Shape& in = shape_of(node.inputs[0]);
    const Shape& out = shape_of(step.value);
    const bool largest = node.attributes.count("largest") == 0 || node.integer_attribute("largest") != 0;
    const auto sets = vectors_along(in, axis, false);
    const auto results = vectors_along(out, axis, false);
    step.set_start.push_back(0);
    step.set.resize(step.output_size);
    step.rank.resize(step.output_size);
    for (std::size_t s = 0; s < sets.size(); ++s) {
      step.set_entry.insert(step.set_entry.end(), sets[s].begin(), sets[s].end());
      step.set_start.push_back(step.set_entry.size());
      for (std::size_t k = 0; k < results[s].size(); ++k) {
        step.set[results[s][k]] = static_cast<std::uint32_t>(s);
        step.rank[results[s][k]] = static_cast<std::uint32_t>(largest ? sets[s].size() - 1 - k : k);
      }
    }
  }

  void softmax_step(Step& step, const Node& node) {
    step.kind = Step::Kind::softmax;
    const std::size_t axis = axes_of(network_, step.node).at(0);
    step.set_start.push_back(0);
    for (const auto& v : vectors_along(shape_of(node.inputs[0]), axis, network_.opset < 13)) {
      step.set_entry.insert(step.set_entry.end(), v.begin(), v.end());
      step.set_start.push_back(step.set_entry.size());
    }
  }

  /// x sigmoid(x).
  void find_products_with_sigmoid() {
    for (std::size_t i = 0; i < network_.nodes.size(); ++i) {
      const Node& node = network_.nodes[i];
      if (node.op != Operator::mul || is_constant(node)) {
        continue;
      }
      for (std::size_t k = 0; k < 2; ++k) {
        const Value& gate = network_.values[node.inputs[k]];
        if (gate.kind != Value::Kind::node_output || gate.constant) {
          continue;
        }
        const Node& sigmoid = network_.nodes[gate.producer];
        if (sigmoid.op == Operator::sigmoid && sigmoid.inputs[0] == node.inputs[1 - k] && readers_[node.inputs[k]].size() == 1 &&
            node.inputs[k] != network_.output) {
          silus_[i] = gate.producer;
          inside_.insert(gate.producer);
          break;
        }
      }
    }
  }

  [[nodiscard]] bool is_number(ValueId id, double x) {
    if (!constant(id) || size(id) != 1) {
      return false;
    }
    const EnclosedTensor t = constants_.value(id);
    return t.exact() && t.centre[0] == x;
  }

  /// L2 poolings: squares, a nonnegative linear map, nodes that change no nonnegative number, positive factors, a square root.
  void find_poolings() {
    for (std::size_t i = 0; i < network_.nodes.size(); ++i) {
      const Node& node = network_.nodes[i];
      if (is_constant(node) || node.inputs.size() != 2) {
        continue;
      }
      try {
        const bool squares = (node.op == Operator::pow && !constant(node.inputs[0]) && is_number(node.inputs[1], 2)) ||
                             (node.op == Operator::mul && node.inputs[0] == node.inputs[1]);
        if (squares) {
          follow_pooling(i);
        }
      } catch (const Refused&) {
        // No pooling that is understood: the node itself is refused, with its own reason.
      }
    }
  }

  void follow_pooling(std::size_t first) {
    ValueId current = network_.nodes[first].outputs[0];
    std::set<ValueId> same{current};  // what equals it
    std::set<ValueId> signs;          // its sign
    std::set<ValueId> inner{current};
    std::vector<std::size_t> nodes{first};
    bool passed = false;  // nodes after the linear ones were met
    SparseMatrix matrix = identity_matrix(size(current));
    for (std::size_t i = first + 1; i < network_.nodes.size(); ++i) {
      const Node& node = network_.nodes[i];
      if (is_constant(node) || std::none_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) { return inner.count(id) != 0; })) {
        continue;
      }
      nodes.push_back(i);
      const ValueId out = node.outputs.at(0);
      const bool reads_current = same.count(node.inputs[0]) != 0;
      if ((node.op == Operator::sqrt && reads_current) ||
          (node.op == Operator::pow && reads_current && is_number(node.inputs.at(1), 0.5))) {
        finish_pooling(nodes, inner, std::move(matrix));
        return;
      }
      inner.insert(out);
      if ((node.op == Operator::abs || node.op == Operator::relu) && reads_current) {
        same.insert(out);
        passed = true;
        continue;
      }
      if (node.op == Operator::sign && reads_current) {
        signs.insert(out);
        passed = true;
        continue;
      }
      if (node.op == Operator::mul && !constant(node.inputs[0]) && !constant(node.inputs[1])) {
        const bool product = (same.count(node.inputs[0]) != 0 && signs.count(node.inputs[1]) != 0) ||
                             (same.count(node.inputs[1]) != 0 && signs.count(node.inputs[0]) != 0);
        if (!product) {
          return;
        }
        same.insert(out);
        continue;
      }
      if (data_inputs(node).size() != 1 || same.count(node.inputs[data_inputs(node)[0]]) == 0) {
        return;
      }
      Step step = build_step(i);
      const bool offset = std::any_of(step.bias.begin(), step.bias.end(), [](Ball b) { return b.centre != 0 || b.radius != 0; });
      if (!step.affine() || offset || step.sign < 0 || (passed && node.op != Operator::mul)) {
        return;
      }
      if (passed && std::any_of(step.factors.begin(), step.factors.end(), [](Ball b) { return !(b.centre > b.radius); })) {
        return;
      }
      matrix = compose(step, {&matrix});
      if (std::any_of(matrix.centre.begin(), matrix.centre.end(), [](double x) { return x < 0; }) || matrix.column.size() > most_terms) {
        return;
      }
      same = {out};
      signs.clear();
    }
  }

  void finish_pooling(const std::vector<std::size_t>& nodes, const std::set<ValueId>& inner, SparseMatrix matrix) {
    for (const ValueId id : inner) {
      for (const std::size_t reader : readers_[id]) {
        if (std::find(nodes.begin(), nodes.end(), reader) == nodes.end()) {
          return;
        }
      }
      if (id == network_.output) {
        return;
      }
    }
    // Every node between must be among them: nothing else reads an inner value, and they read nothing else that depends on the input.
    Step step;
    step.kind = Step::Kind::pool_l2;
    step.node = nodes.back();
    step.nodes = nodes;
    step.value = network_.nodes[nodes.back()].outputs[0];
    step.input_size = matrix.columns;
    step.output_size = matrix.rows;
    step.weights = std::move(matrix);
    first_input_[step.node] = network_.nodes[nodes.front()].inputs[0];
    for (const std::size_t n : nodes) {
      if (n != step.node) {
        inside_.insert(n);
      }
    }
    poolings_[step.node] = std::move(step);
  }

  void entrywise_step(Step& step, const Node& node) {
    const bool data_first = !constant(node.inputs.at(0));
    const ValueId data = node.inputs.at(data_first ? 0 : 1);
    const ValueId other = node.inputs.at(data_first ? 1 : 0);
    step.input_size = size(data);
    const Shape& shape = network_.values[node.outputs[0]].shape;
    if (step.input_size != step.output_size) {
      throw refuse(network_, step.node,
                   "repeats the data to the shape of a larger constant; this version needs a constant that fits into the data's shape.");
    }
    if (node.op == Operator::div && !data_first) {
      throw refuse(network_, step.node, "divides by a tensor that depends on the input; such a quotient has no global Lipschitz constant.");
    }
    const EnclosedTensor constants = constants_.value(other);
    const bool scales = node.op == Operator::mul || node.op == Operator::div;
    std::vector<Ball> values;
    if (scales && constants.centre.size() == 1) {
      values.push_back({constants.centre[0], constants.radius_at(0)});
    } else {
      for (const std::size_t i : broadcast_index(constants.shape, shape)) {
        values.push_back({constants.centre[i], constants.radius_at(i)});
      }
    }
    if (node.op == Operator::div) {
      for (Ball& value : values) {
        if (std::fabs(value.centre) <= value.radius) {
          throw refuse(network_, step.node, "divides by a constant that is zero (or too close to zero to tell); repair the weights.");
        }
        value = divide({1, 0}, value);
      }
    }
    if (scales) {
      step.kind = Step::Kind::diagonal;
      step.factors = std::move(values);
      return;
    }
    step.kind = Step::Kind::isometry;
    if (node.op == Operator::sub && data_first) {
      for (Ball& value : values) {
        value.centre = -value.centre;
      }
    }
    step.sign = node.op == Operator::sub && !data_first ? -1 : 1;
    step.bias = std::move(values);
  }

  void check_order(const Step& step) const {
    if (std::min(step.matrix.rows, step.matrix.columns) > largest_order) {
      throw refuse(network_, step.node,
                   "has a matrix whose smaller side exceeds " + std::to_string(largest_order) + "; split the layer into smaller ones.");
    }
    if (step.matrix.centre.size() > most_entries) {
      throw refuse(network_, step.node,
                   "has a matrix with more than " + std::to_string(most_entries) + " entries; split the layer into smaller ones.");
    }
  }

  void matmul_step(Step& step, const Node& node) {
    const bool data_first = !constant(node.inputs.at(0));
    const ValueId data = node.inputs.at(data_first ? 0 : 1);
    EnclosedTensor weights = constants_.value(node.inputs.at(data_first ? 1 : 0));
    const Shape& shape = network_.values[data].shape;
    step.input_size = element_count(shape);
    const bool vector = weights.shape.size() == 1;
    EnclosedMatrix w = as_matrix(network_, step.node, std::move(weights));
    if (data_first) {
      // x (.., k) times W (k x n): every row of x is multiplied by W'. A vector W is a column, whose transpose is the row that we have.
      step.kind = Step::Kind::right;
      step.matrix = vector ? std::move(w) : transposed(w);
      step.copies = step.input_size / step.matrix.columns;
    } else {
      // W (m x k) times x (k x q). A vector W is a row.
      step.kind = Step::Kind::left;
      for (std::size_t i = 0; i + 2 < shape.size(); ++i) {
        if (shape[i] != 1) {
          throw refuse(network_, step.node,
                       "multiplies a stack of data matrices from the left; export the layer with the constant to the right of the data.");
        }
      }
      step.matrix = std::move(w);
      step.copies = shape.size() < 2 ? 1 : shape.back();
    }
    if (step.copies * step.matrix.columns != step.input_size || step.copies * step.matrix.rows != step.output_size) {
      throw refuse(network_, step.node, "has operands whose shapes do not belong together; the file is damaged.");
    }
    check_order(step);
  }

  void gemm_step(Step& step, const Node& node) {
    if (constant(node.inputs.at(0))) {
      throw refuse(network_, step.node,
                   constant(node.inputs.at(1)) ? "takes the data as its addend; export the layer as Add."
                                               : "takes the data as its second factor; export the layer with the data as the first one.");
    }
    if (node.integer_attribute("transA") != 0) {
      throw refuse(network_, step.node, "transposes the data (transA = 1); export the layer with transA = 0.");
    }
    step.kind = Step::Kind::right;
    step.input_size = size(node.inputs[0]);
    EnclosedMatrix b = as_matrix(network_, step.node, constants_.value(node.inputs.at(1)));
    if (node.integer_attribute("transB") == 0) {
      b = transposed(b);
    }
    step.matrix = scaled(std::move(b), {node.real_attribute("alpha"), 0});
    step.copies = step.input_size / std::max<std::uint64_t>(1, step.matrix.columns);
    if (step.copies * step.matrix.columns != step.input_size || step.copies * step.matrix.rows != step.output_size) {
      throw refuse(network_, step.node, "has operands whose shapes do not belong together; the file is damaged.");
    }
    if (node.inputs.size() > 2 && node.inputs[2] != no_value) {
      const EnclosedTensor c = constants_.value(node.inputs[2]);
      const Ball beta{node.real_attribute("beta"), 0};
      for (const std::size_t i : broadcast_index(c.shape, network_.values[node.outputs[0]].shape)) {
        step.bias.push_back(multiply({c.centre[i], c.radius_at(i)}, beta));
      }
    }
    check_order(step);
  }

  [[nodiscard]] static bool unbounded(const Step& step) {
    const auto infinite = [](const Ball& b) { return !std::isfinite(b.centre) || !std::isfinite(b.radius); };
    return std::any_of(step.factors.begin(), step.factors.end(), infinite) || std::any_of(step.bias.begin(), step.bias.end(), infinite) ||
           std::any_of(step.slopes.begin(), step.slopes.end(), infinite) ||
           first_unbounded(step.matrix.centre, step.matrix.radius) != step.matrix.centre.size() ||
           first_unbounded(step.weights.centre, step.weights.radius) != step.weights.centre.size();
  }

  const Network& network_;
  Constants constants_;
  StepGraph graph_;
  std::map<ValueId, std::size_t> numbers_;
  std::vector<std::vector<std::size_t>> readers_;  // nodes, by value
  std::map<std::size_t, Step> poolings_;           // by the last node
  std::map<std::size_t, ValueId> first_input_;     // of a pooling
  std::map<std::size_t, std::size_t> silus_;       // Mul -> Sigmoid
  std::set<std::size_t> inside_;                   // nodes inside a pooling or SiLU, without the last
};

}  // namespace

StepGraph build_steps(const Network& network, WorkerPool& pool) {
  return Builder(network, pool).build();
}

}  // namespace lipcert
