// Steps of the attacker's network that read sets of entries: entries moved, windows averaged, order statistics, softmax.

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <utility>

#include "certify/attack/plain_compiler.hpp"
#include "formats/operators/entry_map.hpp"
#include "formats/operators/parameters.hpp"

namespace lipcert::attack {
namespace {

constexpr std::uint32_t nothing = 0xFFFFFFFF;

/// Sets of entries, each of some slot.
struct Terms {
  std::vector<std::size_t> start{0};   // of the sets, and the end
  std::vector<std::uint32_t> term;     // entries
  std::vector<std::uint32_t> slot_of;  // of each term
  std::vector<std::uint32_t> set;      // for each entry of the result: the (rank + 1)-th smallest of a set
  std::vector<std::uint32_t> rank;
};

/// Entries of other slots, or constants.
struct Move : PlainStepOf<Move> {
  std::vector<double> offset;
  std::vector<std::uint32_t> slot_of;  // the slot that an entry reads, or `nothing`
  std::vector<std::uint32_t> term;

  template <class Real>
  void run(std::size_t batch, Slots<Real>& values) const {
    std::vector<Real>& y = values[to];
    const std::size_t out = size_out();
    for (std::size_t b = 0; b < batch; ++b) {
      for (std::size_t i = 0; i < out; ++i) {
        const std::uint32_t slot = slot_of[i];
        y[b * out + i] = static_cast<Real>(offset[i]) + (slot == nothing ? Real{0} : values[slot][b * (*sizes)[slot] + term[i]]);
      }
    }
  }

  void backward(std::size_t batch, const Slots<double>& /*values*/, Slots<double>& gradients) const override {
    const std::vector<double>& g = gradients[to];
    const std::size_t out = size_out();
    for (std::size_t b = 0; b < batch; ++b) {
      for (std::size_t i = 0; i < out; ++i) {
        const std::uint32_t slot = slot_of[i];
        if (slot != nothing) gradients[slot][b * (*sizes)[slot] + term[i]] += g[b * out + i];
      }
    }
  }
};

/// Weighted sums of the entries of sets.
struct Weights : PlainStepOf<Weights> {
  std::vector<std::size_t> start;
  std::vector<std::uint32_t> term;
  std::vector<double> matrix;  // by term

  template <class Real>
  void run(std::size_t batch, Slots<Real>& values) const {
    const std::vector<Real>& x = values[from];
    std::vector<Real>& y = values[to];
    const std::size_t in = size_in();
    const std::size_t out = size_out();
    for (std::size_t b = 0; b < batch; ++b) {
      for (std::size_t i = 0; i < out; ++i) {
        Real sum = 0;
        for (std::size_t k = start[i]; k < start[i + 1]; ++k) sum += static_cast<Real>(matrix[k]) * x[b * in + term[k]];
        y[b * out + i] = sum;
      }
    }
  }

  void backward(std::size_t batch, const Slots<double>& /*values*/, Slots<double>& gradients) const override {
    const std::vector<double>& g = gradients[to];
    std::vector<double>& back = gradients[from];
    const std::size_t in = size_in();
    const std::size_t out = size_out();
    for (std::size_t b = 0; b < batch; ++b) {
      for (std::size_t i = 0; i < out; ++i) {
        for (std::size_t k = start[i]; k < start[i + 1]; ++k) back[b * in + term[k]] += matrix[k] * g[b * out + i];
      }
    }
  }
};

/// Euclidean norms of the entries of sets.
struct Norms : PlainStepOf<Norms> {
  std::vector<std::size_t> start;
  std::vector<std::uint32_t> term;

  template <class Real>
  void run(std::size_t batch, Slots<Real>& values) const {
    const std::vector<Real>& x = values[from];
    std::vector<Real>& y = values[to];
    const std::size_t in = size_in();
    const std::size_t out = size_out();
    for (std::size_t b = 0; b < batch; ++b) {
      for (std::size_t i = 0; i < out; ++i) {
        Real sum = 0;
        for (std::size_t k = start[i]; k < start[i + 1]; ++k) sum += x[b * in + term[k]] * x[b * in + term[k]];
        y[b * out + i] = std::sqrt(sum);
      }
    }
  }

