// See convolution.hpp.

#include "certify/graph/operators/convolution.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include "formats/operators/parameters.hpp"

namespace lipcert {

void convolution_step(StepContext& context, Step& step, const Node& node) {
  const std::vector<std::size_t> data = context.data_inputs(node);
  if (data != std::vector<std::size_t>{0}) {
    throw refuse(context.network, step.node,
                 "has a kernel or bias that depends on the input; such a product has no global Lipschitz constant, so certify a network "
                 "without it.");
  }
  const Shape& shape = context.shape_of(node.inputs[0]);
  if (shape.at(0) != 1) {
    throw refuse(context.network, step.node, "convolves several images at once; export the network with a batch of one.");
  }
  const WindowParameters parameters = window_parameters(context.network, step.node);
  const EnclosedTensor kernel = context.constants.value(node.inputs[1]);
  const bool transposed = node.op == Operator::conv_transpose;
  step.kind = Step::Kind::convolution;
  ConvolutionMap& c = step.convolution;
  c.groups = parameters.groups;
  const std::size_t in_channels = shape.at(1);
  const std::size_t out_channels = context.shape_of(step.value).at(1);
  c.inputs = in_channels / c.groups;
  c.outputs = out_channels / c.groups;
  for (const WindowAxis& axis : parameters.axes) {
    c.taps *= axis.kernel;
    c.input_positions *= axis.input;
    c.output_positions *= axis.output;
  }
  check_terms(context, step, static_cast<double>(c.taps) * static_cast<double>(c.output_positions));
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
  if (c.kernel.centre.size() > most_weights) {
    throw refuse(context.network, step.node,
                 "has a kernel with more than " + std::to_string(most_weights) + " entries; split the layer into smaller ones.");
  }
  if (node.inputs.size() > 2 && node.inputs[2] != no_value) {
    const EnclosedTensor bias = context.constants.value(node.inputs[2]);
    for (std::size_t i = 0; i < step.output_size; ++i) {
      const std::size_t channel = i / c.output_positions;
      step.bias.push_back({bias.centre.at(channel), bias.radius_at(channel)});
    }
  }
}

}  // namespace lipcert