  void backward(std::size_t batch, const Slots<double>& values, Slots<double>& gradients) const override {
    const std::size_t in = size_in();
    const std::size_t out = size_out();
    for (std::size_t b = 0; b < batch; ++b) {
      for (std::size_t i = 0; i < out; ++i) {
        const double y = values[to][b * out + i];
        if (y == 0) continue;  // a kink
        for (std::size_t k = start[i]; k < start[i + 1]; ++k)
          gradients[from][b * in + term[k]] += values[from][b * in + term[k]] / y * gradients[to][b * out + i];
      }
    }
  }
};

/// Order statistics.
struct Choose : PlainStepOf<Choose>, Terms {
  explicit Choose(Terms terms) : Terms(std::move(terms)) {}

  template <class Real>
  void run(std::size_t batch, Slots<Real>& values) const {
    std::vector<Real>& y = values[to];
    const std::size_t out = size_out();
    for (std::size_t b = 0; b < batch; ++b) {
      for (std::size_t i = 0; i < out; ++i) {
        const std::size_t k = chosen(b, i, values);
        y[b * out + i] = values[slot_of[k]][b * (*sizes)[slot_of[k]] + term[k]];
      }
    }
  }

  void backward(std::size_t batch, const Slots<double>& values, Slots<double>& gradients) const override {
    const std::vector<double>& g = gradients[to];
    const std::size_t out = size_out();
    for (std::size_t b = 0; b < batch; ++b) {
      for (std::size_t i = 0; i < out; ++i) {
        const std::size_t k = chosen(b, i, values);
        gradients[slot_of[k]][b * (*sizes)[slot_of[k]] + term[k]] += g[b * out + i];
      }
    }
  }

 private:
  /// The term that an order statistic of sample b is.
  template <class Real>
  [[nodiscard]] std::size_t chosen(std::size_t b, std::size_t i, const Slots<Real>& values) const {
    const std::size_t begin = start[set[i]];
    const std::size_t end = start[set[i] + 1];
    const auto less = [&](std::size_t p, std::size_t q) {
      return values[slot_of[p]][b * (*sizes)[slot_of[p]] + term[p]] < values[slot_of[q]][b * (*sizes)[slot_of[q]] + term[q]];
    };
    if (rank[i] == 0 || rank[i] + 1 == end - begin) {
      std::size_t best = begin;
      for (std::size_t k = begin + 1; k < end; ++k) {
        if (rank[i] == 0 ? less(k, best) : less(best, k)) best = k;
      }
      return best;
    }
    std::vector<std::size_t> order(end - begin);
    std::iota(order.begin(), order.end(), begin);
    std::stable_sort(order.begin(), order.end(), less);
    return order[rank[i]];
  }
};

struct Softmax : PlainStepOf<Softmax> {
  std::vector<std::size_t> start;
  std::vector<std::uint32_t> term;

  template <class Real>
  void run(std::size_t batch, Slots<Real>& values) const {
    const std::vector<Real>& x = values[from];
    std::vector<Real>& y = values[to];
    const std::size_t in = size_in();
    const std::size_t out = size_out();
    for (std::size_t b = 0; b < batch; ++b) {
      for (std::size_t v = 0; v + 1 < start.size(); ++v) {
        Real most = -HUGE_VAL;
        Real sum = 0;
        for (std::size_t k = start[v]; k < start[v + 1]; ++k) most = std::max(most, x[b * in + term[k]]);
        for (std::size_t k = start[v]; k < start[v + 1]; ++k) sum += y[b * out + term[k]] = std::exp(x[b * in + term[k]] - most);
        for (std::size_t k = start[v]; k < start[v + 1]; ++k) y[b * out + term[k]] /= sum;
      }
    }
  }

  void backward(std::size_t batch, const Slots<double>& values, Slots<double>& gradients) const override {
    const std::vector<double>& g = gradients[to];
    const std::vector<double>& y = values[to];
    std::vector<double>& back = gradients[from];
    const std::size_t in = size_in();
    const std::size_t out = size_out();
    for (std::size_t b = 0; b < batch; ++b) {
      for (std::size_t v = 0; v + 1 < start.size(); ++v) {
        double mean = 0;
        for (std::size_t k = start[v]; k < start[v + 1]; ++k) mean += y[b * out + term[k]] * g[b * out + term[k]];
        for (std::size_t k = start[v]; k < start[v + 1]; ++k)
          back[b * in + term[k]] += y[b * out + term[k]] * (g[b * out + term[k]] - mean);
      }
    }
  }
};

}  // namespace

void PlainCompiler::compile_move(const Node& node, std::size_t output) {
  constexpr std::uint64_t most_listed = std::uint64_t{1} << 24;  // as many as certify lists
  if (element_count(network_.values[node.outputs.at(output)].shape) > most_listed)
    throw input_error("node '" + network_.label(node_) + "' (" + name_of(node.op) +
                      ") has more than 2^24 entries that are listed one by one, which this version cannot hold; split the layer into smaller ones.");
  auto step = std::make_unique<Move>();
  for (const EntrySource& from : entry_sources(network_, node_, output)) {
    step->offset.push_back(0);
    if (from.input == no_source || !is_data(node.inputs.at(from.input))) {
      step->offset.back() = moved_constant(node, from);
      step->slot_of.push_back(nothing);
      step->term.push_back(0);
      continue;
    }
    step->slot_of.push_back(static_cast<std::uint32_t>(slots_[node.inputs[from.input]]));
    step->term.push_back(from.index);
  }
  const std::size_t size = step->term.size();
  add(std::move(step), size);
}

void PlainCompiler::compile_windows(const Node& node) {
  const bool averages = node.op == Operator::average_pool || node.op == Operator::global_average_pool || node.op == Operator::reduce_mean ||
                        node.op == Operator::reduce_sum;
  const std::size_t from = slots_.at(node.inputs.at(0));
  Terms terms;
  std::vector<double> weights;
  const auto close = [&](double weight) {
    const std::size_t count = terms.term.size() - terms.start.back();
    if (averages) weights.insert(weights.end(), count, weight);
    terms.set.push_back(static_cast<std::uint32_t>(terms.set.size()));
    terms.rank.push_back(node.op == Operator::reduce_min ? 0 : static_cast<std::uint32_t>(count - 1));
    terms.slot_of.resize(terms.term.size(), static_cast<std::uint32_t>(from));
    terms.start.push_back(terms.term.size());
  };
  if (node.op == Operator::reduce_mean || node.op == Operator::reduce_sum || node.op == Operator::reduce_max ||
      node.op == Operator::reduce_min || node.op == Operator::reduce_l2) {
    for (const auto& set : reduced()) {
      terms.term.insert(terms.term.end(), set.begin(), set.end());
      close(node.op == Operator::reduce_mean ? 1 / static_cast<double>(set.size()) : 1);
    }
  } else {
    const WindowParameters w = window_parameters(network_, node_);
    std::size_t positions = 1;
    std::size_t data = 1;
    std::size_t taps = 1;
    for (const WindowAxis& axis : w.axes) {
      positions *= axis.output;
      data *= axis.input;
      taps *= axis.kernel;
    }
    for (std::size_t c = 0; c < plain_.sizes_[from] / data; ++c) {
      for (std::size_t p = 0; p < positions; ++p) {
        double counted = 0;
        for (std::size_t t = 0; t < taps; ++t) {
          std::size_t tap = t;
          std::size_t position = p;
          std::size_t stride = 1;
          std::size_t other = c * data;
          bool inside = true;
          bool padded = true;
          for (std::size_t d = w.axes.size(); d-- > 0;) {
            const WindowAxis& axis = w.axes[d];
            const std::int64_t at =
                static_cast<std::int64_t>(position % axis.output * axis.stride + tap % axis.kernel * axis.dilation) - axis.begin;
            inside = inside && at >= 0 && at < static_cast<std::int64_t>(axis.input);
            padded = padded && at < static_cast<std::int64_t>(axis.input) + axis.end;
            if (inside) other += static_cast<std::size_t>(at) * stride;
            stride *= axis.input;
            position /= axis.output;
            tap /= axis.kernel;
          }
          if (inside) terms.term.push_back(static_cast<std::uint32_t>(other));
          counted += inside || (w.count_include_pad && padded) ? 1 : 0;
        }
        close(1 / counted);
      }
    }
  }
  const std::size_t size = terms.set.size();
  if (averages) {
    auto step = std::make_unique<Weights>();
    step->from = from;
    step->start = std::move(terms.start);
    step->term = std::move(terms.term);
    step->matrix = std::move(weights);
    return add(std::move(step), size);
  }
  if (node.op == Operator::reduce_l2 || node.op == Operator::lp_pool) {
    auto step = std::make_unique<Norms>();
    step->from = from;
    step->start = std::move(terms.start);
    step->term = std::move(terms.term);
    return add(std::move(step), size);
  }
  auto step = std::make_unique<Choose>(std::move(terms));
  step->from = from;
  add(std::move(step), size);
}

void PlainCompiler::compile_resampling(const Node& node) {
  auto step = std::make_unique<Weights>();
  step->from = slots_.at(node.inputs.at(0));
  step->start = {0};
  const std::vector<ResampledAxis> axes = resampled_axes(network_, node_);
  const std::size_t size = element_count(value(node.outputs[0]).shape);
  for (std::size_t i = 0; i < size; ++i) {
    step->term.push_back(0);
    step->matrix.push_back(1);
    std::size_t rest = i;
    std::size_t stride = 1;
    for (std::size_t d = axes.size(); d-- > 0; stride *= axes[d].input) {
      const std::size_t at = rest % axes[d].output;
      rest /= axes[d].output;
      const ResampledEntry entry = axes[d].entries.empty() ? ResampledEntry{static_cast<std::uint32_t>(at), 0, 1} : axes[d].entries[at];
      const double w = static_cast<double>(entry.numerator) / static_cast<double>(entry.denominator);
      for (std::size_t k = step->start.back(), end = step->term.size(); k < end; ++k) {
        step->term[k] += entry.first * static_cast<std::uint32_t>(stride);
        if (w == 0) continue;
        step->term.push_back(step->term[k] + static_cast<std::uint32_t>(stride));
        step->matrix.push_back(step->matrix[k] * w);
        step->matrix[k] *= 1 - w;
      }
    }
    step->start.push_back(step->term.size());
  }
  add(std::move(step), size);
}

void PlainCompiler::compile_extreme(const Node& node) {
  const Shape& shape = value(node.outputs[0]).shape;
  const std::size_t size = element_count(shape);
  Terms terms;
  std::vector<std::vector<std::uint32_t>> maps;
  std::vector<std::size_t> slots;
  for (const ValueId id : node.inputs) {
    maps.push_back(broadcast_map(value(id).shape, shape));
    if (is_data(id)) {
      slots.push_back(slots_[id]);
      continue;
    }
    auto constants = std::make_unique<Move>();
    constants->offset = constant(id).entries;
    constants->slot_of.assign(constants->offset.size(), nothing);
    constants->term.assign(constants->offset.size(), 0);
    const std::size_t count = constants->offset.size();
    add(std::move(constants), count);
    slots.push_back(last_);
  }
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t k = 0; k < maps.size(); ++k) {
      terms.term.push_back(maps[k][i]);
      terms.slot_of.push_back(static_cast<std::uint32_t>(slots[k]));
    }
    terms.set.push_back(static_cast<std::uint32_t>(i));
    terms.rank.push_back(node.op == Operator::max ? static_cast<std::uint32_t>(maps.size() - 1) : 0);
    terms.start.push_back(terms.term.size());
  }
  add(std::make_unique<Choose>(std::move(terms)), size);
}

void PlainCompiler::compile_vectors(const Node& node) {
  const Shape& shape = value(node.inputs.at(0)).shape;
  const auto axes = axes_of(network_, node_);
  std::size_t length = 1;
  for (const std::uint64_t a : axes) length *= shape.at(a);
  std::size_t inner = 1;
  for (std::size_t d = axes.back() + 1; d < shape.size(); ++d) inner *= shape[d];
  const std::size_t outer = element_count(shape) / length / inner;
  const std::size_t from = slots_.at(node.inputs[0]);
  Terms terms;
  for (std::size_t o = 0; o < outer; ++o) {
    for (std::size_t i = 0; i < inner; ++i) {
      for (std::size_t l = 0; l < length; ++l) terms.term.push_back(static_cast<std::uint32_t>((o * length + l) * inner + i));
      terms.start.push_back(terms.term.size());
    }
  }
  terms.slot_of.assign(terms.term.size(), static_cast<std::uint32_t>(from));
  const std::size_t size = element_count(value(node.outputs[0]).shape);
  if (node.op == Operator::top_k) {
    const bool largest = node.attributes.count("largest") == 0 || node.integer_attribute("largest") != 0;
    const std::size_t k = size / outer / inner;
    terms.set.resize(size);
    terms.rank.resize(size);
    for (std::size_t o = 0; o < outer; ++o)
      for (std::size_t l = 0; l < k; ++l)
        for (std::size_t i = 0; i < inner; ++i) {
          terms.set[(o * k + l) * inner + i] = static_cast<std::uint32_t>(o * inner + i);
          terms.rank[(o * k + l) * inner + i] = static_cast<std::uint32_t>(largest ? length - 1 - l : l);
        }
  }
  if (node.op == Operator::softmax) {
    auto step = std::make_unique<Softmax>();
    step->from = from;
    step->start = std::move(terms.start);
    step->term = std::move(terms.term);
    return add(std::move(step), size);
  }
  auto step = std::make_unique<Choose>(std::move(terms));
  step->from = from;
  add(std::move(step), size);
}

}  // namespace lipcert::attack
